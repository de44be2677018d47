"""The one screen of rows: it draws any view."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual.binding import Binding, BindingType
from textual.widget import Widget

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.compared import COMPARED_MS, Then, any_known, compared_text
from rocketmq_ops.tui.model.desk import Desk
from rocketmq_ops.tui.model.figures import COMPARED, figure
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.shown import Arrangement, Shown
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.screens.change import ChangeMenu, ChangeScreen, Offer
from rocketmq_ops.tui.screens.offers import of_rows
from rocketmq_ops.tui.screens.row import RowScreen
from rocketmq_ops.tui.screens.sorting import SortingScreen
from rocketmq_ops.tui.widgets.command_bar import CommandBar
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Part
from rocketmq_ops.tui.widgets.steady import Note

READ_ONLY: Final = "read-only: start the dashboard with --write to change things"
NO_CLUSTER: Final = "there is no cluster to ask: this is a recording"


class TableScreen(SortingScreen):
    """A view as a table: sorted, filtered, marked, compared."""

    #: Whether rows that were changed stay marked, as they are what they were and more can be done with them.
    KEEPS_MARKS: ClassVar[bool] = False
    DEFAULT_CSS = """
    TableScreen #note { padding: 0 1; height: auto; display: none; }
    TableScreen #note.-failed { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", priority=True),
        Binding("c", "compare", "compare"),
        Binding("y", "copy_row", "copy the row", show=False),
        Binding("w", "whole", "whole row", show=False),
        Binding("x", "change", "change", show=False),
    ]

    def __init__(self, context: Context, address: Address, view: View) -> None:
        super().__init__(context, address)
        self.view = view
        self.arrangement = Arrangement.of(address)
        if view.sort and not self.arrangement.sort:
            self.arrangement = msgspec.structs.replace(self.arrangement, sort=view.sort, descending=True)
        self.comparing = address.option("compare") is not None
        self._desk = Desk(view, address, context.language)
        #: What is shown, and what it is compared with; whose rows are to be made next, while others are being made.
        self._shown: Shown | None = None
        self._then: Then | None = None
        self._before: dict[str, Row] = {}
        #: Why it is not compared, where that is wished.
        self._uncompared = ""
        self._wanted: Moment | None = None
        self._making = False
        self._note = ""

    def body(self) -> Sequence[Widget]:
        """The note, where there is one, and the table."""
        return (Note(id="note"), Grid(self.context.word, self.context.tr, id="body"))

    def on_unmount(self) -> None:
        """Let go of what it has shown: Textual's widgets stay until the collector finds them, and so would moments with
        all queues of a cluster."""
        self._desk.clear()
        self._shown = self._wanted = None
        self._then, self._before = None, {}

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    def show(self) -> None:
        """Draw the rows as they are arranged. Many are made in a thread: until then those that there are stay, arranged
        anew by each key; of what is wanted meanwhile only the last is made."""
        moment, desk = self.context.model.moment(), self._desk
        self._then = self.context.model.before(COMPARED_MS, desk.then) if self.comparing else None
        if not desk.has(moment) and not self._making and desk.quick(moment):
            desk.look(moment)
        shown = desk.arranged(self.arrangement)
        if shown is None:
            self.draw_keys()
        else:
            self._lay(shown)
        if not desk.has(moment):
            self._wanted = moment
            if not self._making:
                self._making = True
                self.run_worker(self._make(), group="rows")

    async def _make(self) -> None:
        """Make what is wanted until nothing more is."""
        try:
            while self._wanted is not None:
                moment, self._wanted = self._wanted, None
                work = self.context.keys.work()
                made = await asyncio.to_thread(self._desk.made, moment, self.arrangement, work.pause)
                await work.turn()  # a key that came meanwhile is answered with the rows that there are
                if self.is_mounted and self.is_running:  # while it ends its widgets go
                    self._desk.take(made)
                    shown = self._desk.arranged(self.arrangement)
                    assert shown is not None
                    self._lay(shown)
        finally:
            self._making = False

    def _lay(self, shown: Shown) -> None:
        self._before = {}
        if self._then is not None:
            shown, self._before = self._desk.marked(shown, self._then)
        self._shown, table = shown, shown.table
        self.grid.show(shown, self.context.model.moment().time_ms, self._before if self.comparing else None)
        text = table.note
        if not text and not shown.rows and table.rows:
            text = "no row has all words of the filter"
        self._uncompared = self._why_uncompared(table) if self.comparing else ""
        said = [self.context.tr(each) for each in (text, self._uncompared) if each]
        self.show_note("\n".join(said), failed=table.failed)
        self.draw_keys()

    def show_note(self, text: str, *, failed: bool) -> None:
        """What is said above the rows; nothing is laid out anew for a text that is there."""
        note = self.query_one("#note", Note)
        if text != self._note:
            self._note = text
            note.update(text)
        note.display = bool(text)
        note.set_class(failed, "-failed")

    @property
    def table(self) -> Table | None:
        """All rows, as they were drawn last."""
        return self._shown.table if self._shown is not None else None

    @property
    def tables_made(self) -> int:
        """How often all rows were made anew."""
        return self._desk.tables

    def status(self) -> Sequence[Part]:
        """How many rows, of how many; the filter; how many are marked."""
        tr = self.context.tr
        if self.table is None:
            return ()
        total, seen = len(self.table.rows), len(self.grid.rows)
        row = self.grid.row
        parts: list[Part] = [*self.age_since(None if row is None else row.stale_since)]
        if self.arrangement.filter:
            parts.append((f"/{self.arrangement.filter}  ", "key"))
        if self.comparing and (text := self.against_text()):
            parts.append((tr(text) + "  ", "key"))
        grid = self.grid
        if grid.marks:
            parts.append((f"{len(grid.marks):,} {tr('marked')}  ", "key"))
            hidden = len(grid.marks) - grid.marks_shown
            if hidden:
                parts.append((f"{hidden:,} {tr('of them not shown')}  ", "warning"))
        parts.append((f"{seen:,}/{total:,} " if seen != total else f"{total:,} ", "dim"))
        return parts

    def against_text(self) -> str:
        """What is said beside the keys of what it is compared with; empty where it is not: the note says why."""
        return "" if self._uncompared else compared_text(self.context.model, known=True)

    def _why_uncompared(self, table: Table) -> str:
        """Why rows are not compared, where that is wished; empty where they are."""
        then, whole = self._then, table.whole
        if not any(column.kind in COMPARED for column in table.columns):
            if whole is None:
                return "there are no figures here to compare"
            if then is not None and then.rows and not (whole or then.whole):
                return "not all groups have been asked: who has come and gone is not known"
            known = then is not None and (whole or then.whole)
        else:
            known = any_known(table.rows, self._before)
        return "" if known else compared_text(self.context.model, known=False)

    def columns_to_sort(self) -> Sequence[Column]:
        """See `SortingScreen`."""
        return self.table.columns if self.table is not None else ()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Show a row whole that leads nowhere; to what others are about goes the handler of all screens."""
        if event.row.opens is None:
            self.action_whole()

    # Filtering

    async def action_filter(self) -> None:
        """Type words that a row must have."""
        await self.query_one(CommandBar).open("/", self.arrangement.filter, takes=self.filter)

    def filter(self, text: str) -> None:
        """Leave the rows that have these words."""
        if text != self.arrangement.filter:
            self.arrange_rows(msgspec.structs.replace(self.arrangement, filter=text))

    def on_command_bar_left(self, event: CommandBar.Left) -> None:
        """Escape takes the filter away."""
        super().on_command_bar_left(event)
        if event.prefix == "/":
            self.filter("")

    def action_back(self) -> None:
        """First take marks and the filter away, then go back."""
        if self.grid.marks:
            self.grid.unmark()
        elif self.arrangement.filter:
            self.filter("")
        else:
            super().action_back()

    # Rows

    def action_compare(self) -> None:
        """Against ten minutes ago, or not."""
        self.comparing = not self.comparing
        self.draw()

    def columns_of_rows(self) -> Sequence[Column]:
        """Those of all cells of the rows that are drawn."""
        return self.table.columns if self.table is not None else ()

    def action_whole(self) -> None:
        """Read all cells of a row, nothing of them cut; copy one."""
        row, columns = self.grid.row, self.columns_of_rows()
        if row is None or len(columns) != len(row.cells):
            return
        cells = []
        for column, cell in zip(columns, row.cells, strict=True):
            text = figure(cell, column.kind, self.context.model.moment().time_ms)
            if column.kind is Kind.STATE and cell is not None:
                text = self.context.word(text)
            elif column.kind is Kind.SENTENCE and cell is not None:
                text = self.context.tr(text)
            cells.append((self.context.word(column.title), text))
        self.app.push_screen(RowScreen(self.context, row, cells))

    # Changing

    def offers_of_rows(self) -> Sequence[Offer]:
        """What can be changed about the marked rows, or the one at the cursor."""
        return of_rows(self.context.model.moment(), self.grid.chosen, self.topic_of_rows()) or ()

    def topic_of_rows(self) -> str | None:
        """The topic in which offsets of listed groups are changed; None: of none."""
        return self.address.option("topic")

    def action_change(self) -> None:
        """Choose what to change, where that may be."""
        if not self.may_change():
            return
        offers = self.offers_of_rows()
        if not offers:
            self.say("there is nothing to change here")
            return
        rows = self.grid.chosen if any(offer.each for offer in offers) else ()
        about = [row.opens.name for row in rows if row.opens is not None]
        self.app.push_screen(ChangeMenu(self.context, offers, about), self._offered)

    def may_change(self) -> bool:
        """Whether things may be changed; says why not."""
        if not self.context.options.write:
            self.say(READ_ONLY, Health.WARNING)
            return False
        if self.context.changer is None:
            self.say(NO_CLUSTER, Health.WARNING)
            return False
        return self.may_take_rows()

    def may_take_rows(self) -> bool:
        """Whether it is clear which rows are meant; says so where all marked ones are hidden, as by a filter: the one
        at the cursor does not stand in for them."""
        if self.grid.marks and not self.grid.marks_shown:
            self.say("the marked rows are not shown: Escape takes the marks away", Health.WARNING)
            return False
        return True

    def _offered(self, offer: Offer | None) -> None:
        if offer is not None:
            self.propose(offer)

    def propose(self, offer: Offer) -> None:
        """Show what a command line would do, to be confirmed."""
        self.app.push_screen(ChangeScreen(self.context, offer), self.changed)

    def changed(self, changed: bool | None) -> None:
        """A change was left; whether something was sent."""
        if changed:
            if not self.KEEPS_MARKS:
                self.grid.unmark()
            self.context.model.refresh()

    def on_grid_moved(self) -> None:
        """Marks may be others."""
        self.draw_keys()

    def action_copy_row(self) -> None:
        """The marked rows, or the one at the cursor: cells between tabs."""
        rows = self.grid.chosen
        if rows and self.may_take_rows():
            self.copied("\n".join("\t".join(self.grid.texts(row)) for row in rows))
