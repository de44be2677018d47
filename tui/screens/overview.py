"""What is wrong, where, since when: the first screen, which says it without a key press."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import msgspec
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.compared import COMPARED_MS, any_known, compared_text
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.overview import behind, brokers, brokers_at, makes, totals
from rocketmq_ops.tui.model.shown import Arrangement, Shown
from rocketmq_ops.tui.model.table import Column, Health, Row, Table, by_key, ordered
from rocketmq_ops.tui.model.views.alarms import AlarmList
from rocketmq_ops.tui.model.views.events import EventList
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.screens.overview_room import HEAD, Wish, shares
from rocketmq_ops.tui.screens.sorting import SortingScreen
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line, Part

#: From this width on alarms and events stand side by side.
SIDE_BY_SIDE = 110
#: Lines of a screen beside its body: path, verdict, axis of time, keys.
_AROUND: Final = 4
#: Of brokers so many are seen before other parts show more than what is wrong; of events the last one.
_BROKERS_FIRST: Final = 4


_AS_IT_COMES: Final = Arrangement()


class Section(Vertical):
    """A table with a line above it that says what it is."""

    DEFAULT_CSS = """
    Section .title { background: $surface; }
    """

    def __init__(self, context: Context, title: str, *, id: str) -> None:
        super().__init__(id=id)
        self._given = context
        self._title = title

    def compose(self) -> ComposeResult:
        """The line and the table."""
        yield Line(classes="title")
        yield Grid(self._given.word, self._given.tr)

    def show(
        self,
        table: Table,
        now_ms: int,
        room: int,
        *,
        before: dict[str, Row] | None = None,
        about: str = "",
        among: int | None = None,
        arrangement: Arrangement = _AS_IT_COMES,
    ) -> None:
        """Draw a table in so many lines (`room`), under a mark for rows that do not fit; `before` are the rows to
        compare with, by their keys; `about` is said of all of them; `among` is how many there are where not all are in
        the table; `arrangement` says by which column they are sorted, if by any."""
        word, tr = self._given.word, self._given.tr
        title: list[Part] = [(f" {word(self._title)} ", "strong")]
        if table.rows:
            shown = f"{len(table.rows):,}"
            title.append((shown if among in (None, len(table.rows)) else f"{shown}/{among:,}", "dim"))
            if (more := len(table.rows) - max(room - HEAD, 0)) > 0:
                title.append((f" (+{more:,}↓)", "dim"))
        if about:
            title.append((f"  {about}", "dim"))
        if table.note:
            title.append((f"  {tr(table.note)}", "critical" if table.failed else "dim"))
        self.styles.height = room
        self.query_one(Line).show(title)
        grid = self.query_one(Grid)
        place = table.place(arrangement.sort)
        rows = table.rows if place is None else ordered(table.rows, place, descending=arrangement.descending)
        grid.show(Shown(table, arrangement, rows), now_ms, before)


def _wrong(table: Table) -> int:
    """How many rows, which come first, are not as they should be, or not known to be."""
    return sum(row.health in (Health.UNKNOWN, Health.WARNING, Health.CRITICAL) for row in table.rows)


class OverviewScreen(SortingScreen):
    """Totals, brokers, alarms, and what changed."""

    DEFAULT_CSS = """
    OverviewScreen #body { layout: vertical; }
    OverviewScreen #totals { height: 2; background: $background; }
    OverviewScreen #below { layout: vertical; height: 1fr; }
    OverviewScreen.-wide #below { layout: horizontal; }
    OverviewScreen.-wide #alarms { width: 1fr; }
    OverviewScreen.-wide #events { width: 1fr; margin-left: 1; }
    OverviewScreen #first, OverviewScreen #second { background: $background; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "compare", "compare")]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address)
        #: The groups that are listed, and of which groups they were made.
        self._behind: tuple[object, Table] | None = None
        #: Whether figures stand against those of ten minutes ago.
        self.comparing = address.option("compare") is not None
        #: Whether anything of what is shown is known of then.
        self._known = False
        #: How the brokers are sorted; the other tables have an order of their own, and screens to sort them.
        self.arrangement = Arrangement.of(address)

    def body(self) -> Sequence[Widget]:
        """Totals above, brokers, then alarms and events."""
        context = self.context
        return (
            Container(
                Line(id="first"),
                Line(id="second"),
                Section(context, "Brokers", id="brokers"),
                Section(context, "Groups", id="groups"),
                Container(Section(context, "Alarms", id="alarms"), Section(context, "Events", id="events"), id="below"),
                id="body",
            ),
        )

    @property
    def grid(self) -> Grid:
        """The brokers."""
        return self.query_one("#brokers Grid", Grid)

    def columns_to_sort(self) -> Sequence[Column]:
        """See `SortingScreen`."""
        return self.grid.columns

    def show(self) -> None:
        """Draw it."""
        word, tr = self.context.word, self.context.tr
        model = self.context.model
        moment = model.moment()
        size = self.app.size  # its own is not known before it is laid out
        self.set_class(size.width >= SIDE_BY_SIDE, "-wide")
        lines: list[list[Part]] = [[], []]
        found = totals(model)
        wide = size.width >= SIDE_BY_SIDE
        for at, total in enumerate(found):
            line = lines[0] if wide or at < 3 else lines[1]
            line += [(f" {word(total.title)} ", "dim"), (total.value, "strong"), (f" {total.past}  ", "info")]
        notes = [(f"{tr(total.note)}  ", "warning") for total in found if total.note]
        room = size.width - sum(cell_len(text) for text, _ in [*lines[0], *notes])
        beside = lines[0 if wide and room >= 0 else 1]
        beside += [*([] if beside else [(" ", "plain")]), *notes] if notes else []
        self.query_one("#first", Line).show(lines[0])
        second = self.query_one("#second", Line)
        second.display = bool(lines[1])
        second.show(lines[1])
        then = model.before(COMPARED_MS, self._rows_then) if self.comparing else None
        before = None if then is None else then[0]
        found_brokers, about = brokers(model, narrow=not wide), makes(moment.brokers.values())
        self._known = any_known(found_brokers.rows, before)
        if self._behind is None or self._behind[0] is not moment.groups:  # else so are the rows
            self._behind = moment.groups, behind(moment, Groups().table(moment, self.address))
        groups, groups_before = self._behind[1], None if then is None else then[1]
        self._known = self._known or any_known(groups.rows, groups_before)
        if self.comparing and not self._known and not found_brokers.note:
            note = compared_text(model, known=False)
            found_brokers, about = msgspec.structs.replace(found_brokers, note=note), ""
        alarms, changed = AlarmList().table(moment, self.address), EventList().table(moment, self.address)
        lines_of = self._share(size.height - _AROUND - (2 if lines[1] else 1), found_brokers, groups, alarms, changed)
        now = moment.time_ms
        parts = [self.query_one(f"#{name}", Section) for name in ("brokers", "groups", "alarms", "events")]
        parts[0].show(found_brokers, now, lines_of[0], before=before, about=about, arrangement=self.arrangement)
        parts[1].show(groups, now, lines_of[1], before=groups_before, among=len(moment.groups))
        parts[2].show(alarms, now, lines_of[2])
        parts[3].show(changed, now, lines_of[3])
        if self.comparing:
            self.draw_keys()  # what is known of then is said beside them

    def _share(self, room: int, found_brokers: Table, groups: Table, alarms: Table, changed: Table) -> list[int]:
        """The lines of each of the four parts; where alarms and events stand side by side they have the same."""
        below = [Wish(len(alarms.rows), _wrong(alarms)), Wish(len(changed.rows), 1)]
        if self.has_class("-wide"):
            below = [Wish(max(part.rows for part in below), max(part.first for part in below))]
        above = [
            Wish(len(found_brokers.rows), max(_wrong(found_brokers), _BROKERS_FIRST)),
            Wish(len(groups.rows), max(_wrong(groups), 1)),
        ]
        lines = shares(room, [*above, *below])
        return [*lines, lines[-1]][:4]

    @property
    def _rows_then(self) -> Callable[[Moment], tuple[dict[str, Row], dict[str, Row]]]:
        """What makes the rows of brokers and of groups to compare with: they have the columns that are drawn."""
        return self._rows_of if self.has_class("-wide") else self._narrow_rows_of

    def _rows_of(self, then: Moment) -> tuple[dict[str, Row], dict[str, Row]]:
        return by_key(brokers_at(then)), by_key(Groups().table(then, self.address))

    def _narrow_rows_of(self, then: Moment) -> tuple[dict[str, Row], dict[str, Row]]:
        return by_key(brokers_at(then, narrow=True)), by_key(Groups().table(then, self.address))

    def action_compare(self) -> None:
        """Against ten minutes ago, or not."""
        self.comparing = not self.comparing
        self.draw()

    def status(self) -> Sequence[Part]:
        """How old the oldest figures of brokers are, and what it is compared with; alarms and events have their own
        times."""
        model = self.context.model
        ages = [broker.stale_since for broker in model.moment().brokers.values() if broker.stale_since is not None]
        parts: list[Part] = [*self.age_since(min(ages, default=None))]
        if self.comparing and self._known:  # else that is said above the brokers
            parts.append((self.context.tr(compared_text(model, known=True)) + " ", "key"))
        return parts

    def focus_body(self) -> None:
        """The alarms, where there are any; else the brokers."""
        section = "#alarms" if self.context.model.moment().alarms else "#brokers"
        self.query_one(f"{section} Grid", Grid).focus()
