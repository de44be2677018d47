"""One row of a table, nothing of it cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.figures import SIGNS
from rocketmq_ops.tui.model.table import Row


class RowScreen(ModalScreen[None]):
    """Its cells below each other, each under its heading, over the screen that the row is from."""

    DEFAULT_CSS = """
    RowScreen { align: center middle; }
    RowScreen VerticalScroll { width: 90%; max-width: 110; height: auto; max-height: 90%; padding: 1 2; }
    RowScreen VerticalScroll { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w,q,enter", "dismiss", "close"),
        Binding("y", "copy", "copy", show=False),
    ]

    def __init__(self, context: Context, row: Row, cells: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._given = context
        self._row = row
        self._cells = cells

    def compose(self) -> ComposeResult:
        """The text."""
        text = Text(f"{SIGNS[self._row.health]} {self._row.key}\n")
        for title, cell in self._cells:
            text.append(f"\n{title}\n", "dim")
            text.append(f"{cell}\n", "bold")
        with VerticalScroll():
            yield Static(text)

    def action_copy(self) -> None:
        """Put it on the clipboard."""
        self.app.copy_to_clipboard("\n".join(f"{title}: {cell}" for title, cell in self._cells))
