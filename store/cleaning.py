"""Cleaning: when commitlog files are deleted, and that consumequeues and index follow.

What lives here: the hours, ages and fill levels of the disk at which files go, and refusing writes when the disk is
nearly full (mirrors CleanCommitLogService and CleanConsumeQueueService of DefaultMessageStore). What does not: the
deletion in a row of files (`files/mapped_file_queue.py`).

A deleted file can be read on by whoever holds a view of it, so that nothing has to wait for readers and Apache's
destroyMapedFileIntervalForcibly and redeleteHangedFileInterval have no counterpart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.file_ages import FileAges
from rocketmq_ops.store.files.filesystem import DiskUsage, FileSystem
from rocketmq_ops.store.files.mapped_file_queue import MappedFileQueue
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore
from rocketmq_ops.store.running_flags import DISK_FULL, RunningFlags

log = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
#: The rounds in which a manual trigger deletes, whatever the hour.
_MANUAL_ROUNDS = 20
_FIRST_ROUND_MS = 60_000


class CleaningService:
    """The cleaning of one open store; all on the loop's thread, but for the sync of a folder."""

    def __init__(
        self,
        config: MessageStoreConfig,
        fs: FileSystem,
        flags: RunningFlags,
        log_files: MappedFileQueue,
        queues: ConsumeQueueStore,
        index: IndexService,
        clock: Callable[[], int],
        ages: FileAges,
    ) -> None:
        """`clock`: ms since the epoch."""
        self._config = config
        self._fs = fs
        self._flags = flags
        self._log_files = log_files
        self._queues = queues
        self._index = index
        self._clock = clock
        self._ages = ages
        self._rounds = Tasks()
        self._manual_rounds = 0
        self._clean_at_once = False
        self._last_min_offset = 0
        #: Commitlog files deleted since the start.
        self.deleted_files = 0

    # -- running

    def start(self) -> None:
        """Begin a round every cleanResourceInterval on the running loop, the first after a minute."""
        self._rounds.start(self._run(), "clean-expired-files")

    async def stop(self) -> None:
        """End the rounds."""
        await self._rounds.stop()

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_ROUND_MS / 1000)
        while True:
            try:
                await self.round()
            except OSError as error:
                log.error("expired files could not be deleted: %s", error)
            await asyncio.sleep(self._config.cleanResourceInterval / 1000)

    async def round(self, *, pauses: bool = True) -> int:
        """Delete what is due, with pauses of deleteCommitLogFilesInterval; how many commitlog files. Raises OSError."""
        count = 0
        for folder in self._delete_commit_log_files():
            count += 1
            # In the order of deletion, so that after a power cut no file is missing in the middle.
            await asyncio.to_thread(self._fs.sync_dir, folder)
            if pauses:
                await asyncio.sleep(self._config.deleteCommitLogFilesInterval / 1000)
        self.clean_queues()
        return count

    def clean_now(self) -> int:
        """The same as `round` at once, without pauses. Raises OSError."""
        count = 0
        for folder in self._delete_commit_log_files():
            count += 1
            self._fs.sync_dir(folder)
        self.clean_queues()
        return count

    def delete_manually(self) -> None:
        """Let the next rounds delete expired files whatever the hour (executeDeleteFilesManually)."""
        self._manual_rounds = _MANUAL_ROUNDS
        log.info("deletion of expired files was asked for")

    # -- deleting

    def _delete_commit_log_files(self) -> Iterator[str]:
        """Delete the files that are due, the oldest first; yields the folder after each."""
        config = self._config
        self._ages.look_at_clock()
        time_up = is_hour_of(config.deleteWhen, self._clock())
        short_of_space = self._short_of_space()
        manual = self._manual_rounds > 0
        if not (time_up or short_of_space or manual):
            return
        if manual:
            self._manual_rounds -= 1
        at_once = config.cleanFileForciblyEnable and self._clean_at_once
        files = self._log_files
        count = 0
        while count < config.deleteFileBatchMax and len(files.files) > 1:
            path, end = files.files[0].path, files.files[1].base
            if not at_once and not self._ages.is_over(path, end, config.fileReservedTime * _HOUR_MS):
                break
            files.remove_first(1)
            self._ages.forget(path)
            count += 1
            self.deleted_files += 1
            log.info("%s deleted (%s)", path, "disk nearly full" if at_once else "expired")
            yield files.folder
        if not count and short_of_space:
            log.warning("the disk is nearly full, and there is no commitlog file that may be deleted")

    def clean_queues(self) -> int:
        """Delete consumequeue and index files that lead only to deleted commitlog files; how many.

        The last file of a queue stays although its messages may all be gone, for it says where the queue goes on.
        (Apache's cleanExpiredConsumerQueue removes such queues; they begin again at 0, and a group that had come
        further does not see what follows.)"""
        min_offset = self._log_files.min_offset
        if min_offset <= self._last_min_offset:
            return 0
        self._last_min_offset = min_offset
        count = sum(queue.delete_expired(min_offset) for queue in list(self._queues))
        return count + self._index.delete_expired(min_offset)

    # -- space

    def _short_of_space(self) -> bool:
        """True when files have to go for lack of space; sets and clears DISK_FULL on the way (isSpaceToDelete)."""
        self._clean_at_once = False
        config = self._config
        log_usage = self._fs.disk_usage(self._log_files.folder)
        log_ratio = used_ratio(log_usage)
        if self._nearly_full(log_ratio, "commitlog"):
            return True
        queue_ratio = used_ratio(self._fs.disk_usage(self._queues.root))
        if self._nearly_full(queue_ratio, "consumequeue"):
            return True
        threshold = config.diskMaxUsedSpaceRatio / 100
        if config.replicasPerDiskPartition <= 1:
            return max(log_ratio, queue_ratio) > threshold
        share = self._own_size() * config.replicasPerDiskPartition / max(1, log_usage.total)
        self._clean_at_once = share > config.logicalDiskSpaceCleanForciblyThreshold
        return self._clean_at_once or share > threshold

    def _nearly_full(self, ratio: float, what: str) -> bool:
        warning, forcibly = warning_ratio(self._config), forcible_ratio(self._config)
        if ratio > warning:
            if self._flags.set(DISK_FULL):
                log.error(
                    "the disk of the %s is %.0f%% full (diskSpaceWarningLevelRatio %.0f%%): messages are refused",
                    what, ratio * 100, warning * 100,
                )  # fmt: skip
        elif ratio <= forcibly:
            if self._flags.clear(DISK_FULL):
                log.info("the disk of the %s is %.0f%% full: messages are taken again", what, ratio * 100)
            return False
        self._clean_at_once = True
        return True

    def _own_size(self) -> int:
        files = self._log_files
        queues = sum(queue.total_size() for queue in self._queues)
        return len(files.files) * files.file_size + queues + self._index.total_size


def used_ratio(usage: DiskUsage) -> float:
    """Used part of a partition, rounded up to whole percents (UtilAll.getDiskPartitionSpaceUsedPercent).

    Blocks kept for the superuser count as neither used nor free."""
    entire = usage.used + usage.free
    return -(-usage.used * 100 // entire) / 100 if entire else 0.0


def warning_ratio(config: MessageStoreConfig) -> float:
    """Used part of the disk above which messages are refused."""
    return min(max(config.diskSpaceWarningLevelRatio / 100, 0.35), 0.90)


def forcible_ratio(config: MessageStoreConfig) -> float:
    """Used part of the disk above which files are deleted before their time."""
    return min(max(config.diskSpaceCleanForciblyRatio / 100, 0.30), 0.85)


def is_hour_of(hours: str, now: int) -> bool:
    """True when the local hour of a time (ms) is among those of deleteWhen (`04` or `04;16`)."""
    hour = time.localtime(now // 1000).tm_hour
    return any(word.strip().isdecimal() and int(word) == hour for word in hours.split(";"))
