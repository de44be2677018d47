"""The message store: opens and closes a store directory and puts messages into it (mirrors DefaultMessageStore).

What lives here: the life cycle, deletion of topics, and what brokerStatus shows. What does not: putting
(`store_writer.py`), reading (`store_reader.py`), flushing (`flush.py`), recovery (`recovery.py`), deletion of
expired files (`cleaning.py`). One thread, the loop's, owns a store; only disk syncs run in a worker.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message_codec import RecordView
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.common.topics import is_system_topic
from rocketmq_ops.store.cleaning import CleaningService
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.dispatch import Redispatcher, is_storable, parse_delay_levels
from rocketmq_ops.store.errors import DLedgerLogError
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.filesystem import FileSystem, OsFileSystem
from rocketmq_ops.store.files.store_lock import AbortFile, StoreLock
from rocketmq_ops.store.flush import FlushService
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.log.batch_writer import BatchWriter
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.losses import log_losses
from rocketmq_ops.store.recovery import Recovery, RecoveryReport
from rocketmq_ops.store.running_flags import RunningFlags
from rocketmq_ops.store.store_stats import StoreStats

log = logging.getLogger(__name__)

#: Topic, queue id, queue offset.
QueueEnd = tuple[str, int, int]

_SAMPLE_INTERVAL_MS = 1_000
_BUSY_MESSAGES = 500
_BLOCKS = f"{__package__}.index.index_block"


class MessageStore(BatchWriter):
    """One store directory, open for reading and writing."""

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
        host = pack_host(*store_host)
        super().__init__(config, fs if fs is not None else OsFileSystem(), host.hex().upper())
        self.clock = clock
        self.root = config.storePathRootDir
        self.flags = RunningFlags()
        self.stats = StoreStats(clock)
        self.delay_levels = delay_levels if delay_levels is not None else parse_delay_levels(config.messageDelayLevel)
        folder = config.storePathCommitLog or f"{self.root}/commitlog"
        self.commit_log = CommitLog(self.fs, folder, config.mappedFileSizeCommitLog, host, config.enabledAppendPropCRC)
        self._lock = StoreLock(self.fs, self.root)
        self._abort = AbortFile(self.fs, self.root)
        self._jobs = PeriodicJobs()
        #: Has put so many messages within a second that its index is worth more memory.
        self._busy = False
        self._put_before = 0
        self.cleaning = CleaningService(self, clock)

    # -- life cycle

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
            self._close_files()
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
        clean = not self._abort.exists()
        log_rows = self.commit_log.rows
        for folder in (log_rows.folder, self._queue_root):
            self.fs.make_dirs(folder)
        log_rows.load()
        self._load_queues()
        checkpoint = self.checkpoint = StoreCheckpoint(self.fs, f"{self.root}/checkpoint")
        index = self.index = IndexService(self.fs, self.config, checkpoint, self.flags, self.clock)
        index.load(clean=clean)
        self._put_keys = index.put_keys
        self._abort.create()
        indexed_until = index.indexed_until if self._indexing and (index.lacks_files or not clean) else 1 << 62
        recovery = Recovery(
            self.commit_log,
            self.all_queues,
            checkpoint,
            Redispatcher(self.queue_for, self.delay_levels, self._index_again, indexed_until),
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
        self._start_behind(known_ends)
        self.commit_log.attach()
        log_losses(report, self.root, index_lost=index.lacks_files, checkpoint_lost=checkpoint.was_missing)
        self.last_dispatched_timestamp = recovery.last_timestamp
        self._flush = FlushService(self)
        self._is_open = True
        return report

    def _queue_names(self) -> list[str]:
        """The queues that have files, each with the byte at which its first one begins."""
        return [f"{q.topic}/{q.queue_id}/{q.rows.min_offset}" for q in self.all_queues() if q.rows.files]

    def _lacks_queues(self, known_ends: list[QueueEnd]) -> bool:
        """Whether queues have lost all their files since a clean stop; their units have to be made anew then."""
        if self.checkpoint.knows_queues():
            return not self.checkpoint.queues_are(self._queue_names())
        # Stopped by Apache's broker: what groups have consumed tells of some of the queues.
        return any(end > 0 and not self._has_files(topic, queue_id) for topic, queue_id, end in known_ends)

    def _has_files(self, topic: str, queue_id: int) -> bool:
        queue = self.consume_queue(topic, queue_id)
        return queue is not None and bool(queue.rows.files)

    def _start_behind(self, known_ends: list[QueueEnd]) -> None:
        """Let queues of which neither files nor records are left go on where groups have come to."""
        for topic, queue_id, end in known_ends:
            if end > 0 and is_storable(topic, queue_id) and not self._has_files(topic, queue_id):
                queue = self.queue_for(topic, queue_id)
                if queue.next_offset < end <= self.commit_log.max_offset // SMALLEST_RECORD:
                    queue.start_at(end)

    def _load_queues(self) -> None:
        for topic in self.fs.list_dir(self._queue_root):
            for name in self.fs.list_dir(f"{self._queue_root}/{topic}"):
                if name.isascii() and name.isdigit():
                    self.queue_for(topic, int(name)).load()

    def _index_again(self, topic: str, properties: dict[str, str], record: RecordView) -> None:
        if self._indexing:
            self._put_keys(
                topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), record.physical_offset,
                record.store_timestamp, record.sys_flag,
            )  # fmt: skip

    def start(self) -> None:
        """Begin the periodic flushes and the cleaning on the running asyncio loop. Call it after `load`."""
        assert self._flush is not None, "load() comes first"
        self._flush.start()
        self.cleaning.start()
        self._sample()
        self._jobs.every("sample", lambda: _SAMPLE_INTERVAL_MS, self._sample)

    def _sample(self) -> None:
        self.stats.sample()
        if self._indexing and not self._busy:
            self._busy = self.stats.put_messages - self._put_before >= _BUSY_MESSAGES
            self._put_before = self.stats.put_messages
            if self._busy:
                run_later(self._index_in_blocks(), "load-index-blocks")

    async def _index_in_blocks(self) -> None:
        """From now on put keys into the index in blocks; what that needs is too big to be loaded by an idle broker."""
        flush = self._flush
        if flush is None:
            return
        try:
            await flush.in_worker(lambda: import_module(_BLOCKS))
        except ImportError as error:
            log.warning("keys are indexed one by one: %s", error)
            return
        self._put_keys, self._pending = self.index.defer_keys, self.index

    async def shutdown(self) -> None:
        """Refuse further puts, flush everything, mark the stop as clean and let go of the directory."""
        if self._flush is None:
            return
        self._is_open = False
        self._jobs.stop()
        await self.cleaning.stop()
        flush, self._flush = self._flush, None
        durable = await flush.stop()
        if durable:
            self._note_queues()
            self._abort.remove()
        else:
            log.error("%s was not flushed, the next start will recover it", self.root)
        self._close_files()

    def _note_queues(self) -> None:
        self.checkpoint.note_queues(self._queue_names())
        try:
            self.checkpoint.flush()
        except OSError as error:
            log.warning("the next start cannot tell whether queues are missing: %s", error)

    def _close_files(self) -> None:
        self._is_open = False
        for queue in self.all_queues():
            queue.rows.close()
        self.table.clear()
        self.commit_log.rows.close()
        self.commit_log.attach()
        if hasattr(self, "index"):
            self.index.close()
        if hasattr(self, "checkpoint"):
            self.checkpoint.close()
        self._lock.release()

    # -- queues

    def delete_topics(self, topics: Iterable[str]) -> int:
        """Remove the queues of some topics; their records stay in the commitlog. Returns how many there were."""
        topics = [topic for topic in topics if topic in self.table]
        for _ in self.deleting(topics):
            pass
        return len(topics)

    def deleting(self, topics: Iterable[str]) -> Iterator[None]:
        """As `delete_topics`, a queue at each step: other work may be done between them, sends to the topic too."""
        for topic in topics:
            queues = self.table.get(topic)
            if queues is None:
                continue
            for queue in list(queues.values()):
                del queues[queue.queue_id]
                if self._unseen:
                    self._unseen = deque(entry for entry in self._unseen if entry[1] is not queue)
                queue.destroy()
                yield
            if queues:
                continue  # somebody sent to it meanwhile
            del self.table[topic]
            try:
                self.fs.remove_dir(f"{self._queue_root}/{topic}")
                self.fs.sync_dir(self._queue_root)
            except OSError as error:
                log.warning("the folder of topic %s is kept: %s", topic, error)
            yield

    def unused_topics(self, retain: Iterable[str]) -> list[str]:
        """The topics with queues but some and the system's."""
        kept = set(retain)
        return [t for t in self.table if t not in kept and not is_system_topic(t) and not t.startswith("%LMQ%")]

    def clean_expired(self, now: int) -> int:
        """Delete expired files now, not only at deleteWhen. `now` (ms) is only for the log.

        The last file of a queue stays although its messages may all be gone, for it says where the queue goes on.
        (Apache's cleanExpiredConsumerQueue removes such queues; they begin again at 0, and a group that had come
        further does not see what follows.) Returns how many commitlog files went. Raises OSError."""
        log.info("expired files are deleted on demand at %d", now)
        self.cleaning.delete_manually()
        return self.cleaning.clean_now()

    # -- information

    def runtime_info(self) -> dict[str, str]:
        """The store's keys of brokerStatus (DefaultMessageStore.getRuntimeInfo)."""
        info = self.stats.runtime_info()
        folder = self.commit_log.rows.folder
        log_ratio = self._used_ratio(folder)
        info[f"commitLogDiskRatio_{folder}"] = info["commitLogDiskRatio"] = log_ratio
        info["consumeQueueDiskRatio"] = self._used_ratio(self._queue_root)
        info["commitLogMinOffset"] = str(self.commit_log.min_offset)
        info["commitLogMaxOffset"] = str(self.commit_log.max_offset)
        return info

    def _used_ratio(self, path: str) -> str:
        usage = self.fs.disk_usage(path)
        return str(usage.used / (usage.used + usage.free)) if usage.used + usage.free else "-1"
