"""The table: it draws the lines that are seen, whatever the number of rows.

What does not fit is cut with a mark; columns that do not fit are left away, those with the largest `drop` first, and
the heading says how many; Right and Left move along all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.tui.model.shown import Shown
from rocketmq_ops.tui.model.table import Column, Row
from rocketmq_ops.tui.widgets import grid_lines
from rocketmq_ops.tui.widgets.drawn import Drawn
from rocketmq_ops.tui.widgets.grid_columns import HEAD, Columns
from rocketmq_ops.tui.widgets.grid_lines import Line
from rocketmq_ops.tui.widgets.grid_styles import Look, RowStyles, row_styles
from rocketmq_ops.tui.widgets.grid_texts import Texts
from rocketmq_ops.tui.widgets.quick_scroll import QuickScroll
from rocketmq_ops.tui.widgets.selecting import Selectable
from rocketmq_ops.tui.widgets.styles import style_of, styled

#: So many lines are kept.
_KEPT: Final = 1000


class Grid(Drawn, Selectable, QuickScroll, can_focus=True):
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
        Binding("a", "mark_shown", "mark all that are shown", show=False),
        Binding("A", "unmark", "take all marks away", show=False),
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
        """A click on a heading: the column's key, and of which table."""

        def __init__(self, key: str, grid: Grid) -> None:
            self.key = key
            self.grid = grid
            super().__init__()

    class Moved(Message):
        """The cursor stands on another row, or marks have changed."""

        def can_replace(self, message: Message) -> bool:
            """Of many in a row, as of a key that is held down, the last is enough."""
            return isinstance(message, Grid.Moved)

    def __init__(self, word: Callable[[str], str], tr: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._texts = Texts(word, tr)
        self._columns = Columns(self._texts)
        self._shown: Shown | None = None
        self._before: dict[str, Row] | None = None
        #: The lines that were seen since the rows are these, by their rows.
        self._lines: Bounded[int, Line] = Bounded(_KEPT)
        #: How many lines were made: one that says the same is not made again.
        self.lines_made = 0
        self._own_style: Style | None = None
        #: What lines were drawn with.
        self._looks: tuple[Style, object] | None = None
        self._styles: dict[Look, RowStyles] = {}
        self._following = False
        self.cursor = 0
        self.marks: set[str] = set()

    def show(self, shown: Shown, now_ms: int, before: dict[str, Row] | None = None) -> None:
        """Draw these rows; `before` are rows of an earlier moment by their key, to be compared with. What is on the
        screen already is not drawn again.

        The cursor stays on its row; at the top it stays at the top.
        """
        at, was = self.row, self._shown
        laid = self._heading_key
        self._shown, self._texts.now_ms, self._before = shown, now_ms, before
        self._texts.forget()
        if at is not None and self.cursor > 0:
            place = shown.place(at.key)
            self.cursor = self.cursor if place is None else place
        self.cursor = min(self.cursor, max(len(shown.rows) - 1, 0))
        self.size_lines(len(self.rows) + 1)
        self._lay_out()
        self._into_view()
        if was is None or self._heading_key != laid or len(was.rows) != len(shown.rows):
            self._redraw()
        else:
            self._redraw_others()

    def on_unmount(self) -> None:
        """Let go of the rows."""
        self._shown = self._before = None
        self._lines.clear()

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that are shown."""
        return self._shown.rows if self._shown is not None else ()

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def marks_shown(self) -> int:
        """How many of the marks are on rows that are shown."""
        marks = self.marks
        return sum([row.key in marks for row in self.rows]) if marks else 0

    @property
    def chosen(self) -> list[Row]:
        """The marked rows that are shown, else the one at the cursor."""
        marked = [row for row in self.rows if row.key in self.marks]
        return marked or ([self.row] if self.row is not None else [])

    @property
    def columns(self) -> list[Column]:
        """The columns that are drawn, in order."""
        return [slot.column for slot in self._columns.slots]

    @property
    def columns_measured(self) -> int:
        """How many columns were measured: what is drawn again is not."""
        return self._columns.measured

    def texts(self, row: Row) -> list[str]:
        """All cells of a row as people read them."""
        if self._shown is None:
            return []
        return [self._texts.of(row, at, column) for at, column in enumerate(self._shown.table.columns)]

    # Moving

    def move_to(self, at: int) -> None:
        """Put the cursor on a row."""
        at = max(0, min(at, len(self.rows) - 1))
        if at != self.cursor and self.rows:
            for each in (self.cursor, at):
                self._lines.pop(each, None)
            self.refresh(self.region_of(self.cursor), self.region_of(at))
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
        if self._shown is not None and self._columns.slide(direction, self._shown.table):
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
            self._lines.pop(self.cursor, None)
            self.refresh(self.region_of(self.cursor))
            self.move_to(self.cursor + 1)
            self.post_message(self.Moved())

    def action_mark_shown(self) -> None:
        """Mark all rows that are shown, as a filter leaves them, also those that are not seen; others keep theirs."""
        self.marks.update([row.key for row in self.rows])
        self._marked()

    def action_unmark(self) -> None:
        """Take all marks away, also those of rows that are not shown."""
        self.unmark()

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._marked()

    def _marked(self) -> None:
        self._redraw()
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """A heading sorts; a row gets the cursor, and is opened where it had it."""
        if self.text_selection is not None:
            return
        if event.y == 0:
            at = HEAD
            for slot in self._columns.slots:
                if at <= event.x < at + slot.width + slot.gap:
                    self.post_message(self.Headed(slot.column.key, self))
                    return
                at += slot.width + slot.gap
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
        before = self._heading_key
        self.size_lines(len(self.rows) + 1)
        self._lay_out()
        self._into_view()
        if self._heading_key != before:
            self._redraw()  # else it is another height: lines are as they were

    def watch_show_vertical_scrollbar(self) -> None:
        """The bar takes room, or gives it back, which is no other size of the table."""
        if self._shown is not None:
            self._lay_out()
            self._redraw()

    def notify_style_update(self) -> None:
        """Its styles may be others: that is seen when it is drawn."""
        super().notify_style_update()
        self._own_style = None

    def focus_changed(self) -> None:
        """See `QuickScroll`: it is seen at the cursor alone."""
        self._lines.pop(self.cursor, None)
        self.refresh(self.region_of(self.cursor))

    # Drawing

    def _heading_style(self, name: str) -> Style:
        return self._base + style_of(self, name)

    @property
    def _base(self) -> Style:
        """`rich_style`, which Textual finds along all ancestors, for each line anew. Lines that were drawn with another
        style, or in another theme, are forgotten."""
        if self._own_style is None:
            self._own_style = self.rich_style
            looks = self._own_style, styled(self).looks
            if looks != self._looks:
                self._looks = looks
                self._lines.clear()
                self._styles.clear()
        return self._own_style

    @property
    def _width(self) -> int:
        """Cells of a line, beside the bar for scrolling."""
        return self.scrollable_content_region.width

    @property
    def _visible(self) -> int:
        return max(self.size.height - 1, 1)

    def _into_view(self) -> None:
        self.scroll_to_line(self.cursor, self._visible)

    def _redraw(self) -> None:
        self._lines.clear()
        self.refresh()

    def _redraw_others(self) -> None:
        """Draw the lines that do not say what they said."""
        old, self._lines = self._lines, Bounded(_KEPT)
        others = []
        for at in self._seen:
            line = old.get(at)
            if line is not None and line.said == self._said(at):
                self._lines[at] = line
            else:
                others.append(self.region_of(at))
        if others:
            self.refresh(*others)

    @property
    def _seen(self) -> range:
        """The rows that are seen."""
        top = round(self.scroll_y)
        return range(top, min(top + self._visible, len(self.rows)))

    @property
    def _heading_key(self) -> object:
        """What the heading, and the places of all cells, go by."""
        shown, columns = self._shown, self._columns
        by = (shown.arrangement.sort, shown.arrangement.descending) if shown is not None else None
        return by, columns.slots, columns.more, self._width

    def _lay_out(self) -> None:
        if self._shown is not None:
            self._columns.lay_out(self._shown.table, self._near(), self._width, self._before)

    def _near(self) -> Sequence[Row]:
        """The rows around those that are seen."""
        top = max(round(self.scroll_y) - self._visible, 0)
        return self.rows[top : top + 3 * self._visible]

    def _said(self, at: int) -> grid_lines.Said:
        row = self.rows[at]
        cursor = "" if at != self.cursor else "grid--cursor" if self.has_focus else "grid--resting"
        look = Look(row.health, row.stale_since is not None, row.key in self.marks, cursor)
        return grid_lines.said(row, look, self._columns.slots, self._texts, self._before)

    def place(self, y: int) -> int:
        """See `Selectable`: 0 is the heading, behind it come the rows."""
        return y + round(self.scroll_y) if y else 0

    def between(self, first: int, last: int) -> Iterable[int]:
        """See `Selectable`: with the heading only rows that are seen."""
        return range(first, last + 1) if first else [0, *range(self.place(1), last + 1)]

    def lines_at(self, places: Sequence[int]) -> Iterable[Strip]:
        """See `Drawn`."""
        if self.text_selection is not None:
            return super().lines_at(places)
        width, base = self._width, self._base
        return [self._line(self.place(y), width, base) for y in places]

    def draw(self, at: int) -> Strip:
        """The heading, or a row."""
        return self._line(at, self._width, self._base)

    def _line(self, at: int, width: int, base: Style) -> Strip:
        if at == 0:
            plain, chosen = self._heading_style("grid--heading"), self._heading_style("grid--sorted")
            arrangement = self._shown.arrangement if self._shown is not None else None
            heading = grid_lines.heading(self._columns, arrangement, plain, chosen, width)
            return heading.adjust_cell_length(width, plain)
        at -= 1
        if at >= len(self.rows):
            return Strip.blank(width, base)
        line = self._lines.get(at)
        if line is None or line.strip.cell_length != width:
            said = self._said(at)
            styles = self._styles.get(said.look)
            if styles is None:
                styles = self._styles[said.look] = row_styles(self, base, said.look)
            line = self._lines[at] = Line(said, grid_lines.drawn(said, self._columns.slots, styles, width))
            self.lines_made += 1
        return line.strip

    def region_of(self, at: int) -> Region:
        """Where a row is drawn, within the table."""
        return Region(0, at + 1 - round(self.scroll_y), self._width, 1)
