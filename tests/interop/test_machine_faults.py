"""A disk that becomes slow and a clock that was stepped back: prober and doctor name them, on our broker and Apache's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Pair
from tests.interop.ours import OurPair, mqadmin
from tests.interop.preloaded import preloaded

SERVERS = ("ours", "5.3.3")
DAY_SECONDS = 86_400
#: Beyond what `conf/probes.yaml` calls a warning for a delivery, and below what it calls critical.
SLOW_MS = 1500


@contextmanager
def pair_of(
    kind: str, scratch: Path, store: Path, environment: dict[str, str], **settings: str
) -> Iterator[OurPair | Pair]:
    running: OurPair | Pair
    if kind == "ours":
        running = OurPair(scratch, store=store, settings=settings, environment=environment)
    else:
        running = Pair(kind, scratch, store=store, settings=settings, environment=environment)
    try:
        yield running
        if isinstance(running, OurPair):
            running.stop()
        else:
            running.broker.child.stop()
    finally:
        running.kill()


def findings(*words: str, **options: Any) -> dict[str, dict[str, Any]]:
    """What `probe` or `doctor` found, by id."""
    found = json.loads(mqadmin(*words, output="json", **options).out)["data"]["findings"]
    return {finding["id"]: finding for finding in found}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_slow_disk(kind: str, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    faulty = {**preloaded("slow_disk", tmp_path), "SLOW_DISK_MS": str(SLOW_MS), "SLOW_DISK_WHILE": str(slow)}
    with pair_of(kind, tmp_path / "pair", tmp_path / "store", faulty, flushDiskType="SYNC_FLUSH") as pair:

        def probed() -> dict[str, dict[str, Any]]:
            return findings("probe", "--history", str(tmp_path / "history"), namesrv=pair.namesrv_address)

        assert "probe.late" not in probed()
        slow.touch()
        late = probed()["probe.late"]
        slow.unlink()
        assert "most to be stored" in late["evidence"]
        assert late["target"] == pair.broker_name
        assert "probe.late" not in probed()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_clock_that_was_stepped_back(kind: str, tmp_path: Path) -> None:
    """A day ahead, then the right time: the commitlog's times run backwards where the next file begins."""
    store = tmp_path / "store"
    ahead = {**preloaded("shifted_clock", tmp_path), "CLOCK_SHIFT": str(DAY_SECONDS)}
    small = {"mappedFileSizeCommitLog": "65536"}
    body = "x" * 20_000

    def send(pair: OurPair | Pair) -> None:
        for _ in range(4):  # three of them fill a file
            sent = mqadmin("sendMessage", "-t", "Stepped", "-p", body, namesrv=pair.namesrv_address)
            assert sent.code == 0, sent

    with pair_of(kind, tmp_path / "ahead", store, ahead, **small) as pair:
        created = mqadmin(
            "updateTopic", "-c", pair.cluster, "-t", "Stepped", "-r", "1", "-w", "1", namesrv=pair.namesrv_address
        )
        assert created.code == 0, created
        measures = json.loads(mqadmin("probe", "--no-history", namesrv=pair.namesrv_address, output="json").out)[
            "data"
        ]["measures"]
        clock = next(measure for measure in measures if measure["name"] == "clockDifference")
        assert clock["severity"] == "critical", clock
        assert clock["value"] == pytest.approx(DAY_SECONDS * 1000, rel=0.01)
        send(pair)
    assert "store.times-run-backwards" not in findings("doctor", "store", "--store", str(store))
    with pair_of(kind, tmp_path / "right", store, {}, **small) as pair:
        send(pair)
    stepped = findings("doctor", "store", "--store", str(store))["store.times-run-backwards"]
    assert " before 0000" in stepped["evidence"], stepped
