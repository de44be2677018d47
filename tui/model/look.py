"""One look at all groups, held in columns.

A look of 20,000 queues takes 160 KB. Objects for each queue, which take twenty times as much, are made for who asks,
and not kept.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Iterable
from operator import add, attrgetter, lt
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets

#: In place of a step where an offset is not known.
_NO_STEP: Final = -(1 << 31)


class Held(msgspec.Struct, gc=False):
    """A group at one look, in columns; ABSENT is what was not known."""

    keys: tuple[QueueKey, ...]
    ends: array[int]
    committed: array[int]
    members: int | None


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Where a group stands in the columns of a look: its number among the groups, its queues from `begin` on."""

    number: int
    begin: int
    keys: tuple[QueueKey, ...]


class Steps(msgspec.Struct, frozen=True, gc=False):
    """A column of offsets, by how far each is from one that looks share: offsets take eight bytes, and what they grow
    by within minutes four."""

    base: array[int]
    steps: array[int]

    @staticmethod
    def of(values: list[int | None], before: Steps | None) -> Steps:
        """The column of these values. They begin a new base where the one before is of others, or too far away."""
        if before is not None and len(before.base) == len(values):
            pairs = zip(values, before.base, strict=True)
            with contextlib.suppress(OverflowError):
                return Steps(before.base, array("i", [_NO_STEP if v is None else _step(v - b) for v, b in pairs]))
        base = array("q", [value or 0 for value in values])
        return Steps(base, array("i", [_NO_STEP if value is None else 0 for value in values]))

    def part(self, begin: int, end: int) -> array[int]:
        """A part of it in full; ABSENT is what was not known."""
        base, steps = self.base[begin:end], self.steps[begin:end]
        if _NO_STEP not in steps:
            return array("q", map(add, base, steps))
        pairs = zip(base, steps, strict=True)
        return array("q", [ABSENT if step == _NO_STEP else base + step for base, step in pairs])

    def whole(self) -> array[int]:
        """All of it in full."""
        return self.part(0, len(self.steps))


class OffsetsAt(msgspec.Struct, eq=False, gc=False):
    """A group at one look; implements `Offsets`."""

    group: str
    look: Look

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OffsetsAt):
            return NotImplemented
        return (self.group, self.members, self.queues) == (other.group, other.members, other.queues)

    __hash__ = None  # type: ignore[assignment]

    @property
    def queues(self) -> list[QueueOffsets]:
        """See `Offsets`: made of the columns."""
        return self.look.queues(self.group)

    @property
    def members(self) -> int | None:
        """See `Offsets`."""
        return self.look.members(self.group)

    @property
    def pulling(self) -> bool:
        """See `Offsets`."""
        return self.look.pulling(self.group)

    @property
    def keys(self) -> tuple[QueueKey, ...]:
        """See `Offsets`."""
        return self.look.keys(self.group)


class Look:
    """All groups at one time: one column of each kind for all of them, and where each group stands in it, which looks
    share while no queue comes or goes."""

    def __init__(
        self,
        time_ms: int,
        groups: Iterable[GroupOffsets],
        before: Look | None = None,
        pause: Callable[[], None] = at_once,
        silent: Iterable[str] = (),
    ) -> None:
        self.time_ms = time_ms
        #: The names of the brokers that told nothing.
        self.silent = frozenset(silent)
        #: Nobody asks what it saw.
        self.skipped = False
        #: The groups of which an offset went back since the look before.
        self.went_back: frozenset[str] = frozenset()
        offsets = {group.group: group for group in groups}
        for number, group in enumerate(offsets.values()):
            if number % AT_A_TIME == 0:
                pause()
            group.queues.sort(key=_key)
        pause()
        queues = [queue for group in offsets.values() for queue in group.queues]
        self._ends: Steps = Steps.of([queue.end for queue in queues], None if before is None else before._ends)
        pause()
        committed: Steps = Steps.of(
            [queue.committed for queue in queues], None if before is None else before._committed
        )
        self._committed: Steps = self._ends if committed == self._ends else committed
        self._members = _column([group.members for group in offsets.values()])
        self._pulling = frozenset(name for name, group in offsets.items() if group.pulling)
        self._places: dict[str, Placed] = _placed(offsets, {} if before is None else before._places, pause)

    def back_since(self, before: Look, pause: Callable[[], None]) -> frozenset[str]:
        """The groups of which an offset is behind what it was."""
        now, then = self._committed, before._committed
        if self._places is before._places and now.base is then.base and not any(map(lt, now.steps, then.steps)):
            return frozenset()  # as nearly always
        get, get_then = self.each(pause), before.each(pause)
        found: list[str] = []
        for number, name in enumerate(self._places):
            if number % AT_A_TIME == 0:
                pause()
            held, old = get(name), get_then(name)
            if held is not None and old is not None and _went_back(old, held):
                found.append(name)
        return frozenset(found)

    @property
    def groups(self) -> Iterable[str]:
        """Their names."""
        return self._places

    def get(self, group: str) -> Held | None:
        """One of them."""
        place = self._places.get(group)
        if place is None:
            return None
        begin, end = place.begin, place.begin + len(place.keys)
        ends = self._ends.part(begin, end)
        committed = ends if self._committed is self._ends else self._committed.part(begin, end)
        return Held(place.keys, ends, committed, known(self._members[place.number]))

    def each(self, pause: Callable[[], None] = at_once) -> Callable[[str], Held | None]:
        """`get`, for who goes through all of them: the columns are there in full as long as that is held."""
        pause()
        ends = self._ends.whole()
        pause()
        committed = ends if self._committed is self._ends else self._committed.whole()
        places, members = self._places, self._members

        def get(group: str) -> Held | None:
            place = places.get(group)
            if place is None:
                return None
            part = slice(place.begin, place.begin + len(place.keys))
            mine = ends[part]
            return Held(place.keys, mine, mine if committed is ends else committed[part], known(members[place.number]))

        return get

    def of(self, group: str) -> OffsetsAt:
        """One of them, without what it has: that is made of the columns when it is asked for."""
        return OffsetsAt(group, self)

    def keys(self, group: str) -> tuple[QueueKey, ...]:
        """The queues of one."""
        return self._places[group].keys

    def members(self, group: str) -> int | None:
        """How many clients one has."""
        return known(self._members[self._places[group].number])

    def pulling(self, group: str) -> bool:
        """Whether the clients of one pull by themselves."""
        return group in self._pulling

    def queues(self, group: str) -> list[QueueOffsets]:
        """The queues of one with its offsets."""
        held = self.get(group)
        if held is None:
            return []
        columns = zip(held.keys, held.ends, held.committed, strict=True)
        return [QueueOffsets(key, known(end), known(committed)) for key, end, committed in columns]


def known(value: int) -> int | None:
    """A value of a column."""
    return None if value == ABSENT else value


def _placed(groups: dict[str, GroupOffsets], before: dict[str, Placed], pause: Callable[[], None]) -> dict[str, Placed]:
    """Where each group stands; what is as it was before is that very object."""
    places: dict[str, Placed] = {}
    begin = 0
    for number, (name, group) in enumerate(groups.items()):
        if number % AT_A_TIME == 0:
            pause()
        keys = tuple([queue.queue for queue in group.queues])
        was = before.get(name)
        if was is None or was.keys != keys:
            places[name] = Placed(number, begin, keys)
        else:
            same = (was.number, was.begin) == (number, begin)
            places[name] = was if same else Placed(number, begin, was.keys)
        begin += len(keys)
    return before if places == before else places


def _step(step: int) -> int:
    """Raises OverflowError for what stands for an offset that is not known."""
    if step == _NO_STEP:
        raise OverflowError
    return step


def _went_back(before: Held, after: Held) -> bool:
    if before.keys != after.keys:
        places = dict(zip(before.keys, before.committed, strict=True))
        pairs = [(places.get(key, ABSENT), now) for key, now in zip(after.keys, after.committed, strict=True)]
    elif before.committed == after.committed:
        return False
    else:
        pairs = [*zip(before.committed, after.committed, strict=True)]
    return any(now < was and ABSENT not in (was, now) for was, now in pairs)


def _column(values: list[int | None]) -> array[int]:
    return array("q", [ABSENT if value is None else value for value in values])


_key: Final = attrgetter("queue")
