"""Putting messages and batches: records are appended, and consumequeue and index follow in the same turn.

What lives here: the append path with its dispatch (mirrors the put side of DefaultMessageStore, and
CommitLog.asyncPutMessage and asyncPutMessages). What does not: packing of records (`commit_log.py`,
`batch_records.py`), when consumers see a message (`arrivals.py`), the sync (`flush.py`).
"""

from __future__ import annotations

import errno
import logging
import struct
from collections.abc import Callable, Sequence

from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import string_to_properties
from rocketmq_ops.common.message_codec import BadRecordError
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, TRANSACTION_MASK
from rocketmq_ops.common.topics import is_topic_too_long
from rocketmq_ops.store.arrivals import MessageArrivals
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.dispatch import enters_consume_queue
from rocketmq_ops.store.errors import LostFileError
from rocketmq_ops.store.flush import FlushService
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult, PutStatus
from rocketmq_ops.store.log.batch_items import BatchItems, read_items, shared_key, tags_and_keys
from rocketmq_ops.store.log.batch_records import BatchRecords
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore, is_storable
from rocketmq_ops.store.queue.unit_codes import UnitCodes
from rocketmq_ops.store.running_flags import RunningFlags
from rocketmq_ops.store.store_stats import StoreStats

log = logging.getLogger(__name__)

_OK = PutStatus.PUT_OK
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
#: In a batch there are no transactions, and no inner batches: those belong into batch consumequeues.
_NOT_IN_BATCH = TRANSACTION_MASK | INNER_BATCH_FLAG


class Appender:
    """Puts the messages of one store. One thread, the loop's, calls it."""

    def __init__(
        self,
        commit_log: CommitLog,
        queues: ConsumeQueueStore,
        index: IndexService,
        *,
        arrivals: MessageArrivals,
        clock: Callable[[], int],
        codes: UnitCodes,
        config: MessageStoreConfig,
        flags: RunningFlags,
        flush: FlushService,
        stats: StoreStats,
    ) -> None:
        """`clock`: ms since the epoch; what is put gets its time."""
        self._commit_log = commit_log
        self._queues = queues
        self._table = queues.table
        self._index = index
        self._arrivals = arrivals
        self._clock = clock
        self._codes = codes
        self._config = config
        self._flags = flags
        self._flush = flush
        self._after_sync = flush.is_awaited
        self._stats = stats
        self._put_times = stats.put_times
        self._batch_records = BatchRecords(commit_log)
        #: One line says it all while a disk is full.
        self._failures = LogRate()
        self._id_prefix = commit_log.id_prefix
        self._max_properties = commit_log.max_properties
        #: Queue offset of the message that `put_plain` has put last.
        self.last_queue_offset = -1

    def put_message(self, msg: InnerMessage, note: Callable[[str], None] | None = None) -> PutMessageResult:
        """Append one message and dispatch it; what goes wrong is said by the result's status.

        `note` hears of a message in a queue when it is `appended` and `dispatched`.
        Under SYNC_FLUSH consumers see it after the next sync, for which `FlushService.when_flushed` waits."""
        commit_log = self._commit_log
        body, encoded, sys_flag = msg.body, msg.properties_bytes, msg.sys_flag
        if (
            self._flags.bits
            or len(body) > self._config.maxMessageSize
            or len(encoded) > self._max_properties
            or sys_flag & INNER_BATCH_FLAG
        ):
            return self._why_refused(msg)
        try:
            queue = self._table[msg.topic][msg.queue_id]
        except KeyError:
            if not is_storable(msg.topic, msg.queue_id) or is_topic_too_long(msg.topic):
                return self._refuse(PutStatus.MESSAGE_ILLEGAL)
            queue = self._queues.find_or_create(msg.topic, msg.queue_id)
        timestamp = self._clock()
        if sys_flag & TRANSACTION_MASK and not enters_consume_queue(sys_flag):
            return self._put_outside_queue(queue, msg, timestamp)
        try:
            if not queue.room:
                queue.make_room(1)
            offset = queue.next_offset
            physical = commit_log.append(queue, msg, body, encoded, msg.flag, offset, timestamp)
        except (OSError, struct.error) as error:
            return self._fail(msg.topic, error)
        if note is not None:
            note("appended")
        size = commit_log.last_size
        properties = msg.properties
        tags = properties.get("TAGS")
        code = tags_hash(tags) if tags else 0
        if queue.is_delay:
            code = self._codes.deliver_time(properties, timestamp) or code
        msg.tags_code = code
        queue.put_unit(physical, size, code)
        self._index.sink.put_keys(msg.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp)
        self._queues.last_dispatched_timestamp = timestamp
        if note is not None:
            note("dispatched")
        arrivals = self._arrivals
        if self._after_sync:
            arrivals.hide(physical + size, queue, offset + 1, code, timestamp, properties)
            self._flush.wake()
        else:
            queue.max_offset = offset + 1
            if queue.topic in arrivals.topics:
                arrivals.arrived(queue, offset + 1, code, timestamp, properties)
            took = self._clock() - timestamp
            if took > 0:
                self._put_times.took(took)
        stats = self._stats
        stats.put_messages += 1
        stats.put_bytes += size
        return PutMessageResult(_OK, physical, size, offset, timestamp, f"{self._id_prefix}{physical:016X}")

    def shows_properties(self, topic: str) -> bool:
        """Whether somebody will be shown the properties of a message of the topic that is put now."""
        return self._after_sync or topic in self._arrivals.topics

    def put_plain(self, msg: InnerMessage, unique_key: str | None, keys: str | None) -> int:
        """Append a plain message; its commitlog offset, -1 if it was not put.

        The short way for what makes up nearly all messages: those that enter a queue, of which the caller has made
        sure. In the delay topic they have the level of their queue. `tags_code` and the keys are given, `properties`
        may lack the unique key and the keys, and no result is made: `last_queue_offset` has its queue offset, the
        commitlog's `last_size` its size. After -1 nothing has changed: ask `put_message`, which makes a queue where
        there is none, and knows what is wrong."""
        encoded = msg.properties_bytes
        if self._flags.bits or len(msg.body) > self._config.maxMessageSize or len(encoded) > self._max_properties:
            return -1
        topic = msg.topic
        commit_log = self._commit_log
        try:
            queue = self._table[topic][msg.queue_id]
            if not queue.room:
                queue.make_room(1)
            timestamp = self._clock()
            offset = queue.next_offset
            physical = commit_log.append(queue, msg, msg.body, encoded, msg.flag, offset, timestamp)
        except (KeyError, OSError, struct.error):
            return -1
        code, size = msg.tags_code, commit_log.last_size
        if queue.is_delay:
            code = self._codes.due(queue.queue_id + 1, timestamp)
        end = queue.put_unit(physical, size, code)
        self.last_queue_offset = offset
        self._index.sink.put_keys(topic, unique_key, keys, physical, timestamp)
        self._queues.last_dispatched_timestamp = timestamp
        if self._after_sync:
            self._arrivals.hide(physical + size, queue, end, code, timestamp, msg.properties)
            self._flush.wake()
        else:
            queue.max_offset = end
            if topic in self._arrivals.topics:
                self._arrivals.arrived(queue, end, code, timestamp, msg.properties)
            took = self._clock() - timestamp
            if took > 0:
                self._put_times.took(took)
        stats = self._stats
        stats.put_messages += 1
        stats.put_bytes += size
        return physical

    def _put_outside_queue(self, queue: ConsumeQueue, msg: InnerMessage, timestamp: int) -> PutMessageResult:
        """Append a prepared or rolled back transaction record: it gets queue offset 0 and no unit."""
        commit_log, properties = self._commit_log, msg.properties
        try:
            physical = commit_log.append(queue, msg, msg.body, msg.properties_bytes, msg.flag, 0, timestamp)
        except (OSError, struct.error) as error:
            return self._fail(msg.topic, error)
        size = commit_log.last_size
        self._index.sink.put_keys(
            msg.topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), physical, timestamp, msg.sys_flag
        )
        if self._after_sync:
            self._flush.wake()
        self._stats.put_messages += 1
        self._stats.put_bytes += size
        return PutMessageResult(_OK, physical, size, 0, timestamp, f"{self._id_prefix}{physical:016X}")

    # -- batches

    def put_messages(self, batch: InnerMessage) -> PutMessageResult:
        """Append the messages of a batch (request 320) one after the other, all or none."""
        if self._flags.bits:
            return self._refuse(PutStatus.SERVICE_NOT_AVAILABLE)
        if (
            not batch.body
            or len(batch.body) > self._config.maxMessageSize
            or batch.sys_flag & _NOT_IN_BATCH
            or not is_storable(batch.topic, batch.queue_id)
            or is_topic_too_long(batch.topic)
        ):
            return self._refuse(PutStatus.MESSAGE_ILLEGAL)
        queue = self._queues.find_or_create(batch.topic, batch.queue_id)
        timestamp = self._clock()
        try:
            items = read_items(bytes(batch.body), batch.properties_bytes)
            lengths = items.properties_lengths()
            if max(lengths) > self._max_properties:
                return self._refuse(PutStatus.PROPERTIES_SIZE_EXCEEDED)
            offsets, sizes = self._batch_records.append(queue, batch, items, lengths, timestamp)
        except BadRecordError:
            return self._refuse(PutStatus.MESSAGE_ILLEGAL)
        except (OSError, struct.error) as error:
            return self._fail(batch.topic, error)
        return self._dispatch_items(queue, batch, items, offsets, sizes, timestamp)

    def _dispatch_items(
        self,
        queue: ConsumeQueue,
        batch: InnerMessage,
        items: BatchItems,
        offsets: list[int],
        sizes: list[int],
        timestamp: int,
    ) -> PutMessageResult:
        """Let queue and index follow the records."""
        count, first_offset = len(offsets), queue.next_offset
        codes = [0] * count
        key = None if queue.is_delay else shared_key(batch.properties_bytes)
        if key is None or items.have_tags_or_keys:
            codes = self._index_each(queue, items, offsets, key, timestamp)
        else:
            self._index.sink.put_shared_key(queue.topic, key, offsets, timestamp)
        units = [0] * (3 * count)
        units[::3], units[1::3], units[2::3] = offsets, sizes, codes
        queue.put_units(units)
        self._queues.last_dispatched_timestamp = timestamp
        if self._after_sync or queue.topic in self._arrivals.topics:
            self._show_items(queue, range(first_offset + 1, queue.next_offset + 1), offsets, sizes, codes, timestamp)
        else:
            queue.max_offset = queue.next_offset
        begin, size = offsets[0], offsets[-1] + sizes[-1] - offsets[0]
        self._stats.put_messages += count
        self._stats.put_bytes += size
        ids = self._batch_records.message_ids(offsets)
        if not self._after_sync:
            self._put_times.took(self._clock() - timestamp)
        return PutMessageResult(_OK, begin, size, first_offset, timestamp, ids, count)

    def _index_each(
        self, queue: ConsumeQueue, items: BatchItems, offsets: list[int], key: str | None, timestamp: int
    ) -> list[int]:
        """Index messages whose keys differ (`key` is the unique key of all); the last field of the unit of each."""
        codes, put_keys = [], self._index.sink.put_keys
        for own, tail, offset in zip(items.own, items.tails, offsets, strict=True):
            found = tags_and_keys(own) if key is not None else None
            if found is None:
                properties = string_to_properties((own + tail).decode("utf-8", "replace"))
                tags, keys, unique_key = properties.get("TAGS"), properties.get("KEYS"), properties.get("UNIQ_KEY")
            else:
                properties, (tags, keys), unique_key = {}, found, key
            code = tags_hash(tags) if tags else 0
            if queue.is_delay:
                code = self._codes.deliver_time(properties, timestamp) or code
            codes.append(code)
            put_keys(queue.topic, unique_key, keys, offset, timestamp)
        return codes

    def _show_items(
        self,
        queue: ConsumeQueue,
        next_offsets: Sequence[int],
        offsets: list[int],
        sizes: list[int],
        codes: list[int],
        timestamp: int,
    ) -> None:
        """Let consumers see the messages of a batch one by one, now or after the sync."""
        arrivals = self._arrivals
        if self._after_sync:
            for next_offset, offset, size, code in zip(next_offsets, offsets, sizes, codes, strict=True):
                arrivals.hide(offset + size, queue, next_offset, code, timestamp, {})
            self._flush.wake()
            return
        for next_offset, code in zip(next_offsets, codes, strict=True):
            queue.max_offset = next_offset
            arrivals.arrived(queue, next_offset, code, timestamp, {})

    # -- refusals

    def _why_refused(self, msg: InnerMessage) -> PutMessageResult:
        if self._flags.bits:
            return self._refuse(PutStatus.SERVICE_NOT_AVAILABLE)
        if len(msg.body) > self._config.maxMessageSize or msg.sys_flag & INNER_BATCH_FLAG:
            return self._refuse(PutStatus.MESSAGE_ILLEGAL)
        return self._refuse(PutStatus.PROPERTIES_SIZE_EXCEEDED)

    def _refuse(self, status: PutStatus) -> PutMessageResult:
        """The result of a put that is not done."""
        self._stats.put_failed += 1
        return PutMessageResult(status)

    def _fail(self, topic: str, error: OSError | struct.error) -> PutMessageResult:
        """The result of a put whose record could not be written; nothing has changed."""
        if self._failures.due(self._clock()):
            log.error("a message for topic %s could not be written: %s", topic, error)
        if isinstance(error, struct.error):
            return self._refuse(PutStatus.MESSAGE_ILLEGAL)
        if isinstance(error, LostFileError):
            return self._refuse(PutStatus.SERVICE_NOT_AVAILABLE)  # as once a sync has noticed it
        return self._refuse(PutStatus.DISK_FULL if error.errno in _FULL_DISK else PutStatus.CREATE_MAPPED_FILE_FAILED)
