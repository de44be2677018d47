"""Screens as files: the text in its cells, and where another style begins. New ones: `scripts/accept_snapshots.py`.

Colours have no values here, since versions of Textual mix them a little differently: a letter stands for a style.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from textual.app import App

FOLDER = Path(__file__).with_name("snapshots")
#: Set where what is drawn is to be written instead of compared.
ACCEPT = "ROCKETMQ_OPS_ACCEPT_SNAPSHOTS"


def drawn(app: App[None]) -> str:
    """The screen as a text: its lines, then the styles of each."""
    lines, runs = [], []
    letters: dict[object, str] = {}
    for strip in app.screen._compositor.render_strips():
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
    return "\n".join([*lines, "-" * 20, *runs]) + "\n"


def _letter(number: int) -> str:
    return chr(97 + number) if number < 26 else chr(65 + number - 26)


def same(app: App[None], name: str) -> None:
    """The screen is as it was accepted."""
    path = FOLDER / f"{name}.txt"
    now = drawn(app)
    if os.environ.get(ACCEPT):
        path.write_text(now, "utf-8")
        return
    assert path.exists(), f"{path} is not there: look at the screen, then run scripts/accept_snapshots.py"
    then = path.read_text("utf-8")
    if now != then:
        difference = difflib.unified_diff(then.splitlines(), now.splitlines(), "accepted", "now", lineterm="", n=1)
        raise AssertionError("\n".join([f"{name} is drawn differently", *difference]))
