"""The line where commands and filters are typed, with what fits above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from rocketmq_ops.tui.widgets.heard import Heard
from rocketmq_ops.tui.widgets.steady import Note, steady
from rocketmq_ops.tui.widgets.typing_line import TypingLine


class _Typing(Vertical):
    """The prefix and the field."""

    virtual_size = steady()


class CommandBar(Heard, Vertical):
    """Hidden until it is opened with a prefix: `:` for a screen, `/` for a filter. It lies over what is above the keys,
    so that nothing moves, and nothing but it has to be drawn."""

    virtual_size = steady()
    DEFAULT_CSS = """
    CommandBar { height: auto; visibility: hidden; background: $surface; }
    CommandBar { layer: above; dock: bottom; margin: 0 0 1 0; }
    CommandBar.-open { visibility: visible; }
    CommandBar Input { border: none; height: 1; padding: 0 1; background: $surface; color: $foreground; }
    CommandBar Input:focus { border: none; background: $surface; }
    CommandBar #suggestions { height: auto; display: none; padding: 0 1; color: $dim; background: $surface; }
    CommandBar #prefix { width: 2; height: 1; padding: 0 0 0 1; color: $text-accent; text-style: bold; }
    CommandBar #typing { height: 1; layout: horizontal; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False, priority=True),
        Binding("tab", "complete", "complete", show=False, priority=True),
        Binding("up", "choose(-1)", "the suggestion before", show=False, priority=True),
        Binding("down", "choose(1)", "the next suggestion", show=False, priority=True),
        Binding("ctrl+d,shift+delete", "forget", "delete the saved view", show=False, priority=True),
    ]

    class Given(Message):
        """Enter was pressed."""

        def __init__(self, prefix: str, text: str) -> None:
            self.prefix, self.text = prefix, text
            super().__init__()

    class Left(Message):
        """Escape was pressed."""

        def __init__(self, prefix: str) -> None:
            self.prefix = prefix
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self.prefix = ""
        self._suggest: Callable[[str], Sequence[str]] | None = None
        self._takes: Callable[[str], None] | None = None
        self._forget: Callable[[str], bool] | None = None
        self._found: list[str] = []
        self._at = 0
        self._listed = ""

    @property
    def is_open(self) -> bool:
        """Whether it takes what is typed."""
        return self.has_class("-open")

    async def open(
        self,
        prefix: str,
        text: str = "",
        suggest: Callable[[str], Sequence[str]] | None = None,
        takes: Callable[[str], None] | None = None,
        forget: Callable[[str], bool] | None = None,
    ) -> None:
        """Take a text, beginning with this one. `takes` is called with what it has become, at each key; `forget` with a
        suggestion that is to be one no more, and says whether it can be.

        What is in it is made when it is opened first: most screens are left without it."""
        if not self.children:
            typing = _Typing(Note(id="prefix"), TypingLine(self._typed), id="typing")
            await self.mount(Note(id="suggestions"), typing)
        if prefix != self.prefix:
            self.query_one("#prefix", Note).update(prefix, layout=False)
        self.prefix, self._suggest, self._takes, self._forget = prefix, suggest, takes, forget
        self.add_class("-open")
        line = self.query_one(Input)
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        self._look(text)
        self.screen.set_focus(line)  # at once: what is typed next is meant for it

    def action_close(self) -> None:
        """Close it without effect."""
        self.shut()
        self.post_message(self.Left(self.prefix))

    def shut(self) -> None:
        """Hide it."""
        self.remove_class("-open")

    def action_complete(self) -> None:
        """Take the suggestion."""
        if self._found:
            line = self.query_one(Input)
            line.value = self._found[self._at]
            line.cursor_position = len(line.value)

    def action_choose(self, direction: int) -> None:
        """Go to another suggestion."""
        if self._found:
            self._at = (self._at + direction) % len(self._found)
            self._list()

    def action_forget(self) -> None:
        """Take the suggestion away for good; where it cannot be, or the key is pressed within a text and none was
        chosen, it is for what is typed."""
        line = self.query_one(Input)
        if self._at == 0 and line.cursor_position < len(line.value):
            raise SkipAction
        if not self._found or self._forget is None or not self._forget(self._found[self._at]):
            raise SkipAction
        at = self._at
        self._look(line.value)
        self._at = min(at, max(len(self._found) - 1, 0))
        self._list()

    def _typed(self, text: str) -> None:
        """Each key."""
        self._look(text)
        if self._takes is not None:
            self._takes(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """That is known by then."""
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter. It is shut when whoever is given the text takes the keys, unless he opens it again for the rest."""
        event.stop()
        text = event.value
        if self._at > 0 and self._found:
            text = self._found[self._at]
        self.post_message(self.Given(self.prefix, text))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Something else was clicked on; unless it was opened again since."""
        if self.is_open and self.screen.focused is not self.query_one(Input):
            self.shut()

    def _look(self, text: str) -> None:
        self._found = list(self._suggest(text)) if self._suggest is not None else []
        self._at = 0
        self._list()

    def _list(self) -> None:
        shown = self.query_one("#suggestions", Note)
        text = "\n".join(("› " if at == self._at else "  ") + text for at, text in enumerate(self._found))
        if text != self._listed:
            self._listed = text
            shown.display = bool(text)
            shown.update(text)
