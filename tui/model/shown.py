"""The rows that a table shows: sorted, filtered, and made anew only when something of it has changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.filtering import Contents, filtered, narrows
from rocketmq_ops.tui.model.table import Row, Table, ordered
from rocketmq_ops.tui.ports import Language


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
    #: Where each row stands, by its key.
    places: dict[str, int]


class Arranger:
    """Arranges one table in many ways; what was made is kept for the next key. `in_order`: without a column to sort by
    the rows stay as they come, and are not sorted by health. `language` is the one in which they are read."""

    def __init__(self, table: Table, language: Language | None = None, *, in_order: bool = False) -> None:
        self.table = table
        self._in_order = in_order
        self._language = language
        self._sorted: tuple[tuple[str, bool], list[Row]] | None = None
        #: What the filter looks at, in the language of this name.
        self._contents: tuple[str, Contents] | None = None
        self._last: Shown | None = None

    def has(self, arrangement: Arrangement) -> bool:
        """Whether it is arranged so already."""
        return self._last is not None and self._last.arrangement == arrangement

    def arranged(self, arrangement: Arrangement) -> Shown:
        """Sort and filter. By a column that the table lacks it is sorted by health."""
        contents = self._read()
        last = self._last
        if last is not None and last.arrangement == arrangement:
            return last
        by = arrangement.sort, arrangement.descending
        if self._sorted is None or self._sorted[0] != by:
            self._sorted = by, self._in_its_order(arrangement)
            last = None
        rows: Sequence[Row] = self._sorted[1]
        if arrangement.filter:
            # Another letter leaves some of the rows that the ones before it have left.
            narrower = last is not None and narrows(last.arrangement.filter, arrangement.filter)
            rows = filtered(last.rows if last is not None and narrower else rows, arrangement.filter, contents)
        self._last = Shown(self.table, arrangement, rows, {row.key: at for at, row in enumerate(rows)})
        return self._last

    def _in_its_order(self, arrangement: Arrangement) -> list[Row]:
        if not arrangement.sort and self._in_order:
            return self.table.rows
        place = self.table.place(arrangement.sort) if arrangement.sort else None
        return ordered(self.table.rows, place, descending=arrangement.descending)

    def _read(self) -> Contents:
        """What the filter looks at; what was arranged by that of another language is forgotten."""
        name = "" if self._language is None else self._language.name
        if self._contents is None or self._contents[0] != name:
            self._contents = name, Contents(self.table.columns, None if self._language is None else self._language.tr)
            if self._last is not None and self._last.arrangement.filter:
                self._last = None
        return self._contents[1]
