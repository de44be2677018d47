"""Which delayed messages were delivered, when delayOffset.json does not say: found out from the messages themselves.

A delivered message is a record of its own topic behind the parked one that has its birth, its body and the property
that names its real topic. What has no such record was not delivered, whatever was delivered behind it: Apache's broker
delivers out of order where a put has failed (enableScheduleAsyncDeliver). What lives here: looking for those records.
What does not: delivering (`schedule_message_service.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rocketmq_ops.common.message import PROPERTY_REAL_TOPIC, PROPERTY_UNIQ_KEY
from rocketmq_ops.common.message_codec import (
    BadRecordError,
    RecordView,
    read_record,
    record_hosts,
    record_properties,
    record_topic,
)
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.layout.consume_queue_ext import is_address
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

_MARK = PROPERTY_REAL_TOPIC.encode() + b"\x01"


class _Parked(NamedTuple):
    due: int
    level: int
    offset: int
    physical: int
    identity: int


#: Before where a level goes on, how many units, due how many ms earlier at most, are looked at besides: a message that
#: is equal in all to one of theirs must not take the record of that one for its own.
_TWINS, _TWINS_MS = 64, 10_000
#: A level delivers in the order of its queue: behind so many messages without a record none has one. Those between two
#: that have are what could not be delivered, or what Apache's broker delivers out of order.
_WITHOUT = 10_000


def delivered(
    store: MessageStore, starts: Mapping[int, int], until: float = math.inf, set_back_ms: int = 0
) -> dict[int, set[int]]:
    """The offsets in the queue of each level of `starts` of those parked messages that were delivered, among those from
    its start on.

    `until`: of messages that were due by this time (ms) alone, and their records are looked for among those stored
    since the first of them was due, less `set_back_ms`, by which the clock was set back at most: what is read is the
    traffic of that span. Without it every parked message is read, and every message of their topics behind the first.
    """
    result: dict[int, set[int]] = {level: set() for level in starts}
    parked: list[_Parked] = []
    topics: set[str] = set()
    for level, start in starts.items():
        queue = store.consume_queue(SCHEDULE_TOPIC, level - 1)
        if queue is None:
            continue
        for offset, due, record, view in records_of(store, queue, _first_twin(queue, start, until)):
            if is_address(due):
                due = store.codes.due(level, record.store_timestamp)
            if due > until and offset >= start:
                break
            topic = record_properties(view, record).get(PROPERTY_REAL_TOPIC)
            if topic:
                topics.add(topic)
                parked.append(_Parked(due, level, offset, record.physical_offset, _identity(topic, record, view)))
    if parked:
        since = min(one.due for one in parked) - set_back_ms if until < math.inf else None
        copies = _copies(store, topics, min(one.physical for one in parked), since)
        # In the order of delivery: of equal messages each one has a record of its own.
        for one in sorted(parked):
            found = copies.get(one.identity)
            while found and found[0] <= one.physical:
                found.popleft()
            if found:
                found.popleft()
                if one.offset >= starts[one.level]:
                    result[one.level].add(one.offset)
    return result


def delivered_behind(store: MessageStore, starts: Mapping[int, int], log_end: int) -> dict[int, set[int]]:
    """As `delivered`, where all that was delivered since each level was at its start lies at commitlog offset `log_end`
    or behind it: what is read is the traffic since, and as much of the levels as was delivered, whatever the clock did.
    """
    result: dict[int, set[int]] = {level: set() for level in starts}
    topics = [topic for topic in store.queues.table if topic != SCHEDULE_TOPIC]
    copies = _copies(store, topics, log_end - 1, None)
    for level, start in starts.items():
        queue, without = store.consume_queue(SCHEDULE_TOPIC, level - 1), 0
        if queue is None or not copies:
            continue
        for offset, _, record, view in records_of(store, queue, start):
            topic = record_properties(view, record).get(PROPERTY_REAL_TOPIC)
            found = copies.get(_identity(topic, record, view)) if topic else None
            while found and found[0] <= record.physical_offset:
                found.popleft()
            if found:
                found.popleft()
                result[level].add(offset)
                without = 0
            elif (without := without + 1) > _WITHOUT:
                break
    return result


def _first_twin(queue: ConsumeQueue, start: int, until: float) -> int:
    """The offset at or before `start` with which to begin; `start` where nothing there was due by `until`."""
    unit = queue.unit(start)
    if unit is None or unit[2] > until:
        return start
    first, earliest = start, unit[2] - _TWINS_MS
    while first > start - _TWINS and (before := queue.unit(first - 1)) is not None and before[2] >= earliest:
        first -= 1
    return first


def _copies(store: MessageStore, topics: Iterable[str], behind: int, since: int | None) -> dict[int, deque[int]]:
    """Commitlog offsets of delivered messages by what they are, in rising order."""
    found: dict[int, list[int]] = {}
    for topic in topics:
        for queue in list(store.queues.table.get(topic, {}).values()):
            start = queue.first_unit_behind(behind + 1)
            if since is not None:
                start = max(start, store.offset_by_time(topic, queue.queue_id, since))
            for _, _, record, view in records_of(store, queue, start):
                if bytes(view).find(_MARK, record.properties_at) >= 0:
                    found.setdefault(_identity(topic, record, view), []).append(record.physical_offset)
    return {identity: deque(sorted(offsets)) for identity, offsets in found.items()}


def records_of(
    store: MessageStore, queue: ConsumeQueue, start: int
) -> Iterator[tuple[int, int, RecordView, memoryview]]:
    """Queue offset, last field of the unit, record and its bytes, of every message that can be read."""
    for offset in range(start, queue.next_offset):
        unit = queue.unit(offset)
        view = store.message_at(unit[0], unit[1]) if unit is not None else None
        if unit is None or view is None:
            continue
        try:
            record = read_record(view, check_crc=False)
            if record is not None and record_topic(view, record):
                yield offset, unit[2], record, view
        except BadRecordError:
            continue


def _identity(topic: str, record: RecordView, view: memoryview) -> int:
    """What a parked message and the delivered one have in common."""
    unique = record_properties(view, record).get(PROPERTY_UNIQ_KEY)
    born_host, _ = record_hosts(view, record)
    return hash((
        topic, unique, record.body_crc, record.body_length, record.flag, record.born_timestamp, born_host,
        record.reconsume_times,
    ))  # fmt: skip
