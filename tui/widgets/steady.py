"""Widgets that know their place: Textual lays out the whole screen a second time for each that hears its own size."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Static

from rocketmq_ops.tui.widgets.heard import Heard


def steady() -> Reactive[Size]:
    """In place of `virtual_size`, which has all laid out anew when a layout has set it; what is within, or whether
    there is a bar for scrolling, is not said by it."""
    return Reactive(Size(0, 0))


class Note(Heard, Static):
    """A text of ours, or of users, without markup."""

    virtual_size = steady()

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(text, id=id, classes=classes, markup=False)
