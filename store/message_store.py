"""The message store: the parts of one store directory put together, and their life cycle (mirrors DefaultMessageStore).

What lives here: which part is given what, opening and closing, and what brokerStatus shows. What does not: putting
(`log/appender.py`), taking a master's records (`log/replica_appender.py`), reading (`reader.py`), the queues
(`queue/consume_queue_store.py`), flushing (`flush.py`), recovery (`recovery.py`), deletion of expired files
(`cleaning.py`). One thread, the loop's, owns a store; only disk syncs run in a worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.clock import now_ms, steady_ms
from rocketmq_ops.common.delay_levels import parse_delay_levels
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.store.arrivals import MessageArrivals
from rocketmq_ops.store.cleaning import CleaningService
from rocketmq_ops.store.clock_doubt import ClockDoubtFile
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.dispatch import Redispatch
from rocketmq_ops.store.errors import DLedgerLogError
from rocketmq_ops.store.file_ages import FileAges
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.filesystem import FileSystem, OsFileSystem
from rocketmq_ops.store.files.store_lock import AbortFile, StoreLock
from rocketmq_ops.store.flush import FlushService
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.log.appender import Appender
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.losses import log_losses
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore, QueueEnd
from rocketmq_ops.store.queue.unit_codes import UnitCodes
from rocketmq_ops.store.reader import StoreReader
from rocketmq_ops.store.recovery import Recovery, RecoveryReport
from rocketmq_ops.store.running_flags import CLOSED, REPLICA, RunningFlags
from rocketmq_ops.store.store_stats import StoreStats

if TYPE_CHECKING:
    from rocketmq_ops.store.log.replica_appender import ReplicaAppender

log = logging.getLogger(__name__)

_SAMPLE_INTERVAL_MS = 1_000
_BUSY_MESSAGES = 500
_BLOCKS = f"{__package__}.index.index_block"


class MessageStore:
    """One store directory, open for reading and writing.

    The parts are attributes. What is called for every message or request is bound here once, under the part's own
    name for it: `store.put_message` is `Appender.put_message`."""

    def __init__(
        self,
        config: MessageStoreConfig,
        *,
        store_host: tuple[str, int],
        fs: FileSystem | None = None,
        clock: Callable[[], int] = now_ms,
        delay_levels: list[int] | None = None,
    ) -> None:
        """`store_host` is the address written into every record; `clock` gives ms since the epoch;
        `delay_levels` are the delays (ms) of the levels from 1 on, by default those of messageDelayLevel."""
        self.config = config
        self.fs = fs = fs if fs is not None else OsFileSystem()
        self.root = root = config.storePathRootDir
        self.flags = RunningFlags()
        self.flags.set(CLOSED)
        if config.brokerRole == "SLAVE":
            self.flags.set(REPLICA)
        # Another clock than the system's goes as its owner pleases: it is never set.
        steady = steady_ms if clock is now_ms else clock
        self.stats = StoreStats(clock, steady)
        if delay_levels is None:
            delay_levels = parse_delay_levels(config.messageDelayLevel)
        self.codes = UnitCodes(delay_levels)
        folder = config.storePathCommitLog or f"{root}/commitlog"
        self.commit_log = CommitLog(
            fs, folder, config.mappedFileSizeCommitLog, pack_host(*store_host), config.enabledAppendPropCRC
        )
        log_files = self.commit_log.file_queue
        self.queues = ConsumeQueueStore(
            fs, f"{root}/consumequeue", config.mappedFileSizeConsumeQueue, self.commit_log.packers_for
        )
        self.checkpoint = StoreCheckpoint(fs, f"{root}/checkpoint")
        self.index = IndexService(fs, config, self.checkpoint, self.flags, clock)
        self.arrivals = MessageArrivals()
        self.flush = FlushService(
            config, log_files, self.queues, self.index, self.checkpoint, self.arrivals.synced, self.flags
        )
        ages = FileAges(
            clock, steady, fs.modified_ms, lambda offset: self.reader.store_time_at(offset),
            ClockDoubtFile(f"{root}/config/clockDoubt.json", fs, clock),
        )  # fmt: skip
        self.doubted_ms = ages.doubted_ms
        self.cleaning = CleaningService(config, fs, self.flags, log_files, self.queues, self.index, clock, ages)
        self.appender = Appender(
            self.commit_log, self.queues, self.index, arrivals=self.arrivals, clock=clock, codes=self.codes,
            config=config, flags=self.flags, flush=self.flush, stats=self.stats,
        )  # fmt: skip
        #: Of a slave: what takes its master's records.
        self.replica = self._replica() if self.flags.bits & REPLICA else None
        self.reader = StoreReader(config, self.commit_log, self.queues, self.index, self.stats)

        self.put_message = self.appender.put_message
        self.put_messages = self.appender.put_messages
        self.when_flushed = self.flush.when_flushed
        self.get_message = self.reader.get_message
        self.message_at = self.reader.message_at
        self.is_queued = self.reader.is_queued
        self.record_of = self.reader.record_of
        self.query_message = self.reader.query_message
        self.query_steps = self.reader.query_steps
        self.offset_by_time = self.reader.offset_by_time
        self.store_time = self.reader.store_time
        self.earliest_store_time = self.reader.earliest_store_time
        self.consume_queue = self.queues.find
        self.queue_ids = self.queues.ids
        self.min_offset = self.queues.min_offset
        self.max_offset = self.queues.max_offset

        self._lock = StoreLock(fs, root)
        self._abort = AbortFile(fs, root)
        self._jobs = PeriodicJobs()
        #: Has put so many messages within a second that its index is worth more memory.
        self._busy = False
        self._put_before = 0

    def _replica(self) -> ReplicaAppender:
        from rocketmq_ops.store.log.replica_appender import ReplicaAppender

        return ReplicaAppender(
            self.commit_log, self.queues, self.index, arrivals=self.arrivals, codes=self.codes, flags=self.flags,
            stats=self.stats,
        )  # fmt: skip

    # -- opening

    def load(self, known_ends: Iterable[QueueEnd] = ()) -> RecoveryReport:
        """Take the lock, load all files and recover; then puts and reads are possible. What is lost is logged.

        `known_ends` are queue offsets up to which there must have been messages, for groups have consumed them: a queue
        that has lost its files goes on there and not at 0. Raises StoreLockedError, MissingFileError,
        FileLengthError, ForeignFileError, DLedgerLogError, OSError; the store is closed then."""
        self._refuse_dledger()
        self._make_root()
        self._lock.acquire()
        try:
            return self._load(list(known_ends))
        except BaseException:
            self.close()
            raise

    def _make_root(self) -> None:
        """Create the store's folder with its parents, and make their names durable."""
        missing = [self.root]
        while missing[-1] and not self.fs.exists(missing[-1]):
            missing.append(missing[-1].rpartition("/")[0])
        self.fs.make_dirs(self.root)
        for folder in missing[1:]:
            self.fs.sync_dir(folder or "/")

    def _refuse_dledger(self) -> None:
        """Raise DLedgerLogError where the log of a DLedger group lies in the store (DLedgerConfig.getDataStorePath)."""
        for name in self.fs.list_dir(self.root):
            path = f"{self.root}/{name}"
            if name.startswith("dledger-") and self.fs.list_dir(f"{path}/data"):
                raise DLedgerLogError(path)

    def _load(self, known_ends: list[QueueEnd]) -> RecoveryReport:
        commit_log, queues, checkpoint, index = self.commit_log, self.queues, self.checkpoint, self.index
        clean = not self._abort.exists()
        commit_log.load()
        queues.load()
        checkpoint.load()
        index.load(clean=clean)
        self._abort.create()
        indexed_until = index.indexed_until if index.enabled and (index.lacks_files or not clean) else 1 << 62
        recovery = Recovery(
            commit_log,
            queues,
            checkpoint,
            Redispatch(queues.find_or_create, self.codes, index.sink, indexed_until),
            clean=clean,
            check_crc=self.config.checkCRCOnRecover,
            index_from=indexed_until,
            read_all=clean and self._lacks_queues(known_ends),
        )
        report = recovery.run()
        if checkpoint.logics_physical_offset >= report.end_offset:
            # Other records will stand there. Apache's 5.5 goes by the timestamp where this is 0.
            checkpoint.logics_physical_offset = 0
        if index.truncate(report.end_offset) or not clean:
            # What was cut must not come back by a power cut once other records stand in its place.
            index.flush()
            checkpoint.flush()
        queues.start_behind(known_ends, commit_log.max_offset)
        commit_log.attach()
        log_losses(report, self.root, index_lost=index.lacks_files, checkpoint_lost=checkpoint.was_missing)
        queues.last_dispatched_timestamp = recovery.last_timestamp
        queues.latest_timestamp, queues.set_back_ms = recovery.latest_timestamp, recovery.set_back_ms
        if self.replica is not None:
            self.replica.begin()
        self.flags.clear(CLOSED)
        return report

    def _lacks_queues(self, known_ends: list[QueueEnd]) -> bool:
        """Whether queues have lost all their files since a clean stop; their units have to be made anew then."""
        if self.checkpoint.knows_queues():
            return not self.checkpoint.queues_are(self.queues.with_files())
        # Stopped by Apache's broker: of some of the queues groups have consumed.
        return self.queues.lacks_any_of(known_ends)

    def start(self) -> None:
        """Begin the periodic flushes and the cleaning on the running asyncio loop. Call it after `load`."""
        assert not self.flags.bits & CLOSED, "load() comes first"
        self.flush.start()
        self.cleaning.start()
        self._sample()
        self._jobs.every("sample", lambda: _SAMPLE_INTERVAL_MS, self._sample)

    def _sample(self) -> None:
        self.stats.sample()
        if not self._busy:
            if self.stats.put_messages - self._put_before >= _BUSY_MESSAGES:
                self.expect_load()
            self._put_before = self.stats.put_messages

    def expect_load(self) -> None:
        """Get ready for many messages, once: there are, or there will be soon."""
        if not self._busy and self.index.enabled:
            self._busy = True
            run_later(self._buffer_index_keys(), "load-index-blocks")

    async def _buffer_index_keys(self) -> None:
        """From now on put keys into the index in blocks; what that needs is too big to be loaded by an idle broker."""
        if self.flags.bits & CLOSED:
            return
        try:
            await self.flush.in_worker(lambda: import_module(_BLOCKS))
        except ImportError as error:
            log.warning("keys are indexed one by one: %s", error)
            return
        self.index.begin_buffering()

    # -- closing

    async def shutdown(self) -> None:
        """Refuse further puts, flush everything, mark the stop as clean and let go of the directory."""
        if not self.flags.set(CLOSED):
            return
        self._jobs.stop()
        await self.cleaning.stop()
        if await self.flush.stop():
            self._note_queues()
            self._abort.remove()
        else:
            log.error("%s was not flushed, the next start will recover it", self.root)
        self.close()

    def _note_queues(self) -> None:
        self.checkpoint.note_queues(self.queues.with_files())
        try:
            self.checkpoint.flush()
        except OSError as error:
            log.warning("the next start will not know whether queues are missing: %s", error)

    def close(self) -> None:
        """Let go of all files and of the lock, as they are: nothing is flushed, the next start has to recover."""
        self.flags.set(CLOSED)
        self.queues.close()
        self.commit_log.close()
        self.index.close()
        self.checkpoint.close()
        self._lock.release()

    # -- deleting topics

    def delete_topics(self, topics: Iterable[str]) -> int:
        """Remove the queues of some topics; their records stay in the commitlog. Returns how many there were."""
        topics = [topic for topic in topics if topic in self.queues.table]
        for _ in self.deleting(topics):
            pass
        return len(topics)

    def deleting(self, topics: Iterable[str]) -> Iterator[None]:
        """As `delete_topics`, a queue at each step: other work may be done between them, sends to the topic too."""
        return self.queues.deleting(topics, self.arrivals.forget)

    # -- positions and information

    @property
    def max_phy_offset(self) -> int:
        """Offset in the commitlog where the next record goes (bytes)."""
        return self.commit_log.max_offset

    @property
    def min_phy_offset(self) -> int:
        """Offset of the first byte of the commitlog that is kept, -1 when it is empty."""
        return self.commit_log.min_offset

    @property
    def flushed_where(self) -> int:
        """Commitlog offset below which everything is durable (bytes)."""
        return self.commit_log.file_queue.flushed_where

    @property
    def dispatch_behind_bytes(self) -> int:
        """Bytes of the commitlog that consumers cannot see yet."""
        return self.max_phy_offset - self.flushed_where if self.arrivals.any_hidden else 0

    def runtime_info(self) -> dict[str, str]:
        """The store's keys of brokerStatus (DefaultMessageStore.getRuntimeInfo)."""
        info = self.stats.runtime_info()
        folder = self.commit_log.file_queue.folder
        log_ratio = self._used_ratio(folder)
        info[f"commitLogDiskRatio_{folder}"] = info["commitLogDiskRatio"] = log_ratio
        info["consumeQueueDiskRatio"] = self._used_ratio(self.queues.root)
        info["commitLogMinOffset"] = str(self.commit_log.min_offset)
        info["commitLogMaxOffset"] = str(self.commit_log.max_offset)
        return info

    def _used_ratio(self, path: str) -> str:
        usage = self.fs.disk_usage(path)
        return str(usage.used / (usage.used + usage.free)) if usage.used + usage.free else "-1"
