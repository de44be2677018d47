"""Lines of users' own text: what is seen of them is drawn, whatever their number; long ones are cut with a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rocketmq_ops.tui.widgets.cells import cut

#: Cells that a key moves to the side.
_STEP = 16


class TextLines(ScrollView, can_focus=True):
    """The lines, scrolled by the usual keys; Left and Right move along long ones."""

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
        self._from = 0

    def show(self, lines: Sequence[str]) -> None:
        """Draw these lines."""
        if lines == self._lines:
            return
        self._lines, self._from = lines, 0
        self.virtual_size = Size(0, len(lines))
        self.scroll_to(0, 0, animate=False)
        self.refresh()

    def action_slide(self, direction: int) -> None:
        """Along the lines."""
        longest = max(map(len, self._lines), default=0)
        self._from = min(max(self._from + direction * _STEP, 0), max(longest - _STEP, 0))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line that is seen there."""
        at, style = y + round(self.scroll_y), self.rich_style
        width = self.scrollable_content_region.width
        if at >= len(self._lines):
            return Strip.blank(width, style)
        return Strip([Segment(cut(self._lines[at][self._from :], width), style)]).adjust_cell_length(width, style)
