"""What is foretold of a broker's recovery, beside what the interop tests compare with Apache's brokers."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.store.inspect.predict.overlay import OverlayFileSystem
from rocketmq_ops.store.inspect.predict.prediction import BROKERS
from rocketmq_ops.store.inspect.reading.running import is_locked
from tests.golden_data import STORES, unpack_store
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound, foretell
from tests.store.store_helpers import open_store

ENDS = {"5.3.3-clean": 375980, "4.9.7-clean": 394111, "5.3.3-killed": 385374, "5.5.0-clean": 382376}


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("name", STORES)
def test_golden_stores_lose_nothing(tmp_path: Path, name: str, broker: str) -> None:
    prediction = foretell(unpack_store(name, tmp_path), broker)
    assert prediction.starts
    assert prediction.recovery == ("normal" if name in ("5.3.3-clean", "5.5.0-clean") else "abnormal")
    assert (prediction.lost, prediction.units_cut, prediction.units_added) == (0, 0, 0)
    assert prediction.end_offset == ENDS[name]


@pytest.mark.parametrize("broker", BROKERS)
def test_nothing_on_disk_changes(own: Path, broker: str) -> None:
    d.tear_last(50)(Sound(own))
    (own / "abort").touch()

    def state() -> dict[str, tuple[int, int, bytes]]:
        return {
            str(p): (p.stat().st_mtime_ns, p.stat().st_blocks, p.read_bytes()) for p in own.rglob("*") if p.is_file()
        }

    before = state()
    prediction = foretell(own, broker)
    assert state() == before
    assert prediction.lost == 1
    assert prediction.end_offset == Sound(own).records()[-1].offset + len(Sound(own).records()[-1].data)


def test_ours_is_what_our_store_then_does(own: Path) -> None:
    d.flip_field("body", 2, choose=lambda s: s.records()[400])(Sound(own))
    (own / "abort").touch()
    foretold = foretell(own, "ours")
    store = open_store(own)
    try:
        assert foretold.end_offset == store.max_phy_offset
        for queue in foretold.queues:
            assert (queue.min_offset, queue.max_offset) == (
                store.min_offset(queue.topic, queue.queue_id), store.max_offset(queue.topic, queue.queue_id),
            )  # fmt: skip
    finally:
        store.close()


def test_apache_cuts_at_the_first_bad_crc_unless_told_not_to_look(own: Path) -> None:
    d.flip_field("body", 2, choose=lambda s: s.records()[650])(Sound(own))
    bad = Sound(own).records()[650]
    cut = foretell(own, "5.3")
    assert (cut.end_offset, cut.end_reason, cut.lost, cut.records_cut) == (bad.offset, "crc", 50, 50)
    assert foretell(own, "5.3", check_crc=False).lost == 0


@pytest.mark.parametrize(
    ("kind", "make", "who"),
    [
        ("length not matched", d.resize_log(1, -512), BROKERS),
        ("length not matched", d.resize_log(-1, 4096), BROKERS),
        ("length not matched", lambda s: os.truncate(s.log[-1], 0), ("4.9",)),
        ("length not matched", d.add_file("commitlog/core"), BROKERS),
        ("no offset", lambda s: d.rename(s.log[-1], "core"), BROKERS),
        ("missing", d.remove_log(1), ("ours",)),
        ("length", lambda s: os.truncate(s.path(f"consumequeue/Topic0/0/{600:020d}"), 580), BROKERS),
    ],
)
def test_refusals(own: Path, kind: str, make: d.Make, who: tuple[str, ...]) -> None:
    make(Sound(own))
    refused = {broker for broker in BROKERS if not foretell(own, broker).starts}
    assert refused == set(who)
    if "ours" not in who:
        assert kind in " ".join(foretell(own, who[0]).refusals)


def test_configurations_that_a_broker_cannot_do_without(own: Path) -> None:
    shutil.rmtree(own / "config")
    (own / "config").mkdir()
    (own / "config" / "topics.json").write_bytes(b'{"half')
    assert any("topics.json" in text for text in foretell(own, "5.3").warnings)
    (own / "config" / "topics.json.bak").write_bytes(b"{}")
    assert any(".bak is loaded" in text for text in foretell(own, "5.3").warnings)
    (own / "config" / "topics.json.bak").write_bytes(b'{"half')
    assert not foretell(own, "5.3").starts


def lying(s: Sound, index: int, dispatched: int) -> None:
    """Killed; recovery may begin at the last file but one; the index is said to be durable up to `index` (ms)."""
    future = 4_000_000_000_000
    d.overwrite(s.path("checkpoint"), 0, struct.pack(">qqqqqq", future, future, index, 0, 0, dispatched))
    s.path("abort").touch()


def test_keys_that_go_with_a_dropped_index_file(own: Path) -> None:
    """Apache drops the files that are not said to be durable, and indexes again only what it reads again."""
    s = Sound(own)
    second = sorted((own / "index").iterdir())[1]
    _, end, begin_offset = struct.unpack_from(">qqq", second.read_bytes())
    lying(s, end - 1, int(s.log[-2].name))
    again = {"5.5": int(s.log[-2].name), "5.3": int(s.log[-1].name), "4.9": int(s.log[-1].name)}
    for broker, start in again.items():
        said = foretell(own, broker, max_hash_slot_num=100)
        assert (said.from_offset, said.index_dropped[0]) == (start, second.name)
        assert said.keys_lost == len([r for r in s.records() if begin_offset <= r.offset < start]) > 50
        assert said.lost == 0
    assert foretell(own, "ours").keys_lost == 0


def test_units_where_no_message_can_have_lain_are_no_loss(own: Path) -> None:
    """The last file of the log has room, so that there never was one behind it."""
    s = Sound(own)
    path = max(s.path("consumequeue/Topic0/0").iterdir())
    used = len(path.read_bytes().rstrip(b"\0")) // 20 + 1
    for number in range(used, 30):
        d.overwrite(path, number * 20, struct.pack(">qiq", 10**6 + number * 300, 300, 0))
    for broker in BROKERS:
        said = foretell(own, broker)
        assert (said.lost, said.units_cut) == (0, 30 - used)
    d.remove_log(-1)(s)
    with_units = {broker: foretell(own, broker) for broker in BROKERS}
    assert all(said.lost > 30 for said in with_units.values() if said.starts)


def test_5_5_goes_back_ten_files_at_most(tmp_path: Path) -> None:
    root = tmp_path / "store"
    d.write_own_store(root, messages=4000)
    log = Sound(root).log
    used = [path for path in log if any(path.read_bytes())]
    assert len(used) > 12
    shutil.rmtree(root / "consumequeue")
    assert foretell(root, "5.3").from_file == log[0].name
    newest = foretell(root, "5.5")
    assert (newest.from_file, newest.units_added) == (log[-10].name, newest.records_read)
    lowest = {(q.topic, q.queue_id): q.min_offset for q in newest.queues}
    assert min(lowest.values()) > 100


def test_a_lock_held_by_another_process(own: Path) -> None:
    """Apache's brokers take the lock only after their recovery has been at work."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "import fcntl,sys; f=open(sys.argv[1],'r+b'); fcntl.lockf(f, fcntl.LOCK_EX, 1, 0);"
         "print('held', flush=True); sys.stdin.read()", str(own / "lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdin and holder.stdout
    try:
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(own / "lock")
        assert not any(foretell(own, broker).starts for broker in BROKERS)
        assert any("already started" in reason for reason in foretell(own, "5.3").refusals)
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
    assert not is_locked(own / "lock")


def test_the_overlay_forgets(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    fs = OverlayFileSystem()
    file = fs.open(str(tmp_path / "a"), 4, create=False)
    file.view[0:2] = b"XY"
    fs.write_bytes(str(tmp_path / "b"), b"new")
    made = fs.open(str(tmp_path / "c"), 4096, create=True)
    made.view[0] = 1
    fs.remove(str(tmp_path / "a"))
    assert fs.list_dir(str(tmp_path)) == ["b", "c"]
    assert fs.read_bytes(str(tmp_path / "b")) == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"abcd"
    made.clear_from(0)
    assert not made.may_have_data_from(0)
    with pytest.raises(FileNotFoundError):
        fs.open(str(tmp_path / "a"), 4, create=False)


@pytest.mark.parametrize(("at", "bit"), [(0, 7), (2, 0), (5, 0)])
def test_a_damaged_queue_offset_neither_fills_the_disk_nor_cuts_the_queue(own: Path, at: int, bit: int) -> None:
    """The record says that it is far ahead, or negative: it stays out of the queue, the others are as before."""
    d.flip_field("queueOffset", at, bit, choose=lambda s: s.records()[300])(Sound(own))
    shutil.rmtree(own / "consumequeue")
    (own / "abort").touch()
    store = open_store(own)
    try:
        assert [store.max_offset(f"Topic{t}", q) for t in (0, 1) for q in (0, 1)] == [175] * 4
    finally:
        store.close()


def test_a_damaged_index_header_does_not_lead_out_of_the_file(own: Path) -> None:
    newest = max((own / "index").iterdir())
    d.flip(newest, 36, 5)
    store = open_store(own)
    try:
        assert store.max_offset("Topic0", 0) == 175
    finally:
        store.close()
