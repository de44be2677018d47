"""The checkpoint file: Apache's fields, the note behind them, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rocketmq_ops.store.files.checkpoint import IndexNote, StoreCheckpoint
from rocketmq_ops.store.files.filesystem import FileSystem, OsFileSystem
from rocketmq_ops.store.layout.checkpoint import FILE_SIZE, NOTE_POSITION
from tests.golden_data import STORES, unpack_store
from tests.store.faults import FaultyFileSystem

NOTE = IndexNote(20260101000000000, bytes(range(40)), 4711)


def loaded(fs: FileSystem, path: str) -> StoreCheckpoint:
    checkpoint = StoreCheckpoint(fs, path)
    checkpoint.load()
    return checkpoint


def test_fields_lie_where_apache_has_them(tmp_path: Path) -> None:
    path = tmp_path / "store" / "checkpoint"
    checkpoint = loaded(OsFileSystem(), str(path))
    assert checkpoint.min_timestamp() == checkpoint.min_timestamp_index() == 0
    checkpoint.physic_msg_timestamp = 10_000
    checkpoint.logics_msg_timestamp = 9_000
    checkpoint.index_msg_timestamp = 5_000
    checkpoint.master_flushed_offset = 77
    checkpoint.confirm_phy_offset = 88
    checkpoint.logics_physical_offset = 99
    checkpoint.flush()
    data = path.read_bytes()
    assert len(data) == FILE_SIZE
    assert struct.unpack_from(">qqqqqq", data) == (10_000, 9_000, 5_000, 77, 88, 99)
    assert not any(data[48:])
    checkpoint.close()
    again = loaded(OsFileSystem(), str(path))
    assert (again.physic_msg_timestamp, again.logics_msg_timestamp) == (10_000, 9_000)
    assert (again.index_msg_timestamp, again.master_flushed_offset, again.confirm_phy_offset) == (5_000, 77, 88)
    assert again.logics_physical_offset == 99
    assert again.min_timestamp() == 6_000
    assert again.min_timestamp_index() == 5_000


@pytest.mark.parametrize("name", STORES)
def test_reads_what_apache_wrote(name: str, tmp_path: Path) -> None:
    path = unpack_store(name, tmp_path) / "checkpoint"
    before = path.read_bytes()
    checkpoint = loaded(OsFileSystem(), str(path))
    assert checkpoint.physic_msg_timestamp == int.from_bytes(before[:8], "big") > 0
    assert checkpoint.index_note is None
    checkpoint.flush()
    checkpoint.close()
    assert path.read_bytes() == before


def test_note_survives_and_a_torn_one_is_none() -> None:
    fs = FaultyFileSystem()
    checkpoint = loaded(fs, "/store/checkpoint")
    checkpoint.index_note = NOTE
    checkpoint.flush()
    assert loaded(fs, "/store/checkpoint").index_note == NOTE
    live = fs.node("/store/checkpoint").live
    for position in range(NOTE_POSITION, NOTE_POSITION + 68):
        live[position] ^= 1
        assert loaded(fs, "/store/checkpoint").index_note is None
        live[position] ^= 1
    assert loaded(fs, "/store/checkpoint").index_note == NOTE


@pytest.mark.parametrize("length", [0, 39, 4095, 5000])
def test_another_length_is_brought_to_4096(length: int, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes((7).to_bytes(8, "big").ljust(length, b"\0")[:length])
    checkpoint = loaded(OsFileSystem(), str(path))
    assert checkpoint.physic_msg_timestamp == (7 if length else 0)
    assert checkpoint.logics_msg_timestamp == 0
    checkpoint.flush()
    assert path.stat().st_size == FILE_SIZE


def test_the_name_becomes_durable_with_the_first_flush() -> None:
    fs = FaultyFileSystem()
    fs.make_dirs("/store")
    fs.sync_dir("/")
    checkpoint = loaded(fs, "/store/checkpoint")
    checkpoint.physic_msg_timestamp = 5
    checkpoint.flush()
    assert fs.root.durable["store"].durable["checkpoint"].durable[:8] == (5).to_bytes(8, "big")  # type: ignore[union-attr,index]
