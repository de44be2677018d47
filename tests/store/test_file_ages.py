"""The age of files when clocks and dates are wrong: neither everything expires nor nothing."""

import os
from pathlib import Path

import pytest

from rocketmq_ops.store.clock_doubt import ClockDoubtFile
from rocketmq_ops.store.file_ages import DOUBT_MS, FileAges
from rocketmq_ops.store.files.filesystem import OsFileSystem
from tests.store.store_helpers import Clock, kill, message, open_store

HOUR = 3_600_000
DAY = 24 * HOUR
RESERVED = 72 * HOUR
NOW = 1_800_000_000_000


class World:
    """A clock, a steady one, a file with a date, and its records."""

    def __init__(self, root: Path) -> None:
        self.clock, self.steady = NOW, 5_000
        self.date: int | None = NOW
        self.recorded = NOW
        self.kept = root / "config" / "clockDoubt.json"
        self.start()

    def start(self, *, boots: bool = False) -> None:
        """Start the broker, again where there was one; the machine too, if it boots."""
        if boots:
            self.steady = 7_000
        kept = ClockDoubtFile(str(self.kept), OsFileSystem(), lambda: self.clock)
        self.ages = FileAges(lambda: self.clock, lambda: self.steady, self._modified, lambda _: self.recorded, kept)

    def _modified(self, _path: str) -> int:
        if self.date is None:
            raise FileNotFoundError
        return self.date

    def passes(self, ms: int) -> None:
        """Time goes by, hour by hour as rounds do."""
        for _ in range(ms // HOUR):
            self.clock += HOUR
            self.steady += HOUR
            self.ages.look_at_clock()

    def over(self) -> bool:
        self.ages.look_at_clock()
        return self.ages.is_over("file", 8192, RESERVED)


def test_a_file_expires_by_its_date(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.passes(RESERVED - HOUR)
    assert not world.over()
    world.passes(HOUR)
    assert world.over()


def test_one_that_was_removed_by_hand_is_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.date = None
    assert world.over()


@pytest.mark.parametrize(
    ("date", "recorded", "over"),
    [
        (0, NOW - HOUR, False),  # a date that was set to nothing
        (NOW, NOW - RESERVED, True),  # a copy of a store that was long out of use
        (NOW - RESERVED, -1, True),  # the next file has no record yet
        (NOW - RESERVED, NOW - RESERVED - HOUR // 2, True),
    ],
)
def test_the_records_count_where_the_date_says_something_else(
    tmp_path: Path, date: int, recorded: int, over: bool
) -> None:
    world = World(tmp_path)
    world.date, world.recorded = date, recorded
    assert world.over() is over


def test_a_clock_that_is_set_a_year_forward_expires_nothing_for_a_day(tmp_path: Path, caplog) -> None:
    world = World(tmp_path)
    world.clock += 365 * DAY
    assert not world.over()
    assert "the clock was set forward by 31536000 s" in caplog.text
    world.passes(DOUBT_MS - HOUR)
    assert not world.over()
    world.passes(HOUR)
    assert world.over()


@pytest.mark.parametrize("boots", [False, True])
def test_a_restart_does_not_end_the_doubt(tmp_path: Path, caplog: pytest.LogCaptureFixture, boots: bool) -> None:
    world = World(tmp_path)
    world.clock += 365 * DAY
    assert not world.over() and world.kept.exists()
    world.passes(3 * HOUR)
    world.start(boots=boots)
    assert "set forward by 31536000 s before this start: for 1260 min the age" in caplog.text
    assert not world.over()
    world.passes(20 * HOUR)
    world.start(boots=boots)
    assert not world.over()
    world.passes(HOUR)
    assert world.over() and not world.kept.exists()


def test_a_doubt_is_over_when_it_ended_while_the_broker_did_not_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock += 365 * DAY
    assert not world.over()
    world.clock += DOUBT_MS
    world.start()
    assert world.over()


@pytest.mark.parametrize("step", [365 * DAY, -365 * DAY])
def test_a_clock_that_is_set_right_while_the_broker_does_not_run_is_believed(tmp_path: Path, step: int) -> None:
    world = World(tmp_path)
    world.passes(RESERVED - HOUR)
    world.clock += step
    assert not world.over()
    world.clock -= step
    world.start()
    assert not world.over() and not world.kept.exists()
    world.passes(HOUR)
    assert world.over()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"step":"x"}', b"[1]", b"\xff"])
def test_a_file_that_says_nothing_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    world = World(tmp_path)
    world.kept.parent.mkdir()
    world.kept.write_bytes(content)
    world.start()
    assert "clockDoubt.json cannot be read" in caplog.text
    world.passes(RESERVED)
    assert world.over()


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    world.kept.parent.write_bytes(b"")
    world.clock += 365 * DAY
    assert not world.over()
    assert "a restart within a day will believe the clock" in caplog.text


def test_a_clock_that_is_set_right_again_has_changed_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock += 365 * DAY
    assert not world.over()
    world.clock -= 365 * DAY
    assert not world.over()
    world.passes(DOUBT_MS + HOUR)
    assert not world.over()
    world.passes(RESERVED)
    assert world.over()


def test_while_a_step_is_doubted_what_is_old_expires_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.passes(RESERVED - HOUR)
    world.clock -= 365 * DAY
    assert not world.over()
    world.passes(HOUR)
    assert world.over()


def test_a_file_from_the_future_expires_by_how_long_it_was_seen(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.date = world.recorded = NOW + 365 * DAY
    assert not world.over()
    world.passes(RESERVED - HOUR)
    assert not world.over()
    world.passes(HOUR)
    assert world.over()


def test_small_corrections_are_not_worth_a_doubt(tmp_path: Path, caplog) -> None:
    world = World(tmp_path)
    world.clock += HOUR // 2
    assert not world.over()
    assert not caplog.records


def test_the_records_of_a_store_count(tmp_path) -> None:
    """The date of the first file says 1970; its messages are of now."""
    clock = Clock(NOW)
    store = open_store(tmp_path, clock=clock, mappedFileSizeCommitLog=8192, fileReservedTime=72)
    for number in range(12):
        store.put_message(message(body=bytes([number]) * 1500))
    files = [file.path for file in store.commit_log.file_queue.files]
    for path in files:
        os.utime(path, (0, 0))
    store.cleaning.delete_manually()
    assert store.cleaning.clean_now() == 0
    clock.now += RESERVED
    assert store.cleaning.clean_now() == len(files) - 1
    kill(store)
