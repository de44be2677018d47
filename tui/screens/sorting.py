"""Screens with a table that is sorted by any of its columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.shown import Arrangement
from rocketmq_ops.tui.model.table import TRANSLATED, Column, Kind
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.widgets.grid import Grid


class SortingScreen(DashboardScreen):
    """Sorts its table by keys, and by clicks on headings; the address has how."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "sort_by(-1)", "sort by the column before", show=False),
        Binding("greater_than_sign", "sort_by(1)", "sort by the next column", show=False),
        *(Binding(str(n), f"sort_at({n})", f"sort by column {n}", show=False) for n in range(1, 10)),
        Binding("0", "sort_at(0)", "the worst first", show=False),
        Binding("o", "reverse", "reverse the order", show=False),
    ]
    #: How the rows of the table are arranged.
    arrangement: Arrangement

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """The table."""

    @abstractmethod
    def columns_to_sort(self) -> Sequence[Column]:
        """All columns of the table, also those that are not drawn."""

    def sort(self, key: str, *, descending: bool | None = None) -> None:
        """Sort by a column; by the one that it is sorted by, in the other direction."""
        before = self.arrangement
        if descending is None:
            descending = not before.descending if key == before.sort else self._falls(key)
        self.arrange_rows(msgspec.structs.replace(before, sort=key, descending=descending and bool(key)))

    def _falls(self, key: str) -> bool:
        """Figures begin with the largest, texts with the first."""
        return any(
            column.key == key and column.kind not in (Kind.TEXT, *TRANSLATED) for column in self.columns_to_sort()
        )

    def arrange_rows(self, arrangement: Arrangement) -> None:
        """Arrange the rows so."""
        self.arrangement = arrangement
        self.address = arrangement.within(self.address)
        self.draw()

    def action_sort_by(self, direction: int) -> None:
        """By the column beside; behind the last comes health."""
        keys = ["", *(column.key for column in self.grid.columns if column.sortable)]
        at = keys.index(self.arrangement.sort) if self.arrangement.sort in keys else 0
        self.sort(keys[(at + direction) % len(keys)])

    def action_sort_at(self, number: int) -> None:
        """By the column that is drawn at a place; by health for 0."""
        columns = self.grid.columns
        if number == 0:
            self.sort("")
        elif number <= len(columns) and columns[number - 1].sortable:
            self.sort(columns[number - 1].key)

    def action_reverse(self) -> None:
        """The other direction."""
        if self.arrangement.sort:
            self.sort(self.arrangement.sort)

    def on_grid_headed(self, event: Grid.Headed) -> None:
        """A click on a heading of the table."""
        if event.grid is self.grid and any(c.key == event.key and c.sortable for c in self.grid.columns):
            self.sort(event.key)
