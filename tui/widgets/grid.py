"""The table: it draws the lines that are seen, whatever the number of rows.

What does not fit is cut with a mark; columns that do not fit are left away, those with the largest `drop` first, and
the heading says how many; Right and Left move along all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.tui.model.figures import COMPARED, SIGNS, UNKNOWN, WIDTHS, change, figure
from rocketmq_ops.tui.model.shown import Shown
from rocketmq_ops.tui.model.table import TRANSLATED, Column, Kind, Row, Table, changes
from rocketmq_ops.tui.widgets.cells import cut, fitted
from rocketmq_ops.tui.widgets.grid_styles import Look, RowStyles, row_styles
from rocketmq_ops.tui.widgets.styles import style_of

_FIGURES: Final = frozenset(WIDTHS)
_GAP: Final = 2
#: Cells at the end of the heading for how many columns do not fit.
_MORE: Final = 5
#: Cells before the first column: the mark, the sign, a blank.
_HEAD: Final = 3
#: Stands before a row whose figures are not of the moment that is shown.
STALE: Final = "~"
#: Rows whose texts are measured for the widths of columns.
_MEASURED: Final = 2000
#: Cells of a name at least, of any other text half as many: with less none can be told from another.
_LEAST: Final = 8
#: Cells of a name up to which it comes before other texts.
_NAME: Final = 32
#: Cells of a state at least: most of our words for states are no longer, and it is what a row is looked at for.
_LEAST_STATE: Final = 16
#: Cells that a change of a figure takes at most.
_CHANGE: Final = 9


def _widest(rows: Sequence[Row], at: int) -> int:
    """The cells that the longest text of a column takes."""
    texts = [str(row.cells[at]) for row in rows if row.cells[at] is not None]
    return max((len(text) if text.isascii() else cell_len(text) for text in texts), default=1)


class Slot(NamedTuple):
    """A column as it is drawn."""

    place: int
    column: Column
    heading: str
    width: int
    #: Cells at its end for the change since then.
    change: int

    @property
    def right(self) -> bool:
        return self.column.kind in _FIGURES


class Grid(ScrollView, can_focus=True):
    """A table with a cursor. `word` translates headings, `tr` states; ages are counted from `now_ms`."""

    DEFAULT_CSS = """
    Grid { background: $background; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "up", "up", show=False),
        Binding("down,j", "down", "down", show=False),
        Binding("pageup", "page(-1)", "a page up", show=False),
        Binding("pagedown", "page(1)", "a page down", show=False),
        Binding("home,g", "edge(-1)", "the first row", show=False),
        Binding("end,G", "edge(1)", "the last row", show=False),
        Binding("left", "slide(-1)", "columns to the left", show=False),
        Binding("right", "slide(1)", "columns to the right", show=False),
        Binding("enter", "open", "open"),
        Binding("space", "mark", "mark"),
    ]

    #: Keys that move the cursor, and do nothing else: to where, from where, by the rows of a page and the last row.
    MOVES: ClassVar[dict[str, Callable[[int, int, int], int]]] = {
        **dict.fromkeys(("up", "k"), lambda at, page, last: at - 1),
        **dict.fromkeys(("down", "j"), lambda at, page, last: at + 1),
        "pageup": lambda at, page, last: at - page,
        "pagedown": lambda at, page, last: at + page,
        **dict.fromkeys(("home", "g"), lambda at, page, last: 0),
        **dict.fromkeys(("end", "G"), lambda at, page, last: last),
    }

    class Opened(Message):
        """Enter, or a second click, on a row."""

        def __init__(self, row: Row) -> None:
            self.row = row
            super().__init__()

    class Headed(Message):
        """A click on a heading: the column's key."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Moved(Message):
        """The cursor stands on another row, or marks have changed."""

        def can_replace(self, message: Message) -> bool:
            """Of many in a row, as of a key that is held down, the last is enough."""
            return isinstance(message, Grid.Moved)

    def __init__(self, word: Callable[[str], str], tr: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._translated = word
        self._tr = tr
        self._shown: Shown | None = None
        self._before: dict[str, Row] | None = None
        self._now_ms = 0
        self._slots: list[Slot] = []
        self._left_away = 0
        self._first = 0
        self._words: dict[str, str] = {}
        self._drawn: Bounded[int, Strip] = Bounded(1000)
        #: What the texts of a column take, and the states in it, by its place; the table that they were measured of.
        self._measured: dict[int, int] = {}
        self._states: dict[int, frozenset[str]] = {}
        self._measured_of: Table | None = None
        #: How many lines were made, and columns measured: what is drawn again is neither.
        self.lines_made = 0
        self.columns_measured = 0
        self._own_style: Style | None = None
        self._styles: dict[Look, RowStyles] = {}
        self._following = False
        self.cursor = 0
        self.marks: set[str] = set()

    def show(self, shown: Shown, now_ms: int, before: dict[str, Row] | None = None) -> None:
        """Draw these rows; `before` are rows of an earlier moment by their key, to be compared with.

        The cursor stays on its row; at the top it stays at the top.
        """
        at = self.row
        self._shown, self._now_ms, self._before = shown, now_ms, before
        self._words.clear()
        if self._measured_of is not shown.table:
            self._measured_of = shown.table
            self._measured.clear()
            self._states.clear()
        if at is not None and self.cursor > 0:
            self.cursor = shown.places.get(at.key, self.cursor)
        self.cursor = min(self.cursor, max(len(shown.rows) - 1, 0))
        self.virtual_size = Size(self._width, len(shown.rows) + 1)
        self._lay_out()
        self._into_view()
        self._redraw()

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that are shown."""
        return self._shown.rows if self._shown is not None else ()

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def chosen(self) -> list[Row]:
        """The marked rows that are shown, else the one at the cursor."""
        marked = [row for row in self.rows if row.key in self.marks]
        return marked or ([self.row] if self.row is not None else [])

    @property
    def columns(self) -> list[Column]:
        """The columns that are drawn, in order."""
        return [slot.column for slot in self._slots]

    def texts(self, row: Row) -> list[str]:
        """All cells of a row as people read them."""
        if self._shown is None:
            return []
        return [self._text(row, at, column) for at, column in enumerate(self._shown.table.columns)]

    # Moving

    def move_to(self, at: int) -> None:
        """Put the cursor on a row."""
        at = max(0, min(at, len(self.rows) - 1))
        if at != self.cursor and self.rows:
            for each in (self.cursor, at):
                self._drawn.pop(each, None)
                self.refresh(self.region_of(each))
            self.cursor = at
            if not self._following:  # of many keys in a row the last one says what is seen
                self._following = True
                self.call_next(self._follow)
            self.post_message(self.Moved())

    def move_by(self, keys: Iterable[str]) -> None:
        """Do at once what these keys of MOVES do one after the other."""
        at, page, last = self.cursor, max(self._visible - 1, 1), len(self.rows) - 1
        for key in keys:
            at = max(0, min(self.MOVES[key](at, page, last), last))
        self.move_to(at)

    def _follow(self) -> None:
        self._following = False
        self._into_view()

    def action_up(self) -> None:
        """One row up."""
        self.move_to(self.cursor - 1)

    def action_down(self) -> None:
        """One row down."""
        self.move_to(self.cursor + 1)

    def action_page(self, direction: int) -> None:
        """A page up or down."""
        self.move_to(self.cursor + direction * max(self._visible - 1, 1))

    def action_edge(self, direction: int) -> None:
        """The first or the last row."""
        self.move_to(0 if direction < 0 else len(self.rows) - 1)

    def action_slide(self, direction: int) -> None:
        """Begin with an earlier or a later column, behind the first one, which stays."""
        if self._shown is None or (direction > 0 and not self._left_away):
            return
        self._first = max(0, min(self._first + direction, len(self._shown.table.columns) - 2))
        self._lay_out()
        self._redraw()

    def action_open(self) -> None:
        """Open the row at the cursor."""
        if self.row is not None:
            self.post_message(self.Opened(self.row))

    def action_mark(self) -> None:
        """Mark the row at the cursor, or take its mark away, and go on to the next."""
        row = self.row
        if row is not None:
            self.marks ^= {row.key}
            self._drawn.pop(self.cursor, None)
            self.refresh(self.region_of(self.cursor))
            self.move_to(self.cursor + 1)
            self.post_message(self.Moved())

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._redraw()
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """A heading sorts; a row gets the cursor, and is opened where it had it."""
        if event.y == 0:
            at = _HEAD
            for slot in self._slots:
                if at <= event.x < at + slot.width + _GAP:
                    self.post_message(self.Headed(slot.column.key))
                    return
                at += slot.width + _GAP
            return
        row = event.y - 1 + round(self.scroll_y)
        if row >= len(self.rows):
            return
        if row == self.cursor:
            self.action_open()
        else:
            self.move_to(row)

    def on_resize(self) -> None:
        """Lay out the columns anew."""
        self.virtual_size = Size(self._width, len(self.rows) + 1)
        before = self._slots, self._left_away
        self._lay_out()
        self._into_view()
        if (self._slots, self._left_away) != before:
            self._redraw()  # else it is another height: lines are as they were

    def notify_style_update(self) -> None:
        """Another theme: what was drawn has the colours of the last one."""
        super().notify_style_update()
        self._drawn.clear()
        self._own_style = None
        self._styles.clear()

    def on_focus(self) -> None:
        """The cursor is drawn as of one that has the keys."""
        self._drawn.pop(self.cursor, None)

    def on_blur(self) -> None:
        """And as of one that has them no more."""
        self._drawn.pop(self.cursor, None)

    # Drawing

    def _heading_style(self, name: str) -> Style:
        return self._base + style_of(self, name)

    @property
    def _base(self) -> Style:
        """`rich_style`, which Textual finds along all ancestors, for each line anew."""
        if self._own_style is None:
            self._own_style = self.rich_style
        return self._own_style

    @property
    def _width(self) -> int:
        """Cells of a line, beside the bar for scrolling."""
        return self.scrollable_content_region.width

    @property
    def _visible(self) -> int:
        return max(self.size.height - 1, 1)

    def _into_view(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + self._visible:
            self.scroll_to(y=self.cursor - self._visible + 1, animate=False, immediate=True)

    def _redraw(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _lay_out(self) -> None:
        """Choose the columns that fit, and their widths."""
        if self._shown is None:
            return
        table = self._shown.table
        room = self._width - _HEAD
        candidates = [self._slot(at, column) for at, column in enumerate(table.columns) if at == 0 or at > self._first]
        candidates = [slot for slot in candidates if slot is not None]
        kept = list(candidates)
        while len(kept) > 1 and sum(self._least(slot) + _GAP for slot in kept) - _GAP > room:
            droppable = [slot for slot in kept if slot.column.drop] or kept[1:]
            kept.remove(max(droppable, key=lambda slot: (slot.column.drop, slot.place)))
        if len(kept) < len(candidates) or self._first:
            room -= _MORE
            while len(kept) > 2 and sum(self._least(slot) + _GAP for slot in kept) - _GAP > room:
                kept.remove(max(kept[1:], key=lambda slot: (slot.column.drop, slot.place)))
        spare = room - sum(self._least(slot) + _GAP for slot in kept) + _GAP
        widths = {slot.place: self._least(slot) for slot in kept}
        # A long name leaves to the others what they need: first the states, then texts.
        states_first = sorted(kept, key=lambda slot: slot.column.kind is not Kind.STATE)
        for slot, most in (
            *((s, _NAME if s.place == 0 else s.width) for s in states_first),
            *((s, s.width) for s in kept),
        ):
            more = min(max(spare, 0), max(min(slot.width, most) - widths[slot.place], 0))
            widths[slot.place] += more
            spare -= more
        slots = [slot._replace(width=widths[slot.place]) for slot in kept]
        if slots and spare < 0:
            slots[0] = slots[0]._replace(width=max(room, 1))
        self._slots = slots
        self._left_away = len(candidates) - len(kept)

    def _slot(self, at: int, column: Column) -> Slot:
        """A column with the width that it would like."""
        assert self._shown is not None
        heading = self._translated(column.title)
        rows = self._shown.table.rows
        if column.kind in _FIGURES:
            content = max((len(self._text(row, at, column)) for row in self._near()), default=1)
            width = min(max(content, 5), WIDTHS[column.kind])
        elif column.kind is Kind.STATE:
            if at not in self._states:
                self._states[at] = frozenset(str(row.cells[at]) for row in rows if row.cells[at] is not None)
                self.columns_measured += 1
            width = max((cell_len(self._word(word)) for word in self._states[at]), default=1)
        elif column.kind is Kind.SENTENCE:
            width = max((cell_len(self._text(row, at, column)) for row in self._near()), default=1)
        else:
            if at not in self._measured:
                self._measured[at] = _widest(rows[:_MEASURED], at)
                self.columns_measured += 1
            width = max(self._measured[at], _widest(self._near(), at))
        changed = _CHANGE if self._before is not None and column.kind in COMPARED else 0
        return Slot(at, column, heading, max(width, min(cell_len(heading) + 2, 16)) + changed, changed)

    def _near(self) -> Sequence[Row]:
        """The rows around those that are seen."""
        top = max(round(self.scroll_y) - self._visible, 0)
        return self.rows[top : top + 3 * self._visible]

    @staticmethod
    def _least(slot: Slot) -> int:
        """Cells that a column has at least: a figure all of its own, a text so many that it can be told from others."""
        if slot.right:
            return slot.width
        told_apart = _LEAST if slot.place == 0 else _LEAST // 2
        if slot.column.kind is Kind.STATE:
            told_apart = _LEAST_STATE
        return min(slot.width, max(slot.column.least, told_apart))

    def _text(self, row: Row, at: int, column: Column) -> str:
        value = row.cells[at]
        if column.kind in TRANSLATED and isinstance(value, str):
            return self._word(value)
        return figure(value, column.kind, self._now_ms)

    def _word(self, word: str) -> str:
        said = self._words.get(word)
        if said is None:
            said = self._words[word] = self._tr(word)
        return said

    def render_line(self, y: int) -> Strip:
        """The heading, or the row that is seen there."""
        width = self._width
        if y == 0:
            return self._heading().adjust_cell_length(width, self._heading_style("grid--heading"))
        at = y - 1 + round(self.scroll_y)
        if at >= len(self.rows):
            return Strip.blank(width, self._base)
        strip = self._drawn.get(at)
        if strip is None or strip.cell_length != width:
            strip = self._drawn[at] = self._line(self.rows[at], at == self.cursor, self._base, width)
            self.lines_made += 1
        return strip

    def _heading(self) -> Strip:
        plain = self._heading_style("grid--heading")
        chosen = self._heading_style("grid--sorted")
        arrangement = self._shown.arrangement if self._shown is not None else None
        segments = [Segment(" " * _HEAD, plain)]
        for number, slot in enumerate(self._slots):
            sorted_by = arrangement is not None and arrangement.sort == slot.column.key
            text = slot.heading
            if sorted_by and arrangement is not None:
                text = cut(text, slot.width - 2) + (" ↓" if arrangement.descending else " ↑")
            gap = "" if number == len(self._slots) - 1 else " " * _GAP
            own = (
                fitted(text, slot.width - slot.change, right=slot.right)
                if slot.change
                else fitted(text, slot.width, right=slot.right)
            )
            segments += [Segment(own, chosen if sorted_by else plain), Segment(" " * slot.change + gap, plain)]
        if self._left_away or self._first:
            more = ("‹" if self._first else "") + (f"+{self._left_away}›" if self._left_away else "")
            used = sum(segment.cell_length for segment in segments)
            room = self._width - used
            if room >= len(more) + 1:
                segments.append(Segment(" " * (room - len(more)) + more, plain))
            else:
                strip = Strip(segments).crop(0, self._width - len(more) - 1)
                return Strip.join([strip, Strip([Segment(" " + more, plain)])])
        return Strip(segments)

    def _line(self, row: Row, at_cursor: bool, base: Style, width: int) -> Strip:
        marked, stale = row.key in self.marks, row.stale_since is not None
        cursor = "" if not at_cursor else "grid--cursor" if self.has_focus else "grid--resting"
        look = Look(row.health, stale, marked, cursor)
        styles = self._styles.get(look)
        if styles is None:
            styles = self._styles[look] = row_styles(self, base, look)
        segments = [
            Segment("*" if marked else " ", styles.text),
            Segment(fitted(SIGNS[row.health], 1), styles.sign),
            Segment(STALE if stale else " ", styles.text),
        ]
        gap = Segment(" " * _GAP, styles.text)
        then = self._before.get(row.key) if self._before is not None else None
        changed = changes(row, then) if self._before is not None else None
        for slot in self._slots:
            value = row.cells[slot.place]
            text = self._text(row, slot.place, slot.column)
            style = styles.text
            if slot.column.kind is Kind.STATE:
                style = styles.state
            elif text is UNKNOWN or value is None:
                style = styles.unknown
            segments.append(Segment(fitted(text, slot.width - slot.change, right=slot.right), style))
            if slot.change and changed is not None:
                by = changed[slot.place]
                colour = styles.same if not by else styles.rose if by > 0 else styles.fell
                segments.append(Segment(fitted(change(by, slot.column.kind), slot.change, right=True), colour))
            segments.append(gap)
        return Strip(segments).adjust_cell_length(width, styles.rest)

    def region_of(self, at: int) -> Region:
        """Where a row is drawn, within the table."""
        return Region(0, at + 1 - round(self.scroll_y), self._width, 1)
