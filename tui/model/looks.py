"""The last looks at all groups: windows of them are what groups are judged by. How many there are is bounded by their
age."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, GroupWindow, QueueKey, QueueWindow
from rocketmq_ops.tui.model.choosing import WINDOW_MS, chosen, further, nearest
from rocketmq_ops.tui.model.look import Held, Look, known
from rocketmq_ops.tui.model.table import Below


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
                columns.ends[place] = known(end)
                columns.committed[place] = known(committed)
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


def _moved(before: Held, after: Held) -> bool:
    if before.keys != after.keys or before.committed == after.committed:
        return False
    pairs = zip(before.committed, after.committed, strict=True)
    return any(one != other and ABSENT not in (one, other) for one, other in pairs)


_time: Final = attrgetter("time_ms")


def _windows(seen: list[Held]) -> dict[QueueKey, QueueWindow]:
    """The queues of a group that were the same at all these looks."""
    ends = zip(*[held.ends for held in seen], strict=True)
    committed = zip(*[held.committed for held in seen], strict=True)
    pairs = zip(seen[0].keys, ends, committed, strict=True)
    return {key: QueueWindow(_all_known(each), _all_known(other)) for key, each, other in pairs}


def _all_known(values: Sequence[int]) -> list[int | None]:
    return [known(value) for value in values] if ABSENT in values else [*values]
