"""Widgets whose lines are on the screen as they draw them.

Textual puts each line of a widget into a frame of border, padding, tint and opacity, also where there is none of it: of
a table that is scrolled this, and the bar beside it, took half of the time of a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.tui.widgets.heard import Heard

if TYPE_CHECKING:
    from textual.widget import Widget

    _Base = Widget
else:
    _Base = object

#: So many looks of a cell of the bar are kept: there are some twenty in a theme.
_KEPT: Final = 64


class Drawn(Heard, _Base):
    """Comes first among the bases of a widget without border, padding, tint and opacity. A line that was drawn stays
    until that place of the widget is to be drawn anew."""

    def __init__(self, **given: Any) -> None:
        #: The lines by their places, as the screen has them; what they were drawn for.
        self._drawn: dict[int, Strip] = {}
        self._drawn_for: object = None
        super().__init__(**given)

    def lines_at(self, places: Sequence[int]) -> Iterable[Strip]:
        """The lines that are seen at these places."""
        return map(self.render_line, places)

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget`: the lines in the colours that the terminal has, as much of them as is seen."""
        background, filters = self.background_colors[1], self.get_line_filters()
        drawn, drawn_for = self._drawn, (self.size, background, filters)
        if drawn_for != self._drawn_for:
            drawn.clear()
            self._drawn_for = drawn_for
        missing = [y for y in crop.line_range if y not in drawn]
        if missing:
            for y, strip in zip(missing, self.lines_at(missing), strict=True):
                for each in filters:
                    strip = strip.apply_filter(each, background)
                drawn[y] = strip
        strips = [drawn[y] for y in crop.line_range]
        begin, end = crop.column_span
        return strips if not begin and end >= self.region.width else [strip.crop(begin, end) for strip in strips]

    def _set_dirty(self, *regions: Region) -> None:
        """See `Widget`: there is no frame to be drawn anew."""
        super()._set_dirty(*regions)
        self._styles_cache.clear()
        if regions:
            for region in regions:
                for y in region.line_range:
                    self._drawn.pop(y, None)
        else:
            self._drawn.clear()


class Bar(Drawn, ScrollBar):
    """The bar for scrolling: most of its cells look alike."""

    def __init__(self) -> None:
        super().__init__(vertical=True, name="vertical")
        self._cells: Bounded[object, Strip] = Bounded(_KEPT)

    def lines_at(self, places: Sequence[int]) -> Iterable[Strip]:
        """See `Drawn`: its cells, each look of one made once."""
        bar = self.render()
        assert isinstance(bar, ScrollBarRender)
        style = self.app.console.get_style(bar.style)
        cells = bar.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            back_color=style.bgcolor or Color.default(),
            bar_color=style.color or Color.default(),
        ).segments
        base = self.visual_style.rich_style
        strips = {id(cell): self._cell(cell, base) for cell in {id(cell): cell for cell in cells}.values()}
        return [strips[id(cells[y])] for y in places]

    def _cell(self, cell: Segment, base: Style) -> Strip:
        style = cell.style or Style.null()
        by = cell.text, base, style.color, style.bgcolor, style.reverse, style._meta
        found = self._cells.get(by)
        if found is None:
            found = self._cells[by] = Strip([Segment(cell.text, base + style)], 1)
        return found
