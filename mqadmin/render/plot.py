"""A bar plot over time in the terminal, in block characters or in ASCII where the terminal has no others."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"
HEIGHT = 8
WIDTH = 72


def bucketed(points: Sequence[tuple[int, int]], width: int = WIDTH, step: int = 60_000) -> tuple[list[float], int, int]:
    """The mean value of each of at most `width` stretches of equal length, empty time counted as 0; also the begin and
    the length of a stretch in ms. `points` are (time, value), ascending, one for each `step` that has any."""
    begin, end = points[0][0], points[-1][0] + step
    steps = -(-(end - begin) // step)
    each = -(-steps // width)
    length = each * step
    sums = [0.0] * (-(-steps // each))
    for time, value in points:
        sums[(time - begin) // length] += value
    whole = [total / each for total in sums]
    last = steps - each * (len(sums) - 1)
    whole[-1] = sums[-1] / last
    return whole, begin, length


def latest(points: Sequence[tuple[int, int | None]], width: int = WIDTH) -> list[float | None]:
    """The last known value of each of at most `width` stretches of equal length; None where nothing is known."""
    begin, end = points[0][0], points[-1][0] + 1
    length = max(-(-(end - begin) // width), -(-(end - begin) // len(points)), 1)
    found: list[float | None] = [None] * -(-(end - begin) // length)
    for time, value in points:
        if value is not None:
            found[(time - begin) // length] = value
    return found


def bar_plot(values: Sequence[float | None], *, height: int = HEIGHT) -> list[str]:
    """Lines from the top: the scale on the left, one column a value. A value above 0 always shows; of None, which is
    not known, the lowest line has a `?`."""
    ascii_only = not _can_show(_BLOCKS)
    top = max((value for value in values if value is not None), default=0) or 1
    label = max(len(_number(top)), 1)
    lines = []
    for row in range(height, 0, -1):
        cells = []
        for value in values:
            if value is None:
                cells.append("?" if row == 1 else " ")
                continue
            eighths = max(round(value / top * height * 8), 1 if value else 0)
            filled = min(8, max(0, eighths - (row - 1) * 8))
            cells.append(("#" if filled >= 4 else "." if filled else " ") if ascii_only else _BLOCKS[filled])
        scale = _number(top) if row == height else _number(top / 2) if row == height // 2 else ""
        bar = "|" if ascii_only else "│"
        lines.append(f"  {scale:>{label}} {bar}{''.join(cells)}".rstrip())
    corner, line = ("+", "-") if ascii_only else ("└", "─")
    return [*lines, f"  {'':>{label}} {corner}{line * len(values)}"]


def share_bar(shares: Sequence[float], width: int = WIDTH) -> str:
    """One bar with a part for each share, in the digit of its place (1 to 9); every share above 0 is seen."""
    total = sum(shares)
    if not total:
        return "||"
    cells = [max(int(share / total * width), 1 if share else 0) for share in shares]
    largest = max(range(len(shares)), key=lambda place: shares[place])
    cells[largest] += width - sum(cells)
    return "|" + "".join(str(place) * count for place, count in enumerate(cells, 1)) + "|"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _can_show(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
