"""The last looks at all groups, held in columns: windows of them are what groups are judged by.

A look of 20,000 queues takes 1 MB; how many there are is bounded by their age.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, GroupWindow, QueueKey, QueueWindow
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS

T = TypeVar("T")

#: How far back the looks go by which a group is judged, ms.
WINDOW_MS: Final = 5 * 60_000


class Held(msgspec.Struct, gc=False):
    """A group at one look, in columns; ABSENT is what was not known."""

    keys: tuple[QueueKey, ...]
    ends: array[int]
    committed: array[int]
    members: int | None
    #: What it was made of, of the last look alone.
    offsets: GroupOffsets | None


class Look(msgspec.Struct):
    """All groups at one time."""

    time_ms: int
    groups: dict[str, Held]


class Looks:
    """Looks of the last minutes, the oldest first."""

    #: By how many of them a group is judged.
    MOST: Final = WINDOW_RUNS

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    @property
    def last(self) -> Look | None:
        """The newest; None before the first."""
        return self._looks[-1] if self._looks else None

    @property
    def previous_ms(self) -> int | None:
        """The time of the look before the newest."""
        return self._looks[-2].time_ms if len(self._looks) > 1 else None

    def before_last(self, group: str) -> Held | None:
        """A group at the look before the newest."""
        return self._looks[-2].groups.get(group) if len(self._looks) > 1 else None

    def add(self, time_ms: int, groups: Iterable[GroupOffsets]) -> Look:
        """Add a look, which is later than all others; those that are too old go."""
        before = self.last.groups if self.last is not None else {}
        for held in before.values():
            held.offsets = None
        look = Look(time_ms, {group.group: _held(group, before.get(group.group)) for group in groups})
        self._looks.append(look)
        while time_ms - self._looks[0].time_ms > WINDOW_MS:
            self._looks.popleft()
        return look

    def skip(self, time_ms: int) -> None:
        """There was a look at that time, and nobody will ask what it saw."""
        self._looks.append(Look(time_ms, {}))

    def window(self, group: str) -> GroupWindow:
        """A group at the last look and those at equal distances before it."""
        chosen = self._spread()
        times = [look.time_ms for look in chosen]
        queues: dict[QueueKey, QueueWindow] = {}
        members: list[int | None] = []
        count = len(chosen)
        for place, look in enumerate(chosen):
            held = look.groups.get(group)
            members.append(None if held is None else held.members)
            if held is None:
                continue
            for key, end, committed in zip(held.keys, held.ends, held.committed, strict=True):
                columns = queues.get(key)
                if columns is None:
                    columns = queues[key] = QueueWindow([None] * count, [None] * count)
                columns.ends[place] = _known(end)
                columns.committed[place] = _known(committed)
        return GroupWindow(group, times, members, queues)

    def moved(self, group: str) -> bool:
        """Whether any offset of a group changed within its window."""
        held = [look.groups[group] for look in self._spread() if group in look.groups]
        return any(each.keys == held[0].keys and each.committed != held[0].committed for each in held)

    def back(self, ms: int) -> Look | None:
        """The look that is at least so long before the last one, the nearest; the oldest where all are younger."""
        at = self.nearest([look.time_ms for look in self._looks], ms)
        return next((look for look in self._looks if look.time_ms == at), None)

    @staticmethod
    def nearest(times: Sequence[int], ms: int) -> int | None:
        """The same of times alone."""
        if len(times) < 2:
            return None
        return next((time_ms for time_ms in reversed(times) if time_ms <= times[-1] - ms), times[0])

    def _spread(self) -> list[Look]:
        return spread(list(self._looks), self.MOST)


def spread(items: list[T], most: int) -> list[T]:
    """The last of them and up to `most` - 1 at equal distances before it."""
    if len(items) <= most:
        return items
    return [items[len(items) - 1 - place * len(items) // most] for place in range(most)][::-1]


def _held(group: GroupOffsets, before: Held | None) -> Held:
    """The group in columns; its queues are put in order."""
    group.queues.sort(key=_key)
    keys = tuple([queue.queue for queue in group.queues])
    if before is not None and before.keys == keys:
        keys = before.keys
    ends = array("q", [ABSENT if queue.end is None else queue.end for queue in group.queues])
    committed = array("q", [ABSENT if queue.committed is None else queue.committed for queue in group.queues])
    if before is not None:  # of most groups of most clusters nothing moves, or nothing is left: one column will do
        ends = before.ends if before.ends == ends else ends
        committed = before.committed if before.committed == committed else committed
    return Held(keys, ends, ends if committed == ends else committed, group.members, group)


_key: Final = attrgetter("queue")


def _known(value: int) -> int | None:
    return None if value == ABSENT else value
