"""Units of a consumequeue: their bytes, several files, beginnings above 0, truncation, and offsets by time."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.store.files.filesystem import OsFileSystem
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, PLACEHOLDER_SIZE
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from tests.store.store_helpers import QUEUE_FILE, Clock, kill, message, open_store

UNITS_A_FILE = QUEUE_FILE // 20


def queue_at(root: Path, size: int = QUEUE_FILE) -> ConsumeQueue:
    return ConsumeQueue(OsFileSystem(), str(root), "T", 0, size)


def filled(root: Path, count: int) -> ConsumeQueue:
    """A queue whose records are 100 bytes long and lie one after the other, two of three in other queues."""
    queue = queue_at(root)
    for number in range(count):
        queue.max_offset = queue.put_unit(number * 300, 100, number)
    return queue


def units_on_disk(root: Path) -> list[tuple[int, int, int]]:
    data = b"".join(path.read_bytes() for path in sorted((root / "T" / "0").iterdir()))
    return [unit for unit in CQ_UNIT.iter_unpack(data) if unit[1]]


def test_a_unit_holds_offset_size_and_the_signed_hash_of_the_tag(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    tags = ["TagA", "标签", "polygenelubricants", ""]
    puts = [store.put_message(message(TAGS=tag)) for tag in tags]
    expected = [(put.wrote_offset, put.wrote_bytes, string_hash(tag)) for put, tag in zip(puts, tags, strict=True)]
    assert string_hash("polygenelubricants") == -(1 << 31)
    assert units_on_disk(tmp_path / "consumequeue") == expected
    kill(store)


def test_the_delay_topic_stores_the_time_of_delivery(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    for level in ("3", "18", "99", "0", "nonsense"):
        store.put_message(message("SCHEDULE_TOPIC_XXXX", 2, TAGS="A", DELAY=level))
    queue = store.consume_queue("SCHEDULE_TOPIC_XXXX", 2)
    assert queue is not None
    codes = [unit[2] for offset in range(5) if (unit := queue.unit(offset))]
    two_hours = clock.now + 7_200_000
    assert codes == [clock.now + 10_000, two_hours, two_hours, string_hash("A"), string_hash("A")]
    kill(store)


def test_units_go_on_in_the_next_file(tmp_path: Path) -> None:
    queue = filled(tmp_path, 3 * UNITS_A_FILE + 1)
    names = sorted(path.name for path in (tmp_path / "T" / "0").iterdir())
    assert names == [f"{number * QUEUE_FILE:020d}" for number in range(4)]
    assert [queue.unit(n) for n in (0, 29, 30, 90)] == [(n * 300, 100, n) for n in (0, 29, 30, 90)]
    assert queue.unit(91) is None
    assert queue.max_physical_offset == 90 * 300 + 100


def test_a_queue_may_begin_at_an_offset_with_placeholders_in_front(tmp_path: Path) -> None:
    queue = queue_at(tmp_path)
    queue.start_at(UNITS_A_FILE + 3)
    queue.max_offset = queue.put_unit(5000, 100, 7)
    (path,) = (tmp_path / "T" / "0").iterdir()
    assert path.name == f"{QUEUE_FILE:020d}"
    assert units_on_disk(tmp_path) == [(0, PLACEHOLDER_SIZE, 0)] * 3 + [(5000, 100, 7)]
    assert (queue.min_offset, queue.max_offset) == (UNITS_A_FILE + 3, UNITS_A_FILE + 4)
    again = queue_at(tmp_path)
    again.load()
    again.recover(clean=True)
    again.correct_min_offset(0)
    assert (again.min_offset, again.next_offset) == (UNITS_A_FILE + 3, UNITS_A_FILE + 4)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("count", [1, 29, 30, 31, 60, 95, 149])
def test_recovery_finds_the_last_unit(count: int, clean: bool, tmp_path: Path) -> None:
    filled(tmp_path, count)
    again = queue_at(tmp_path)
    again.load()
    again.recover(clean=clean)
    assert again.next_offset == again.max_offset == count
    again.put_unit(count * 300, 100, 0)
    assert again.unit(count) == (count * 300, 100, 0)


@pytest.mark.parametrize(
    "torn",
    [
        (0, 0, 0),
        (40 * 300, 0, 40),
        (40, 100, 40),  # the upper bytes of the offset are lost: it lies before the unit in front
        (40 * 300, -5, 40),
    ],
)
def test_recovery_cuts_at_a_torn_unit_and_clears_what_follows(torn: tuple[int, int, int], tmp_path: Path) -> None:
    queue = filled(tmp_path, 50)
    file = queue.file_queue.find(40 * 20)
    assert file is not None
    CQ_UNIT.pack_into(file.view, 40 * 20 - file.base, *torn)
    again = queue_at(tmp_path)
    again.load()
    again.recover(clean=False)
    assert again.next_offset == 40
    assert units_on_disk(tmp_path) == [(n * 300, 100, n) for n in range(40)]
    assert again.file_queue.flushed_where == 0


@pytest.mark.parametrize(
    ("walk_from", "first"),
    [(0, 0), (1, 0), (30 * 300, 0), (30 * 300 + 1, 1), (60 * 300, 1), (60 * 300 + 1, 2), (149 * 300, 2)],
)
def test_after_a_crash_all_files_that_the_walk_may_fill_are_looked_at(
    walk_from: int, first: int, tmp_path: Path
) -> None:
    filled(tmp_path, 150)
    again = queue_at(tmp_path)
    again.load()
    again.recover(clean=False, walk_from=walk_from)
    assert again.next_offset == 150
    assert again.file_queue.flushed_where == first * QUEUE_FILE
    assert [file.flushed for file in again.file_queue.files] == [QUEUE_FILE] * first + [0] * (5 - first)


@pytest.mark.parametrize("keep", [0, 1, 29, 30, 31, 59, 60, 70])
def test_units_of_records_beyond_the_commitlog_are_cut(keep: int, tmp_path: Path) -> None:
    queue = filled(tmp_path, 70)
    assert queue.truncate_dirty(keep * 300) == 70 - keep
    assert queue.next_offset == keep
    assert units_on_disk(tmp_path) == [(n * 300, 100, n) for n in range(keep)]
    queue.put_unit(keep * 300, 50, 1)
    assert queue.unit(keep) == (keep * 300, 50, 1)


def test_the_minimum_follows_the_commitlog_and_old_files_go(tmp_path: Path) -> None:
    queue = filled(tmp_path, 95)
    queue.correct_min_offset(300 * 10 - 1)
    assert queue.min_offset == 10
    assert queue.delete_expired(300 * 60) == 2
    assert queue.min_offset == 60
    assert queue.unit(59) is None
    assert queue.unit(60) == (60 * 300, 100, 60)
    assert queue.delete_expired(300 * 1000) == 1
    assert (queue.min_offset, queue.next_offset) == (95, 95)
    assert len(list((tmp_path / "T" / "0").iterdir())) == 1


def test_room_for_a_batch_reaches_into_the_next_file_and_nothing_is_lost_of_it(tmp_path: Path) -> None:
    queue = filled(tmp_path, 25)
    queue.make_room(20)
    for number in range(25, 45):
        queue.put_unit(number * 300, 100, number)
    assert units_on_disk(tmp_path) == [(n * 300, 100, n) for n in range(45)]
    with pytest.raises(OSError):
        queue.make_room(1000)


def test_a_file_made_ahead_and_never_used_is_removed_by_recovery(tmp_path: Path) -> None:
    queue = filled(tmp_path, 25)
    queue.make_room(20)
    assert len(list((tmp_path / "T" / "0").iterdir())) == 2
    again = queue_at(tmp_path)
    again.load()
    again.recover(clean=True)
    assert again.next_offset == 25
    assert len(list((tmp_path / "T" / "0").iterdir())) == 1


def test_offset_by_time_has_a_lower_and_an_upper_boundary(tmp_path: Path) -> None:
    clock = Clock(1000)
    store = open_store(tmp_path, clock=clock)
    for clock.now in [1000] * 3 + [2000] * 40 + [3000]:
        store.put_message(message())
    # The example in Apache's ConsumeQueue: for a time between two messages the boundaries cross.
    expected = {
        999: (0, 0), 1000: (0, 2), 1001: (3, 2), 2000: (3, 42), 2999: (43, 42), 3000: (43, 43), 3001: (44, 43),
    }  # fmt: skip
    for timestamp, (lower, upper) in expected.items():
        assert store.offset_by_time("T", 0, timestamp) == lower
        assert store.offset_by_time("T", 0, timestamp, "upper") == upper
    assert store.offset_by_time("T", 9, 2000) == 0
    assert (store.store_time("T", 0, 2), store.store_time("T", 0, 3), store.store_time("T", 0, 44)) == (1000, 2000, -1)
    assert (store.earliest_store_time("T", 0), store.earliest_store_time("T", 1)) == (1000, -1)
    kill(store)
