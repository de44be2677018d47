"""The files of timers put together: what waits, what is due, and how far both were read.

What lives here: the positions and their order of flushing (mirrors the state of TimerMessageStore). What does not:
reading the timer topic and delivering (`broker/timer/timer_message_service.py`), the state after a crash
(`timer_recovery.py`). One thread, the loop's, calls it; only `run_flush` runs in a worker.

A moment T is over, and its messages are due, when the clock has reached T + timerPrecisionMs: `write_time` is the one
that the clock is in, into which and behind which messages are still added, `read_time` the next to be delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.layout.timer import WHEEL_SLOTS
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.timer.timer_checkpoint import TimerCheckpoint, TimerNote
from rocketmq_ops.store.timer.timer_log import DEFAULT, DELETE, ROLL, TimerLog, TimerUnit
from rocketmq_ops.store.timer.timer_recovery import recover
from rocketmq_ops.store.timer.timer_wheel import Pages, Slot, TimerWheel

#: Slots of one round, and how many of them a message may not reach into (TIMER_BLANK_SLOTS).
ROUND_SLOTS = WHEEL_SLOTS // 2
_BLANK_SLOTS = 60
#: The checkpoint is written so often (ms of `read_time`) though nothing was due.
_IDLE_FLUSH_MS = 600_000


def precision_of(config: MessageStoreConfig) -> int:
    """The timerPrecisionMs in use: the highest of 100, 200, 500 and 1000 that is not above it (setTimerPrecisionMs)."""
    return max((one for one in (100, 200, 500, 1000) if one <= config.timerPrecisionMs), default=100)


class TimerFlush(NamedTuple):
    """What one flush writes."""

    pages: Pages
    units: list[tuple[MappedFile, int]]
    image: tuple[bytes, bytes]


class TimerMessageStore:
    """Times are ms since the epoch, offsets those of the timer topic's queue."""

    def __init__(self, fs: FileSystem, config: MessageStoreConfig) -> None:
        """Nothing is read or made until `open`."""
        root = config.storePathRootDir
        self._config = config
        self._fs = fs
        self.precision = precision_of(config)
        self.checkpoint = TimerCheckpoint(fs, f"{root}/config/timercheck")
        self.wheel = TimerWheel(fs, f"{root}/timerwheel", self.precision)
        self.log = TimerLog(fs, f"{root}/timerlog", config.mappedFileSizeTimerLog)
        self._paths = (f"{root}/config/timercheck", f"{root}/timerwheel", f"{root}/timerlog")
        self.is_open = False
        self.read_time = 0
        self.write_time = 0
        self.queue_offset = 0
        #: Messages in the wheel.
        self.waiting = 0
        self._changed = False

    def has_files(self) -> bool:
        """Whether there ever were timers in this store."""
        return any(self._fs.exists(path) for path in self._paths)

    def open(self, queue: ConsumeQueue | None, log_end: int, now: int, stored_at: Callable[[int], int]) -> int | None:
        """Open the files or make them; `log_end` is the end of the commitlog, `stored_at` when the message at an offset
        of the queue was stored. Raises OSError, MissingFileError, FileLengthError, ForeignFileError.

        Returns behind which commitlog offset the records are that may have delivered what still waits; None: unknown.
        """
        checkpoint = self.checkpoint
        checkpoint.load()
        found = recover(checkpoint, self.wheel, self.log, queue, log_end)
        self.waiting, self.queue_offset = found.waiting, found.queue_offset
        first = min(found.earliest, now)
        if queue is not None and found.queue_offset < queue.max_offset:
            # What it holds has waited since then, and may recall what comes behind it.
            first = min(first, stored_at(found.queue_offset))
        if now - checkpoint.last_read_time >= 2 * ROUND_SLOTS * self.precision:
            self.read_time = max(checkpoint.last_read_time, self._floor(first))
        else:
            # What has rolled on may be due before it was stored.
            self.read_time = checkpoint.last_read_time
        self.move_write_time(now)
        self.is_open = self._changed = True
        return found.delivered_behind

    def _floor(self, time: int) -> int:
        return time // self.precision * self.precision

    def move_write_time(self, now: int) -> None:
        """Take note of the time; it never goes back, nor behind what was read."""
        self.write_time = max(self.write_time, self.read_time, self._floor(now))

    # -- adding

    @property
    def roll_window(self) -> int:
        """Slots that a message is put ahead at most (timerRollWindowSlot)."""
        slots = self._config.timerRollWindowSlot
        most = ROUND_SLOTS - _BLANK_SLOTS
        return slots if 2 <= slots <= most else most

    def _slot_of(self, time: int) -> tuple[int, int]:
        """Where a message waits first that is due at a time, and the magic of its unit."""
        now, precision, window = self.write_time, self.precision, self.roll_window
        beyond = time - now - window * precision
        if beyond < 0:
            return time, DEFAULT
        # Not until shortly before its own time: the next roll needs some, too.
        return now + (window // 2 if beyond < window // 3 * precision else window) * precision, DEFAULT | ROLL

    def has_room_for(self, time: int) -> bool:
        """Whether nothing else waits in the slot for a time, from a round of the wheel before."""
        time, _ = self._slot_of(time)
        held = self.wheel.held_by(time)
        return held < self.read_time or held == self._floor(time)

    def add(self, time: int, physical_offset: int, size: int, topic_hash: int, *, deletes: bool) -> None:
        """Let the message at a commitlog offset wait for a time that is not over, and for which there is room.

        One that is too far ahead waits for a nearer time, at which it is put into the timer topic once more. Raises
        OSError."""
        time, magic = self._slot_of(time)
        if deletes:
            magic |= DELETE
        slot = self.wheel.slot(time)
        first, last, count, slot_magic = (-1, -1, 0, 0) if slot is None else slot[1:]
        position = self.log.append(last, magic, self.write_time, time, physical_offset, size, topic_hash)
        count += -1 if deletes else 1
        self.wheel.put(time, position if first < 0 else first, position, count, slot_magic)
        self.waiting += -1 if deletes else 1

    # -- what is due

    def next_due(self) -> Slot | None:
        """The first slot that is over and was not `leave`d, None when there is none yet."""
        wheel, end = self.wheel, self.write_time
        while self.read_time < end:
            self.read_time = time = wheel.next_used(self.read_time, end)
            slot = wheel.slot(time) if time < end else None
            if slot is not None and slot.last >= 0:
                return slot
            self.read_time = min(time + self.precision, end)
        return None

    def slots_before(self, end: int) -> Iterator[Slot]:
        """The slots not left yet of times before `end` (ms)."""
        time = self.read_time
        while (time := self.wheel.next_used(time, end)) < end:
            slot = self.wheel.slot(time)
            if slot is not None and slot.last >= 0:
                yield slot
            time += self.precision

    def units_waiting(self) -> Iterator[TimerUnit]:
        """All units of slots that were not left yet."""
        for slot in self.wheel.used():
            if slot.time >= self.read_time and slot.last >= 0:
                yield from self.units_of(slot)

    def units_of(self, slot: Slot) -> Iterator[TimerUnit]:
        """The units of a slot, the last one first, as their chain goes."""
        position = slot.last
        while position >= 0:
            unit = self.log.unit(position)
            if unit is None or unit.previous >= position:
                return
            yield unit
            position = unit.previous

    def leave(self, slot: Slot) -> None:
        """All of a slot is delivered."""
        self.read_time = slot.time + self.precision
        self.waiting -= slot.messages
        self._changed = True

    def waiting_at(self, time: int) -> int:
        """How many messages wait for a time."""
        slot = self.wheel.slot(time) if self.is_open else None
        return slot.messages if slot is not None else 0

    def delete_expired(self, min_physical_offset: int) -> int:
        """Remove files of the log whose messages are no longer in the commitlog; how many."""
        return self.log.delete_expired(min_physical_offset) if self.is_open else 0

    # -- flushing

    def touch(self) -> None:
        """The queue was read on without adding anything."""
        self._changed = True

    def needs_flush(self) -> bool:
        """Whether anything would be lost or done again that `begin_flush` has not taken."""
        idle = self.read_time - self.checkpoint.last_read_time >= _IDLE_FLUSH_MS
        return self.is_open and (self._changed or self.wheel.is_dirty or idle)

    def begin_flush(self, delivered_behind: int, *, master: bool) -> TimerFlush:
        """What has to be written as things are now; nothing that still waits was delivered by a record before the
        commitlog offset `delivered_behind`. All of the commitlog must be durable before `run_flush`."""
        checkpoint = self.checkpoint
        checkpoint.last_read_time = self.read_time
        checkpoint.last_timer_log_flush_position = self.log.end
        if master:
            checkpoint.master_timer_queue_offset = self.queue_offset
            checkpoint.version.next_version()
        checkpoint.last_timer_queue_offset = self.queue_offset
        self._changed = False
        note = TimerNote(delivered_behind, self.waiting, self.precision)
        return TimerFlush(
            self.wheel.take_changes(self.read_time), self.log.file_queue.unflushed(), checkpoint.image(note)
        )

    def run_flush(self, flush: TimerFlush) -> None:
        """Write; may run in a worker thread. Raises OSError."""
        self.log.file_queue.sync(flush.units)
        if flush.pages:
            self.wheel.write(flush.pages)
        self.checkpoint.write(flush.image)

    def end_flush(self, flush: TimerFlush, *, failed: bool = False) -> None:
        """Take note of what `run_flush` has done."""
        if not failed:
            self.log.file_queue.mark_flushed(flush.units)
            return
        for file, _ in flush.units:
            file.dirty_again()
        self.wheel.put_back(flush.pages)
        self._changed = True

    def close(self) -> None:
        """Let go of the files as they are."""
        if self.is_open:
            self.is_open = False
            self.log.close()
            self.wheel.close()
            self.checkpoint.close()
