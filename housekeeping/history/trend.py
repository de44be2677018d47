"""The straight line through what a history holds of something, and what may be read from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

#: Fewer points than this, or a shorter time, are no line.
LEAST_POINTS: Final = 5
LEAST_MS: Final = 10 * 60_000
#: A line is not drawn further ahead than so many times the length of what it was read from.
REACH: Final = 30


class Line(msgspec.Struct, rename="camel"):
    """Least squares through `points` values over `span_ms`. `slope` is in units a second, `last` the line's value at
    the last of them. `r2`: which part of the change it explains, 1 for a straight line; None where nothing changes.
    """

    points: int
    span_ms: int
    slope: float
    last: float
    r2: float | None

    @property
    def reach_ms(self) -> int:
        """How far ahead it may be followed."""
        return self.span_ms * REACH

    def ms_until(self, value: float) -> float | None:
        """ms from the last point until the line is at `value`; None where it does not get there."""
        left = value - self.last
        if left == 0:
            return 0.0
        if self.slope == 0 or (left > 0) != (self.slope > 0):
            return None
        return left / self.slope * 1000


def line_through(points: Sequence[tuple[int, float]]) -> Line | None:
    """The line; None of too little to draw one. `points` are (ms, value), ascending."""
    if len(points) < LEAST_POINTS or points[-1][0] - points[0][0] < LEAST_MS:
        return None
    begin = points[0][0]
    xs = [(time_ms - begin) / 1000 for time_ms, _ in points]
    ys = [value for _, value in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    square = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / square
    total = sum((y - mean_y) ** 2 for y in ys)
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return Line(
        len(points),
        points[-1][0] - begin,
        slope,
        mean_y + slope * (xs[-1] - mean_x),
        None if total == 0 else max(0.0, 1 - rest / total),
    )
