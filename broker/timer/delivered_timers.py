"""Which waiting messages were delivered before the broker was killed: found out from the messages themselves.

A delivered message is a record of its own topic behind the waiting one that has its birth, its body and its time. One
that had to wait on is a record of the timer topic that has waited once more, or that Apache's 5.5 has put there out of
RocksDB, which does not count how often.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from rocketmq_ops.broker.schedule.delay_evidence import records_of
from rocketmq_ops.broker.timer.timer_delivery import delete_key, recalled_key
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_DEQUEUE_MS,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TIMER_ROLL_LABEL,
    PROPERTY_TIMER_ROLL_TIMES,
    PROPERTY_UNIQ_KEY,
)
from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_properties
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.timer.timer_message_store import TimerMessageStore

log = logging.getLogger(__name__)

#: What a record has that delivers a message, and one that lets it wait on.
_DELIVERED = (PROPERTY_TIMER_OUT_MS.encode() + b"\x01",)
_WAITS_ON = (PROPERTY_TIMER_DEQUEUE_MS.encode() + b"\x01", PROPERTY_TIMER_ROLL_LABEL.encode() + b"\x01")


class Place(NamedTuple):
    """Where a record lies in the commitlog, and its size."""

    physical_offset: int
    size: int


def delivered_before(
    store: MessageStore,
    queue: ConsumeQueue,
    files: TimerMessageStore,
    behind: int | None,
    now_ms: int,
    *,
    may_be_in_rocksdb: bool,
) -> tuple[set[int], set[int]]:
    """At a start: the commitlog offsets of those of the messages in queue and wheel that were delivered, and of those
    in the wheel that come in the queue again, which `files` is then to read from further back.

    `behind` is where in the commitlog what was delivered since the last checkpoint begins, None where somebody else has
    driven the timers: Apache's broker, or the master of this slave.
    """
    held: set[int] = set()
    if behind is None and may_be_in_rocksdb:
        files.queue_offset, held = read_again(store, queue, files)
    offset = files.queue_offset
    units = [unit for offset in range(offset, queue.next_offset) if (unit := queue.unit(offset)) is not None]
    places = [Place(physical, size) for physical, size, _ in units if physical not in held]
    # What is due later than any record was stored has not been delivered. (The clock may have been set back since.)
    latest = max(store.queues.latest_timestamp, store.queues.last_dispatched_timestamp) or now_ms
    slots: dict[int, int] = {}  # of each message in the wheel, by commitlog offset
    for slot in files.slots_before(latest + files.precision):
        for one in files.units_of(slot):
            places.append(Place(one.physical_offset, one.message_size))
            slots[one.physical_offset] = slot.time
    since = min(files.read_time, store.store_time(TIMER_TOPIC, 0, offset) if units else files.read_time)
    found = delivered(store, places, behind, since - store.queues.set_back_ms, files.read_time)
    # What was delivered is passed at once, though the clock may have been set back since: the start after this one
    # has only the records stored from now on, with the times of that clock, to judge by.
    passed = max((slots[one] for one in found if one in slots), default=0)
    files.move_write_time(passed + files.precision)
    if behind is None:
        waiting = [Place(one.physical_offset, one.message_size) for one in files.units_waiting()]
        found |= rolled_elsewhere(store, waiting)
    return found, held


def delivered(store: MessageStore, places: Iterable[Place], behind: int | None, since: int, over: int) -> set[int]:
    """The commitlog offsets of those of the waiting messages that were delivered, or wait on elsewhere; and of those
    due before `over` (ms), up to which all was delivered, that were recalled, with their recalls.

    Records that show it are looked for behind the commitlog offset `behind`; where that is not known, among those
    stored since a time (ms).
    """
    waiting: list[tuple[int, Hashable]] = []
    #: Of what is over: by key, the commitlog offsets of messages, and of what recalls them.
    late: dict[str, tuple[list[int], list[int]]] = {}
    topics = {TIMER_TOPIC}
    for place in places:
        found = _read(store, place)
        if found is None:
            continue
        record, properties = found
        rolls = _rolls(properties)
        waiting.append((place.physical_offset, _identity(record, properties, rolls)))
        topic = properties.get(PROPERTY_REAL_TOPIC, TIMER_TOPIC)
        topics.add(topic)
        if _number(properties, PROPERTY_TIMER_OUT_MS) < over:
            recalled = recalled_key(topic, properties)
            key = recalled or delete_key(topic, properties.get(PROPERTY_UNIQ_KEY, ""))
            late.setdefault(key, ([], []))[recalled is not None].append(place.physical_offset)
    if not waiting:
        return set()
    result = _matched(waiting, _copies(store, topics, behind, since))
    for messages, recalls in late.values():
        if messages and recalls:
            result.update(messages, recalls)
    return result


def rolled_elsewhere(store: MessageStore, places: Sequence[Place]) -> set[int]:
    """The commitlog offsets of those of the messages in the wheel that were put into the timer topic once more.

    Another broker than the one that has this wheel may have done that, at another moment: when a message waits for a
    nearer time than its own, that depends on when it came into the wheel. A slave has its master's second one then."""
    copies = _copies(store, (TIMER_TOPIC,), min((place.physical_offset for place in places), default=0), 0)
    if not copies:
        return set()
    waiting: list[tuple[int, Hashable]] = []
    for place in places:
        found = _read(store, place)
        if found is not None:
            record, properties = found
            waiting.append((place.physical_offset, _identity(record, properties, _rolls(properties))))
    return _matched(waiting, copies)


def read_again(store: MessageStore, queue: ConsumeQueue, files: TimerMessageStore) -> tuple[int, set[int]]:
    """From which offset on the timer topic has to be read where Apache's 5.5 may have driven timers by RocksDB, and the
    commitlog offsets of those messages behind it that are in the wheel already.

    A recall has a unit in the timer log also then (Timeline.recallToTimeWheel), as if all before it had been read: what
    waits in RocksDB lies before. Such a message has no unit and was not delivered; nor has one that came too late for
    the wheel, but that was delivered.
    """
    end = files.queue_offset
    held = {unit.physical_offset: unit for unit in files.log.units()}
    places: dict[int, Place] = {}  # by offset
    for offset in range(queue.min_offset, end):
        unit = queue.unit(offset)
        if unit is not None and unit[0] not in held:
            places[offset] = Place(unit[0], unit[1])
    if not places:
        return end, set()
    recalls = [Place(unit.physical_offset, unit.message_size) for unit in held.values() if unit.deletes]
    since = store.store_time(TIMER_TOPIC, 0, min(places))
    done = delivered(store, [*places.values(), *recalls], None, since, files.read_time)
    first = min((offset for offset, one in places.items() if one.physical_offset not in done), default=end)
    if first == end:
        return end, set()
    log.info("timers that Apache's broker had in RocksDB are read from offset %d of %s on", first, TIMER_TOPIC)
    again = {unit[0] for offset in range(first, end) if (unit := queue.unit(offset)) is not None}
    return first, again.intersection(held)


def _matched(waiting: list[tuple[int, Hashable]], copies: dict[Hashable, list[int]]) -> set[int]:
    """Those of the waiting messages, commitlog offset and what each is, that have a copy behind them."""
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
        waits_on = topic == TIMER_TOPIC
        for queue in list(store.queues.table.get(topic, {}).values()):
            for record, properties in _marked(store, queue, behind, since, _WAITS_ON if waits_on else _DELIVERED):
                # The record of one that waits on counts one roll more than the one it is for.
                rolls = _rolls(properties) - (waits_on and PROPERTY_TIMER_DEQUEUE_MS in properties)
                if not waits_on:  # out of RocksDB it does not say so itself
                    properties[PROPERTY_REAL_TOPIC], properties[PROPERTY_REAL_QUEUE_ID] = topic, str(queue.queue_id)
                found.setdefault(_identity(record, properties, rolls), []).append(record.physical_offset)
    for offsets in found.values():
        offsets.sort()
    return found


def _marked(
    store: MessageStore, queue: ConsumeQueue, behind: int | None, since: int, marks: tuple[bytes, ...]
) -> Iterator[tuple[RecordView, dict[str, str]]]:
    if behind is not None:
        start = queue.first_unit_behind(behind)
    else:
        start = store.offset_by_time(queue.topic, queue.queue_id, since)
    for _, _, record, view in records_of(store, queue, max(start, queue.min_offset)):
        data = bytes(view[record.properties_at :])
        if any(mark in data for mark in marks):
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
    return _number(properties, PROPERTY_TIMER_ROLL_TIMES)


def _number(properties: dict[str, str], name: str) -> int:
    text = properties.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _identity(record: RecordView, properties: dict[str, str], rolls: int) -> Hashable:
    """What a waiting message and the one that is delivered for it have in common."""
    real = properties.get(PROPERTY_REAL_TOPIC), properties.get(PROPERTY_REAL_QUEUE_ID)
    return hash((
        *real, properties.get(PROPERTY_UNIQ_KEY), properties.get(PROPERTY_TIMER_OUT_MS), rolls, record.body_crc,
        record.body_length, record.flag, record.born_timestamp, record.reconsume_times,
    ))  # fmt: skip
