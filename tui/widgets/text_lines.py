"""Lines of users' own text: what is seen of them is drawn, whatever their number; long ones are cut with a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rocketmq_ops.tui.widgets.cells import cut
from rocketmq_ops.tui.widgets.selecting import Selectable

#: Cells that a key moves to the side.
_STEP = 16


class TextLines(Selectable, ScrollView, can_focus=True):
    """The lines, scrolled by the usual keys; Left and Right move along long ones, `wrap` has them go on below."""

    DEFAULT_CSS = """
    TextLines { background: $background; color: $foreground; padding: 0 1; }
    TextLines { scrollbar-size-vertical: 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "up", show=False),
        Binding("down,j", "scroll_down", "down", show=False),
        Binding("pageup", "page_up", "a page up", show=False),
        Binding("pagedown,space", "page_down", "a page down", show=False),
        Binding("home,g", "scroll_home", "the first line", show=False),
        Binding("end,G", "scroll_end", "the last line", show=False),
        Binding("left", "slide(-1)", "to the left", show=False),
        Binding("right", "slide(1)", "to the right", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        #: What is drawn: the lines, or where they are wrapped their pieces.
        self._drawn: Sequence[str] = ()
        self._longest: int | None = None
        self._from = 0
        self._wrapped = False

    def show(self, lines: Sequence[str]) -> None:
        """Draw these lines."""
        if lines is self._lines or lines == self._lines:
            return
        self._lines, self._from, self._longest = lines, 0, None
        self._lay()
        self.scroll_to(0, 0, animate=False)

    def wrap(self) -> None:
        """Nothing is cut: long lines go on in the next; and back."""
        self._wrapped = not self._wrapped
        self._lay()

    def on_resize(self) -> None:
        """Another width has room for other pieces."""
        if self._wrapped:
            self._lay()

    def _lay(self) -> None:
        width = self.scrollable_content_region.width
        if self._wrapped and width:
            self._drawn, self._from = [piece for line in self._lines for piece in wrapped(line, width)], 0
        else:
            self._drawn = self._lines
        self.virtual_size = Size(0, len(self._drawn))
        self.refresh()

    def action_slide(self, direction: int) -> None:
        """Along the lines, as far as the longest goes."""
        if self._longest is None:
            self._longest = max(map(cell_len, self._lines), default=0)
        most = 0 if self._wrapped else max(self._longest - self.scrollable_content_region.width, 0)
        self._from = min(max(self._from + direction * _STEP, 0), -(-most // _STEP) * _STEP)
        self.refresh()

    def place(self, y: int) -> int:
        """See `Selectable`."""
        return y + round(self.scroll_y)

    def draw(self, at: int) -> Strip:
        """A line, as much of it as is seen."""
        style = self.rich_style
        width = self.scrollable_content_region.width
        if at >= len(self._drawn):
            return Strip.blank(width, style)
        return Strip([Segment(cut(self._drawn[at][self._from :], width), style)]).adjust_cell_length(width, style)


def wrapped(line: str, width: int) -> Sequence[str]:
    """The pieces of a line, each at most so many cells wide."""
    if line.isascii():
        return [line[at : at + width] for at in range(0, len(line), width)] or [line]
    return chop_cells(line, width) or [line]
