"""One-line widgets: the path with the mode, the verdict, the axis of time, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.figures import SIGNS, time_of_day
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.widgets.cells import cut, fitted
from rocketmq_ops.tui.widgets.drawn import Drawn
from rocketmq_ops.tui.widgets.selecting import Selectable
from rocketmq_ops.tui.widgets.steady import steady
from rocketmq_ops.tui.widgets.styles import style_of

Part = tuple[str, str]


class Line(Drawn, Selectable, Widget):
    """A line of parts, each a text with a class `line--…` of `Styled`.

    `left` is cut where there is no room beside `right`.
    """

    virtual_size = steady()
    DEFAULT_CSS = """
    Line { height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._left: Sequence[Part] = ()
        self._right: Sequence[Part] = ()

    def show(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Draw these parts: (text, class)."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def draw(self, at: int) -> Strip:
        """The line."""
        width = self.size.width
        room, right_width = self._room()
        segments, used = [], 0
        styles = _Styles(self)
        whole = cell_len("".join(text for text, _ in self._left).rstrip()) <= room
        for text, name in self._left:
            # One that fills the room has a mark too where more is behind it.
            over = used + cell_len(text) >= room
            text = cut(text if whole or not over else text + " " * room, room - used)
            used += cell_len(text)
            segments.append(Segment(text, styles[name]))
            if over:
                break
        segments.append(Segment(" " * (width - used - right_width), styles["plain"]))
        if right_width:
            segments += [Segment(text, styles[name]) for text, name in self._right]
        return Strip(segments).adjust_cell_length(width, styles["plain"])

    def _room(self) -> tuple[int, int]:
        """The cells that `left` may take, and those that `right` takes: none where little would be left."""
        width, right = self.size.width, sum(cell_len(text) for text, _ in self._right)
        room = width - right - 1 if right else width
        return (width, 0) if room < width // 3 else (room, right)


class LeadingLine(Line):
    """A line of which parts lead somewhere: a click on one goes there."""

    class Opened(Message):
        """A part was clicked on that leads there."""

        def __init__(self, address: Address) -> None:
            super().__init__()
            self.address = address

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._leads: Sequence[Address | None] = ()

    def show_leading(self, left: Sequence[tuple[Part, Address | None]], right: Sequence[Part] = ()) -> None:
        """Draw these parts, each with where it leads, and what is said beside them."""
        self._leads = [leads for _, leads in left]
        self.show([part for part, _ in left], right)

    def on_click(self, event: events.Click) -> None:
        """Say where it leads."""
        at, (room, _) = 0, self._room()
        for (text, _), leads in zip(self._left, self._leads, strict=True):
            at += cell_len(text)
            if event.x < min(at, room):
                if leads is not None and self.text_selection is None:
                    self.post_message(self.Opened(leads))
                return


class Key(NamedTuple):
    """A key by the name that a binding has for it, as it is written, and what it does, in the reader's words."""

    name: str
    shown: str
    does: str


class KeyLine(Line):
    """The keys of a screen: a click on one does what it does."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[Key] = ()
        self._drawn_keys: Sequence[Part] = ()

    def show_keys(self, keys: Sequence[Key], right: Sequence[Part] = ()) -> None:
        """Draw these keys, and what is said beside them."""
        if keys is not self._keys:
            self._keys, parts = keys, [(" ", "plain")]
            for key in keys:
                parts += [(key.shown, "key"), (f" {key.does}  ", "plain")]
            self._drawn_keys = parts
        self.show(self._drawn_keys, right)

    def key_at(self, x: int) -> str | None:
        """The key at a cell; None between two of them, and where there is none."""
        at, (room, _) = 1, self._room()
        for key in self._keys:
            end = at + cell_len(f"{key.shown} {key.does}")
            if at <= x < min(end, room):
                return key.name
            at = end + 2
        return None

    def on_click(self, event: events.Click) -> None:
        """Press the key: from here, since what a screen sends does not come back to it."""
        key = self.key_at(event.x)
        if key is not None and self.text_selection is None:
            self.app.simulate_key(key)


class _Styles(dict[str, Style]):
    """The styles of the parts of a line while it is drawn, each mixed once."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._base = line.rich_style

    def __missing__(self, name: str) -> Style:
        found = self._base + style_of(self._line, f"line--{name}")
        self[name] = found
        return found


def sign(health: Health) -> Part:
    """The sign of a health, and a blank."""
    return f"{SIGNS[health]} ", health.value


class Stretch(NamedTuple):
    """What the axis of time shows, in ms."""

    first: int
    last: int
    shown: int
    #: When something happened, and how bad it was.
    marks: Sequence[tuple[int, Health]]


_AXIS: Final = "─"
_HERE: Final = "┃"


class TimeBar(Line):
    """The axis of time: from the first moment kept to now, with a mark for each event, and where the screen stands."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._span: Stretch | None = None
        self._label: Part = ("", "plain")

    def stand(self, span: Stretch | None, label: Part) -> None:
        """Show this span, and what to say at the right."""
        if (span, label) != (self._span, self._label):
            self._span, self._label = span, label
            self.refresh()

    def time_at(self, x: int) -> tuple[int, bool] | None:
        """The time at a cell, for a click; that of the last event whose mark is there, with true."""
        if self._span is None:
            return None
        left, width = self._axis()
        if not left <= x < left + width:
            return None
        first, last, _, marks = self._span
        there = [time_ms for time_ms, _ in marks if first <= time_ms <= last and self._cell(time_ms, width) == x - left]
        if there:
            return max(there), True
        return first + (last - first) * (x - left) // max(width - 1, 1), False

    def _cell(self, time_ms: int, cells: int) -> int:
        """Where a time stands on the axis."""
        assert self._span is not None
        first, last = self._span.first, self._span.last
        return max(0, min(cells - 1, (time_ms - first) * (cells - 1) // max(last - first, 1)))

    def _axis(self) -> tuple[int, int]:
        """Where the axis begins, and its cells."""
        begin = 9
        return begin, max(self.size.width - begin - cell_len(self._label[0]) - 2, 1)

    def draw(self, at: int) -> Strip:
        """The axis."""
        width = self.size.width
        styles = _Styles(self)
        text, name = self._label
        if self._span is None:
            return Strip([Segment(fitted(f" {text}", width), styles[name if text else "plain"])])
        left, cells = self._axis()
        first, last, shown, marks = self._span
        here = self._cell(shown, cells)
        line: list[Part] = [(_AXIS, "plain" if cell <= here else "dim") for cell in range(cells)]
        worst: dict[int, Health] = {}
        order = list(Health)
        for time_ms, health in marks:
            if first <= time_ms <= last:
                cell = self._cell(time_ms, cells)
                worst[cell] = max(worst.get(cell, Health.OK), health, key=order.index)
        for cell, health in worst.items():
            line[cell] = (SIGNS[health] if health is not Health.OK else "·", health.value)
        line[here] = (_HERE, "strong")
        segments = [Segment(fitted(f" {time_of_day(first)}", left), styles["dim"])]
        segments += [Segment(char, styles[part]) for char, part in line]
        segments.append(Segment(fitted(f" {text} ", width - left - cells), styles[name]))
        return Strip(segments).adjust_cell_length(width, styles["plain"])
