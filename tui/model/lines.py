"""Figures over the last minutes, for sparklines: thousands of lines over the same times."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isnan, nan
from typing import Final

from rocketmq_ops.tui.model.model import Points

#: Points of a line that are held.
MOST: Final = 90


class Lines:
    """Each line has a value for each time; a time at which it had none is left out of its points.

    Times are put in turn: `begin`, `put` for each line that has a value then, `end`.
    """

    def __init__(self) -> None:
        self._times: array[int] = array("q")
        self._values: dict[str, dict[str, array[float]]] = {}

    @property
    def times(self) -> Sequence[int]:
        """All times, ascending."""
        return self._times

    def begin(self, time_ms: int) -> None:
        """The next time, in ms since 1970."""
        self._times.append(time_ms)

    def put(self, name: str, target: str, value: float) -> None:
        """What a line has at it."""
        lines = self._values.setdefault(name, {})
        values = lines.get(target)
        if values is None:
            values = lines[target] = array("d", [nan] * (len(self._times) - 1))
        values.append(value)

    def end(self) -> None:
        """All lines are as long as there are times, and no longer than MOST; one without a value is let go."""
        count = len(self._times)
        for lines in self._values.values():
            for target, values in list(lines.items()):
                if len(values) < count:
                    values.append(nan)
                if count > MOST:
                    del values[0]
                if isnan(values[-1]) and all(map(isnan, values)):
                    del lines[target]
        if count > MOST:
            del self._times[0]

    def has(self, name: str, target: str) -> bool:
        """Whether there is such a line."""
        return target in self._values.get(name, ())

    def points(self, name: str, target: str) -> Points:
        """Its times and values, ascending."""
        values = self._values.get(name, {}).get(target, ())
        return [point for point in zip(self._times, values, strict=False) if not isnan(point[1])]
