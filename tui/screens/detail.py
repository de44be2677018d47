"""The screen of one thing as it is drawn: one of its parts, also of the past and compared; what can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.figures import SIGNS, time_of_day
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.shown import Arranger
from rocketmq_ops.tui.model.table import Health, Table
from rocketmq_ops.tui.model.verdict import said_of
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.facts import facts_text, failure_lines, with_past
from rocketmq_ops.tui.screens.parts import PartsScreen
from rocketmq_ops.tui.screens.parts_in_time import NO_ROWS
from rocketmq_ops.tui.screens.top_lines import verdict_part
from rocketmq_ops.tui.widgets import lines
from rocketmq_ops.tui.widgets.cells import MARK, cut
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from rocketmq_ops.tui.widgets.steady import Note
from rocketmq_ops.tui.widgets.text_lines import TextLines


class DetailScreen(PartsScreen):
    """Subclasses say which parts there are, and what can be changed."""

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
        Binding("x", "change", "change"),
        Binding("w", "whole", "whole row"),
        Binding("n", "more", "go on", show=False),
    ]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address)
        self._ranges: list[tuple[int, int]] = []
        self._arranger: Arranger | None = None
        self._said = Text()
        self._lines: TextLines | None = None

    def offers(self) -> Sequence[Offer]:
        """What can be changed from here, each as a command line."""
        return ()

    def on_unmount(self) -> None:
        """Let go of what was made of the answers; then the handler of all screens with parts does of them."""
        self._arranger, self._marked, self._lines = None, None, None
        self._then_of, self._thens = None, {}

    # Drawing

    @property
    def table(self) -> Table | None:
        """The rows of the part that is shown."""
        return self._arranger.table if self._arranger is not None else None

    def body(self) -> Sequence[Widget]:
        """Facts, parts, what is wrong, and the rows; lines of text come when a part has some."""
        return (
            Line(id="parts"),
            Note(id="facts"),
            Note(id="note"),
            Grid(self.context.word, self.context.tr, id="body"),
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
        room, most = size.width - 2, max(size.height // 6, 2)
        said = facts_text(facts, self.context, self.now_ms(), room, most, stale=self._stale_since is not None)
        if said != self._said:
            self._said = said
            shown_facts.update(said)
        text = section.lines if section is not None else None
        focused = self.focused
        self.set_class(text is not None, "-text")
        self._show_lines(text)
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

    def _show_lines(self, text: Sequence[str] | None) -> None:
        """Lines in place of the rows; None: there are rows, and nothing is kept of what was shown."""
        if self._lines is None and text is not None:
            self._lines = TextLines(id="lines")
            self.mount(self._lines, after=self.grid)
        if self._lines is not None:
            self._lines.show(text or ())

    def _show_parts(self) -> None:
        shown: list[lines.Part] = [(" ", "plain")]
        self._ranges = []
        if any(part.title for part in self._parts):  # else there are none yet, and below it is said why
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
        section = self.section_of(part)
        health = section.health if section is not None else Health.OK
        mark = MARK if self._pace.busy(part.key) else SIGNS[health] if health is not Health.OK else ""
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
            most = max(self.app.size.height // 8, 2)
            said += failure_lines(section.failures, self.context, room, most, self._whose)
            said += [cut(tr(text), room * 4) for text in (section.note, table.note, self._uncompared) if text]
        if not said and not rows and table.rows:
            said.append(tr("no row has all words of the filter"))
        self.show_note("\n".join(said), failed=section is not None and bool(section.failures))

    def _whose(self, failure: Failure) -> str:
        """How the broker is that a failure is about, in the words of the verdict; empty where it answers, or there is
        none. Where all have failed, the failure names its address."""
        brokers = self.context.model.moment().brokers
        named = failure.target or max((each for each in brokers if each in failure.cause), key=len, default="")
        broker = brokers.get(named)
        said = said_of(broker) if broker is not None and not broker.reached else None
        return verdict_part(self.context, said, time_of_day, short=False) if said is not None else ""

    def waiting_text(self) -> str:
        """What is said while nothing is there yet."""
        return "asking …"

    def status(self) -> Sequence[lines.Part]:
        """How old it is, and what a table says."""
        tr, part = self.context.tr, self.part
        parts: list[lines.Part] = []
        if self.context.model.mode is not Mode.BACK:
            told, since = self._told.get(part), self._stale_since
            if self._pace.busy(part):
                parts.append((tr("asking …") + "  ", "dim"))
            if since is not None:
                if self.grid.row is None or self.has_class("-text"):  # else of the row at the cursor
                    parts += self.age_since(since)
            elif told is not None and len(parts) == 0 and (age := (self.now_ms() - told) // 1000 * 1000) > 0:
                parts.append((tr(f"{human_span(age)} ago") + "  ", "dim"))
        return [*parts, *super().status()]

    @property
    def _stale_since(self) -> int | None:
        """Until when all that is shown is from, where it could not be learned anew."""
        section = self.section
        return section.stale_since if section is not None else None

    # Moving about

    def focus_body(self) -> None:
        """Give the keys to the rows or the lines."""
        self.set_focus(self._lines if self._lines is not None and self.has_class("-text") else self.grid)

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

    def action_whole(self) -> None:
        """Lines of text with nothing of them cut; else as in every table."""
        if self._lines is not None and self.has_class("-text"):
            self._lines.wrap()
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
            self.ask_changed()
