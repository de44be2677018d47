"""A slave's store: a master's commitlog is taken over byte by byte, and consumequeue and index follow each record.

What lives here: appending what comes, wherever it is cut, and the dispatch of every record that is whole (mirrors
DefaultMessageStore.appendToCommitLog and ReputMessageService of a slave). What does not: what is put by clients
(`appender.py`), how the bytes come (the broker's), what a record means for its queue when it is not simply the next
one (`store/dispatch.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_UNIQ_KEY
from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_properties, record_topic
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    SIZE_AND_MAGIC,
    SMALLEST_RECORD,
)
from rocketmq_ops.store.arrivals import MessageArrivals
from rocketmq_ops.store.dispatch import Redispatch, enters_consume_queue
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.log.replica_runs import RunDispatcher
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore, is_storable
from rocketmq_ops.store.queue.unit_codes import UnitCodes
from rocketmq_ops.store.running_flags import WRITE_INDEX_FILE_ERROR, RunningFlags
from rocketmq_ops.store.store_stats import StoreStats

log = logging.getLogger(__name__)

_NO_QUEUES: dict[int, ConsumeQueue] = {}


def _nobody(topic: str) -> None:
    pass


class ReplicaError(CorruptDataError):
    """What came cannot be this commitlog's continuation; nothing of it is kept."""


class RecordPlace(msgspec.Struct, frozen=True):
    """Where a record lies in the commitlog, bytes."""

    offset: int
    size: int


class ReplicaAppender:
    """Takes what a master sends into one store. One thread, the loop's, calls it."""

    def __init__(
        self,
        commit_log: CommitLog,
        queues: ConsumeQueueStore,
        index: IndexService,
        *,
        arrivals: MessageArrivals,
        codes: UnitCodes,
        flags: RunningFlags,
        stats: StoreStats,
    ) -> None:
        self._log = commit_log
        self._queues = queues
        self._table = queues.table
        self._index = index
        self._arrivals = arrivals
        self._codes = codes
        self._flags = flags
        self._stats = stats
        #: For records that are not simply the next ones of their queue: of a queue that begins amid its messages, or
        #: was deleted and made anew on the master.
        self._redispatch = Redispatch(queues.find_or_create, codes, index.sink, 0)
        self._redispatch.from_first_file = True
        #: Called with the topic of each queue that comes into being here.
        self.queue_begun: Callable[[str], None] = _nobody
        self._runs = RunDispatcher(queues.table, index, arrivals)
        #: The record dispatched last, None before the first one of this run.
        self._last: RecordPlace | None = None
        #: All records below this offset are in queues and index; what lies behind is part of a record.
        self.dispatched = 0

    def begin(self) -> None:
        """Go on at the end of the commitlog, as the store's files are loaded now."""
        self.dispatched = self._log.max_offset

    @property
    def max_offset(self) -> int:
        """Offset of the byte that is needed next; 0 while there is nothing."""
        return self._log.max_offset

    @property
    def last_record(self) -> RecordPlace | None:
        """The last whole record that has a queue, or was dispatched in this run; None where there is none."""
        if self._last is not None:
            return self._last
        last = max(self._queues, key=lambda queue: queue.last_physical_offset, default=None)
        if last is None or last.last_physical_offset < 0:
            return None
        offset = last.last_physical_offset
        return RecordPlace(offset, last.max_physical_offset - offset)

    def start_at(self, offset: int) -> None:
        """Let an empty commitlog begin at an offset, that of a file. Raises ReplicaError."""
        if offset % self._log.file_queue.file_size:
            raise ReplicaError(
                f"the master begins to send at {offset}, where no file of {self._log.file_queue.file_size} bytes "
                "begins",
                "set mappedFileSizeCommitLog as on the master",
            )
        self._log.begin = self.dispatched = offset

    def append(self, parts: Sequence[memoryview | bytes]) -> None:
        """Append the next bytes of the master's commitlog, in one piece or several, and dispatch every record that is
        whole by now.

        Raises ReplicaError when they hold something that is no record: the commitlog is then cut behind the last whole
        one. Raises OSError (a full disk, for instance): what was taken is kept, `max_offset` says how much."""
        if self._flags.bits & WRITE_INDEX_FILE_ERROR:
            raise ReplicaError(
                "the index has no room on the disk for the keys of messages that are here already",
                "free space on the disk of storePathRootDir; it goes on by itself then",
            )
        try:
            for part in parts:
                self._log.append_data(part)
        finally:
            self.dispatch()

    def drop_partial(self) -> None:
        """Forget the beginning of a record whose end has not come: it comes again, whole. Raises OSError."""
        if self._log.max_offset > self.dispatched:
            self._log.file_queue.truncate(self.dispatched)
            self._log.attach()

    def dispatch(self) -> None:
        """Bring queues and index up to the last whole record. Raises ReplicaError, OSError."""
        while True:
            file = self._log.file_queue.find(self.dispatched)
            if file is None:
                return
            try:
                self._dispatch_file(file)
            except BadRecordError as bad:
                end = self._log.max_offset
                self.drop_partial()
                raise ReplicaError(
                    f"what the master sent for {self.dispatched} to {end} is no record ({bad})",
                    "check that mappedFileSizeCommitLog is the master's, and the master's commitlog with "
                    "`store check`; what was sent is not kept",
                ) from None
            if self.dispatched < file.base + file.size:
                return

    def _dispatch_file(self, file: MappedFile) -> None:
        """Dispatch the whole records of one file. Raises BadRecordError, OSError."""
        view, base, wrote = file.view, file.base, file.wrote
        while True:
            self._dispatch_runs(file)
            position = self.dispatched - base
            if position + SIZE_AND_MAGIC.size > wrote:
                return
            size, magic = SIZE_AND_MAGIC.unpack_from(view, position)
            if magic == BLANK_MAGIC:
                if wrote < file.size:
                    return
                self.dispatched = base + file.size
                return
            if not SMALLEST_RECORD <= size <= file.size - position:
                raise BadRecordError(position, "size", f"size is {size}, {file.size - position} bytes of the file left")
            if position + size > wrote:
                return
            record = read_record(view, position, check_crc=False)
            assert record is not None
            if record.physical_offset != base + position:
                raise BadRecordError(position, "offset", f"its record says it lies at {record.physical_offset}")
            self._dispatch_record(view, record)
            file.last_timestamp = self._queues.last_dispatched_timestamp = record.store_timestamp
            self._last = RecordPlace(record.physical_offset, size)
            self.dispatched = base + position + size

    def _dispatch_runs(self, file: MappedFile) -> None:
        """Dispatch records as long as they are of the common kind. Raises OSError."""
        while self.dispatched < file.end and (run := self._runs.dispatch(file, self.dispatched)).records:
            self._stats.put_messages += run.records
            self._stats.put_bytes += run.end - self.dispatched
            self._last = RecordPlace(run.last, run.end - run.last)
            file.last_timestamp = self._queues.last_dispatched_timestamp = run.timestamp
            self.dispatched = run.end

    def _dispatch_record(self, view: memoryview, record: RecordView) -> None:
        topic, properties = record_topic(view, record), record_properties(view, record)
        queue = self._table.get(topic, _NO_QUEUES).get(record.queue_id)
        self._runs.note_topic(topic)
        timestamp = record.store_timestamp
        if not enters_consume_queue(record.sys_flag) or not is_storable(topic, record.queue_id):
            self._redispatch.dispatch(topic, properties, record)
        elif queue is not None and queue.next_offset == record.queue_offset:
            code = self._codes.of(queue, properties, timestamp)
            queue.max_offset = queue.put_unit(record.physical_offset, record.size, code)
            self._index.sink.put_keys(
                topic, properties.get(PROPERTY_UNIQ_KEY), properties.get(PROPERTY_KEYS), record.physical_offset,
                timestamp, record.sys_flag,
            )  # fmt: skip
            if topic in self._arrivals.topics:
                self._arrivals.arrived(queue, queue.max_offset, code, timestamp, properties)
        else:
            self._dispatch_unexpected(topic, properties, record)
            if queue is None:
                self.queue_begun(topic)
        self._stats.put_messages += 1
        self._stats.put_bytes += record.size

    def _dispatch_unexpected(self, topic: str, properties: dict[str, str], record: RecordView) -> None:
        """A record that is not its queue's next one: the queue's first, or there is a gap before it."""
        redispatch = self._redispatch
        lost = redispatch.units_lost
        redispatch.dispatch(topic, properties, record)
        if redispatch.units_lost > lost:
            log.error("queue %d of %s lacks messages before offset %d", record.queue_id, topic, record.queue_offset)
        queue = self._queues.find_or_create(topic, record.queue_id)
        if topic in self._arrivals.topics:
            code = self._codes.of(queue, properties, record.store_timestamp)
            self._arrivals.arrived(queue, queue.max_offset, code, record.store_timestamp, properties)
