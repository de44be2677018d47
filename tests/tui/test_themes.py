"""Themes: whatever a table or a line is drawn with can be read, also below a cursor with and without the keys."""

from __future__ import annotations

import asyncio

import pytest
from rich.style import Style

from rocketmq_ops.tui.themes import THEMES
from rocketmq_ops.tui.widgets.styles import Styled
from tests.tui.fakes import dashboard
from tests.tui.snapshot import CONTRAST, contrast


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_is_drawn_can_be_read(theme: str) -> None:
    async def main() -> dict[str, float | None]:
        app = dashboard(theme=theme)
        async with app.run_test(size=(80, 24)):
            variables = app.theme_variables
            text = Style(color=variables["foreground"], bgcolor=variables["background"])
            line = Style(color=variables["foreground"], bgcolor=variables["panel"])
            found: dict[str, float | None] = {}
            for name in sorted(Styled.COMPONENT_CLASSES):
                style = app.style_of(name)
                if name.startswith(("line--", "input--")):
                    found[name] = contrast(line + style)
                    continue
                found[name] = contrast(text + style)
                for cursor in ("grid--cursor", "grid--resting"):
                    if name not in ("grid--heading", "grid--sorted", "grid--cursor"):  # which never lie below it
                        found[f"{name} below {cursor}"] = contrast(text + style + app.style_of(cursor))
            return found

    weak = {name: each for name, each in asyncio.run(main()).items() if each is None or each < CONTRAST}
    assert not weak


#: The sixteen colours as xterm and as VGA have them, of those that text is drawn in.
PALETTES = {
    "xterm": {
        "ansi_red": "#cd0000", "ansi_bright_red": "#ff0000", "ansi_yellow": "#cdcd00", "ansi_blue": "#0000ee",
        "ansi_magenta": "#cd00cd", "ansi_cyan": "#00cdcd", "ansi_green": "#00cd00",
    },
    "vga": {
        "ansi_red": "#aa0000", "ansi_bright_red": "#ff5555", "ansi_yellow": "#aa5500", "ansi_blue": "#0000aa",
        "ansi_magenta": "#aa00aa", "ansi_cyan": "#00aaaa", "ansi_green": "#00aa00",
    },
}  # fmt: skip


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_what_matters_can_be_read_in_sixteen_colours(name: str, palette: str) -> None:
    theme, colours = THEMES[name], PALETTES[palette]
    ground = "#000000" if theme.dark else "#ffffff"
    for each in (theme.error, theme.warning, theme.primary, theme.accent):
        assert each is not None
        strength = contrast(Style(color=colours[each], bgcolor=ground))
        assert strength is not None and strength >= 3, each


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_in_sixteen_colours_a_warning_is_not_brighter_than_what_is_critical(name: str) -> None:
    theme = THEMES[name]
    assert theme.error != theme.warning
    assert "bright" not in str(theme.warning) or "bright" in str(theme.error)
