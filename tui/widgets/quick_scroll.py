"""A scrolled widget of lines for which Textual need not lay out all of the screen, nor draw all of the widget, anew."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.widget import Widget

from rocketmq_ops.tui.widgets.drawn import Bar


class QuickScroll(ScrollView):
    """Lines that are scrolled up and down."""

    def focus_changed(self) -> None:
        """Draw what looks otherwise once it has the keys, or has them no more."""
        raise NotImplementedError

    def size_lines(self, lines: int) -> None:
        """Say how many lines there are. Unless that takes the bar for scrolling away, or brings it, nothing else on the
        screen has to move: Textual would lay out all of it anew."""
        size = Size(0, lines)
        bar = size.height > self.container_size.height
        if bar != self.show_vertical_scrollbar or not self.container_size:
            self.virtual_size = size
            return
        self.set_reactive(Widget.virtual_size, size)
        if bar:
            self.vertical_scrollbar.window_virtual_size = size.height
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def scroll_to_line(self, at: int, visible: int) -> None:
        """Have a line in view, of which so many are."""
        top = round(self.scroll_y)
        if at < top:
            self.scroll_to(y=at, animate=False, immediate=True)
        elif at >= top + visible:
            self.scroll_to(y=at - visible + 1, animate=False, immediate=True)

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """As Textual's; one that is drawn quickly."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = bar = Bar()
            bar.display = False
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar

    def on_focus(self, event: events.Focus) -> None:
        """It has the keys."""
        self._focused(event, events.DescendantFocus(self), has=True)

    def on_blur(self, event: events.Blur) -> None:
        """It has them no more."""
        self._focused(event, events.DescendantBlur(self), has=False)

    def _focused(self, event: events.Event, told: events.Event, *, has: bool) -> None:
        """As Textual does it, which draws all of it anew."""
        event.prevent_default()
        self.has_focus = has
        self.focus_changed()
        if self.parent is not None:
            self.parent.post_message(told)
