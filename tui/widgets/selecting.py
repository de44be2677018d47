"""What the mouse selects in widgets that draw line by line: the text that is seen, as in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.widget import Widget

    _Base = Widget
else:
    _Base = object


class Selectable(_Base):
    """Comes before the widget among the bases. `Selection` counts characters of a text that Textual has made; here a
    place is a cell of a line."""

    def place(self, y: int) -> int:
        """Which of its lines is drawn there."""
        return y

    def draw(self, at: int) -> Strip:
        """One of its lines."""
        raise NotImplementedError

    def between(self, first: int, last: int) -> Iterable[int]:
        """The lines that are selected from one to another."""
        return range(first, last + 1)

    def render_line(self, y: int) -> Strip:
        """The line that is seen there; what is selected of it is reversed."""
        at = self.place(y)
        strip = self.draw(at)
        selection = self.text_selection
        span = selection.get_span(at) if selection is not None else None
        if span is None:
            return strip
        begin, end = _cells(span, strip)
        chosen = [
            Segment(text, (style or Style.null()) + Style(reverse=not (style and style.reverse)))
            for text, style, _ in strip.crop(begin, end)
        ]
        return Strip.join([strip.crop(0, begin), Strip(chosen), strip.crop(end)])

    def place_at(self, x: int, y: int) -> Offset:
        """The place at a cell of the screen."""
        region = self.content_region
        return Offset(max(x - region.x, 0), self.place(max(min(y, region.bottom - 1) - region.y, 0)))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected; of what goes on above or below as much as is seen."""
        first = selection.start.y if selection.start is not None else self.place(0)
        last = selection.end.y if selection.end is not None else self.place(max(self.content_size.height - 1, 0))
        lines = []
        for at in self.between(first, last):
            span = selection.get_span(at)
            if span is not None:
                strip = self.draw(at)
                lines.append(strip.crop(*_cells(span, strip)).text.rstrip())
        return "\n".join(lines).rstrip("\n"), "\n"

    def on_click(self, event: events.Click) -> None:
        """Where it ends a selection it is none; Textual would select all at the second one, which opens a row here."""
        event.prevent_default()
        if self.text_selection is not None:
            event.stop()


def _cells(span: tuple[int, int], strip: Strip) -> tuple[int, int]:
    begin, end = span
    width = strip.cell_length
    return min(begin, width), width if end < 0 else min(end, width)
