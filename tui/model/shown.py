"""The rows that a table shows: sorted, filtered, and made anew only when something of it has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress, count, repeat
from operator import attrgetter, eq
from typing import Final

import msgspec

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.filtering import Contents, filtered, narrows
from rocketmq_ops.tui.model.table import Row, Table, order
from rocketmq_ops.tui.ports import Language

#: What so many filters have left is kept: whoever takes a letter back has what was shown before it at once.
_KEPT: Final = 32


class Arrangement(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows are arranged: by a column's key (by health without one), and which of them are shown."""

    sort: str = ""
    descending: bool = False
    filter: str = ""

    @staticmethod
    def of(address: Address) -> Arrangement:
        """That of an address: `:groups?sort=-lag&filter=order`."""
        sort = address.option("sort") or ""
        return Arrangement(
            sort=sort.removeprefix("-"), descending=sort.startswith("-"), filter=address.option("filter") or ""
        )

    def within(self, address: Address) -> Address:
        """The address with this arrangement, and its other options."""
        rest = [option for option in address.options if option[0] not in ("sort", "filter")]
        if self.sort:
            rest.append(("sort", ("-" if self.descending else "") + self.sort))
        if self.filter:
            rest.append(("filter", self.filter))
        return msgspec.structs.replace(address, options=tuple(rest))


class Shown(msgspec.Struct, frozen=True):
    """A table as it is arranged: `rows` are those that the filter leaves."""

    table: Table
    arrangement: Arrangement
    rows: Sequence[Row]

    def place(self, key: str) -> int | None:
        """Where the row of a key stands; None where it is not among them."""
        keys = map(attrgetter("key"), self.rows)  # there may be tens of thousands: nothing of ours is called for each
        return next(compress(count(), map(eq, keys, repeat(key))), None)


class Arranger:
    """Arranges one table in many ways; what was made is kept for the next key. `in_order`: without a column to sort by
    the rows stay as they come, and are not sorted by health. `language` is the one in which they are read."""

    def __init__(self, table: Table, language: Language | None = None, *, in_order: bool = False) -> None:
        self.table = table
        self._in_order = in_order
        self._language = language
        #: The places of its rows in the order that was wanted last.
        self._sorted: tuple[tuple[str, bool], Sequence[int]] | None = None
        #: What the filter looks at, in the language of this name.
        self._contents: tuple[str, Contents] | None = None
        #: In that order and language, by the filter; with the places of the rows.
        self._shown: Bounded[str, tuple[Shown, Sequence[int]]] = Bounded(_KEPT)

    def prepare(self, arrangement: Arrangement, pause: Callable[[], None] = at_once) -> None:
        """Arrange it so, and write all that a filter looks at. `pause` is called every few ms."""
        pause()
        self._in_its_order(arrangement)
        self._read().fill(pause)
        pause()
        self.arranged(arrangement)

    def arranged(self, arrangement: Arrangement) -> Shown:
        """Sort and filter. By a column that the table lacks it is sorted by health."""
        places = self._in_its_order(arrangement)
        contents, text = self._read(), arrangement.filter
        found = self._shown.get(text)
        if found is None:
            if text:
                # Another letter leaves some of the rows that the ones before it have left.
                wider = max((each for each in self._shown if narrows(each, text)), key=len, default=None)
                places = filtered(places if wider is None else self._shown[wider][1], text, contents)
            rows = list(map(self.table.rows.__getitem__, places))
            found = self._shown[text] = Shown(self.table, arrangement, rows), places
        return found[0]

    def _in_its_order(self, arrangement: Arrangement) -> Sequence[int]:
        by = arrangement.sort, arrangement.descending
        if self._sorted is None or self._sorted[0] != by:
            self._sorted = by, self._ordered(arrangement)
            self._shown.clear()
        return self._sorted[1]

    def _ordered(self, arrangement: Arrangement) -> Sequence[int]:
        rows = self.table.rows
        if not arrangement.sort and self._in_order:
            return range(len(rows))
        place = self.table.place(arrangement.sort) if arrangement.sort else None
        return order(rows, place, descending=arrangement.descending)

    def _read(self) -> Contents:
        """What the filter looks at; what was left by that of another language is forgotten."""
        name = "" if self._language is None else self._language.name
        if self._contents is None or self._contents[0] != name:
            tr = None if self._language is None else self._language.tr
            self._contents = name, Contents(self.table.rows, self.table.columns, tr)
            self._shown.clear()
        return self._contents[1]
