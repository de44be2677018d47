"""The rows that a table shows: sorted, filtered, and made anew only when something of it has changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.table import Row, Table, filtered, ordered


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


def arranged(table: Table, arrangement: Arrangement) -> Shown:
    """Sort and filter a table. By a column that it lacks it is sorted by health."""
    rows = filtered(table.rows, arrangement.filter)
    place = table.place(arrangement.sort) if arrangement.sort else None
    rows = ordered(rows, place, descending=arrangement.descending)
    return Shown(table, arrangement, rows, {row.key: at for at, row in enumerate(rows)})
