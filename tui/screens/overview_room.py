"""How many lines each part of the overview gets: what is wrong first, then all there is; no line stays empty before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

#: Lines of a part above its rows: its title, and the headings.
HEAD: Final = 2


class Wish(NamedTuple):
    """How many rows a part has, and how many of those at the top are to be seen before others show more."""

    rows: int
    first: int


def shares(room: int, parts: Sequence[Wish]) -> list[int]:
    """The lines of each part of `room`. Each has a row, where it has any, or its title
    alone; then one more line in turn while it needs some. What is left over is the last one's."""
    lines = [HEAD + 1 if part.rows else 1 for part in parts]
    left = room - sum(lines)
    for wanted in ([min(part.first, part.rows) for part in parts], [part.rows for part in parts]):
        while left > 0:
            short = [at for at, rows in enumerate(wanted) if lines[at] < HEAD + rows]
            if not short:
                break
            for at in short[:left]:
                lines[at] += 1
            left -= len(short[:left])
    lines[-1] += max(left, 0)
    return lines
