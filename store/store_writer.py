"""Writing to the store: messages and batches are appended, dispatched and made visible to consumers.

What lives here: the append path with its dispatch to consumequeue and index in the same turn (mirrors the put side
of DefaultMessageStore and CommitLog.asyncPutMessage). What does not: the life cycle (`message_store.py`), packing
of records (`log/commit_log.py`), the sync itself (`flush.py`).
"""

from __future__ import annotations

import errno
import logging
import struct
from collections import deque
from collections.abc import Callable, Container

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import PROPERTIES_MAX_LENGTH
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, TRANSACTION_MASK
from rocketmq_ops.common.topics import is_topic_too_long
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.dispatch import deliver_time, enters_consume_queue, is_storable
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.flush import FlushService
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult, PutStatus
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE
from rocketmq_ops.store.log.commit_log import CRC_PROPERTY_LENGTH
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.running_flags import RunningFlags
from rocketmq_ops.store.store_reader import Arriving, StoreReader

log = logging.getLogger(__name__)

_MAX_CACHED_TAGS = 10_000
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_OK = PutStatus.PUT_OK
#: A message waiting for the sync of its record: end of the record, queue, and the arguments of `arriving`.
_Unseen = tuple[int, ConsumeQueue, int, int, int, dict[str, str]]


class StoreWriter(StoreReader):
    """The writing half of a `MessageStore`. One thread, the loop's, calls it."""

    flags: RunningFlags
    clock: Callable[[], int]
    delay_levels: list[int]

    def __init__(self, config: MessageStoreConfig, fs: FileSystem, id_prefix: str) -> None:
        """`id_prefix`: the store host in upper-case hex, as message ids begin with it."""
        super().__init__()
        self.config = config
        self.fs = fs
        self.table: dict[str, dict[int, ConsumeQueue]] = {}
        #: Told of every message that consumers may now read.
        self.arriving: Arriving | None = None
        #: Topics that `arriving` wants to hear of; None is all of them.
        self.awaited: Container[str] | None = None
        #: Store timestamp (ms) of the last message that has its unit.
        self.last_dispatched_timestamp = 0
        self._queue_root = f"{config.storePathRootDir}/consumequeue"
        self._queue_file_size = -(-config.mappedFileSizeConsumeQueue // CQ_UNIT_SIZE) * CQ_UNIT_SIZE
        #: Store host in upper-case hex: ids of messages are this and 16 digits of the commitlog offset.
        self.id_prefix = id_prefix
        self._sync = config.flushDiskType == "SYNC_FLUSH"
        self._crc_room = CRC_PROPERTY_LENGTH + 1 if config.enabledAppendPropCRC else 0
        self._max_properties = PROPERTIES_MAX_LENGTH - self._crc_room
        self._indexing = config.messageIndexEnable
        self._unseen: deque[_Unseen] = deque()
        self._tag_codes: dict[str, int] = Bounded(_MAX_CACHED_TAGS)
        self._is_open = False
        #: One line says it all while a disk is full.
        self._failures = LogRate()
        self._flush: FlushService | None = None
        self._put_keys: Callable[[str, str | None, str | None, int, int, int], None]
        #: Queue offset of the message that `put_plain` has put last.
        self.last_queue_offset = -1
        #: The index once it takes keys in blocks.
        self._pending: IndexService | None = None

    def queue_for(self, topic: str, queue_id: int) -> ConsumeQueue:
        """The queue; an empty one is made when there is none."""
        queues = self.table.setdefault(topic, {})
        queue = queues.get(queue_id)
        if queue is None:
            queue = ConsumeQueue(self.fs, self._queue_root, topic, queue_id, self._queue_file_size)
            queue.packers = self.commit_log.packers_for(len(queue.topic_field))
            queues[queue_id] = queue
        return queue

    def put_message(self, msg: InnerMessage) -> PutMessageResult:
        """Append one message and dispatch it; what goes wrong is said by the result's status.

        Under SYNC_FLUSH consumers see it after the next sync; `when_flushed` tells when that is."""
        commit_log = self.commit_log
        body, encoded, sys_flag = msg.body, msg.properties_bytes, msg.sys_flag
        if (
            self.flags.bits
            or not self._is_open
            or len(body) > self.config.maxMessageSize
            or len(encoded) > self._max_properties
            or sys_flag & INNER_BATCH_FLAG
        ):
            return self._refused(msg)
        try:
            queue = self.table[msg.topic][msg.queue_id]
        except KeyError:
            if not is_storable(msg.topic, msg.queue_id) or is_topic_too_long(msg.topic):
                return self._failed(PutStatus.MESSAGE_ILLEGAL)
            queue = self.queue_for(msg.topic, msg.queue_id)
        timestamp = self.clock()
        if sys_flag & TRANSACTION_MASK and not enters_consume_queue(sys_flag):
            return self._put_outside_queue(queue, msg, timestamp)
        try:
            if not queue.room:
                queue.make_room(1)
            offset = queue.next_offset
            physical = commit_log.append(queue, msg, body, encoded, msg.flag, offset, timestamp)
        except (OSError, struct.error) as error:
            return self._append_failed(msg, error)
        size = commit_log.last_size
        properties = msg.properties
        tags = properties.get("TAGS")
        code = self._tag_codes.get(tags) or self.hash_of(tags) if tags else 0
        if queue.is_delay:
            code = deliver_time(properties, self.delay_levels, timestamp) or code
        msg.tags_code = code
        queue.put_unit(physical, size, code)
        if self._indexing:
            self._put_keys(msg.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp, 0)
        self.last_dispatched_timestamp = timestamp
        if self._sync:
            self._see_when_synced(queue, offset + 1, physical + size, code, timestamp, properties)
        else:
            queue.max_offset = offset + 1
            if self._is_awaited(queue.topic):
                self._tell(queue, offset + 1, code, timestamp, properties)
        self.stats.put_messages += 1
        self.stats.put_bytes += size
        return PutMessageResult(_OK, physical, size, offset, timestamp, f"{self.id_prefix}{physical:016X}")

    def put_plain(self, msg: InnerMessage, unique_key: str, keys: str | None) -> int:
        """Append a message that is neither delayed nor of a transaction; its commitlog offset, -1 if it was not put.

        The short way for what makes up nearly all messages: `tags_code` and the keys are given, `properties` may lack
        the unique key and the keys, and no result is made: `last_queue_offset` has its queue offset, the commitlog's
        `last_size` its size. After -1 nothing has changed: ask `put_message`, which knows why."""
        encoded = msg.properties_bytes
        if (
            self._sync
            or self.flags.bits
            or not self._is_open
            or len(msg.body) > self.config.maxMessageSize
            or len(encoded) > self._max_properties
        ):
            return -1
        topic = msg.topic
        try:
            queue = self.table[topic][msg.queue_id]
            if queue.is_delay:
                return -1
            if not queue.room:
                queue.make_room(1)
            timestamp = self.clock()
            commit_log = self.commit_log
            offset = queue.next_offset
            physical = commit_log.append(queue, msg, msg.body, encoded, msg.flag, offset, timestamp)
        except (KeyError, OSError, struct.error):
            return -1
        code, size = msg.tags_code, commit_log.last_size
        queue.max_offset = queue.put_unit(physical, size, code)
        self.last_queue_offset = offset
        index = self._pending
        if index is not None and keys is None:
            buffer = index.key_buffer
            buffer.keys.append(f"{topic}#{unique_key}")
            buffer.offsets.append(physical)
            buffer.timestamps.append(timestamp)
            buffer.seen = physical
            if buffer.is_full:
                index.settle()
        elif self._indexing:
            self._put_keys(topic, unique_key, keys, physical, timestamp, 0)
        self.last_dispatched_timestamp = timestamp
        if self.arriving is not None and (self.awaited is None or topic in self.awaited):
            self._tell(queue, queue.max_offset, code, timestamp, msg.properties)
        stats = self.stats
        stats.put_messages += 1
        stats.put_bytes += size
        return physical

    def _see_when_synced(
        self, queue: ConsumeQueue, next_offset: int, end: int, code: int, timestamp: int, properties: dict[str, str]
    ) -> None:
        """Let consumers see a message once its record is durable, so that they never see one that gets lost."""
        self._unseen.append((end, queue, next_offset, code, timestamp, properties))
        if self._sync and self._flush is not None:
            self._flush.wake()

    def on_commit_log_flushed(self) -> None:
        """Let consumers see what has become durable."""
        self._see_up_to(self.commit_log.rows.flushed_where)

    def _see_up_to(self, offset: int) -> None:
        unseen = self._unseen
        while unseen and unseen[0][0] <= offset:
            _, queue, next_offset, code, timestamp, properties = unseen.popleft()
            queue.max_offset = next_offset
            if self._is_awaited(queue.topic):
                self._tell(queue, next_offset, code, timestamp, properties)

    def _is_awaited(self, topic: str) -> bool:
        return self.arriving is not None and (self.awaited is None or topic in self.awaited)

    def _tell(
        self, queue: ConsumeQueue, next_offset: int, code: int, timestamp: int, properties: dict[str, str]
    ) -> None:
        assert self.arriving is not None
        try:
            self.arriving(queue.topic, queue.queue_id, next_offset, code, timestamp, properties)
        except Exception:
            log.exception("a held pull of topic %s could not be woken", queue.topic)

    def _put_outside_queue(self, queue: ConsumeQueue, msg: InnerMessage, timestamp: int) -> PutMessageResult:
        """Append a prepared or rolled back transaction record: it gets queue offset 0 and no unit."""
        try:
            physical = self.commit_log.append(queue, msg, msg.body, msg.properties_bytes, msg.flag, 0, timestamp)
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
        return PutMessageResult(_OK, physical, size, 0, timestamp, f"{self.id_prefix}{physical:016X}")

    def hash_of(self, tags: str) -> int:
        """What a unit holds of a message's tags, unless it says when the message is due; kept for the next time."""
        code = self._tag_codes[tags] = string_hash(tags)
        return code

    def _refused(self, msg: InnerMessage) -> PutMessageResult:
        """The result of a put that was not even tried."""
        if self.flags.bits or not self._is_open:
            return self._failed(PutStatus.SERVICE_NOT_AVAILABLE)
        if len(msg.body) > self.config.maxMessageSize or msg.sys_flag & INNER_BATCH_FLAG:
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        return self._failed(PutStatus.PROPERTIES_SIZE_EXCEEDED)

    def _failed(self, status: PutStatus) -> PutMessageResult:
        self.stats.put_failed += 1
        return PutMessageResult(status)

    def _append_failed(self, msg: InnerMessage, error: OSError | struct.error) -> PutMessageResult:
        now = self.clock()
        if self._failures.due(now):
            log.error("a message for topic %s could not be written: %s", msg.topic, error)
        if isinstance(error, struct.error):
            return self._failed(PutStatus.MESSAGE_ILLEGAL)
        return self._failed(PutStatus.DISK_FULL if error.errno in _FULL_DISK else PutStatus.CREATE_MAPPED_FILE_FAILED)

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
