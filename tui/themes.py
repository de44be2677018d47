"""The looks: dark, light, and those of the terminal's own sixteen colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.theme import BUILTIN_THEMES, Theme


def _cursor(cursor: str, on_cursor: str) -> dict[str, str]:
    """The colours of the cursor in tables of ours, and in lists of Textual's."""
    textuals = {"block-cursor-background": cursor, "block-cursor-foreground": on_cursor}
    return {"cursor": cursor, "on-cursor": on_cursor, **textuals}


DARK: Final = Theme(
    name="dark",
    primary="#4fa3d1",
    secondary="#2f6f94",
    accent="#e0b04f",
    warning="#e8b339",
    error="#ff6b6b",
    success="#6cc070",
    foreground="#d8dee6",
    background="#12161c",
    surface="#1a2028",
    panel="#222a34",
    dark=True,
    variables={"dim": "#929dab", "resting": "#26323f", **_cursor("#2f6f94", "#ffffff")},
)
LIGHT: Final = Theme(
    name="light",
    primary="#005a8c",
    secondary="#3a7fa8",
    accent="#8a5a00",
    warning="#8f5a00",
    error="#b3202a",
    success="#1f7a33",
    foreground="#1d2329",
    background="#fafbfc",
    surface="#f0f2f5",
    panel="#e2e7ec",
    dark=False,
    variables={"dim": "#56616b", "resting": "#d6dfe7", **_cursor("#005a8c", "#ffffff")},
)


def _of_terminal(name: str, like: str) -> Theme:
    """One that leaves colours to the terminal: its sixteen, on its own background."""
    theme = BUILTIN_THEMES[like]
    own = {"dim": "ansi_bright_black", "resting": "ansi_default", **_cursor("ansi_blue", "ansi_bright_white")}
    # What is critical stands out most: Textual's own has brighter warnings on light, dark red and dark blue on dark.
    colours = (
        {"primary": "ansi_cyan", "error": "ansi_bright_red"}
        if theme.dark
        else {"warning": "ansi_magenta", "accent": "ansi_blue"}
    )
    return Theme(**{**theme.__dict__, **colours, "name": name, "variables": {**theme.variables, **own}})


#: Variables of ours, for themes that lack them. `dim` is of what matters less, `resting` of a cursor without the keys.
DEFAULTS: Final = dict(DARK.variables)
THEMES: Final = {
    theme.name: theme
    for theme in (DARK, LIGHT, _of_terminal("ansi-dark", "ansi-dark"), _of_terminal("ansi-light", "ansi-light"))
}


def fitting(environment: Mapping[str, str]) -> str:
    """The theme for a terminal: its own colours where it has no others; light where `COLORFGBG` says so."""
    light = environment.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    many = environment.get("COLORTERM") in ("truecolor", "24bit") or "256" in environment.get("TERM", "")
    if many or environment.get("TERM_PROGRAM") == "textual":  # in a browser
        return "light" if light else "dark"
    return "ansi-light" if light else "ansi-dark"
