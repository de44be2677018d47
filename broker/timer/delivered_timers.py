"""Which waiting messages were delivered before the broker was killed: found out from the messages themselves.

A delivered message is a record of its own topic behind the waiting one that has its birth, its body and its time. One
that had to wait on is a record of the timer topic that has waited once more. What lives here: looking for those
records. What does not: which messages are asked about (`timer_message_service.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from rocketmq_ops.broker.schedule.delay_evidence import records_of
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_DEQUEUE_MS,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TIMER_ROLL_TIMES,
    PROPERTY_UNIQ_KEY,
)
from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_properties
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

_MARK = PROPERTY_TIMER_DEQUEUE_MS.encode() + b"\x01"


class Place(NamedTuple):
    """Where a record lies in the commitlog, and its size."""

    physical_offset: int
    size: int


def delivered(store: MessageStore, places: Iterable[Place], behind: int | None, since: int) -> set[int]:
    """The commitlog offsets of those of the waiting messages that were delivered, or wait on elsewhere.

    Records that show it are looked for behind the commitlog offset `behind`; where that is not known, among those
    stored since a time (ms).
    """
    waiting: list[tuple[int, Hashable]] = []
    topics = {TIMER_TOPIC}
    for place in places:
        found = _read(store, place)
        if found is None:
            continue
        record, properties = found
        rolls = _rolls(properties)
        waiting.append((place.physical_offset, _identity(record, properties, rolls)))
        topics.add(properties.get(PROPERTY_REAL_TOPIC, TIMER_TOPIC))
    if not waiting:
        return set()
    copies = _copies(store, topics, behind, since)
    result: set[int] = set()
    for physical, identity in sorted(waiting, key=lambda one: one[0]):
        found_at = copies.get(identity)
        if found_at and (at := bisect_right(found_at, physical)) < len(found_at):
            del found_at[at]  # of equal messages each one has a record of its own
            result.add(physical)
    return result


def _copies(store: MessageStore, topics: Iterable[str], behind: int | None, since: int) -> dict[Hashable, list[int]]:
    """Commitlog offsets of records that deliver a message, or let it wait on, by what it is; in rising order."""
    found: dict[Hashable, list[int]] = {}
    for topic in topics:
        for queue in list(store.queues.table.get(topic, {}).values()):
            for record, properties in _marked(store, queue, behind, since):
                # The record of one that waits on counts one roll more than the one it is for.
                rolls = _rolls(properties) - (topic == TIMER_TOPIC)
                found.setdefault(_identity(record, properties, rolls), []).append(record.physical_offset)
    for offsets in found.values():
        offsets.sort()
    return found


def _marked(
    store: MessageStore, queue: ConsumeQueue, behind: int | None, since: int
) -> Iterator[tuple[RecordView, dict[str, str]]]:
    if behind is not None:
        start = queue.first_unit_behind(behind)
    else:
        start = store.offset_by_time(queue.topic, queue.queue_id, since)
    for _, _, record, view in records_of(store, queue, max(start, queue.min_offset)):
        if bytes(view).find(_MARK, record.properties_at) >= 0:
            yield record, record_properties(view, record)


def _read(store: MessageStore, place: Place) -> tuple[RecordView, dict[str, str]] | None:
    view = store.message_at(place.physical_offset, place.size)
    if view is None:
        return None
    try:
        record = read_record(view, check_crc=False)
        return (record, record_properties(view, record)) if record is not None else None
    except BadRecordError:
        return None


def _rolls(properties: dict[str, str]) -> int:
    text = properties.get(PROPERTY_TIMER_ROLL_TIMES, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _identity(record: RecordView, properties: dict[str, str], rolls: int) -> Hashable:
    """What a waiting message and the one that is delivered for it have in common."""
    real = properties.get(PROPERTY_REAL_TOPIC), properties.get(PROPERTY_REAL_QUEUE_ID)
    return hash((
        *real, properties.get(PROPERTY_UNIQ_KEY), properties.get(PROPERTY_TIMER_OUT_MS), rolls, record.body_crc,
        record.body_length, record.flag, record.born_timestamp, record.reconsume_times,
    ))  # fmt: skip
