"""A field to type in that says where its text is cut: what does not fit goes on behind a mark."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import Input

from rocketmq_ops.tui.widgets.cells import MARK


class MarkedInput(Input):
    """Textual's, with a mark at each end behind which there is more; not where the cursor stands."""

    def render_line(self, y: int) -> Strip:
        """The line as it is seen."""
        strip = super().render_line(y)
        width, begin = self.scrollable_content_region.width, int(self.scroll_offset.x)
        cursor = cell_len(self.value[: self.cursor_position]) - begin if self.has_focus else None
        ends = [0] if begin > 0 else []
        if cell_len(self.value) > begin + width:
            ends.append(width - 1)
        for at in ends:
            if at != cursor:
                style = next((segment.style for segment in strip.crop(at, at + 1)), None)
                mark = Strip([Segment(MARK, style)], 1)
                strip = Strip.join([strip.crop(0, at), mark, strip.crop(at + 1, strip.cell_length)])
        return strip
