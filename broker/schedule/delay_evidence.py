"""How far delayed messages were delivered, when delayOffset.json does not say: found out from the messages themselves.

A delivered message is a record of its own topic behind the parked one that has its birth, its body and the property
that names its real topic. Levels are delivered in the order of their queues, so the last parked message of which there
is such a record proves the delivery of all before it. What lives here: looking for those records. What does not:
delivering (`schedule_message_service.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
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


def delivered_until(store: MessageStore, levels: Iterable[int]) -> dict[int, int]:
    """The offset in the queue of each level behind the last message that was delivered.

    Reads every parked message of these levels and every message of their topics behind the first of them.
    """
    result: dict[int, int] = {}
    parked: list[_Parked] = []
    topics: set[str] = set()
    for level in levels:
        queue = store.consume_queue(SCHEDULE_TOPIC, level - 1)
        if queue is None:
            continue
        result[level] = queue.min_offset
        for offset, due, record, view in records_of(store, queue, queue.min_offset):
            topic = record_properties(view, record).get(PROPERTY_REAL_TOPIC)
            if topic:
                topics.add(topic)
                if is_address(due):
                    due = store.codes.due(level, record.store_timestamp)
                parked.append(_Parked(due, level, offset, record.physical_offset, _identity(topic, record, view)))
    if parked:
        copies = _copies(store, topics, min(one.physical for one in parked))
        # In the order of delivery: of equal messages each one has a record of its own.
        for one in sorted(parked):
            found = copies.get(one.identity)
            while found and found[0] <= one.physical:
                found.popleft()
            if found:
                found.popleft()
                result[one.level] = max(result[one.level], one.offset + 1)
    return result


def _copies(store: MessageStore, topics: Iterable[str], behind: int) -> dict[int, deque[int]]:
    """Commitlog offsets of delivered messages by what they are, in rising order."""
    found: dict[int, list[int]] = {}
    for topic in topics:
        for queue in list(store.queues.table.get(topic, {}).values()):
            for _, _, record, view in records_of(store, queue, queue.first_unit_behind(behind + 1)):
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
