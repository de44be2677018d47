"""Records as appended: their bytes, the blank at a file's end, limits, and a full disk."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import BadRecordError, decode_message, encode_record, read_record
from rocketmq_ops.common.record_layout import BLANK_MAGIC, MAGIC_V1, MAGIC_V2
from rocketmq_ops.common.sysflag import (
    BORNHOST_V6_FLAG,
    INNER_BATCH_FLAG,
    STOREHOSTADDRESS_V6_FLAG,
    TRANSACTION_PREPARED_TYPE,
)
from rocketmq_ops.store.files.filesystem import OsFileSystem, StoreFile
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import BORN_V6, HOST, LOG_FILE, Clock, kill, message, open_store, read_all, small_config


def stored(store: MessageStore, offset: int) -> bytes:
    record = store.message_at(offset)
    assert record is not None
    return bytes(record)


def test_a_record_holds_every_field_and_is_what_the_codec_encodes(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    msg = message("Orders", 3, b"body \xff", TAGS="A", KEYS="k1 k2")
    msg.flag, msg.sys_flag, msg.reconsume_times = 7, 0x100, 2
    msg.properties_bytes = msg.properties_bytes.removesuffix(b"\x02")  # as clients send them
    put = store.put_message(msg)
    assert put.status == PutStatus.PUT_OK
    assert (put.wrote_offset, put.queue_offset, put.store_timestamp) == (0, 0, clock.now)
    found = decode_message(stored(store, 0))
    assert found == MessageExt(
        topic="Orders", queue_id=3, queue_offset=0, commit_log_offset=0, store_size=put.wrote_bytes,
        body=b"body \xff", body_crc=zlib.crc32(b"body \xff") & 0x7FFFFFFF, flag=7, sys_flag=0x100,
        born_timestamp=msg.born_timestamp, born_host=("127.0.0.1", 0xC001), store_timestamp=clock.now,
        store_host=HOST, reconsume_times=2, prepared_transaction_offset=0,
        properties={"TAGS": "A", "KEYS": "k1 k2"}, offset_msg_id=put.offset_msg_id,
    )  # fmt: skip
    assert stored(store, 0) == encode_record(found)
    kill(store)


def test_the_second_record_follows_the_first_without_a_gap(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = store.put_message(message(body=b"a" * 10))
    second = store.put_message(message(body=b"b" * 333))
    assert second.wrote_offset == first.wrote_bytes
    assert second.queue_offset == 1
    assert store.max_phy_offset == first.wrote_bytes + second.wrote_bytes
    kill(store)


@pytest.mark.parametrize("length", [126, 127, 128, 200])
def test_a_topic_longer_than_127_bytes_takes_a_v2_record(length: int, tmp_path: Path) -> None:
    """That of a group whose name is long: no other may be so long."""
    store = open_store(tmp_path)
    topic = "%RETRY%".ljust(length, "t")
    put = store.put_message(message(topic))
    record = read_record(stored(store, put.wrote_offset))
    assert record is not None
    assert record.magic == (MAGIC_V1 if length <= 127 else MAGIC_V2)
    assert [found.topic for found in read_all(store, topic)] == [topic]
    assert (store.put_message(message("t" * length)).status is PutStatus.PUT_OK) == (length <= 127)
    kill(store)


@pytest.mark.parametrize("store_v6", [False, True])
@pytest.mark.parametrize("born_v6", [False, True])
def test_hosts_of_either_family_are_stored_with_their_flags(born_v6: bool, store_v6: bool, tmp_path: Path) -> None:
    host = ("fe80::1", 10911) if store_v6 else HOST
    store = MessageStore(small_config(tmp_path), store_host=host, clock=Clock())
    store.load()
    msg = message(TAGS="x")
    # Whatever host bits a sender claims, the stored ones follow from the hosts.
    msg.sys_flag = BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG
    if born_v6:
        msg.born_host = BORN_V6
    store.put_message(msg)
    (found,) = read_all(store)
    assert bool(found.sys_flag & BORNHOST_V6_FLAG) == born_v6
    assert bool(found.sys_flag & STOREHOSTADDRESS_V6_FLAG) == store_v6
    assert found.born_host == ("::1" if born_v6 else "127.0.0.1", 0xC001)
    assert found.store_host == host
    assert store.store_time("T", 0, 0) == found.store_timestamp
    assert store.earliest_store_time() == found.store_timestamp
    kill(store)


def test_a_body_may_be_a_view_and_may_be_empty(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put_message(message(body=memoryview(b"xhellox")[1:6]))  # type: ignore[arg-type]
    store.put_message(message(body=b""))
    assert [found.body for found in read_all(store)] == [b"hello", b""]
    kill(store)


def test_many_different_sizes_are_stored_as_well_as_the_first_ones(tmp_path: Path) -> None:
    store = open_store(tmp_path, mappedFileSizeCommitLog=8 << 20)
    bodies = [b"%05d" % n + b"x" * n for n in range(2200)]
    for body in bodies:
        assert store.put_message(message(body=body, TAGS="t")).status == PutStatus.PUT_OK
    assert [found.body for found in read_all(store)] == bodies
    kill(store)


def test_what_does_not_fit_the_file_goes_to_the_next_one_behind_a_blank(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    body = b"z" * 20_000
    puts = [store.put_message(message(body=body)) for _ in range(4)]
    size = puts[0].wrote_bytes
    assert [put.wrote_offset for put in puts] == [0, size, 2 * size, LOG_FILE]
    blank = (tmp_path / "commitlog" / "00000000000000000000").read_bytes()[3 * size :]
    assert struct.unpack_from(">ii", blank) == (LOG_FILE - 3 * size, BLANK_MAGIC)
    assert not any(blank[8:])
    assert len(read_all(store)) == 4
    assert store.message_at(3 * size) is None
    kill(store)


def test_a_record_may_fill_the_file_up_to_the_eight_bytes_of_the_blank(tmp_path: Path) -> None:
    store = open_store(tmp_path, maxMessageSize=LOG_FILE)
    overhead = store.put_message(message(body=b"")).wrote_bytes
    kill(store)
    other = open_store(tmp_path / "b", maxMessageSize=LOG_FILE)
    assert other.put_message(message(body=bytes(LOG_FILE - overhead - 8))).wrote_offset == 0
    assert other.put_message(message(body=b"")).wrote_offset == LOG_FILE
    too_big = other.put_message(message(body=bytes(LOG_FILE - overhead - 7)))
    assert too_big.status == PutStatus.MESSAGE_ILLEGAL
    assert other.put_message(message(body=b"next")).status == PutStatus.PUT_OK
    assert [len(found.body) for found in read_all(other)] == [LOG_FILE - overhead - 8, 0, 4]
    kill(other)


def test_too_large_or_impossible_messages_are_refused_and_change_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path, maxMessageSize=1000)
    assert store.put_message(message(body=bytes(1001))).status == PutStatus.MESSAGE_ILLEGAL
    assert store.put_message(message(X="y" * 33_000)).status == PutStatus.PROPERTIES_SIZE_EXCEEDED
    wrong = message()
    wrong.flag = 1 << 40
    assert store.put_message(wrong).status == PutStatus.MESSAGE_ILLEGAL
    for topic, queue_id in (("", 0), ("..", 0), ("a/b", 0), ("T", -1)):
        assert store.put_message(message(topic, queue_id)).status == PutStatus.MESSAGE_ILLEGAL
    inner_batch = message()
    inner_batch.sys_flag = INNER_BATCH_FLAG
    assert store.put_message(inner_batch).status == PutStatus.MESSAGE_ILLEGAL
    assert (store.max_phy_offset, store.max_offset("T", 0), store.stats.put_failed) == (0, 0, 8)
    assert store.put_message(message(body=bytes(1000))).status == PutStatus.PUT_OK
    assert len(read_all(store)) == 1
    kill(store)


def test_a_prepared_record_has_queue_offset_0_and_no_unit(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put_message(message())
    half = message(body=b"half")
    half.sys_flag = TRANSACTION_PREPARED_TYPE
    put = store.put_message(half)
    assert (put.status, put.queue_offset) == (PutStatus.PUT_OK, 0)
    assert store.put_message(message()).queue_offset == 1
    assert decode_message(stored(store, put.wrote_offset)).body == b"half"
    assert len(read_all(store)) == 2
    kill(store)


@pytest.mark.parametrize("properties", [{}, {"TAGS": "a"}])
def test_a_crc_of_the_whole_record_ends_the_properties_where_asked_for(
    properties: dict[str, str], tmp_path: Path
) -> None:
    store = open_store(tmp_path, enabledAppendPropCRC=True)
    put = store.put_message(message(body=b"b" * 50, **properties))
    raw = stored(store, put.wrote_offset)
    found = decode_message(raw)
    digits = found.properties.pop("__CRC32#")
    assert len(digits) == 10
    assert int(digits[::-1]) == zlib.crc32(raw[:-20]) & 0x7FFFFFFF
    assert found.properties == properties
    kill(store)


def test_a_full_disk_is_a_status_and_room_found_later_is_used() -> None:
    fs = FaultyFileSystem(capacity=400 * 1024)
    store = open_store(Path("/store"), fs=fs)
    accepted = 0
    while True:
        put = store.put_message(message(body=b"x" * 5000, KEYS=f"k{accepted}"))
        if put.status != PutStatus.PUT_OK:
            break
        accepted += 1
    assert put.status == PutStatus.DISK_FULL
    assert len(read_all(store)) == accepted
    fs.check_blocks()
    fs.capacity = 10 << 20
    for number in range(40):
        store.index.retry()
        assert store.put_message(message(body=b"y" * 5000)).status == PutStatus.PUT_OK, number
    assert len(read_all(store)) == accepted + 40
    fs.check_blocks()
    kill(store)


def test_an_error_in_making_a_file_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = FaultyFileSystem()
    store = open_store(Path("/store"), fs=fs)
    real_open = fs.open

    def no_commit_log(path: str, size: int, *, create: bool) -> StoreFile:
        if "/commitlog/" in path:
            raise OSError(errno.EMFILE, "too many open files", path)
        return real_open(path, size, create=create)

    monkeypatch.setattr(fs, "open", no_commit_log)
    assert store.put_message(message()).status == PutStatus.CREATE_MAPPED_FILE_FAILED
    monkeypatch.undo()
    assert store.put_message(message()).queue_offset == 0
    kill(store)


def test_reserved_blocks_grow_in_steps_far_below_the_file_size(tmp_path: Path) -> None:
    store = open_store(tmp_path, mappedFileSizeCommitLog=1 << 30, mappedFileSizeConsumeQueue=6_000_000)
    for _ in range(10):
        store.put_message(message(body=b"x" * 1000))
    kill(store)
    files = [p for kind in ("commitlog", "consumequeue") for p in (tmp_path / kind).rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) == (1 << 30) + 6_000_000
    assert sum(p.stat().st_blocks * 512 for p in files) <= 256 * 1024


def test_broken_bytes_are_no_record(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put = store.put_message(message(body=b"x" * 100))
    raw = bytearray(stored(store, 0))
    raw[-60] ^= 1
    with pytest.raises(BadRecordError):
        read_record(raw)
    assert store.message_at(put.wrote_bytes) is None
    assert store.message_at(1 << 40) is None
    assert store.message_at(0, put.wrote_bytes + 1) is None
    kill(store)


def test_errors_of_the_operating_system_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls on a descriptor name none by themselves."""
    fs = OsFileSystem()
    path = str(tmp_path / "00000000000000000000")
    file = fs.open(path, 4096, create=True)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("posix_fallocate", "pwrite", "pread", "fdatasync", "ftruncate", "fsync"):
        monkeypatch.setattr(os, name, full)
    calls: list[tuple[str, Callable[[], object]]] = [
        (path, lambda: file.reserve(0, 4096)),
        (path, lambda: file.write(0, b"x")),
        (path, lambda: file.read(0, 1)),
        (path, file.sync),
        (path, lambda: fs.open(path, 8192, create=True)),
        (str(tmp_path), lambda: fs.sync_dir(str(tmp_path))),
        (f"{tmp_path}/lock", lambda: fs.lock(f"{tmp_path}/lock", b"lock")),
    ]
    for named, call in calls:
        with pytest.raises(OSError, match="No space left") as caught:
            call()
        assert caught.value.filename == named
        assert str(caught.value).endswith(f"'{named}'")
    file.close()
