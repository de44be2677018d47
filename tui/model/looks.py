"""The last looks at all groups, held in columns: windows of them are what groups are judged by.

A look of 20,000 queues takes 160 KB; how many there are is bounded by their age. Objects for each queue, which take
twenty times as much, are made for who asks, and not kept.
"""

from __future__ import annotations

import contextlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import add, attrgetter, lt
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, GroupWindow, QueueKey, QueueOffsets, QueueWindow
from rocketmq_ops.tui.model.choosing import WINDOW_MS, chosen, further, nearest
from rocketmq_ops.tui.model.table import Below

#: In place of a step where an offset is not known.
_NO_STEP: Final = -(1 << 31)


class Held(msgspec.Struct, gc=False):
    """A group at one look, in columns; ABSENT is what was not known."""

    keys: tuple[QueueKey, ...]
    ends: array[int]
    committed: array[int]
    members: int | None


class Waited(msgspec.Struct, frozen=True, gc=False):
    """For how long a group had waited, ms, at the last look that knew, and when that was, ms since 1970; where it was
    then, once a broker is silent. `queues`: whose first messages these are; None: any may be."""

    ms: int
    when_ms: int
    held: Held | None = None
    queues: frozenset[QueueKey] | None = None

    def of(self, queue: QueueKey) -> bool:
        """Whether the first message of this queue may have waited for so long."""
        return self.queues is None or queue in self.queues

    @property
    def since_ms(self) -> int:
        """Since when its oldest message has been there (ms since 1970)."""
        return self.when_ms if isinstance(self.ms, Below) else self.when_ms - self.ms


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
        return Held(place.keys, ends, committed, _known(self._members[place.number]))

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
            return Held(place.keys, mine, mine if committed is ends else committed[part], _known(members[place.number]))

        return get

    def of(self, group: str) -> OffsetsAt:
        """One of them, without what it has: that is made of the columns when it is asked for."""
        return OffsetsAt(group, self)

    def keys(self, group: str) -> tuple[QueueKey, ...]:
        """The queues of one."""
        return self._places[group].keys

    def members(self, group: str) -> int | None:
        """How many clients one has."""
        return _known(self._members[self._places[group].number])

    def pulling(self, group: str) -> bool:
        """Whether the clients of one pull by themselves."""
        return group in self._pulling

    def queues(self, group: str) -> list[QueueOffsets]:
        """The queues of one with its offsets."""
        held = self.get(group)
        if held is None:
            return []
        columns = zip(held.keys, held.ends, held.committed, strict=True)
        return [QueueOffsets(key, _known(end), _known(committed)) for key, end, committed in columns]


class Looks:
    """Looks of the last minutes, the oldest first."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()
        #: The newest that saw something.
        self._seen: Look | None = None
        #: By group for how long it had waited: it stays while a broker is silent.
        self.waited: dict[str, Waited] = {}
        #: Those by which all groups are judged.
        self._chosen: list[Look] = []
        #: Beside these those by which the queues are judged of brokers that tell again, by their names.
        self._further: dict[str, list[Look]] = {}
        #: By group the looks before and after its offsets went back.
        self._back: dict[str, list[Look]] = {}

    @property
    def last(self) -> Look | None:
        """The newest; None before the first."""
        return self._looks[-1] if self._looks else None

    @property
    def first_ms(self) -> int | None:
        """The time of the oldest; None before the first."""
        return self._looks[0].time_ms if self._looks else None

    @property
    def previous_ms(self) -> int | None:
        """The time of the look before the newest."""
        return self._looks[-2].time_ms if len(self._looks) > 1 else None

    def newest_first(self) -> Iterable[Look]:
        """All of them."""
        return reversed(self._looks)

    def before_last(self, group: str) -> Held | None:
        """A group at the look before the newest."""
        return self._looks[-2].get(group) if len(self._looks) > 1 else None

    def add(
        self,
        time_ms: int,
        groups: Iterable[GroupOffsets],
        pause: Callable[[], None] = at_once,
        silent: Iterable[str] = (),
    ) -> Look:
        """Add a look, which is later than all others; those that are too old go. `pause` is called every few ms.
        `silent`: the names of the brokers that told nothing."""
        look = self._seen = Look(time_ms, groups, self._seen, pause, silent)
        before = self.last
        if before is not None:
            pause()
            look.went_back = look.back_since(before, pause)
            for name in look.went_back:
                self._back.setdefault(name, []).extend((before, look))
        self._looks.append(look)
        while time_ms - self._looks[0].time_ms > WINDOW_MS:
            self._looks.popleft()
        self._choose()
        return look

    def skip(self, time_ms: int, silent: Iterable[str] = ()) -> None:
        """There was a look at that time, and nobody will ask what it saw."""
        look = Look(time_ms, (), silent=silent)
        look.skipped = True
        self._looks.append(look)
        self._choose()

    def seen(self) -> Looks:
        """Those that told something, be it that brokers were silent; to go on from. For how long groups had waited
        these alone do not tell: the moment that was kept does."""
        found = Looks()
        found._looks.extend(look for look in self._looks if not look.skipped and (look.groups or look.silent))
        found._seen, found._back = found.last, self._back
        found._choose()
        return found

    def window(self, group: str) -> GroupWindow:
        """A group at the last look, those of fixed times before it (`chosen`), and those around which an offset of it
        went back; and its queues on brokers that tell again at the `further` ones."""
        chosen = self._chosen_of(group)
        more = self._further_of(group)
        if more:
            common = {*chosen}
            chosen = sorted(common.union(*more.values()), key=_time)
        times = [look.time_ms for look in chosen]
        seen = [look.get(group) for look in chosen]
        members = [None if held is None else held.members for held in seen]
        there = [held for held in seen if held is not None]
        count = len(chosen)
        if not more and len(there) == count and all(held.keys is there[0].keys for held in there):
            return GroupWindow(group, times, members, _windows(there), chosen[-1].pulling(group))
        queues: dict[QueueKey, QueueWindow] = {}
        for place, held in enumerate(seen):
            if held is None:
                continue
            own = [name for name, looks in more.items() if chosen[place] in looks]
            every = not more or chosen[place] in common
            for key, end, committed in zip(held.keys, held.ends, held.committed, strict=True):
                if not every and key.broker not in own:
                    continue
                columns = queues.get(key)
                if columns is None:
                    columns = queues[key] = QueueWindow([None] * count, [None] * count)
                columns.ends[place] = _known(end)
                columns.committed[place] = _known(committed)
        return GroupWindow(group, times, members, queues, chosen[-1].pulling(group))

    def moved(self, group: str) -> bool:
        """Whether any offset of a group changed within its window. One that was not known at a look has not moved."""
        held = [each for look in self._chosen_of(group) if (each := look.get(group)) is not None]
        return any(_moved(held[0], each) for each in held[1:])

    def back(self, ms: int) -> Look | None:
        """The look that is at least so long before the last one, the nearest; the oldest where all are younger."""
        at = nearest([look.time_ms for look in self._looks], ms)
        return next((look for look in self._looks if look.time_ms == at), None)

    def _choose(self) -> None:
        looks = list(self._looks)
        times = [look.time_ms for look in looks]
        self._chosen = [looks[place] for place in chosen(times)]
        silent = [look.silent for look in looks]
        self._further = {name: [looks[at] for at in places] for name, places in further(times, silent).items()}
        first_ms = looks[0].time_ms if looks else 0
        self._back = {
            name: there
            for name, around in self._back.items()
            if (there := [look for look in around if look.time_ms >= first_ms])
        }

    def _further_of(self, group: str) -> dict[str, list[Look]]:
        last = self.last
        if not self._further or last is None or last.get(group) is None:
            return {}
        names = {key.broker for key in last.keys(group)}
        return {name: looks for name, looks in self._further.items() if looks and name in names}

    def _chosen_of(self, group: str) -> list[Look]:
        around = self._back.get(group)
        return self._chosen if around is None else sorted({*self._chosen, *around}, key=_time)


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


def _moved(before: Held, after: Held) -> bool:
    if before.keys != after.keys or before.committed == after.committed:
        return False
    pairs = zip(before.committed, after.committed, strict=True)
    return any(one != other and ABSENT not in (one, other) for one, other in pairs)


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
_time: Final = attrgetter("time_ms")


def _windows(seen: list[Held]) -> dict[QueueKey, QueueWindow]:
    """The queues of a group that were the same at all these looks."""
    ends = zip(*[held.ends for held in seen], strict=True)
    committed = zip(*[held.committed for held in seen], strict=True)
    pairs = zip(seen[0].keys, ends, committed, strict=True)
    return {key: QueueWindow(_all_known(each), _all_known(other)) for key, each, other in pairs}


def _all_known(values: Sequence[int]) -> list[int | None]:
    return [_known(value) for value in values] if ABSENT in values else [*values]


def _known(value: int) -> int | None:
    return None if value == ABSENT else value
