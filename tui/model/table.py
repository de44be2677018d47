"""A table of the dashboard without a terminal: columns, rows of plain values, sorting, comparing.

Values stay numbers until they are drawn: None is unknown, which is neither 0 nor an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, TypeGuard, cast

import msgspec

from rocketmq_ops.tui.model.address import Address


class Inexact(int):
    """A figure that is not known closer than that; equal to the number that it is written with."""


class Below(Inexact):
    """Less than so much."""


class OrMore(Inexact):
    """So much or more; of a moment, then or before."""


def total(parts: Iterable[int | None]) -> int | None:
    """The sum; where a part is not known, or not closely, so much at least. None without any."""
    every = list(parts)
    found = sum(int(part) for part in every if part is not None)
    if any(part is None or isinstance(part, OrMore) for part in every):
        return or_more(found)
    return found if every else None


def or_more(value: int | None) -> OrMore | None:
    """What is known to be so much at least; of 0 nothing is known."""
    return OrMore(value) if value else None


Value = str | int | float | None
#: By how much each cell of a row has changed; None: not known, or no figure.
Changes = tuple[float | None, ...]
#: In place of a figure that there is not: when an alarm ended that goes on, the gap to a slave where there is none.
NOTHING: Final = "-"


class Kind(StrEnum):
    """What the values of a column are: how they are aligned, written and compared."""

    TEXT = "text"
    COUNT = "count"
    #: Per second.
    RATE = "rate"
    BYTES = "bytes"
    #: A length of time, in ms.
    SPAN = "span"
    #: A moment, in ms since 1970, shown as its age or its time of day.
    MOMENT = "moment"
    #: A fraction, shown in percent.
    SHARE = "share"
    #: A word for a state of ours, which is translated.
    STATE = "state"
    #: A sentence of ours, which is translated.
    SENTENCE = "sentence"


#: What is in our words, and shown in those of the reader.
TRANSLATED: Final = frozenset({Kind.STATE, Kind.SENTENCE})


class Health(StrEnum):
    """How a row is, the mildest first; drawn as a sign and a colour, never as a colour alone."""

    OK = "ok"
    INFO = "info"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `key` is stable: saved views, sorting and copies name it; `title` is its heading in English."""

    key: str
    title: str
    kind: Kind = Kind.TEXT
    #: Where the screen is too narrow, columns with the largest number go first; 0 never goes.
    drop: int = 0
    #: Cells that a text takes at least before columns are dropped for it.
    least: int = 6
    #: Whether its texts are figures of several kinds, which end below each other.
    right: bool = False
    #: Cells between it and the column before.
    gap: int = 2
    #: Whether a list can be sorted by it.
    sortable: bool = True
    #: Whether its heading has no cells for the sign of that: it is drawn over the end of the heading where it must be.
    tight: bool = False
    #: Whether more of it is worse: a rise is drawn as a warning then, and a fall as good.
    burden: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row; `key` is what it is about, the same at each refresh: cursor, marks and comparison go by it.

    Rows hold no cycles, and there may be 20,000: the collector leaves them out.
    """

    key: str
    #: One for each column.
    cells: tuple[Value, ...]
    health: Health = Health.OK
    #: Until when its figures are from (ms since 1970) where that is not the moment of the table; None: they are fresh.
    stale_since: int | None = None
    #: What Enter opens.
    opens: Address | None = None
    #: Who told of it, where that need not be the same of all rows: where others tell of it no more, it is not there.
    told_by: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Columns and rows at one moment. `note` says why there are none, or what could not be learned."""

    columns: tuple[Column, ...]
    rows: list[Row]
    note: str = ""
    failed: bool = False
    #: Of a table whose rows come and go: whether what is not among them is not there. None: that is not looked at.
    whole: bool | None = None

    def place(self, key: str) -> int | None:
        """Where a column stands; None for one that the table lacks."""
        return next((at for at, column in enumerate(self.columns) if column.key == key), None)


def since(ms: int | None, *, begun_before: bool) -> Value:
    """A moment or a span for a cell: that of what had begun already when it could first be seen is the least."""
    return OrMore(ms) if ms is not None and begun_before else ms


def by_key(table: Table) -> dict[str, Row]:
    """The rows by what they are about."""
    return {row.key: row for row in table.rows}


_WORST_FIRST: Final = {health: -place for place, health in enumerate(Health)}


def worst_first(health: Health) -> int:
    """A key to sort by: the worst comes first."""
    return _WORST_FIRST[health]


def ordered(rows: Sequence[Row], place: int | None, *, descending: bool = False) -> list[Row]:
    """Rows by a column, or by health, the worst first, for None.

    What is unknown comes last in both directions, and before it what does not apply.
    """
    return [rows[at] for at in order(rows, place, descending=descending)]


def order(rows: Sequence[Row], place: int | None, *, descending: bool = False) -> list[int]:
    """The places of the rows in the order of `ordered`. There may be tens of thousands: no function of ours is called
    for each, and each is looked at as few times as can be."""
    if place is None:
        return _by([_WORST_FIRST[row.health] for row in rows], range(len(rows)), descending=False)
    values = [row.cells[place] for row in rows]
    kinds = set(map(type, values))
    if not (type(None) in kinds or (str in kinds and NOTHING in values)):
        return _by(_keys(values, kinds), range(len(rows)), descending=descending)
    known: list[int] = []
    nothing: list[int] = []
    unknown: list[int] = []
    for at, value in enumerate(values):
        (unknown if value is None else nothing if value == NOTHING else known).append(at)
    values = [values[at] for at in known]
    return _by(_keys(values, set(map(type, values))), known, descending=descending) + nothing + unknown


def _by(keys: Sequence[Any], places: Sequence[int], *, descending: bool) -> list[int]:
    """The places by the key of each."""
    by = sorted(range(len(places)), key=keys.__getitem__, reverse=descending)
    return by if isinstance(places, range) else [places[at] for at in by]


def _keys(values: Sequence[Value], kinds: set[type]) -> Sequence[Any]:
    """What values of a column are compared by. Those of one kind need no tuple each for the collector to look at, and
    are compared much faster than others."""
    if str not in kinds:
        whole = kinds != {int} and all(issubclass(kind, int) for kind in kinds)
        return list(map(int, cast("Sequence[int]", values))) if whole else values
    if kinds == {str}:
        return list(map(str.casefold, cast("Sequence[str]", values)))
    return [_sortable(value) for value in values]


def _sortable(value: Value) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return True, 0, value.casefold()
    return False, float(value or 0), ""


def _number(cell: Value) -> TypeGuard[int | float]:
    return isinstance(cell, (int, float)) and not isinstance(cell, Inexact)


def changes(now: Row, then: Row | None) -> Changes:
    """By how much each number of a row has changed since; None where it is no number or was not known."""
    return tuple(
        cell - before if _number(cell) and _number(before) else None
        for cell, before in zip(now.cells, then.cells if then is not None else (None,) * len(now.cells), strict=True)
    )
