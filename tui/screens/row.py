"""One row of a table, nothing of it cut: to be read, and each cell to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.figures import SIGNS
from rocketmq_ops.tui.model.table import Row


class RowScreen(ModalScreen[None]):
    """Its cells below each other, each under its heading, over the screen that the row is from. One of them is at the
    cursor."""

    DEFAULT_CSS = """
    RowScreen { align: center middle; }
    RowScreen VerticalScroll { width: 90%; max-width: 110; height: auto; max-height: 90%; padding: 1 2; }
    RowScreen VerticalScroll { background: $surface; }
    RowScreen .cell { margin-top: 1; }
    RowScreen .-at { background: $cursor; color: $on-cursor; }
    RowScreen VerticalScroll:ansi { border: solid $foreground; }
    RowScreen .-at:nocolor { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w,q,enter", "dismiss", "close"),
        Binding("up,k", "move(-1)", "up", show=False, priority=True),
        Binding("down,j", "move(1)", "down", show=False, priority=True),
        Binding("y", "copy_cell", "copy the cell", show=False),
        Binding("Y", "copy", "copy all of it", show=False),
    ]

    def __init__(self, context: Context, row: Row, cells: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._given = context
        self._row = row
        self._cells = cells
        self._at = 0

    def compose(self) -> ComposeResult:
        """A text for each cell."""
        with VerticalScroll():
            yield Static(Text(f"{SIGNS[self._row.health]} {self._cells[0][1]}"))
            for number in range(len(self._cells)):
                yield Static(self._text(number), classes="cell")

    def _text(self, number: int) -> Text:
        title, cell = self._cells[number]
        at = number == self._at  # a sign, so that it needs no colour
        return Text.assemble((f"{title}{' ‹' if at else ''}\n", "" if at else "dim"), (cell, "bold"))

    def on_mount(self) -> None:
        """The cursor is at the first."""
        self.action_move(0)

    def action_move(self, by: int) -> None:
        """To the cell below or above."""
        self._at = max(0, min(self._at + by, len(self._cells) - 1))
        for number, each in enumerate(self.query(".cell").results(Static)):
            each.update(self._text(number))
            each.set_class(number == self._at, "-at")
            if number == self._at:
                each.scroll_visible(animate=False)

    def on_click(self, event: events.Click) -> None:
        """To the cell that is clicked at."""
        for number, each in enumerate(self.query(".cell")):
            if event.widget is each:
                self.action_move(number - self._at)

    def action_copy_cell(self) -> None:
        """Put the cell on the clipboard."""
        self._copied(self._cells[self._at][1])

    def action_copy(self) -> None:
        """Put all of it on the clipboard."""
        self._copied("\n".join(f"{title}: {cell}" for title, cell in self._cells))

    def _copied(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.app.notify(self._given.tr(f"copied: {text}"), markup=False)
