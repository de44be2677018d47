"""What a timer store (messages with an arbitrary time of delivery) says of the messages that wait in it.

Mirrors TimerCheckpoint (config/timercheck), TimerWheel and Slot. A timer message is first stored in the topic
`rmq_sys_wheel_timer`; from there it goes into the wheel, and at its time into its own topic. 4.9 has no such store:
what waits in it stays there.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np

from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inspect.reading.queue_units import units_in_log
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile, entries_of
from rocketmq_ops.store.layout.timer import CHECKPOINT, SLOT

_CHECKPOINT: Final = CHECKPOINT.part("last_read_time", "last_timer_queue_offset").struct  # 5.0 has no more
_CHUNK: Final = SLOT.size << 16
_WHEEL: Final = re.compile(r"timerwheel(?:\.(\d+))?")


class Timers(NamedTuple):
    """`waiting` messages are in the wheel, `queued` are in the timer topic's queue and not yet in the wheel; `until` is
    the latest time of delivery in the wheel (ms). `offset` is where the broker goes on in the queue, `end` the end of
    the queue as far as the commitlog holds it."""

    waiting: int
    queued: int
    until: int
    offset: int
    end: int

    @property
    def ahead(self) -> bool:
        """True when the timer store knows of messages that the commitlog does not hold."""
        return self.offset > self.end


def read_timers(store: StoreDirectory, log_end: int) -> Timers | None:
    """What the timer store holds, None without one; `log_end` is where the readable commitlog ends."""
    data = store.small_file("config/timercheck")
    if data is None or len(data) < _CHECKPOINT.size:
        return None
    read_until, _, offset = _CHECKPOINT.unpack_from(data)
    chain = store.queues.get((TIMER_TOPIC, 0))
    low, high = units_in_log(chain, store.commitlog.min_offset) if chain is not None else (0, 0)
    end = units_in_log(chain, log_end)[0] if chain is not None else 0
    waiting, until = _in_wheel(store, read_until)
    return Timers(waiting, max(0, min(end, high) - max(offset, low)), until, offset, end)


def _in_wheel(store: StoreDirectory, read_until: int) -> tuple[int, int]:
    """How many messages stand in slots from the time on that is read next, and the latest of these times (ms)."""
    wheels = [(int(m[1] or 0), p) for p in entries_of(store.root) if p.is_file() and (m := _WHEEL.fullmatch(p.name))]
    if not wheels:
        return 0, 0
    file = StoreFile(max(wheels)[1])
    count = latest = 0
    try:
        for position in range(0, file.size, _CHUNK):
            data = file.read(position, _CHUNK)
            slots = np.frombuffer(data[: len(data) - len(data) % SLOT.size], SLOT.dtype)
            used = slots[slots["count"] > 0]
            if not len(used):
                continue
            times = used["time"].astype(np.int64) * _precision(int(used["time"][0]), read_until)
            pending = times >= read_until
            if pending.any():
                count += int(used["count"][pending].sum())
                latest = max(latest, int(times[pending].max()))
    finally:
        file.close()
    return count, latest


def _precision(time: int, read_until: int) -> int:
    """timerPrecisionMs, in which the wheel counts (1000 where not configured): the one that brings a slot's time
    nearest to the time that was read last, since a timer waits for days at most."""
    return min((1_000, 500, 200, 100, 50, 20, 10, 1), key=lambda precision: abs(time * precision - read_until))
