"""Of what is too much to be asked for in one run: which are asked for in this one, so that all have their turn.

The next run goes on behind the last one that was asked for, which the history holds, however far apart runs are.
Without a history each run begins somewhere.
"""

from __future__ import annotations

import random
import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from rocketmq_ops.housekeeping.history.runs import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rocketmq_ops.housekeeping.history.file import History

#: What the names of the figures begin with that hold how far the turns have come. They measure nothing: those that are
#: shown begin with `probe.`.
_PREFIX: Final = "turn."

What = Literal["groups", "routes"]


class Part(msgspec.Struct, rename="camel"):
    """What a run did not ask for of all: `groups` of which nothing is known to wait, for their clients, or `routes`.

    `asked` of `all` were asked for; the others are in the next runs.
    """

    what: What
    asked: int
    all: int


class Turns:
    """The turns of one run; `parts` is what of did not all have theirs. Raises HistoryError."""

    def __init__(self, history: History | None) -> None:
        self.parts: list[Part] = []
        self._after: dict[str, int] = {}
        times = [] if history is None else history.last_times(1)
        if history is not None and times:
            found = history.figures(times[0], times[0], _PREFIX)
            self._after = {name.removeprefix(_PREFIX): int(points[-1][1]) for (name, _), points in found.items()}

    def sample(self, what: What, names: Iterable[str], most: int) -> list[str]:
        """At most so many of the names."""
        # In the order of checksums: a number says how far the turn has come, and names that come and go move nothing.
        ordered = sorted((zlib.crc32(name.encode("utf-8", "surrogatepass")), name) for name in names)
        if len(ordered) <= most:
            return [name for _, name in ordered]
        after = self._after.get(what, random.getrandbits(32))
        begin = bisect_right(ordered, after, key=lambda pair: pair[0])
        chosen = (ordered[begin:] + ordered)[:most]
        self._after[what] = chosen[-1][0] if chosen else after
        self.parts.append(Part(what, len(chosen), len(ordered)))
        return [name for _, name in chosen]

    def figures(self) -> list[Figure]:
        """How far the turns have come, for the next run."""
        return [Figure(f"{_PREFIX}{what}", "", after) for what, after in sorted(self._after.items())]
