"""The field to type in: Textual's, without what a key on it would cost the rest of the screen."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from textual.widgets import Input

from rocketmq_ops.tui.widgets.steady import steady
from rocketmq_ops.tui.widgets.styles import style_of


class TypingLine(Input):
    """One line of a fixed size. Its styles are those of the application (`Styled`), and nothing is validated."""

    virtual_size = steady()

    def __init__(self, typed: Callable[[str], None], *, id: str | None = None) -> None:
        """`typed` is called with each other text, before that is drawn: one picture shows a letter and what it does."""
        super().__init__(id=id, compact=True, select_on_focus=False, validate_on=())
        self._typed = typed

    def watch_value(self, value: str) -> None:
        """Another text."""
        self._typed(value)

    def get_component_rich_style(self, *names: str, partial: bool = False, default: Style | None = None) -> Style:
        """Of the cursor, and of what is selected."""
        return sum((style_of(self, name) for name in names), Style.null() if partial else self.rich_style)


#: Else Textual works out the styles of four parts of it with each change of who has the keys. It is an argument of
#: subclasses of nodes, which those of widgets lack.
TypingLine._inherit_component_classes = False
