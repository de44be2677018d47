"""What `ls` and `stats` say of stores whose content is known."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.store.inspect.reading.running import lock_state
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.selector import Selector
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.cardinality import EXACT_UP_TO, STANDARD_ERROR, Cardinality
from rocketmq_ops.store.inspect.view.listing import list_store
from rocketmq_ops.store.inspect.view.stats import StatsCollector, StoreStats
from tests.golden_data import unpack_store
from tests.store.inspect.views import dumped, fill, message


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_store("5.3.3-killed", tmp_path_factory.mktemp("ls"))


@pytest.fixture(scope="module")
def messages(root: Path) -> list[dict[str, Any]]:
    return dumped(root)


def test_the_listing_of_a_killed_store(root: Path, messages: list[dict[str, Any]]) -> None:
    listing = list_store(StoreDirectory(root))
    assert listing.abort and listing.abort_pid == (root / "abort").read_text().strip()
    assert listing.lock.present and listing.lock.held is False
    assert listing.checkpoint is not None and listing.checkpoint["physicMsgTimestamp"] == 1795246892213
    assert listing.max_offset == messages[-1]["commitLogOffset"] + messages[-1]["storeSize"]
    assert (listing.first_time, listing.last_time) == (messages[0]["storeTimestamp"], messages[-1]["storeTimestamp"])
    assert listing.topics == sorted({m["topic"] for m in messages})
    log = [f for f in listing.files if f.kind == "commitlog"]
    assert [f.state for f in log] == ["full", "open", "empty"]
    for file in log:
        inside = [m for m in messages if file.begin <= m["commitLogOffset"] < file.end]
        times = [m["storeTimestamp"] for m in inside]
        assert (file.first_time, file.last_time) == ((times[0], times[-1]) if times else (None, None))
    for queue in listing.queues:
        inside = [m for m in messages if (m["topic"], m["queueId"]) == (queue.topic, queue.queue_id)]
        assert (queue.min_offset, queue.max_offset) == (0, len(inside))
        assert (queue.first_time, queue.last_time) == (inside[0]["storeTimestamp"], inside[-1]["storeTimestamp"])


def test_states_of_configuration_files(tmp_path: Path) -> None:
    root = unpack_store("5.3.3-clean", tmp_path)
    config = root / "config"
    (config / "topics.json").write_bytes(b"")
    (config / "consumerOffset.json").write_bytes((config / "consumerOffset.json").read_bytes()[:-20])
    (config / "delayOffset.json").unlink()
    (config / "subscriptionGroup.json.bak").write_bytes(b"\0" * 100)
    states = {c.name: (c.state, c.backup_state) for c in list_store(StoreDirectory(root)).configs}
    assert states["topics.json"] == ("empty", "ok")
    assert states["consumerOffset.json"] == ("broken", "ok")
    assert states["delayOffset.json"] == ("missing", "ok")
    assert states["subscriptionGroup.json"] == ("ok", "empty")
    assert states["timercheck"][0] == "binary"


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="the kernel's list of locks is Linux's")
def test_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock_state(path).present is False
    path.write_bytes(b"lock")
    assert lock_state(path).held is False
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == b"locked\n"
        state = lock_state(path)
        holder.stdin.close()
    assert state.held is True
    assert state.pid == holder.pid
    assert "lockf" in state.command
    assert lock_state(path).held is False


def stats_of(root: Path, selection: Selection | None = None, **options: int) -> StoreStats:
    selector = Selector(StoreDirectory(root), selection or Selection(), on_broken=pytest.fail, note=pytest.fail)
    return StatsCollector(**options).run(selector)


def test_stats_are_what_the_messages_say(root: Path, messages: list[dict[str, Any]]) -> None:
    stats = stats_of(root, top=100, gap_ms=1000)
    assert (stats.messages, stats.bytes) == (len(messages), sum(m["storeSize"] for m in messages))
    assert {t.name: t.messages for t in stats.topics} == Counter(m["topic"] for m in messages)
    assert {t.name: t.messages for t in stats.tags} == Counter(m["properties"].get("TAGS", "(none)") for m in messages)
    hosts = Counter(m["bornHost"][1:].rpartition(":")[0] for m in messages)
    assert {t.name: t.messages for t in stats.producers} == hosts
    assert {m.minute // 60_000: m.messages for m in stats.minutes} == Counter(
        m["storeTimestamp"] // 60_000 for m in messages
    )
    assert sum(s.messages for s in stats.sizes) == len(messages)
    assert all(s.messages == sum(s.low <= m["storeSize"] < s.high for m in messages) for s in stats.sizes)
    distinct = {d.what: d for d in stats.distinct}
    keys = [k for m in messages for k in m["properties"].get("KEYS", "").split()]
    assert (distinct["keys"].values, distinct["keys"].distinct) == (len(keys), len(set(keys)))
    unique = [m["properties"]["UNIQ_KEY"] for m in messages if "UNIQ_KEY" in m["properties"]]
    assert (distinct["unique keys"].values, distinct["unique keys"].distinct) == (len(unique), len(set(unique)))
    times = [m["storeTimestamp"] for m in messages]
    gaps = [(a, b) for a, b in itertools.pairwise(times) if b - a >= 1000]
    assert gaps
    assert sorted((g.begin, g.end) for g in stats.gaps) == gaps


def test_stats_of_one_topic(root: Path, messages: list[dict[str, Any]]) -> None:
    stats = stats_of(root, Selection(topic="CrashOrders"))
    assert stats.messages == sum(m["topic"] == "CrashOrders" for m in messages)
    assert [t.name for t in stats.topics] == ["CrashOrders"]


def test_the_longest_gaps_are_kept(tmp_path: Path) -> None:
    root = fill(tmp_path, [message(n) for n in range(5)], clock_step_ms=5000)
    stats = stats_of(root, top=3, gap_ms=5000)
    assert [g.milliseconds for g in stats.gaps] == [5000] * 3
    assert stats_of(root, gap_ms=5001).gaps == []


def test_cardinality_is_exact_while_small_then_within_its_error() -> None:
    counted = Cardinality()
    counted.add(b"%d" % n for n in range(EXACT_UP_TO))
    counted.add(b"%d" % n for n in range(100))
    assert counted.exact and counted.estimate == EXACT_UP_TO
    assert counted.total == EXACT_UP_TO + 100
    wanted = 200_000
    counted.add(b"%d" % n for n in range(wanted))
    assert not counted.exact and "HyperLogLog" in counted.method
    # The hash is fixed, so this is one known draw: within three standard errors.
    assert abs(counted.estimate - wanted) < 3 * STANDARD_ERROR * wanted
