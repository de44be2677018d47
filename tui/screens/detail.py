"""The screen of one thing: parts that are asked each by itself, one of them shown; what can be changed from here."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import RocketMQError, failure_of
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.detail import HELD, Asking, Nobody, Part, Section
from rocketmq_ops.tui.model.figures import SIGNS
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.shown import Arranger
from rocketmq_ops.tui.model.table import Health, Table
from rocketmq_ops.tui.model.taken import PART, refuse_column
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.facts import facts_text, failure_lines, with_past
from rocketmq_ops.tui.screens.parts_in_time import NO_ROWS, PartsInTime
from rocketmq_ops.tui.screens.table import NO_CLUSTER
from rocketmq_ops.tui.widgets import lines
from rocketmq_ops.tui.widgets.cells import MARK, cut
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from rocketmq_ops.tui.widgets.steady import Note
from rocketmq_ops.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin

log = logging.getLogger(__name__)


class DetailScreen(PartsInTime):
    """Subclasses say which parts there are, and what can be changed. `EVERY`: seconds between two askings while the
    present is shown; 0: it is asked when it is opened, and with `r`."""

    EVERY: ClassVar[int] = 0
    #: Facts that are shown with how they were in the last minutes, and of which series that is.
    PAST: ClassVar[Mapping[str, str]] = {}
    DEFAULT_CSS = """
    DetailScreen #facts { padding: 0 1; height: auto; background: $surface; }
    DetailScreen #lines { height: 1fr; display: none; }
    DetailScreen.-text #lines { display: block; }
    DetailScreen.-text #body { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "next part"),
        Binding("shift+tab", "turn(-1)", "the part before", show=False),
        Binding("r", "again", "ask again"),
        Binding("x", "change", "change"),
        Binding("w", "whole", "whole row"),
        Binding("n", "more", "go on", show=False),
    ]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address)
        self._waiting: set[str] = set()
        self._asked_ms = 0
        self._round = 0
        #: The client by which it asks, which holds routes.
        self._admin: MQAdmin | None = None
        self._ranges: list[tuple[int, int]] = []
        self._arranger: Arranger | None = None
        self._said = Text()

    # What subclasses say

    def parts(self) -> Sequence[Part]:
        """The parts, to be asked now."""
        raise NotImplementedError

    def offers(self) -> Sequence[Offer]:
        """What can be changed from here, each as a command line."""
        return ()

    def asking(self) -> Asking:
        """What parts are made from; without a cluster they say so when they are asked."""
        if self._admin is None:
            admin = self.context.admin
            self._admin = cast("MQAdmin", Nobody(NO_CLUSTER)) if admin is None else admin.holding(HELD)
        return Asking(admin=self._admin, model=self.context.model, address=self.address)

    # Asking

    def on_mount(self) -> None:
        """Ask; then the handler of all screens draws."""
        self.ask()
        if self.EVERY and self.context.options.follows:
            self.set_interval(self.EVERY, self._ask_in_turn)

    def on_unmount(self) -> None:
        """Let go of the answers; then the handler of all tables does."""
        self._round += 1
        self._parts, self._sections, self._arranger, self._admin, self._marked = (), {}, None, None, None
        self._then_of, self._thens = None, {}

    def ask(self) -> None:
        """Ask for all parts; what is known stays until its answer is there."""
        self._round += 1
        self._asked_ms = self.now_ms()
        try:
            self._parts = self.parts()
        except RocketMQError as error:
            self._parts = self._parts or (Part("none", "", _nothing),)
            self._sections = {part.key: _failed(error) for part in self._parts}
            return
        wanted = self.address.option(PART)
        if self._round == 1 and wanted is not None:
            self._at = next((at for at, part in enumerate(self._parts) if part.key == wanted), 0)
        if self._back and self.context.admin is None:
            return  # all that it shows is in the recording
        self._waiting = {part.key for part in self._parts}
        for part in self._parts:
            self.run_worker(self._ask(part, self._round), group="parts")

    async def _ask(self, part: Part, number: int) -> None:
        try:
            section = await part.ask()
        except RocketMQError as error:
            section = _failed(error)
        except Exception as error:  # a screen that fails must not end the dashboard
            log.exception("the part %s of %s", part.key, self.address)
            section = _failed(RocketMQError(f"{type(error).__name__}: {error}", "this is a fault of the dashboard"))
        if number != self._round:
            return  # it was asked anew since
        before = self._sections.get(part.key)
        if section.table is None and section.lines is None and section.failures and before is not None and before.table:
            section = Section(
                facts=before.facts, table=before.table, failures=section.failures, health=Health.UNKNOWN
            )  # what was known stays, with why it is no more than that
        self._sections[part.key] = section
        self._waiting.discard(part.key)
        if number == 1 and not self._waiting:
            self._say_of_column()
        if self.KEEPS and (section.table is not None or section.lines is not None) and not section.failures:
            self.context.model.keep(self._kept_as(part), section)
        self.draw_if_seen()

    def _say_of_column(self) -> None:
        """Where the address says to sort by a column that no part has, say so: which there are is known only now."""
        tables = [section.table for section in self._sections.values() if section.table is not None]
        columns = {column.key: None for table in tables for column in table.columns if column.sortable}
        if self.arrangement.sort and columns:
            try:
                refuse_column(self.arrangement.sort, columns)
            except AddressError as error:
                self.refused(error)

    def _ask_in_turn(self) -> None:
        if self.is_current and not self._waiting and self.context.model.mode is Mode.LIVE:
            self.ask()

    def action_again(self) -> None:
        """Ask once more, all of it."""
        self._admin = None
        self.ask()
        self.draw()

    # Drawing

    @property
    def table(self) -> Table | None:
        """The rows of the part that is shown."""
        return self._arranger.table if self._arranger is not None else None

    def body(self) -> Sequence[Widget]:
        """Facts, parts, what is wrong, and the rows or lines."""
        return (
            Line(id="parts"),
            Note(id="facts"),
            Note(id="note"),
            Grid(self.context.word, self.context.tr, id="body"),
            TextLines(id="lines"),
        )

    def show(self) -> None:
        """Draw the part that is chosen."""
        section = self.section
        self._show_parts()
        facts = with_past(
            section.facts if section is not None else (), self.PAST, self.context.model, self.address.name
        )
        shown_facts = self.query_one("#facts", Note)
        shown_facts.display = bool(facts)
        size = self.app.size
        said = facts_text(facts, self.context, self.now_ms(), size.width - 2, max(size.height // 6, 2))
        if said != self._said:
            self._said = said
            shown_facts.update(said)
        text = section.lines if section is not None else None
        focused = self.focused
        self.set_class(text is not None, "-text")
        self.query_one(TextLines).show(text or ())
        table = section.table if section is not None and section.table is not None else NO_ROWS
        before = None
        self._uncompared = ""
        if self.comparing:
            table, before = self._against(section, table)
        else:
            self._compared = ""
        if self._arranger is None or self._arranger.table is not table:
            self._arranger = Arranger(table, self.context.language, in_order=True)  # parts come as they are read
        shown = self._arranger.arranged(self.arrangement)
        self.grid.show(shown, self.now_ms(), before)
        self._show_note(section, table, len(shown.rows))
        if isinstance(focused, (Grid, TextLines)) and (focused is self.grid) == (text is not None):
            self.focus_body()
        self.draw_keys()

    def _show_parts(self) -> None:
        shown: list[lines.Part] = [(" ", "plain")]
        self._ranges = []
        if self._parts:
            titles = [self._part_title(number) for number in range(len(self._parts))]
            widths = [sum(cell_len(text) for text, _ in title) for title in titles]
            first = 0  # where not all have room, the one that is chosen has
            while first < self._at and 1 + 2 * bool(first) + sum(widths[first : self._at + 1]) >= self.app.size.width:
                first += 1
            if first:
                shown.append((f"{MARK} ", "dim"))
            at = 1 + 2 * bool(first)
            self._ranges = [(0, 0)] * first
            for title, width in zip(titles[first:], widths[first:], strict=True):
                shown += title
                self._ranges.append((at, at + width))
                at += width
        self.query_one("#parts", Line).show(shown)

    def _part_title(self, number: int) -> list[lines.Part]:
        """The title of a part, with how it is."""
        part = self._parts[number]
        title = self.context.word(part.title)
        title = f"[{title}]" if number == self._at and title else f" {title} "
        section = self._in_past(part).section if self._back else self._sections.get(part.key)
        health = section.health if section is not None else Health.OK
        mark = MARK if part.key in self._waiting else SIGNS[health] if health is not Health.OK else ""
        return [
            (title, "key" if number == self._at else "plain"),
            (f" {mark}  " if mark else " ", health.value if mark != MARK else "dim"),
        ]

    def _show_note(self, section: Section | None, table: Table, rows: int) -> None:
        tr = self.context.tr
        said: list[str] = self._recorded_notes()
        if section is None:
            said.append(tr(self.waiting_text()))
        else:
            room = self.app.size.width - 2
            said += failure_lines(section.failures, self.context, room, max(self.app.size.height // 8, 2))
            said += [cut(tr(text), room * 4) for text in (section.note, table.note, self._uncompared) if text]
        if not said and not rows and table.rows:
            said.append(tr("no row has all words of the filter"))
        self.show_note("\n".join(said), failed=section is not None and bool(section.failures))

    def waiting_text(self) -> str:
        """What is said while nothing is there yet."""
        return "asking …"

    def status(self) -> Sequence[lines.Part]:
        """How old it is, and what a table says."""
        tr = self.context.tr
        parts: list[lines.Part] = []
        if self.context.model.mode is not Mode.BACK and self._asked_ms:
            if self._waiting:
                parts.append((tr("asking …") + "  ", "dim"))
            elif (age := (self.now_ms() - self._asked_ms) // 1000 * 1000) > 0:
                parts.append((tr(f"{human_span(age)} ago") + "  ", "dim"))
        return [*parts, *super().status()]

    # Moving about

    def focus_body(self) -> None:
        """Give the keys to the rows or the lines."""
        self.set_focus(self.query_one(TextLines) if self.has_class("-text") else self.grid)

    def action_turn(self, direction: int) -> None:
        """To the part beside."""
        if self._parts:
            self.turn_to((self._at + direction) % len(self._parts))

    def turn_to(self, at: int) -> None:
        """Show a part."""
        self._at = at
        self.grid.unmark()
        self.grid.move_to(0)
        self.draw()
        self.focus_body()

    @property
    def part(self) -> str:
        """The key of the part that is shown."""
        return self._parts[self._at].key if self._parts else ""

    def on_click(self, event: events.Click) -> None:
        """A click on a part."""
        if event.widget is not None and event.widget.id == "parts":
            for number, (begin, end) in enumerate(self._ranges):
                if begin <= event.x < end:
                    self.turn_to(number)

    def action_more(self) -> None:
        """Where the part goes on."""
        section = self.section
        if section is None or section.more is None:
            self.say("there is no more")
        elif section.more.screen == self.address.screen:
            self.turn_address(section.more)
        else:
            self.dashboard.go(section.more)

    def turn_address(self, address: Address) -> None:
        """Show another address of the same screen."""
        self.address = address
        self._round += 1
        self.action_again()

    def action_whole(self) -> None:
        """Lines of text with nothing of them cut; else as in every table."""
        if self.has_class("-text"):
            self.query_one(TextLines).wrap()
        else:
            super().action_whole()

    # Changing

    def offers_of_rows(self) -> Sequence[Offer]:
        """About the marked rows, where something can be changed about what they open; else about the one thing."""
        marked = super().offers_of_rows() if self.grid.marks else ()
        return marked or self.offers()

    def changed(self, changed: bool | None) -> None:
        """See `TableScreen`; it asks anew."""
        super().changed(changed)
        if changed:
            self.action_again()


async def _nothing() -> Section:
    return Section()


def _failed(error: RocketMQError) -> Section:
    if isinstance(error, NotFoundError):
        text = f"{error.cause}: {error.next_step}" if error.next_step else error.cause
        return Section(note=text, health=Health.UNKNOWN)
    return Section(failures=(failure_of("", error),), health=Health.CRITICAL)
