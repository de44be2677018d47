"""Screens as files: the text in its cells, and where another style begins. New ones: `scripts/accept_snapshots.py`.

A file has the pictures of one screen. Colours have no values here, since versions of Textual mix them a little
differently: a letter stands for a style. What colours must hold in any version, `faults` says.
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.color import Color, ColorType
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.screen import ModalScreen
from textual.strip import Strip

FOLDER: Final = Path(__file__).with_name("snapshots")
#: Set where what is drawn is to be written instead of compared.
ACCEPT: Final = "ROCKETMQ_OPS_ACCEPT_SNAPSHOTS"
#: A folder for the pictures as SVG, to be looked at.
PICTURES: Final = "ROCKETMQ_OPS_PICTURES"
#: Contrast that text must have at least, as WCAG 2 counts it for its level AA.
CONTRAST: Final = 4.5


def drawn(strips: Sequence[Strip]) -> str:
    """The screen as a text: its lines, then the styles of each; `3 × ` before styles that so many lines have."""
    lines, runs = [], []
    letters: dict[object, str] = {}
    for strip in strips:
        lines.append("".join(segment.text for segment in strip).rstrip())
        run: list[list[object]] = []
        for segment in strip:
            style = segment.style
            look = style and (style.color, style.bgcolor, style.bold, style.italic, style.underline, style.reverse)
            letter = letters.setdefault(look, _letter(len(letters)))
            if run and run[-1][0] == letter:
                run[-1][1] += segment.cell_length  # type: ignore[operator]
            elif segment.cell_length:
                run.append([letter, segment.cell_length])
        runs.append(" ".join(f"{letter}{cells}" for letter, cells in run))
    shorter = []
    for styles, same in groupby(runs):
        count = len(list(same))
        shorter.append(styles if count == 1 else f"{count} × {styles}")
    return "\n".join([*lines, "-" * 20, *shorter]) + "\n"


def _letter(number: int) -> str:
    return chr(97 + number) if number < 26 else chr(65 + number - 26)


def faults(app: App[None], strips: Sequence[Strip]) -> list[str]:
    """What no screen may have: lines that are not as wide as the terminal, and text that can hardly be read."""
    screen, found = app.screen, []
    for number, strip in enumerate(strips):
        if strip.cell_length != app.size.width:
            found.append(f"line {number} has {strip.cell_length} cells of {app.size.width}")
    # What is below a dialog is meant to step back.
    region = screen.children[0].region if isinstance(screen, ModalScreen) else screen.region
    weak = {
        f"the contrast of {segment.text.strip()!r} is {strength:.1f}"
        for strip in strips[region.y : region.bottom]
        for segment in strip.crop(region.x, region.right)
        if (strength := contrast(segment.style)) is not None and strength < CONTRAST and _is_text(segment.text)
    }
    found += sorted(weak)
    return found


def seen(app: App[None]) -> list[Strip]:
    """The lines of the screen with what shines through it of those below."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return [Strip.join(line) for line in update.strips]


def coloured(strips: Sequence[Strip]) -> bool:
    """Whether anything has another colour than the terminal's text and ground."""
    styles = (segment.style for strip in strips for segment in strip if segment.style)
    return any(
        colour is not None and not colour.is_default for style in styles for colour in (style.color, style.bgcolor)
    )


def _is_text(text: str) -> bool:
    """Whether there is anything to read: blocks are bars."""
    return any(not (char.isspace() or "\u2580" <= char <= "\u259f") for char in text)


@cache
def contrast(style: Style | None) -> float | None:
    """Of the colours of a style, as WCAG 2 counts it; None where they are those of the terminal."""
    if style is None or style.color is None or style.bgcolor is None:
        return None
    if (style.color.type, style.bgcolor.type) != (ColorType.TRUECOLOR, ColorType.TRUECOLOR):
        return None
    darker, lighter = sorted(map(_luminance, (style.color, style.bgcolor)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    """As WCAG 2 defines the relative luminance."""
    parts = [part / 255 for part in colour.get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def as_svg(app: App[None], title: str) -> str:
    """As Textual exports it, but on a light ground where the theme is for a light terminal."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True,
        legacy_windows=False, safe_box=False,
    )  # fmt: skip
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    return console.export_svg(title=title, theme=SVG_EXPORT_THEME if app.current_theme.dark else DEFAULT_TERMINAL_THEME)


class Album:
    """The pictures of one screen."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._now: dict[str, str] = {}
        self._faults: list[str] = []

    def take(self, app: App[None], title: str) -> None:
        """A picture of what is seen."""
        assert title not in self._now, f"there are two pictures '{title}'"
        strips = seen(app)
        self._now[title] = drawn(strips)
        self._faults += [f"{title}: {fault}" for fault in faults(app, strips)]
        folder = os.environ.get(PICTURES)
        if folder:
            path = Path(folder) / f"{self._name} {title}.svg"
            path.write_text(as_svg(app, f"{self._name} {title}"), "utf-8")

    def check(self) -> None:
        """They are as they were accepted, and have no faults."""
        path = FOLDER / f"{self._name}.txt"
        text = "".join(f"=== {title}\n{picture}" for title, picture in self._now.items())
        if os.environ.get(ACCEPT):
            path.write_text(text, "utf-8")
        assert not self._faults, "\n".join(self._faults)
        assert path.exists(), f"{path} is not there: look at the screen, then run scripts/accept_snapshots.py"
        then = path.read_text("utf-8")
        if text != then:
            accepted = _pictures(then)
            difference: list[str] = []
            for title in dict.fromkeys([*self._now, *accepted]):
                before, now = (pictures.get(title, "").splitlines() for pictures in (accepted, self._now))
                difference += difflib.unified_diff(before, now, f"accepted: {title}", "now", lineterm="", n=1)
            raise AssertionError("\n".join([f"{self._name} is drawn differently", *difference]))


def _pictures(text: str) -> dict[str, str]:
    parts = text.split("=== ")[1:]
    return {title: picture for title, _, picture in (part.partition("\n") for part in parts)}
