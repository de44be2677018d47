"""All keys of the screen below, and all screens; made of the bindings and the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.figures import SIGNS, STALE, UNKNOWN
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.widgets.cells import MARK, fitted

#: (keys, what they do)
Listed = Sequence[tuple[str, str]]
_MEANINGS: Final = {
    Health.OK: "it is in order",
    Health.INFO: "it is worth knowing",
    Health.UNKNOWN: "it is not known how it is",
    Health.WARNING: "it is a warning",
    Health.CRITICAL: "it is critical",
}


class HelpScreen(ModalScreen[None]):
    """The help, over the screen that it is about."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll { width: 90%; max-width: 100; height: 90%; background: $surface; padding: 1 2; }
    HelpScreen VerticalScroll:ansi { border: solid $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close"),
    ]

    def __init__(self, context: Context, keys: Listed) -> None:
        super().__init__()
        self._given = context
        self._listed = keys

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll():
            yield Static(self.text, markup=False)

    @property
    def text(self) -> str:
        """All of it."""
        tr, word = self._given.tr, self._given.word
        lines = [tr("Keys on this screen"), ""]
        lines += [f"  {fitted(key, 18)} {what}" for key, what in self._listed]
        lines += ["", tr("Screens, behind a colon"), ""]
        for place in self._given.catalogue.places:
            names = f":{place.name}" + ("/…" if place.needs_name else "")
            short = f" ({', '.join(place.aliases)})" if place.aliases else ""
            lines.append(f"  {fitted(names + short, 30)} {word(place.title)}")
        lines += [
            "",
            tr("Signs"),
            "",
            *(f"  {SIGNS[health]} {tr(what)}" for health, what in _MEANINGS.items()),
            f"  {MARK} {tr('the text goes on')}",
            f"  {STALE} {tr('the figures are older: the server does not answer')}",
            f"  {UNKNOWN} {tr('the figure is not known')}",
            f"  +3› {tr('so many columns do not fit: the keys right and left show them')}",
        ]
        return "\n".join(lines)
