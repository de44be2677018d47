"""What the screen of a store shows of files that are damaged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from rocketmq_ops.store.inspect.check.findings import Finding
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.listing import FileRow, StoreListing, list_store
from rocketmq_ops.store.inspect.view.missing_log import MissingLog, missing_log
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE
from rocketmq_ops.tui.model.details import store
from rocketmq_ops.tui.model.table import Health
from tests.store.inspect.damage import Sound, write_own_store, zero_record


def test_of_a_file_that_is_too_short_the_rest_is_damaged_and_so_is_a_file_that_is_missing(tmp_path: Path) -> None:
    row = FileRow(path="commitlog/0", kind="commitlog", size=3000, used=3000, allocated=3000, begin=0, end=3000)
    assert store.file_line(row, [], 9000, 6000) == "0  " + "█" * 25 + "✗" * 25
    unused = msgspec.structs.replace(row, size=0, used=0)
    assert store.file_line(unused, [], 0, 6000) == "0  " + "·" * 50
    (tmp_path / "commitlog").mkdir()
    for base in (0, 8192, 16384):
        (tmp_path / "commitlog" / f"{base:020d}").write_bytes(bytes(3000 if base == 16384 else 4096))
    cut = Finding(
        id="CL-LENGTH", severity="critical", message="", file=f"commitlog/{16384:020d}", evidence={"expected": 4096}
    )
    with closing(StoreDirectory(tmp_path)) as opened:
        listing = list_store(opened)
    section = store.map_section(listing, MissingLog((4096,)), [cut], 4096)
    assert [line[21:].strip() for line in section.lines] == ["█" * 50, "✗" * 50, "·" * 50, "·" * 36 + "✗" * 14]
    assert section.health is Health.CRITICAL


def test_a_file_that_cannot_be_read_to_its_end_has_its_sign_and_stands_first(tmp_path: Path) -> None:
    for folder, names in (("commitlog", (0, 4096)), ("index", (20261121073630805,))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name:020d}"[-20 if folder == "commitlog" else -17 :]).write_bytes(bytes(4096))
    (tmp_path / "commitlog" / f"{4096:020d}").write_bytes(b"\x00\x00\x01\x00no record" + bytes(4096 - 13))
    with closing(StoreDirectory(tmp_path)) as opened:
        table = store.file_section(list_store(opened), MissingLog()).table
    assert table is not None
    assert [(row.key, row.health) for row in table.rows] == [
        (f"commitlog/{4096:020d}", Health.CRITICAL),
        ("index/20261121073630805", Health.CRITICAL),
        (f"commitlog/{0:020d}", Health.OK),
    ]


def missing_files(
    path: Path, bases: Iterable[int], *units: int, running: bool = False
) -> tuple[StoreListing, MissingLog]:
    """Of a store with these commitlog files, of 4096 bytes, and a queue that leads to these offsets."""
    (path / "commitlog").mkdir(parents=True)
    for base in bases:
        (path / "commitlog" / f"{base:020d}").write_bytes(b"\x00\x00\x01\x00no record" + bytes(4096 - 13))
    (path / "consumequeue" / "T" / "0").mkdir(parents=True)
    queue = b"".join(CQ_UNIT.pack(offset, 100, 0) for offset in units)
    (path / "consumequeue" / "T" / "0" / f"{0:020d}").write_bytes(queue.ljust(20 * CQ_UNIT_SIZE, b"\0"))
    with closing(StoreDirectory(path)) as opened:
        return list_store(opened), missing_log(opened, running=running)


def test_files_that_are_missing_have_a_row_and_queues_that_lead_to_them_a_sign(tmp_path: Path) -> None:
    for number, (bases, units, missing, lost) in enumerate((
        ([4096], (8200, 12300), [8192, 12288], 2),
        ([4096], (4200, 8200, 16400), [8192], 2),  # behind a file that nothing leads to: it may be damaged itself
        ([4096], (5000, 6000), [], 0),  # the last file has room for them
        ([4096], (0, 100, 5000), [], 0),  # those before the first file have expired
        ([0, 12288], (100, 4096, 8300, 12300), [4096, 8192], 2),
        ([0, 8192], (100, 4096, 8300, 12300), [4096, 12288], 2),
    )):  # fmt: skip
        listing, found = missing_files(tmp_path / str(number), bases, *units)
        lines = store.map_section(listing, found, [], max(bases) + 4096).lines
        assert lines is not None
        assert [line for line in lines if line.endswith("✗" * 50)] == [f"{base:020d}  {'✗' * 50}" for base in missing]
        files, queues = store.file_section(listing, found).table, store.queue_section(listing, found).table
        assert files is not None and queues is not None
        gone = [row for row in files.rows if row.cells[-1] == "missing"]
        assert [row.key for row in gone] == [f"commitlog/{base:020d}" for base in missing]
        assert {row.health for row in gone} <= {Health.CRITICAL}
        (queue,) = queues.rows
        assert (queue.cells[3], queue.health) == (lost, Health.CRITICAL if lost else Health.OK)


def test_a_log_that_a_running_broker_writes_goes_on_behind_what_was_listed(tmp_path: Path) -> None:
    _, found = missing_files(tmp_path, [0, 8192], 100, 4096, 12300, running=True)
    assert (found.files, found.lost) == ((4096,), {("T", 0): 1})


def test_of_files_that_are_too_short_messages_are_lost_that_lay_in_the_rest(tmp_path: Path) -> None:
    missing_files(tmp_path, [0, 4096, 8192], 2000, 3500, 4200, 12000)
    for base in (0, 8192):
        os.truncate(tmp_path / "commitlog" / f"{base:020d}", 3000)
    with closing(StoreDirectory(tmp_path)) as opened:
        assert missing_log(opened, running=False) == MissingLog((), {("T", 0): 2})


def test_messages_behind_what_is_damaged_within_a_file_are_not_lost(tmp_path: Path) -> None:
    write_own_store(tmp_path, messages=20)
    zero_record(Sound(tmp_path))
    with closing(StoreDirectory(tmp_path)) as opened:
        assert missing_log(opened, running=False) == MissingLog()
