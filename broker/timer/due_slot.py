"""The slot of the timer wheel that is being delivered."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from rocketmq_ops.store.timer.timer_log import TimerUnit
from rocketmq_ops.store.timer.timer_wheel import Slot


class DueSlot:
    """What is left to do of one slot: its units are looked at first, then delivered."""

    __slots__ = ("behind", "deleted", "found", "slot", "units")

    def __init__(self, slot: Slot, units: Iterator[TimerUnit], behind: int) -> None:
        """`behind`: the end of the commitlog before the first delivery."""
        self.slot = slot
        #: Those not looked at yet, the last one first.
        self.units: Iterator[TimerUnit] | None = units
        #: Of each unit to deliver three numbers, those of the last one first: see `find`.
        self.found: array[int] = array("q")
        #: Key of each recalled message -> its topic, None when the message was there.
        self.deleted: dict[str, str | None] = {}
        self.behind = behind

    def find(self, unit: TimerUnit) -> None:
        """Note a unit that is to be delivered."""
        self.found.extend((unit.physical_offset, unit.message_size << 1 | unit.rolls, unit.write_time))
