"""The styles of what lines and tables are drawn with, worked out once for the application.

Textual works out the component classes of a widget for each widget by itself, when it is mounted and whenever something
of it changes, as who has the keys: for the lines and tables of one screen that took longer than drawing it.
"""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.app import App
from textual.widget import Widget

from rocketmq_ops.tui.widgets.kept_styles import KeptStyles


class Styled(App[None]):
    """An application whose lines and tables ask it for their styles."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--plain", "line--dim", "line--strong", "line--key", "line--ok", "line--info", "line--unknown",
        "line--warning", "line--critical", "line--paused",
        "grid--heading", "grid--sorted", "grid--cursor", "grid--resting", "grid--marked", "grid--stale", "grid--rose",
        "grid--fell", "grid--moved", "grid--ok", "grid--info", "grid--unknown", "grid--warning", "grid--critical",
        "input--cursor", "input--selection", "input--placeholder", "input--suggestion",
    }  # fmt: skip
    DEFAULT_CSS = """
    Styled .line--plain { color: $foreground; }
    Styled .line--dim { color: $dim; }
    Styled .line--strong { text-style: bold; color: $text-primary; }
    Styled .line--key { text-style: bold; color: $text-accent; }
    Styled .line--ok { color: $text-success; }
    Styled .line--info { color: $text-primary; }
    Styled .line--unknown { color: $dim; }
    Styled .line--warning { color: $text-warning; text-style: bold; }
    Styled .line--critical { color: $text-error; text-style: bold; }
    Styled .line--paused { text-style: bold reverse; color: $text-warning; }
    Styled .grid--heading { text-style: bold; color: $dim; background: $panel; }
    Styled .grid--sorted { text-style: bold underline; color: $text-accent; background: $panel; }
    Styled .grid--cursor { color: $on-cursor; background: $cursor; text-style: bold; }
    Styled .grid--resting { background: $resting; }
    Styled .input--cursor {
        background: $input-cursor-background; color: $input-cursor-foreground;
        text-style: $input-cursor-text-style;
    }
    Styled .input--selection { background: $cursor; color: $on-cursor; }
    Styled .input--placeholder { color: $dim; }
    Styled .input--suggestion { color: $dim; }
    Styled:ansi .input--cursor { background: ansi_white; color: ansi_black; }
    Styled:nocolor .input--cursor { text-style: reverse; }
    Styled:nocolor .input--selection { text-style: reverse; }
    Styled:nocolor .grid--cursor { text-style: bold reverse; }
    Styled:nocolor .grid--resting { text-style: underline; }
    Styled SearchIcon { display: none; }
    Styled:nocolor Input > .input--cursor { text-style: reverse; }
    Styled:nocolor OptionList > .option-list--option-highlighted { text-style: bold underline; }
    Styled .grid--marked { color: $text-accent; text-style: bold; }
    Styled .grid--stale { color: $dim; text-style: italic; }
    Styled .grid--rose { color: $text-warning; }
    Styled .grid--fell { color: $text-success; }
    Styled .grid--moved { color: $text-primary; }
    Styled .grid--ok { color: $text-success; }
    Styled .grid--info { color: $text-primary; }
    Styled .grid--unknown { color: $dim; }
    Styled .grid--warning { color: $text-warning; text-style: bold; }
    Styled .grid--critical { color: $text-error; text-style: bold; }
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.stylesheet = KeptStyles(variables=self.get_css_variables())
        self._styles_of: dict[str, Style] = {}
        #: Another one with each theme, and with all else that styles go by in the whole application.
        self.looks: object = object()

    def style_of(self, name: str) -> Style:
        """What a class says by itself, to be added to the style of the widget. Raises KeyError for one that there is
        not."""
        found = self._styles_of.get(name)
        if found is None:
            found = self._styles_of[name] = self.get_component_styles(name).partial_rich_style
        return found

    def notify_style_update(self) -> None:
        """Another theme has other styles."""
        super().notify_style_update()
        self._styles_of.clear()
        self.looks = object()


def styled(widget: Widget) -> Styled:
    """The application of a widget."""
    app = widget.app
    assert isinstance(app, Styled)
    return app


def style_of(widget: Widget, name: str) -> Style:
    """The style of a class in the application of a widget."""
    return styled(widget).style_of(name)
