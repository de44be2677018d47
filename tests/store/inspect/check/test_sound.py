"""Nothing is found on sound stores: written by ours and stopped, killed, grown old, or being written while it is checked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import string_to_properties
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.inspect.check import index as check_index
from rocketmq_ops.store.inspect.check.check_store import CheckOptions, check_store, start_of
from rocketmq_ops.store.inspect.reading.index_files import read_header
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.view.raw_rows import unit_rows
from rocketmq_ops.store.layout import consume_queue_ext
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE
from rocketmq_ops.store.message_store import MessageStore
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound, check
from tests.store.inspect.views import dumped, fill
from tests.store.inspect.views import message as view_message
from tests.store.store_helpers import Clock, kill, message, open_store, small_config

WRITER = """
import sys, time
from pathlib import Path
from tests.store.store_helpers import message, open_store
store = open_store(Path(sys.argv[1]), clock=lambda: int(time.time() * 1000))
stop = sys.stdin.fileno()
import select
i = 0
while not select.select([stop], [], [], 0)[0]:
    for _ in range(50):
        store.put_message(message(f"Topic{i % 3}", i % 2, b"x" * (i % 900), KEYS=f"k{i}", TAGS=f"t{i % 5}"))
        i += 1
    if i == 500:
        print("writing", flush=True)
"""


def test_stopped(own: Path) -> None:
    result = check(own)
    assert result.report.counts == {}
    assert result.report.facts["records"] == 700
    assert result.report.facts["indexEntries"] == 2100


def test_killed(tmp_path: Path) -> None:
    """A killed process leaves what it wrote in the page cache: all is there but a clean stop."""
    store = open_store(tmp_path / "store")
    for i in range(300):
        store.put_message(message("T", i % 2, b"x" * i, KEYS=f"k{i}"))
    kill(store)
    d.write_config(tmp_path / "store")
    assert check(tmp_path / "store").report.counts == {"AB-PRESENT": 1}


def test_after_expiry_of_files(own: Path) -> None:
    """The oldest commitlog file expires, and with it queue and index files that hold nothing else."""

    async def expire() -> None:
        clock = Clock(1_700_000_000_000 + 100 * 3_600_000)
        store = open_store(own, clock=clock, fileReservedTime=1)
        store.start()
        for path in Sound(own).log[:2]:
            os.utime(path, (1, 1))
        store.cleaning.delete_manually()
        store.cleaning.clean_now()
        await store.shutdown()

    before = len(Sound(own).log)
    asyncio.run(expire())
    assert len(Sound(own).log) < before
    result = check(own, reserved_hours=0)
    assert set(result.report.counts) == {"CL-FIRST"}
    assert {finding.severity for finding in result.report.findings} == {"info"}
    assert result.report.facts["unitsOfExpiredRecords"] > 0


@contextmanager
def writing_broker(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a store open and goes on writing to it."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert writer.stdin and writer.stdout
    try:
        assert writer.stdout.readline() == b"writing\n"
        yield writer
    finally:
        writer.stdin.close()
        writer.wait(10)
        writer.stdout.close()


def test_while_a_broker_writes(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with writing_broker(root) as writer:
        seen = []
        for _ in range(6):
            result = check(root, live=True)
            assert result.report.counts == {}, result.report.findings[:3]
            seen.append(result.end_offset)
        assert writer.poll() is None
        assert seen == sorted(seen) and seen[-1] > seen[0]


def test_a_running_broker_is_noticed(tmp_path: Path) -> None:
    """Without --live: no unclean stop is reported, and nothing is written beside it."""
    root = tmp_path / "store"
    with writing_broker(root) as writer:
        result = check(root)
        assert result.report.counts == {"AB-RUNNING": 1}
        assert f"process {writer.pid}" in result.report.findings[0].message
        store = StoreDirectory(root)
        for make in (salvage, rebuild):
            with pytest.raises(RocketMQError, match=f"a broker is running .* process {writer.pid}"):
                make(store, tmp_path / "target")
        store.close()
        assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("live", [True, False])
def test_an_index_header_that_is_just_being_written(own: Path, monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    """A live reader can see the newest file's header half written: it is read again before it is believed."""
    newest = max((own / "index").iterdir()).name
    seen: list[str] = []

    def torn_once(file: StoreFile) -> check_index.IndexHeaderView | None:
        header = read_header(file)
        seen.append(file.path.name)
        if header is not None and file.path.name == newest and seen.count(newest) == 1:
            header.count = 0
        return header

    monkeypatch.setattr(check_index, "read_header", torn_once)
    assert set(check(own, live=live).report.counts) == (set() if live else {"IX-HEADER"})
    assert seen.count(newest) == (2 if live else 1)


def test_an_index_header_that_stays_wrong_is_reported_live_too(own: Path) -> None:
    d.flip(max((own / "index").iterdir()), 36, 5)
    assert "IX-HEADER" in check(own, live=True).report.counts


@pytest.mark.parametrize("value", ["x\x01y", "esc\x1b[0m", "a\x0bb", "nul\x00l", "\x7f"])
def test_control_characters_in_property_values_are_no_damage(tmp_path: Path, value: str) -> None:
    fill(tmp_path, [view_message(i, note=value) for i in range(5)])
    assert check(tmp_path).report.counts == {}


@pytest.mark.parametrize(
    "raw", [b"A\x01\x02", b"\x01v\x02", b"UNIQ_KEY\x01\x02", b"TAGS\x01\x02KEYS\x01\x02", b"DELAY\x011 \x02"]
)
def test_properties_without_name_or_value_are_no_damage(tmp_path: Path, raw: bytes) -> None:
    messages = [view_message(i) for i in range(5)]
    for odd in messages[1:4]:
        odd.properties_bytes = raw
        odd.properties = string_to_properties(raw.decode())
    fill(tmp_path, messages)
    assert check(tmp_path).report.counts == {}
    assert [line["properties"] for line in dumped(tmp_path)][2] == string_to_properties(raw.decode())


@pytest.mark.parametrize("hosts", ["AAAB", "ABBBAA", "AAABBBB", "BAAA", "AB", "ABABA"])
def test_a_store_that_was_served_from_two_addresses_is_sound(tmp_path: Path, hosts: str) -> None:
    addresses = {"A": ("127.0.0.1", 10911), "B": ("10.0.0.7", 20911)}
    for host in hosts:

        async def serve(host: str = host) -> None:
            store = MessageStore(small_config(tmp_path / "store"), store_host=addresses[host], clock=Clock())
            store.load()
            store.start()
            assert store.put_message(message("T", 0, b"x")).status == 0
            await store.shutdown()

        asyncio.run(serve())
    d.write_config(tmp_path / "store")
    assert check(tmp_path / "store").report.counts == {}


def test_a_store_host_with_one_wrong_byte_is_found(own: Path) -> None:
    d.flip_field("storeHost", 2, choose=lambda s: s.records()[300])(Sound(own))
    assert check(own).report.counts == {"CL-HOST": 1}


def test_nothing_on_disk_changes(own: Path) -> None:
    def state() -> dict[str, tuple[int, int, bytes]]:
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes()) for p in own.rglob("*") if p.is_file()}

    before = state()
    check(own)
    assert state() == before


def test_a_part_of_the_log(own: Path) -> None:
    """From the middle on, nothing is missed and nothing is blamed that lies before."""
    log = Sound(own).log
    result = check(own, start=int(log[2].name))
    assert result.report.counts == {}
    assert 0 < result.report.facts["records"] < 700


def test_a_time_limit_and_going_on(own: Path) -> None:
    first = check(own, max_seconds=0.0)
    assert first.resume_at is not None
    rest = check(own, start=first.resume_at)
    assert first.report.facts["records"] + rest.report.facts["records"] == 700
    assert (first.report.counts, rest.report.counts) == ({}, {})


def test_since_begins_with_the_file_that_holds_the_time(own: Path) -> None:
    records, log = Sound(own).records(), Sound(own).log
    store = StoreDirectory(own)
    times = {r.file: int.from_bytes(r.data[56:64], "big") for r in reversed(records)}
    assert start_of(store, times[log[2]]) == int(log[2].name)
    assert start_of(store, times[log[2]] - 1) == int(log[1].name)
    assert start_of(store, 0) == 0
    store.close()


def test_parts_can_be_left_out(own: Path) -> None:
    d.flip_unit_of(own, "Topic0")
    assert set(check(own).report.counts) == {"CQ-TAG"}
    assert check(own, parts=("commitlog", "index")).report.counts == {}


def test_progress_is_told(own: Path) -> None:
    store = StoreDirectory(own)
    seen: list[int] = []
    result = check_store(store, CheckOptions(), seen.append)
    store.close()
    assert seen == sorted(seen)
    assert seen[-1] == result.end_offset


def extended(root: Path, topic: str) -> Path:
    """Move the codes of the units of queue 0 into an extension as Apache's brokers write it; the file of that."""
    queue = root / "consumequeue" / topic / "0" / f"{0:020d}"
    file = root / consume_queue_ext.FOLDER / topic / "0" / queue.name
    file.parent.mkdir(parents=True)
    units, extension = bytearray(queue.read_bytes()), b""
    for at in range(0, len(units), CQ_UNIT_SIZE):
        offset, size, code = CQ_UNIT.unpack_from(units, at)
        if not size:
            break
        CQ_UNIT.pack_into(units, at, offset, size, consume_queue_ext.FIRST_ADDRESS + len(extension))
        extension += consume_queue_ext.UNIT.struct.pack(consume_queue_ext.UNIT.size + 14, code, 0, 14) + bytes(14)
    queue.write_bytes(units)
    file.write_bytes(extension + bytes(1000))
    return file


def test_codes_in_an_extension_of_apache_s(own: Path) -> None:
    file = extended(own, "Topic0")
    assert check(own).report.counts == {}
    d.flip(file, consume_queue_ext.UNIT.at["tags_code"] + 7)
    result = check(own)
    assert result.report.counts == {"CQ-TAG": 1}
    file.unlink()
    assert set(check(own).report.counts) == {"CQ-TAG"}


def test_an_address_in_an_extension_is_no_time_of_delivery(tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = open_store(root)
    store.put_message(message(SCHEDULE_TOPIC, 0, DELAY="3"))
    kill(store)

    def shown() -> list[int | None]:
        rows = list(unit_rows(StoreDirectory(root), Selection(topic=SCHEDULE_TOPIC)))
        return [row.deliver_timestamp for row in rows]

    assert shown() != [None]
    extended(root, SCHEDULE_TOPIC)
    assert shown() == [None]
