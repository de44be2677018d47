"""Values counted in buckets, as Prometheus' histograms have them: adding one costs a search in a short list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec


class Histogram:
    """How many values were at most each of `bounds` (the last count: more than all of them), and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One value more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def moment(self) -> Buckets:
        """As it is now."""
        return Buckets(self.bounds, list(self.counts), self.total)


class Buckets(msgspec.Struct):
    """A histogram at one moment; `counts` has one more than `bounds`."""

    bounds: Sequence[float]
    counts: list[int]
    total: float

    def samples(self) -> list[tuple[str, str, float]]:
        """(what follows the name, the label `le` or nothing, value) as on Prometheus' page."""
        found, below = [], 0
        for bound, count in zip([*map(str, map(float, self.bounds)), "+Inf"], self.counts, strict=True):
            below += count
            found.append(("_bucket", bound, float(below)))
        return [*found, ("_count", "", float(below)), ("_sum", "", self.total)]
