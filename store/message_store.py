"""The message store: opens and closes a store directory and puts messages into it (mirrors DefaultMessageStore).

What lives here: the life cycle and the append path with its dispatch to consumequeue and index in the same
turn. What does not: reading (`store_reader.py`), records (`commit_log.py`), flushing (`flush.py`), recovery
(`recovery.py`), deletion of expired files (`cleaning.py`). One thread, the loop's, owns a store; only disk syncs
run in a worker.
"""

from __future__ import annotations

import errno
import logging
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable

from ..common.addresses import pack_host
from ..common.javatypes import string_hash
from ..common.message import PROPERTIES_MAX_LENGTH, string_to_properties
from ..common.message_codec import BadRecordError, RecordView, iter_batch
from ..common.sysflag import TRANSACTION_MASK
from ..common.topics import is_system_topic
from . import running_flags
from .checkpoint import StoreCheckpoint
from .cleaning import CleaningService
from .commit_log import CRC_PROPERTY_LENGTH, Buffer, CommitLog
from .config import MessageStoreConfig
from .consume_queue import ConsumeQueue
from .dispatcher import Redispatcher, deliver_time, enters_consume_queue, parse_delay_levels, tags_code_of
from .filesystem import FileSystem, OsFileSystem
from .flush import FlushService
from .index_service import IndexService
from .inner_message import InnerMessage, PutMessageResult, PutStatus
from .recovery import Recovery, RecoveryReport
from .store_lock import AbortFile, StoreLock
from .store_reader import Arriving, StoreReader
from .store_stats import StoreStats

log = logging.getLogger(__name__)

_UNIT = 20
_MAX_CACHED_TAGS = 10_000
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_OK = PutStatus.PUT_OK
#: A message waiting for the sync of its record: end of the record, queue, and the arguments of `arriving`.
_Unseen = tuple[int, ConsumeQueue, int, int, int, dict[str, str]]
#: One message of a batch: flag, body, pieces of its properties.
_Item = tuple[int, Buffer, tuple[Buffer, ...]]


def now_ms() -> int:
    """ms since the epoch."""
    return time.time_ns() // 1_000_000


class MessageStore(StoreReader):
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
        super().__init__()
        self.config = config
        self.fs: FileSystem = fs if fs is not None else OsFileSystem()
        self.clock = clock
        self.root = config.storePathRootDir
        self.flags = running_flags.RunningFlags()
        self.stats = StoreStats(clock)
        self.delay_levels = delay_levels if delay_levels is not None else parse_delay_levels(config.messageDelayLevel)
        host = pack_host(*store_host)
        self._id_prefix = host.hex().upper()
        folder = config.storePathCommitLog or f"{self.root}/commitlog"
        append_crc = config.enabledAppendPropCRC
        self.commit_log = CommitLog(self.fs, folder, config.mappedFileSizeCommitLog, host, append_crc)
        self._crc_room = CRC_PROPERTY_LENGTH + 1 if append_crc else 0
        self._max_properties = PROPERTIES_MAX_LENGTH - self._crc_room
        self._indexing = config.messageIndexEnable
        self.table: dict[str, dict[int, ConsumeQueue]] = {}
        #: Told of every message that consumers may now read.
        self.arriving: Arriving | None = None
        self.last_dispatched_timestamp = 0
        self._queue_root = f"{self.root}/consumequeue"
        self._queue_file_size = -(-config.mappedFileSizeConsumeQueue // _UNIT) * _UNIT
        self._sync = config.flushDiskType == "SYNC_FLUSH"
        self._unseen: deque[_Unseen] = deque()
        self._tag_codes: dict[str, int] = {}
        self._is_open = False
        self._lock = StoreLock(self.fs, self.root)
        self._abort = AbortFile(self.fs, self.root)
        self._flush: FlushService | None = None
        self.cleaning = CleaningService(self, clock)

    # -- life cycle

    def load(self) -> RecoveryReport:
        """Take the lock, load all files and recover; then puts and reads are possible.

        Raises StoreLockedError, MissingFileError, FileLengthError, OSError; the store is closed then."""
        self._make_root()
        self._lock.acquire()
        try:
            return self._load()
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

    def _load(self) -> RecoveryReport:
        clean = not self._abort.exists()
        log_rows = self.commit_log.rows
        for folder in (log_rows.folder, self._queue_root):
            self.fs.make_dirs(folder)
        log_rows.load()
        self._load_queues()
        self.checkpoint = StoreCheckpoint(self.fs, f"{self.root}/checkpoint")
        self.index = IndexService(self.fs, self.config, self.checkpoint, self.flags, self.clock)
        self.index.load(clean=clean)
        self._put_keys = self.index.put_keys
        self._abort.create()
        indexed_until = self.index.indexed_until if self._indexing and not clean else 1 << 62
        recovery = Recovery(
            self.commit_log,
            self.all_queues,
            self.checkpoint,
            Redispatcher(self.queue_for, self.delay_levels, self._index_again, indexed_until),
            clean=clean,
            check_crc=self.config.checkCRCOnRecover,
            index_from=indexed_until,
        )
        report = recovery.run()
        self.index.truncate(report.end_offset)
        if not clean:
            # What was cut must not come back by a power cut once other records stand in its place.
            self.index.flush()
            self.checkpoint.flush()
        self.commit_log.attach()
        self.last_dispatched_timestamp = recovery.last_timestamp
        self._flush = FlushService(self)
        self._is_open = True
        return report

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

    async def shutdown(self) -> None:
        """Refuse further puts, flush everything, mark the stop as clean and let go of the directory."""
        if self._flush is None:
            return
        self._is_open = False
        await self.cleaning.stop()
        flush, self._flush = self._flush, None
        durable = await flush.stop()
        if durable:
            self._abort.remove()
        else:
            log.error("%s was not flushed, the next start will recover it", self.root)
        self._close_files()

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

    def queue_for(self, topic: str, queue_id: int) -> ConsumeQueue:
        """The queue; an empty one is made when there is none."""
        queues = self.table.setdefault(topic, {})
        queue = queues.get(queue_id)
        if queue is None:
            queue = ConsumeQueue(self.fs, self._queue_root, topic, queue_id, self._queue_file_size)
            queue.packers = self.commit_log.packers_for(len(queue.topic_field))
            queues[queue_id] = queue
        return queue

    def delete_topics(self, topics: Iterable[str]) -> int:
        """Remove the queues of some topics; their records stay in the commitlog. Returns how many there were."""
        count = 0
        for topic in topics:
            queues = self.table.pop(topic, None)
            if queues is None:
                continue
            self._unseen = deque(entry for entry in self._unseen if entry[1].topic != topic)
            for queue in queues.values():
                queue.destroy()
            try:
                self.fs.remove_dir(f"{self._queue_root}/{topic}")
                self.fs.sync_dir(self._queue_root)
            except OSError as error:
                log.warning("the folder of topic %s is kept: %s", topic, error)
            count += 1
        return count

    def clean_unused_topics(self, retain: Iterable[str]) -> int:
        """Remove the queues of all topics but some and the system's. Returns how many (cleanUnusedTopic)."""
        kept = set(retain)
        return self.delete_topics(
            [t for t in self.table if t not in kept and not is_system_topic(t) and not t.startswith("%LMQ%")]
        )

    def clean_expired(self, now: int) -> int:
        """Delete expired files now, not only at deleteWhen, and queues whose last message is gone with them.

        `now` (ms) is only for the log. Returns how many commitlog files went. Raises OSError."""
        log.info("expired files are deleted on demand at %d", now)
        self.cleaning.delete_manually()
        count = self.cleaning.clean_now()
        min_offset = self.commit_log.min_offset
        for queue in self.all_queues():
            last = queue.max_physical_offset
            if 0 <= last < min_offset and not is_system_topic(queue.topic):
                log.info("queue %d of %s has no message left, removed", queue.queue_id, queue.topic)
                queue.destroy()
                del self.table[queue.topic][queue.queue_id]
        for topic in [topic for topic, queues in self.table.items() if not queues]:
            self.delete_topics([topic])
        return count

    # -- putting

    def put_message(self, msg: InnerMessage) -> PutMessageResult:
        """Append one message and dispatch it; what goes wrong is said by the result's status.

        Under SYNC_FLUSH consumers see it after the next sync; `when_flushed` tells when that is."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        commit_log = self.commit_log
        if len(msg.body) > self.config.maxMessageSize:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        if len(msg.properties_bytes) > self._max_properties:
            return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)
        try:
            queue = self.table[msg.topic][msg.queue_id]
        except KeyError:
            queue = self.queue_for(msg.topic, msg.queue_id)
        timestamp = self.clock()
        if msg.sys_flag & TRANSACTION_MASK and not enters_consume_queue(msg.sys_flag):
            return self._put_outside_queue(queue, msg, timestamp)
        try:
            if not queue.has_room():
                queue.make_room(1)
            offset = queue.next_offset
            physical = commit_log.append(queue, msg, offset, timestamp)
        except (OSError, struct.error) as error:
            return self._append_failed(msg, error)
        size = commit_log.last_size
        properties = msg.properties
        tags = properties.get("TAGS")
        code = 0
        if tags:
            code = self._tag_codes.get(tags) or self._hash_of(tags)
        if queue.is_delay:
            code = deliver_time(properties, self.delay_levels, timestamp) or code
        msg.tags_code = code
        queue.put_unit(physical, size, code)
        if self._indexing:
            self._put_keys(msg.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp, 0)
        self._seen(queue, offset + 1, physical + size, code, timestamp, properties)
        stats = self.stats
        stats.put_messages += 1
        stats.put_bytes += size
        return PutMessageResult(_OK, physical, size, offset, timestamp, f"{self._id_prefix}{physical:016X}")

    def _seen(
        self, queue: ConsumeQueue, next_offset: int, end: int, code: int, timestamp: int, properties: dict[str, str]
    ) -> None:
        """A message is dispatched: let consumers see it, under SYNC_FLUSH once it is durable."""
        self.last_dispatched_timestamp = timestamp
        if self._sync:
            self._unseen.append((end, queue, next_offset, code, timestamp, properties))
            if self._flush is not None:
                self._flush.wake()
            return
        queue.max_offset = next_offset
        if self.arriving is not None:
            self.arriving(queue.topic, queue.queue_id, next_offset, code, timestamp, properties)

    def on_commit_log_flushed(self) -> None:
        """Let consumers see what has become durable."""
        unseen, flushed = self._unseen, self.commit_log.rows.flushed_where
        while unseen and unseen[0][0] <= flushed:
            _, queue, next_offset, code, timestamp, properties = unseen.popleft()
            queue.max_offset = next_offset
            if self.arriving is not None:
                self.arriving(queue.topic, queue.queue_id, next_offset, code, timestamp, properties)

    def _put_outside_queue(self, queue: ConsumeQueue, msg: InnerMessage, timestamp: int) -> PutMessageResult:
        """Append a prepared or rolled back transaction record: it gets queue offset 0 and no unit."""
        try:
            physical = self.commit_log.append(queue, msg, 0, timestamp)
        except (OSError, struct.error) as error:
            return self._append_failed(msg, error)
        size, properties = self.commit_log.last_size, msg.properties
        if self._indexing:
            self._put_keys(
                msg.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp, msg.sys_flag
            )
        if self._sync and self._flush is not None:
            self._flush.wake()
        self.stats.put_messages += 1
        self.stats.put_bytes += size
        return PutMessageResult(_OK, physical, size, 0, timestamp, f"{self._id_prefix}{physical:016X}")

    def put_messages(self, batch: InnerMessage) -> PutMessageResult:
        """Append the messages of a batch (request 320) one after the other, all or none (asyncPutMessages)."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        if len(batch.body) > self.config.maxMessageSize or batch.sys_flag & TRANSACTION_MASK:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        queue = self.queue_for(batch.topic, batch.queue_id)
        try:
            items = self._items_of(batch)
        except BadRecordError as error:
            log.warning("a batch for topic %s is refused: %s", batch.topic, error)
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        if not items:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        if any(sum(map(len, pieces)) > self._max_properties for _, _, pieces in items):
            return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)
        timestamp = self.clock()
        try:
            queue.make_room(len(items))
            self._room_for_batch(queue, batch, items)
            return self._append_items(queue, batch, items, timestamp)
        except (OSError, struct.error) as error:
            return self._append_failed(batch, error)

    def _items_of(self, batch: InnerMessage) -> list[_Item]:
        """Flag, body and properties (its own and those of the batch) of each message in a batch."""
        extra = batch.properties_bytes
        items: list[_Item] = []
        for flag, body, properties in iter_batch(batch.body):
            if extra and len(properties) and properties[-1] != 2:
                items.append((flag, body, (properties, b"\x02", extra)))
            else:
                items.append((flag, body, (properties, extra)))
        return items

    def _room_for_batch(self, queue: ConsumeQueue, batch: InnerMessage, items: list[_Item]) -> None:
        """All records of a batch go into one file: roll to the next one first if they do not fit."""
        commit_log = self.commit_log
        sys_flag = commit_log.sys_flag_of(batch)
        total = sum(
            commit_log.size_of(queue, sys_flag, len(body), sum(map(len, pieces)) + self._crc_room)
            for _, body, pieces in items
        )
        commit_log.make_room(total)

    def _append_items(
        self, queue: ConsumeQueue, batch: InnerMessage, items: list[_Item], timestamp: int
    ) -> PutMessageResult:
        commit_log = self.commit_log
        first_offset = queue.next_offset
        ids, first, end = [], -1, 0
        for item in items:
            physical = commit_log.append_item(queue, batch, item, queue.next_offset, timestamp)
            end = physical + commit_log.last_size
            first = physical if first < 0 else first
            ids.append(f"{self._id_prefix}{physical:016X}")
            properties = string_to_properties(str(b"".join(item[2]), "utf-8", "replace"))
            code = tags_code_of(queue, properties, self.delay_levels, timestamp)
            next_offset = queue.put_unit(physical, commit_log.last_size, code)
            if self._indexing:
                self._put_keys(
                    queue.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp, 0
                )
            self._seen(queue, next_offset, end, code, timestamp, properties)
        self.stats.put_messages += len(items)
        self.stats.put_bytes += end - first
        return PutMessageResult(_OK, first, end - first, first_offset, timestamp, ",".join(ids), len(items))

    def _hash_of(self, tags: str) -> int:
        if len(self._tag_codes) >= _MAX_CACHED_TAGS:
            self._tag_codes.clear()
        code = self._tag_codes[tags] = string_hash(tags)
        return code

    def _failed(self, status: PutStatus) -> PutMessageResult:
        self.stats.put_failed += 1
        return PutMessageResult(status)

    def _append_failed(self, msg: InnerMessage, error: OSError | struct.error) -> PutMessageResult:
        if isinstance(error, struct.error):
            log.warning("a message for topic %s cannot be written: %s", msg.topic, error)
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        log.error("no room for a message of topic %s: %s", msg.topic, error)
        return self._failed(
            PutStatus.DISK_FULL if error.errno in _FULL_DISK else PutStatus.CREATE_MAPPED_FILE_FAILED
        )

    # -- flushing

    def when_flushed(self, end_offset: int, callback: Callable[[bool], None]) -> None:
        """See `FlushService.when_flushed`; `end_offset` is `wrote_offset + wrote_bytes` of a put."""
        if self._flush is None:
            callback(False)
        else:
            self._flush.when_flushed(end_offset, callback)

    @property
    def flushed_where(self) -> int:
        """Commitlog offset below which everything is durable (bytes)."""
        return self.commit_log.rows.flushed_where

    @property
    def dispatch_behind_bytes(self) -> int:
        """Bytes of the commitlog that consumers cannot see yet."""
        return self.commit_log.max_offset - self.flushed_where if self._unseen else 0

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
