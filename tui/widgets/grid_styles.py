"""The styles of a row of a table, mixed once for all rows that look alike: mixing them took longer than the rest of a
line."""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style
from textual.widget import Widget

from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.widgets.styles import style_of


class Look(NamedTuple):
    """What a row looks like by. `cursor` is the class of the cursor where it stands on the row."""

    health: Health
    stale: bool
    marked: bool
    cursor: str


class RowStyles(NamedTuple):
    """Of its texts, its sign, words for its state, what is not known, a burden that rose or fell, what has
    changed otherwise or not at all, and what is behind it."""

    text: Style
    sign: Style
    state: Style
    unknown: Style
    rose: Style
    fell: Style
    moved: Style
    same: Style
    rest: Style


def row_styles(widget: Widget, base: Style, look: Look) -> RowStyles:
    """Those of a row on a table whose own style is `base`; equal ones are one object."""
    text = base
    if look.stale:
        text += style_of(widget, "grid--stale")
    if look.marked:
        text += style_of(widget, "grid--marked")
    over = style_of(widget, look.cursor) if look.cursor else Style.null()
    sign, unknown = style_of(widget, f"grid--{look.health.value}"), style_of(widget, "grid--unknown")
    styles = RowStyles(
        text=text + over,
        sign=base + sign + over,
        state=text + sign + over,
        unknown=text + unknown + over,
        rose=base + style_of(widget, "grid--rose") + over,
        fell=base + style_of(widget, "grid--fell") + over,
        moved=base + style_of(widget, "grid--moved") + over,
        same=base + unknown + over,
        rest=base + over,
    )
    once: dict[Style, Style] = {}
    return RowStyles(*[once.setdefault(style, style) for style in styles])
