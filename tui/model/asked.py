"""What parts of screens were told when they were asked, kept for what they are compared with later, and for the past.

Of each part its last whole answer, as a text that a look takes along; a ring keeps a text when it changes.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Fact, Section
from rocketmq_ops.tui.model.table import Column, Health, Inexact, Row, Table, Value

#: Parts that are kept, those that were asked last; how large each may be, and all together, in characters as they are
#: written; and how large one may be before it is made small.
MOST: Final = 96
MOST_CHARACTERS: Final = 64 << 10
MOST_TOGETHER: Final = 1 << 20
MOST_UNPACKED: Final = 1 << 20
#: What is longer than this is written compressed, which JSON has no sign for.
_PLAIN: Final = 8 << 10
_PACKED: Final = "z"
#: Times are to so many ms: what is asked again and is as it was is the same text.
_TO_MS: Final = 60_000
#: An answer is of a moment that is no more than this later, ms: screens ask again within it.
FRESH_MS: Final = 2 * _TO_MS


class _Answer(msgspec.Struct, omit_defaults=True):
    """An answer: columns, which earlier recordings have by their keys alone, and of each row its key and cells; what
    rows have besides by their places."""

    asked_ms: int
    columns: list[str | Column]
    rows: list[tuple[str, list[Value]]]
    healths: dict[int, Health] = {}
    opens: dict[int, Address] = {}
    told_by: dict[int, tuple[str, ...]] = {}
    #: Until when the row was known (ms since 1970, to the minute), where it was told before the rest.
    stale: dict[int, int] = {}
    facts: list[Fact] = []
    lines: list[str] | None = None
    note: str = ""
    health: Health = Health.OK
    #: Whether what is not among the rows was not there.
    whole: bool = True
    #: It was told more than is kept.
    too_large: bool = False


class Told(NamedTuple):
    """What was told at a time, ms since 1970, to the minute. `too_large`: of that nothing but the time is kept."""

    asked_ms: int
    section: Section
    whole: bool = True
    too_large: bool = False

    @property
    def table(self) -> Table:
        """Its rows; none of lines."""
        return self.section.table or Table(columns=(), rows=[])


class Asked:
    """The answers of a session. `texts` is replaced and never changed: moments share it."""

    def __init__(self) -> None:
        self.texts: Mapping[str, str] = {}

    def put(self, name: str, section: Section, now_ms: int, *, whole: bool = True) -> None:
        """Keep an answer; of one that is too large, that it was; those that were asked longest ago make room."""
        asked_ms = _to_minute(now_ms)
        text = _text(_answer(asked_ms, section, whole=whole)) or _text(_Answer(asked_ms, [], [], too_large=True))
        assert text is not None
        rest = {key: known for key, known in self.texts.items() if key != name}
        size = len(text) + sum(map(len, rest.values()))
        while len(rest) >= MOST or (rest and size > MOST_TOGETHER):
            size -= len(rest.pop(next(iter(rest))))
        self.texts = {**rest, name: text}

    def drop(self, name: str) -> None:
        """It was told otherwise since."""
        if name in self.texts:
            self.texts = {key: known for key, known in self.texts.items() if key != name}


def _answer(asked_ms: int, section: Section, *, whole: bool) -> _Answer:
    table = section.table
    rows = table.rows if table is not None else []
    return _Answer(
        asked_ms,
        list(table.columns) if table is not None else [],
        [(row.key, [_plain(cell) for cell in row.cells]) for row in rows],
        {at: row.health for at, row in enumerate(rows) if row.health is not Health.OK},
        {at: row.opens for at, row in enumerate(rows) if row.opens is not None},
        {at: row.told_by for at, row in enumerate(rows) if row.told_by},
        {at: _to_minute(row.stale_since) for at, row in enumerate(rows) if row.stale_since is not None},
        [msgspec.structs.replace(fact, value=_plain(fact.value)) for fact in section.facts],
        None if section.lines is None else list(section.lines),
        (table.note if table is not None else "") or section.note,
        section.health,
        whole,
    )


def _to_minute(time_ms: int) -> int:
    return time_ms - time_ms % _TO_MS


def _plain(value: Value) -> Value:
    return int(value) if isinstance(value, Inexact) else value


def _text(answer: _Answer) -> str | None:
    """As it is written; None where that is too long."""
    made = msgspec.json.encode(answer)
    if len(made) > MOST_UNPACKED:
        return None
    if len(made) <= _PLAIN:
        return made.decode()
    text = _PACKED + base64.b85encode(zlib.compress(made, 1)).decode()
    return text if len(text) <= MOST_CHARACTERS else None


def told(texts: Mapping[str, str], name: str) -> Told | None:
    """An answer out of the texts of a moment; None where there is none."""
    text = texts.get(name)
    if text is None:
        return None
    made = zlib.decompress(base64.b85decode(text[len(_PACKED) :])) if text.startswith(_PACKED) else text
    answer = msgspec.json.decode(made, type=_Answer)
    columns = tuple(Column(key=each, title=each) if isinstance(each, str) else each for each in answer.columns)
    rows = [
        Row(
            key=key,
            cells=tuple(cells),
            health=answer.healths.get(at, Health.OK),
            stale_since=answer.stale.get(at),
            opens=answer.opens.get(at),
            told_by=answer.told_by.get(at, ()),
        )
        for at, (key, cells) in enumerate(answer.rows)
    ]
    table = None if answer.lines is not None or answer.too_large else Table(columns=columns, rows=rows)
    section = Section(
        facts=tuple(answer.facts),
        table=table,
        lines=answer.lines,
        note=answer.note if not rows else "",
        health=answer.health,
    )
    return Told(answer.asked_ms, section, answer.whole, answer.too_large)
