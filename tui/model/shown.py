"""The rows that a table shows: sorted, filtered, and made anew only when something of it has changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.table import Row, Table, content_of, filtered, ordered


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
    """Arranges one table in many ways: what was sorted, and what filters look at, is kept for the next key."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._sorted: tuple[tuple[str, bool], list[Row]] | None = None
        self._contents: dict[str, str] = {}

    def arranged(self, arrangement: Arrangement) -> Shown:
        """Sort and filter. By a column that the table lacks it is sorted by health."""
        by = arrangement.sort, arrangement.descending
        if self._sorted is None or self._sorted[0] != by:
            place = self.table.place(arrangement.sort) if arrangement.sort else None
            self._sorted = by, ordered(self.table.rows, place, descending=arrangement.descending)
        rows = filtered(self._sorted[1], arrangement.filter, self._content)
        return Shown(self.table, arrangement, rows, {row.key: at for at, row in enumerate(rows)})

    def _content(self, row: Row) -> str:
        found = self._contents.get(row.key)
        if found is None:
            found = self._contents[row.key] = content_of(row)
        return found


def arranged(table: Table, arrangement: Arrangement) -> Shown:
    """A table that is arranged once."""
    return Arranger(table).arranged(arrangement)
