"""Reading from the store: messages of a queue, single records, offsets by time, queries through the index.

What lives here: all reads (mirrors the get side of DefaultMessageStore). What does not: the queues themselves
(`queue/consume_queue_store.py`), writing (`log/appender.py`). Whatever is returned as a memoryview is the mapping
itself: nothing is copied, and a view stays readable when its file is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Generator

from rocketmq_ops.common.javatypes import to_int32
from rocketmq_ops.common.message_codec import RecordView
from rocketmq_ops.common.record_layout import STORE_TIMESTAMP, store_timestamp_position
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.filter import MessageFilter
from rocketmq_ops.store.get_result import GetMessageResult, GetStatus, QueryMessageResult, finished
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.layout.consume_queue import (
    CQ_UNIT,
    CQ_UNIT_SIZE,
    FIRST_TWO,
    OFFSET,
    OFFSET_AND_SIZE,
    PLACEHOLDER_SIZE,
)
from rocketmq_ops.store.layout.consume_queue_ext import is_address
from rocketmq_ops.store.layout.repeated_structs import RepeatedStructs
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore
from rocketmq_ops.store.queue.offset_by_time import Boundary, offset_by_time
from rocketmq_ops.store.store_stats import StoreStats

#: Bytes that one read returns at most, whatever the caller asks for (DefaultMessageStore.MAX_PULL_MSG_SIZE).
MAX_PULL_BYTES = 128 * 1024 * 1024
_MIN_PULL_BYTES = 100
#: Percent of the memory by which a slave goes by less than its setting says.
_NEARER_ON_SLAVE = 10
#: Units that one read looks at for a filter at most, however many messages the caller asks for.
_MOST_SCANNED = 16_384
_MAX_TAGS_CODE = (1 << 31) - 1
_QUERY_ROUNDS = 3
_NO_MESSAGES = GetStatus.NO_MESSAGE_IN_QUEUE
_unpack_units = CQ_UNIT.iter_unpack
_unit_structs = RepeatedStructs(128)


class StoreReader:
    """The reads of one store."""

    def __init__(
        self,
        config: MessageStoreConfig,
        commit_log: CommitLog,
        queues: ConsumeQueueStore,
        index: IndexService,
        stats: StoreStats,
    ) -> None:
        self._config = config
        self._commit_log = commit_log
        self._queues = queues
        self._index = index
        self._stats = stats
        #: Bytes of memory there are; read once, for the guess whether a message is still in it.
        self._memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    # -- messages of a queue

    def get_message(
        self,
        group: str,
        topic: str,
        queue_id: int,
        offset: int,
        max_msgs: int,
        message_filter: MessageFilter | None = None,
        max_bytes: int = MAX_PULL_BYTES,
    ) -> GetMessageResult:
        """Up to `max_msgs` messages and about `max_bytes` from a queue offset on (DefaultMessageStore.getMessage).

        The limits maxTransferCount/BytesOnMessageInMemory (or InDisk) apply as well. `next_begin_offset` is where
        to go on, also when nothing was found; at least one message is returned if one matches in the stretch of
        the queue that one call looks at."""
        stats = self._stats
        queue = self._queues.find(topic, queue_id)
        if queue is None or queue.max_offset == 0:
            stats.get_missed += 1
            return GetMessageResult(_NO_MESSAGES, self._corrected(offset, 0))
        begun = stats.clock()
        min_offset, max_offset = queue.min_offset, queue.max_offset
        if min_offset <= offset < max_offset:
            result = self._read(queue, offset, max_msgs, message_filter, max_bytes)
        elif offset < min_offset:
            result = GetMessageResult(GetStatus.OFFSET_TOO_SMALL, self._corrected(offset, min_offset))
        elif offset == max_offset:
            result = GetMessageResult(GetStatus.OFFSET_OVERFLOW_ONE, offset)
        else:
            result = GetMessageResult(GetStatus.OFFSET_OVERFLOW_BADLY, self._corrected(offset, max_offset))
        result.min_offset = min_offset
        result.max_offset = max_offset
        if result.count:
            stats.get_found += 1
            stats.transferred_messages += result.count
        else:
            stats.get_missed += 1
        if (took := stats.clock() - begun) > stats.get_longest_ms:
            stats.get_longest_ms = took
        return result

    def bytes_in_memory(self) -> int:
        """How many bytes at the end of the commitlog are taken to be in memory.

        By a slave a tenth of the memory less than its setting says (BrokerStartup): a consumer that its master has sent
        stays until it is well within what the master has in memory, and does not alternate between the two.
        """
        ratio = self._config.accessMessageInMemoryMaxRatio
        if self._config.brokerRole == "SLAVE":
            ratio = max(0, ratio - _NEARER_ON_SLAVE)
        return self._memory * ratio // 100

    def _corrected(self, offset: int, to: int) -> int:
        """Where a reader at `offset` goes on (nextOffsetCorrection): a slave leaves it as it is."""
        if self._config.brokerRole == "SLAVE" and not self._config.offsetCheckInSlave:
            return offset
        return to

    def _read(
        self, queue: ConsumeQueue, offset: int, max_msgs: int, message_filter: MessageFilter | None, max_bytes: int
    ) -> GetMessageResult:
        config = self._config
        scan = max(-(-config.maxFilterMessageSize // CQ_UNIT_SIZE), min(max_msgs, _MOST_SCANNED))
        units = queue.units_from(offset, min(scan, queue.max_offset - offset))
        if units is None:
            units_a_file = queue.file_queue.file_size // CQ_UNIT_SIZE
            next_file = offset + units_a_file - offset % units_a_file
            return GetMessageResult(GetStatus.OFFSET_FOUND_NULL, self._corrected(offset, next_file))
        behind = self._commit_log.max_offset - int.from_bytes(units[: OFFSET.size], "big")
        memory = self.bytes_in_memory()
        if behind <= memory:
            most, most_bytes = config.maxTransferCountOnMessageInMemory, config.maxTransferBytesOnMessageInMemory
        else:
            most, most_bytes = config.maxTransferCountOnMessageInDisk, config.maxTransferBytesOnMessageInDisk
        most = min(max_msgs, most)
        most_bytes = min(max(max_bytes, _MIN_PULL_BYTES), MAX_PULL_BYTES, most_bytes)
        if message_filter is None:
            result = self._collect(units, most, most_bytes)
        else:
            result = self._collect_matching(units, most, most_bytes, message_filter)
        result.next_begin_offset += offset
        # Where the call ended: messages further back than memory reaches come cheaper from a slave.
        if behind > memory and result.next_begin_offset > offset:
            unit = queue.raw_unit(result.next_begin_offset - 1)
            result.suggest_pulling_from_slave = unit is not None and self._commit_log.max_offset - unit[0] > memory
        return result

    def _collect(self, units: memoryview, most: int, most_bytes: int) -> GetMessageResult:
        """Messages of some units without a filter; `next_begin_offset` counts the units done.

        Records that lie side by side become one view."""
        result = self._collect_run(units, most, most_bytes)
        if result is not None:
            return result
        find = self._commit_log.file_queue.find
        views: list[memoryview] = []
        count = total = done = skip_until = 0
        base = run_start = run_end = 0
        file_end = -1
        view = units
        for physical, size, _ in _unpack_units(units):
            if count and (count >= most or total + size > most_bytes):
                break
            done += 1
            if physical != run_end or physical + size > file_end:
                if physical < skip_until:
                    continue
                if run_end > run_start:
                    views.append(view[run_start - base : run_end - base])
                    run_start = run_end
                if not base <= physical or physical + size > file_end:
                    file = find(physical)
                    if file is None or physical + size > file.base + file.wrote:
                        if size == PLACEHOLDER_SIZE:
                            continue
                        skip_until = self._commit_log.next_file_offset(physical)
                        continue
                    view, base, file_end = file.view, file.base, file.base + file.wrote
                run_start = physical
            run_end = physical + size
            count += 1
            total += size
            skip_until = 0
        if run_end > run_start:
            views.append(view[run_start - base : run_end - base])
        status = GetStatus.FOUND if count else GetStatus.MESSAGE_WAS_REMOVING
        return GetMessageResult(status, done, views=views, total_size=total, count=count)

    def _collect_run(self, units: memoryview, most: int, most_bytes: int) -> GetMessageResult | None:
        """As `_collect` when all records lie side by side, as those of a batch do; else None."""
        count = min(most, len(units) // CQ_UNIT_SIZE)
        if count < 2:
            return None
        first, size, second = FIRST_TWO.unpack_from(units)
        if first + size != second:
            return None
        units_struct = _unit_structs.get(OFFSET_AND_SIZE, count)
        if units_struct is None:
            return None
        fields: tuple[int, ...] = units_struct.unpack_from(units)
        end, total = fields[-2] + fields[-1], sum(fields[1::2])
        if end - first != total or total > most_bytes:
            return None
        file = self._commit_log.file_queue.find(first)
        if file is None or end > file.base + file.wrote:
            return None
        view = file.view[first - file.base : end - file.base]
        return GetMessageResult(GetStatus.FOUND, count, views=[view], total_size=total, count=count)

    def _collect_matching(
        self, units: memoryview, most: int, most_bytes: int, message_filter: MessageFilter
    ) -> GetMessageResult:
        """As `_collect`, with a filter."""
        codes = message_filter.tag_codes
        matches = message_filter.matches_record if message_filter.checks_record else None
        result = GetMessageResult(GetStatus.NO_MATCHED_MESSAGE)
        views = result.views
        find = self._commit_log.file_queue.find
        view, base, file_end = units, 0, -1
        done = skip_until = 0
        for physical, size, code in _unpack_units(units):
            if result.count and (result.count >= most or result.total_size + size > most_bytes):
                break
            done += 1
            if physical < skip_until:
                continue
            if codes is not None and code not in codes and not _passes(code, codes):
                if not result.count:
                    result.status = GetStatus.NO_MATCHED_MESSAGE
                continue
            if size < 0 or not base <= physical or physical + size > file_end:
                file = find(physical)
                if size < 0 or file is None or physical + size > file.base + file.wrote:
                    if not result.count:
                        result.status = GetStatus.MESSAGE_WAS_REMOVING
                    if size != PLACEHOLDER_SIZE:
                        skip_until = self._commit_log.next_file_offset(physical)
                    continue
                view, base, file_end = file.view, file.base, file.base + file.wrote
            start = physical - base
            if matches is not None and not matches(view, start, start + size):
                if not result.count:
                    result.status = GetStatus.NO_MATCHED_MESSAGE
                result.filtered_count += 1
                continue
            views.append(view[start : start + size])
            result.count += 1
            result.total_size += size
            result.status = GetStatus.FOUND
            skip_until = 0
        result.next_begin_offset = done
        return result

    # -- single records and times

    def message_at(self, phys_offset: int, size: int | None = None) -> memoryview | None:
        """The record at a commitlog offset (or `size` bytes there), None when there is none."""
        if size is None:
            return self._commit_log.record_at(phys_offset)
        return self._commit_log.view(phys_offset, size)

    def is_queued(self, phys_offset: int, record: RecordView, topic: str) -> bool:
        """Whether the queue that a record names has it at this place in the commitlog.

        False for bytes that only look like a record, such as the body of a message, and where the queue is deleted."""
        queue = self._queues.find(topic, record.queue_id)
        unit = queue.unit(record.queue_offset) if queue is not None else None
        return unit is not None and unit[:2] == (phys_offset, record.size)

    def record_of(self, topic: str, queue_id: int, offset: int) -> memoryview | None:
        """The record of a queue's message, None when it is not there."""
        queue = self._queues.find(topic, queue_id)
        unit = queue.unit(offset) if queue is not None and offset < queue.max_offset else None
        return self._commit_log.view(unit[0], unit[1]) if unit is not None else None

    def offset_by_time(self, topic: str, queue_id: int, timestamp: int, boundary: Boundary = "lower") -> int:
        """Queue offset for a time (ms), see `queue/offset_by_time.py`; 0 when there is no queue."""
        queue = self._queues.find(topic, queue_id)
        return offset_by_time(queue, self._commit_log.store_time, timestamp, boundary) if queue is not None else 0

    def store_time(self, topic: str, queue_id: int, offset: int) -> int:
        """Store timestamp (ms) of the message at a queue offset, -1 when it is not there."""
        queue = self._queues.find(topic, queue_id)
        unit = queue.unit(offset) if queue is not None and offset < queue.max_offset else None
        return self._commit_log.store_time(unit[0], unit[1]) if unit is not None else -1

    def earliest_store_time(self, topic: str | None = None, queue_id: int = 0) -> int:
        """Store timestamp (ms) of the first message of a queue, or of the whole store; -1 when there is none."""
        if topic is not None:
            return self.store_time(topic, queue_id, self._queues.min_offset(topic, queue_id))
        first = self._commit_log.min_offset
        return self.store_time_at(first) if first >= 0 else -1

    def store_time_at(self, phys_offset: int) -> int:
        """Store timestamp (ms) of the record at a commitlog offset, -1 when it is not there."""
        return self._commit_log.store_time(phys_offset, store_timestamp_position(0) + STORE_TIMESTAMP.size)

    # -- queries

    def query_message(
        self, topic: str, key: str, max_num: int, begin_ms: int, end_ms: int, unique: bool = False
    ) -> QueryMessageResult:
        """Records found through the index by key or unique key, stored in a span of time (ms), oldest first.

        Hashes collide, so a record may have another key: the caller compares. `unique` changes nothing, both kinds
        of keys share the index. Mirrors DefaultMessageStore.queryMessage."""
        return finished(self.query_steps(topic, key, max_num, begin_ms, end_ms))

    def query_steps(
        self, topic: str, key: str, max_num: int, begin_ms: int, end_ms: int
    ) -> Generator[None, None, QueryMessageResult]:
        """As `query_message`, in steps between which other work may be done."""
        result = QueryMessageResult()
        end = end_ms
        for _ in range(_QUERY_ROUNDS):
            found = yield from self._index.query_steps(topic, key, max_num, begin_ms, end, self.store_time_at)
            if not found.phy_offsets:
                break
            offsets = sorted(found.phy_offsets)
            result.index_last_update_timestamp = found.index_last_update_timestamp
            result.index_last_update_phyoffset = found.index_last_update_phyoffset
            for phys_offset in offsets:
                record = self._commit_log.record_at(phys_offset)
                if record is not None:
                    result.views.append(record)
                    result.total_size += len(record)
            if result.total_size:
                break
            end = self.store_time_at(offsets[0])
            if end < begin_ms:
                break
        return result


def _passes(code: int, codes: frozenset[int]) -> bool:
    """Whether a unit passes although its last field is not a wanted tag hash.

    An address in an extension file says nothing about the tag; of a time of delivery Java compares the low half."""
    if is_address(code):
        return True
    return code > _MAX_TAGS_CODE and to_int32(code) in codes
