"""Series out of a file over a stretch of time: each is read when it is asked for first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rocketmq_ops.housekeeping.history.runs import GroupWindow
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.past_rates import IN, OUT
from rocketmq_ops.tui.model.recording import SILENT
from rocketmq_ops.tui.model.tape import Tape

#: Figures whose series are read from a file all at once.
_READ_TOGETHER: Final = ("broker.", "total.")


class OldSeries:
    """The series from `begin_ms` to `end_ms` (ms since 1970, both counted). `looks`: when values were looked for then;
    read with the first series."""

    def __init__(self, tape: Tape, begin_ms: int, end_ms: int) -> None:
        self._tape = tape
        self.begin_ms, self.end_ms = begin_ms, end_ms
        self.looks: Sequence[int] = ()
        self._points: dict[tuple[str, str], Points] = {}
        self._asked: set[tuple[str, str]] = set()

    def points(self, name: str, target: str) -> Points:
        """What has been read of a series."""
        return self._points.get((name, target), [])

    def wants(self, name: str, target: str) -> bool:
        """Whether a series is asked for first, and is to be read: once."""
        together = next(((prefix, "") for prefix in _READ_TOGETHER if name.startswith(prefix)), (name, target))
        key = ("topic.", target) if name in (IN, OUT) else together
        known = key in self._asked
        self._asked.add(key)
        return not known

    async def read(self, name: str, target: str, groups: Sequence[str]) -> None:
        """Read a series, and those that are read with it; `groups`: those of the topic where it is one of a topic.
        Raises HistoryError."""
        begin_ms, end_ms = self.begin_ms, self.end_ms
        if name == "group.lag":
            window = await self._tape.window(target, begin_ms, end_ms)
            found = {} if window is None else {(name, target): lag_points(window)}
        elif name in (IN, OUT):
            found = await self._tape.topic_rates(target, groups, begin_ms, end_ms)
        else:
            prefix = next((prefix for prefix in _READ_TOGETHER if name.startswith(prefix)), None)
            if prefix is None:
                return
            found = known_points(await self._tape.figures(begin_ms, end_ms, prefix))
        looks = await self._tape.times(begin_ms, end_ms)
        self._points |= found
        self.looks = looks


def known_points(series: Mapping[tuple[str, str], Points]) -> dict[tuple[str, str], Points]:
    """Without the times at which a broker did not answer, or refused to: a moment has its last figures then."""
    silent: dict[str, set[int]] = {}
    for name in SILENT:
        for (each, target), points in series.items():
            if each == name:
                silent.setdefault(target, set()).update(at for at, _ in points)
    return {
        (name, target): [point for point in points if point[0] not in silent[target]] if target in silent else points
        for (name, target), points in series.items()
    }


def lag_points(window: GroupWindow) -> Points:
    """The lag of a group over a window, at the times at which all of it was known."""
    points: Points = []
    for place, time_ms in enumerate(window.times):
        total: int | None = 0 if window.queues else None
        for columns in window.queues.values():
            end, committed = columns.ends[place], columns.committed[place]
            if end == 0 and not committed:
                continue
            if end is None or committed is None:
                total = None
                break
            total = (total or 0) + max(end - committed, 0)
        if total is not None:
            points.append((time_ms, float(total)))
    return points
