"""Bringing the files of timers into one state at the start.

Where the checkpoint has our note, that state is the one of the checkpoint: what came into the log behind it is cut,
and taken from the queue of the timer topic once more. Without a note (Apache's broker wrote last), or with files that
contradict it (one was deleted, the precision was changed), the wheel is made anew from the log. Mirrors the recovery of
TimerMessageStore in what it leaves, not in how: Apache's goes on at the queue's place of the last checkpoint with the
units of what came behind it, which are then there twice.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from rocketmq_ops.store.layout.timer import LOG_UNIT
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.timer.timer_checkpoint import TimerCheckpoint
from rocketmq_ops.store.timer.timer_log import TimerLog
from rocketmq_ops.store.timer.timer_wheel import Slot, TimerWheel

log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """Messages `waiting` in the wheel, the `earliest` time (ms) at which any unit is due, and where the queue goes on.

    Of what still waits, records that deliver it lie behind the commitlog offset `delivered_behind`, None when that is
    not known."""

    waiting: int
    earliest: int
    queue_offset: int
    delivered_behind: int | None


_NEVER = 1 << 62
#: In place of `delivered_behind` in the note of a slave, and of a master that has not passed yet what others had done.
UNKNOWN = -1


def recover(
    checkpoint: TimerCheckpoint, wheel: TimerWheel, timer_log: TimerLog, queue: ConsumeQueue | None, log_end: int
) -> Recovered:
    """Open wheel and log, and bring them into one state; `log_end` is the end of the commitlog. Raises OSError."""
    timer_log.load()
    found = _as_noted(checkpoint, wheel, timer_log, log_end)
    if found is None:
        found = _anew(checkpoint, wheel, timer_log, queue, log_end)
    low, high = (queue.min_offset, queue.max_offset) if queue is not None else (0, 0)
    if found.queue_offset > high:
        log.error(
            "the timer store is ahead of the commitlog: it has taken %d messages of its topic, of which the commitlog "
            "has %d; the others are lost", found.queue_offset, high,
        )  # fmt: skip
    return found._replace(queue_offset=max(low, min(found.queue_offset, high)))


def _as_noted(checkpoint: TimerCheckpoint, wheel: TimerWheel, timer_log: TimerLog, log_end: int) -> Recovered | None:
    """The state of the checkpoint, None when the files do not have it."""
    note, end = checkpoint.note, checkpoint.last_timer_log_flush_position
    if (
        note is None
        or note.precision != wheel.precision
        or note.delivered_behind > log_end
        or not wheel.is_whole()
        or timer_log.end < end
    ):
        return None
    last = timer_log.unit(end - LOG_UNIT.size)
    if last is not None and last.physical_offset + last.message_size > log_end:
        return None
    wheel.open(anew=False)
    waiting, earliest = 0, _NEVER
    for slot in wheel.used():
        if slot.time < checkpoint.last_read_time:
            continue
        position, count = slot.last, slot.messages
        while position >= end:  # the wheel was written, the checkpoint no more
            unit = timer_log.unit(position)
            if unit is None or unit.previous >= position:
                wheel.close()
                return None
            position, count = unit.previous, count - unit.counts
        if position != slot.last:
            wheel.put(slot.time, slot.first if position >= 0 else -1, position, count, slot.magic)
        if position >= 0:
            earliest = min(earliest, slot.time)
        waiting += count
    if waiting != note.waiting:
        log.warning("timerwheel has %d waiting messages, the checkpoint %d", waiting, note.waiting)
        wheel.close()
        return None
    timer_log.cut(end)
    behind = None if note.delivered_behind == UNKNOWN else note.delivered_behind
    return Recovered(waiting, earliest, checkpoint.last_timer_queue_offset, behind)


def _anew(
    checkpoint: TimerCheckpoint, wheel: TimerWheel, timer_log: TimerLog, queue: ConsumeQueue | None, log_end: int
) -> Recovered:
    """A wheel made from the log."""
    # Until the next checkpoint the wheel does not have what it says.
    checkpoint.note = None
    checkpoint.write(checkpoint.image(None))
    wheel.open(anew=True)
    files = timer_log.file_queue.files
    waiting, earliest, end, taken = 0, _NEVER, files[0].base if files else 0, 0
    for unit in timer_log.units():
        message_end = unit.physical_offset + unit.message_size
        if message_end > log_end:
            break
        end = unit.position + LOG_UNIT.size
        if message_end <= taken:
            continue  # Apache's broker has enqueued it again after a crash
        taken = message_end
        if unit.time < checkpoint.last_read_time:
            continue
        slot = wheel.slot(unit.time) or Slot(unit.time, unit.position, -1, 0, 0)
        if unit.previous != slot.last:
            timer_log.set_previous(unit.position, slot.last)
        wheel.put(unit.time, slot.first, unit.position, slot.messages + unit.counts)
        waiting, earliest = waiting + unit.counts, min(earliest, unit.time)
    lacks_units = end < checkpoint.last_timer_log_flush_position
    if lacks_units:
        log.error(
            "timerlog ends at %d, it was written up to %d: waiting messages are read from their topic again, those "
            "that are no longer in it are lost", end, checkpoint.last_timer_log_flush_position,
        )  # fmt: skip
    timer_log.cut(end)
    offset = queue.first_unit_behind(taken) if queue is not None and taken else 0
    if not lacks_units:
        # Messages that came too late for the wheel have no units.
        offset = max(offset, checkpoint.last_timer_queue_offset)
    if waiting:
        log.info("timerwheel was made anew from timerlog: %d messages wait", waiting)
    return Recovered(waiting, earliest, offset, None)
