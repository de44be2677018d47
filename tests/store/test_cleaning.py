"""Deletion of expired files: hours, ages, fill levels of the disk, readers, what follows the commitlog."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.store.cleaning import forcible_ratio, is_hour_of, used_ratio, warning_ratio
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.filesystem import DiskUsage
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.running_flags import DISK_FULL
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import Clock, kill, message, open_store, read_all

HOUR = 3_600_000


def hour_of(clock: Clock) -> str:
    return f"{time.localtime(clock.now // 1000).tm_hour:02d}"


def filled(fs: FaultyFileSystem, clock: Clock, **keys: object) -> MessageStore:
    """A store of five commitlog files, one an hour, and a queue and index files that span them."""
    keys = {"mappedFileSizeCommitLog": 8192, "mappedFileSizeConsumeQueue": 100, "maxIndexNum": 11, **keys}
    fs.usage = DiskUsage(100, 10, 90)
    store = open_store(Path("/data/store"), fs=fs, clock=clock, **keys)
    for number in range(20):
        clock.now += HOUR // 4
        fs.now = clock.now
        assert store.put_message(message(body=bytes([number]) * 1500, KEYS=f"k{number}")).status == PutStatus.PUT_OK
        fs.node(store.commit_log.file_queue.files[-1].path).modified = clock.now
    assert len(store.commit_log.file_queue.files) == 4
    return store


def names(fs: FaultyFileSystem, folder: str) -> list[str]:
    return fs.list_dir(f"/data/store/{folder}")


def test_nothing_goes_before_its_time() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=2, deleteWhen="99")
    assert store.cleaning.clean_now() == 0
    clock.now += 1000 * HOUR
    assert store.cleaning.clean_now() == 0  # expired, but it is not the hour
    assert len(names(fs, "commitlog")) == 4


def test_expired_files_go_at_the_hour_and_the_rest_follows() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=2)
    store.config.deleteWhen = f"99;{hour_of(clock)}"
    before = read_all(store)
    index_files = len(names(fs, "index"))
    assert store.cleaning.clean_now() == 2  # the third was changed less than 2 hours ago
    assert len(names(fs, "commitlog")) == 2
    assert store.min_phy_offset == 2 * 8192
    left = read_all(store)
    assert 0 < len(left) < len(before) and left == before[-len(left) :]
    assert min(one.commit_log_offset for one in left) == 2 * 8192
    assert store.min_offset("T", 0) == left[0].queue_offset
    assert names(fs, "consumequeue/T/0")[0] == f"{left[0].queue_offset // 5 * 100:020d}"
    assert len(names(fs, "index")) == index_files - 1
    assert store.query_message("T", "k0", 5, 0, 1 << 62).views == []
    assert len(store.query_message("T", "k19", 5, 0, 1 << 62).views) == 1
    assert store.get_message("g", "T", 0, 0, 32).next_begin_offset == left[0].queue_offset
    assert store.cleaning.deleted_files == 2
    kill(store)
    again = open_store(
        Path("/data/store"),
        fs=fs,
        clock=clock,
        mappedFileSizeCommitLog=8192,
        mappedFileSizeConsumeQueue=100,
        maxIndexNum=11,
    )
    assert read_all(again) == left


def test_the_last_file_always_stays() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=0)
    store.config.deleteWhen = hour_of(clock)
    assert store.cleaning.clean_now() == 3
    assert store.cleaning.clean_now() == 0
    assert store.put_message(message(body=b"on")).status == PutStatus.PUT_OK
    assert read_all(store)[-1].body == b"on"


def test_a_round_deletes_a_batch_at_most() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=0, deleteFileBatchMax=1)
    store.cleaning.delete_manually()
    assert [store.cleaning.clean_now() for _ in range(4)] == [1, 1, 1, 0]


def test_manual_deletion_lasts_for_twenty_rounds_and_respects_the_age() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=2, deleteWhen="99")
    store.cleaning.delete_manually()
    assert store.cleaning.clean_now() == 2
    for _ in range(18):
        assert store.cleaning.clean_now() == 0
    clock.now += 1000 * HOUR
    assert store.cleaning.clean_now() == 1
    store.put_message(message(body=bytes(9000)))
    fs.node(store.commit_log.file_queue.files[0].path).modified = 0
    assert store.cleaning.clean_now() == 0


def test_readers_of_a_deleted_file_go_on_reading(tmp_path: Path) -> None:
    """On the real file system: the mapping outlives the name."""
    clock = Clock(time.time_ns() // 1_000_000)
    store = open_store(tmp_path, clock=clock, mappedFileSizeCommitLog=8192, fileReservedTime=0)
    for number in range(12):
        store.put_message(message(body=bytes([number]) * 1500))
    view = store.message_at(0)
    assert view is not None
    clock.now += 60_000
    store.cleaning.delete_manually()
    assert store.cleaning.clean_now() >= 2
    assert not (tmp_path / "commitlog" / f"{0:020d}").exists()
    assert decode_message(view).body == bytes(1500)
    assert store.message_at(0) is None
    del view
    kill(store)


@pytest.mark.parametrize(
    ("used", "refuses", "deletes"), [(70, False, 0), (80, False, 2), (86, False, 3), (91, True, 3)]
)
def test_levels_of_the_disk(used: int, refuses: bool, deletes: int) -> None:
    """Above 75 % expired files go at any hour, above 85 % others too, above 90 % messages are refused."""
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=2, deleteWhen="99")
    fs.usage = DiskUsage(100, used, 100 - used)
    assert store.cleaning.clean_now() == deletes
    assert store.flags.writeable is not refuses
    expected = PutStatus.SERVICE_NOT_AVAILABLE if refuses else PutStatus.PUT_OK
    assert store.put_message(message()).status == expected
    fs.usage = DiskUsage(100, 87, 13)
    store.cleaning.clean_now()
    assert store.flags.writeable is not refuses  # only well below the level messages are taken again
    fs.usage = DiskUsage(100, 60, 40)
    store.cleaning.clean_now()
    assert store.flags.writeable


def test_forced_deletion_can_be_switched_off() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=500, deleteWhen="99", cleanFileForciblyEnable=False)
    fs.usage = DiskUsage(100, 95, 5)
    assert store.cleaning.clean_now() == 0
    assert store.flags.bits == DISK_FULL
    store.config.cleanFileForciblyEnable = True
    assert store.cleaning.clean_now() == 3


def test_a_share_of_the_disk_for_each_replica() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=500, deleteWhen="99", replicasPerDiskPartition=4)
    own = store.cleaning._own_size()
    fs.usage = DiskUsage(own * 8, own, own * 7)
    assert store.cleaning.clean_now() == 0
    fs.usage = DiskUsage(own * 4, own, own * 3)
    assert store.cleaning.clean_now() == 3


def test_ratios() -> None:
    assert used_ratio(DiskUsage(1000, 101, 899)) == 0.11
    assert used_ratio(DiskUsage(1000, 500, 400)) == 0.56  # blocks kept for the superuser do not count
    assert used_ratio(DiskUsage(0, 0, 0)) == 0.0
    config = MessageStoreConfig(diskSpaceWarningLevelRatio=99, diskSpaceCleanForciblyRatio=99)
    assert (warning_ratio(config), forcible_ratio(config)) == (0.90, 0.85)
    config = MessageStoreConfig(diskSpaceWarningLevelRatio=35, diskSpaceCleanForciblyRatio=30)
    assert (warning_ratio(config), forcible_ratio(config)) == (0.35, 0.30)


def test_hours() -> None:
    now = int(time.mktime((2026, 3, 4, 4, 30, 0, 0, 0, -1))) * 1000
    assert is_hour_of("04", now) and is_hour_of("4", now) and is_hour_of("16; 04", now)
    assert not is_hour_of("16", now) and not is_hour_of("", now) and not is_hour_of("x", now)


def test_rounds_on_the_loop() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=0, deleteCommitLogFilesInterval=1)
    store.config.deleteWhen = hour_of(clock)

    async def run() -> int:
        store.cleaning.start()
        count = await store.cleaning.round()
        await store.cleaning.stop()
        await store.cleaning.stop()
        return count

    assert asyncio.run(run()) == 3
    assert len(names(fs, "commitlog")) == 1


@pytest.mark.parametrize("removed_by_hand", [0, 1])
def test_a_file_removed_by_hand_leaves_the_row(removed_by_hand: int) -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = filled(fs, clock, fileReservedTime=2)
    store.config.deleteWhen = hour_of(clock)
    fs.remove(store.commit_log.file_queue.files[removed_by_hand].path)
    assert store.cleaning.clean_now() == 2
    assert store.min_phy_offset == 2 * 8192
