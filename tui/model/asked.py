"""What screens of one thing were told when they asked, kept for what they are compared with later.

Of each part the rows of its last whole answer, as a text that a look takes along; a ring keeps a text when it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.tui.model.table import Below, Column, Row, Table, Value

#: Parts of screens that are kept, those that were asked last; and how large each may be, in characters.
MOST: Final = 32
MOST_CHARACTERS: Final = 64 << 10
#: Times are to so many ms: what is asked again and is as it was is the same text.
_TO_MS: Final = 60_000
#: An answer is of a moment that is no more than this later, ms: screens ask again within it.
FRESH_MS: Final = 2 * _TO_MS


class _Answer(msgspec.Struct):
    """The rows of an answer: keys of columns, and of each row its key and cells."""

    asked_ms: int
    columns: list[str]
    rows: list[tuple[str, list[Value]]]


class Told(NamedTuple):
    """What was told at a time, ms since 1970, to the minute."""

    asked_ms: int
    table: Table


class Asked:
    """The answers of a session. `texts` is replaced and never changed: moments share it."""

    def __init__(self) -> None:
        self.texts: Mapping[str, str] = {}

    def put(self, name: str, table: Table, now_ms: int) -> None:
        """Keep an answer; one that is too large is not kept, nor the one before it."""
        rows = [(row.key, [int(cell) if isinstance(cell, Below) else cell for cell in row.cells]) for row in table.rows]
        answer = _Answer(now_ms - now_ms % _TO_MS, [column.key for column in table.columns], rows)
        text = msgspec.json.encode(answer).decode()
        rest = {key: known for key, known in self.texts.items() if key != name}
        while len(rest) >= MOST:
            del rest[next(iter(rest))]
        self.texts = rest if len(text) > MOST_CHARACTERS else {**rest, name: text}


def told(texts: Mapping[str, str], name: str) -> Told | None:
    """An answer out of the texts of a moment; None where there is none."""
    text = texts.get(name)
    if text is None:
        return None
    answer = msgspec.json.decode(text, type=_Answer)
    columns = tuple(Column(key=key, title="") for key in answer.columns)
    return Told(answer.asked_ms, Table(columns=columns, rows=[Row(key=key, cells=tuple(c)) for key, c in answer.rows]))
