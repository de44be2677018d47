"""Figures over time as a line of blocks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

#: How far back sparklines of screens go, ms.
SPAN_MS: Final = 10 * 60_000
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
#: A value stands for so many times as long as looks mostly lie apart, where no other look came: one may be slow.
_LATE: Final = 2


def spark(points: Sequence[tuple[int, float]], looks: Sequence[int], cells: int, until_ms: int, span_ms: int) -> str:
    """The last `span_ms` before `until_ms` in so many cells, from 0 to the largest; a blank where nothing is known.

    A cell shows the largest of its values, so that no peak is lost. `looks`: when values were looked for, ascending,
    also where none was found. A cell in which nobody looked shows what the last look has found, unless that is too old.
    """
    begin = until_ms - span_ms
    largest: list[float | None] = [None] * cells
    looked: set[int | None] = set()

    def cell_of(time_ms: int) -> int | None:
        return min(cells - 1, (time_ms - begin) * cells // span_ms) if begin < time_ms <= until_ms else None

    for time_ms, value in points:
        if (at := cell_of(time_ms)) is not None:
            known = largest[at]
            largest[at] = value if known is None else max(known, value)
            looked.add(at)
    looked |= {cell_of(time_ms) for time_ms in looks}
    stands_ms, found = _LATE * _apart(looks), dict(points)
    for at in range(cells):
        if at in looked:
            continue
        last = bisect_left(looks, begin + at * span_ms // cells) - 1
        if last >= 0 and begin + (at + 1) * span_ms // cells - looks[last] <= stands_ms:
            largest[at] = found.get(looks[last])
    top = max((value for value in largest if value is not None), default=0.0)
    return "".join(" " if value is None else _BLOCKS[_level(value, top)] for value in largest)


def _level(value: float, top: float) -> int:
    if value <= 0 or top <= 0:
        return 0
    return max(1, min(len(_BLOCKS) - 1, round(value / top * (len(_BLOCKS) - 1))))


def _apart(looks: Sequence[int]) -> int:
    """How far looks mostly lie apart, ms; 0 of fewer than two."""
    gaps = sorted(after - before for before, after in pairwise(looks))
    return gaps[len(gaps) // 2] if gaps else 0
