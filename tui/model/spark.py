"""Figures over time as a line of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def spark(points: Sequence[tuple[int, float]], cells: int, until_ms: int, span_ms: int) -> str:
    """The last `span_ms` before `until_ms` in so many cells, from 0 to the largest; a blank where nothing is known.

    A cell shows the largest of its values, so that no peak is lost.
    """
    begin = until_ms - span_ms
    largest: list[float | None] = [None] * cells
    for time_ms, value in points:
        if begin < time_ms <= until_ms:
            at = min(cells - 1, (time_ms - begin) * cells // span_ms)
            known = largest[at]
            largest[at] = value if known is None else max(known, value)
    top = max((value for value in largest if value is not None), default=0.0)
    return "".join(" " if value is None else _BLOCKS[_level(value, top)] for value in _filled(largest))


def _level(value: float, top: float) -> int:
    if value <= 0 or top <= 0:
        return 0
    return max(1, min(len(_BLOCKS) - 1, round(value / top * (len(_BLOCKS) - 1))))


def _filled(values: list[float | None]) -> list[float | None]:
    """Where samples are rarer than cells, each one stands until the next."""
    first = next((at for at, value in enumerate(values) if value is not None), len(values))
    last: float | None = None
    filled: list[float | None] = []
    gap = 0
    for at, value in enumerate(values):
        gap = 0 if value is not None else gap + 1
        last = value if value is not None else last
        filled.append(last if at >= first and gap <= 3 else None)
    return filled
