"""The lines of a table: what a row says, by which lines with the same text are recognised, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from rocketmq_ops.tui.model.figures import SIGNS, STALE, UNKNOWN, change
from rocketmq_ops.tui.model.shown import Arrangement
from rocketmq_ops.tui.model.table import Kind, Row, changes
from rocketmq_ops.tui.widgets.cells import cut, fitted
from rocketmq_ops.tui.widgets.grid_columns import HEAD, Columns, Slot
from rocketmq_ops.tui.widgets.grid_styles import Look, RowStyles
from rocketmq_ops.tui.widgets.grid_texts import Texts

_UNCHANGED: Final = ("", 0.0)


class Said(NamedTuple):
    """What is to be read on the line of a row, in the columns that are drawn, and how it looks."""

    look: Look
    texts: tuple[str, ...]
    #: By how much each has changed, as it is written, and whether it rose or fell; nothing where none is compared.
    changes: tuple[tuple[str, float], ...]


class Line(NamedTuple):
    """A line that was drawn."""

    said: Said
    strip: Strip


def said(row: Row, look: Look, slots: Sequence[Slot], texts: Texts, before: dict[str, Row] | None) -> Said:
    """What the line of a row says; `before` are the rows that it is compared with, by their keys."""
    words = tuple([texts.of(row, slot.place, slot.column) for slot in slots])
    if before is None:
        return Said(look, words, ())
    by = changes(row, before.get(row.key))
    risen = [
        (change(by[slot.place], slot.column.kind), by[slot.place] or 0.0) if slot.change else _UNCHANGED
        for slot in slots
    ]
    return Said(look, words, tuple(risen))


def drawn(said: Said, slots: Sequence[Slot], styles: RowStyles, width: int) -> Strip:
    """The line of a row, in so many cells."""
    look = said.look
    parts = [
        ("*" if look.marked else " ", styles.text),
        (fitted(SIGNS[look.health], 1), styles.sign),
        (STALE if look.stale else " ", styles.text),
    ]
    for at, (slot, text) in enumerate(zip(slots, said.texts, strict=True)):
        style = styles.text
        if slot.column.kind is Kind.STATE:
            style = styles.state
        elif text == UNKNOWN:
            style = styles.unknown
        parts.append((fitted(text, slot.width - slot.change, right=slot.right), style))
        if slot.change:
            written, by = said.changes[at]
            turned = (styles.rose if by > 0 else styles.fell) if slot.column.burden else styles.moved
            colour = turned if by else styles.same
            parts.append((fitted(written, slot.change, right=True), colour))
        parts.append((" " * slot.gap, styles.text))
    used = HEAD + sum([slot.width + slot.gap for slot in slots])
    if used < width:
        parts.append((" " * (width - used), styles.rest))
    return Strip(_joined(parts), max(used, width)).crop(0, width)


def _joined(parts: Sequence[tuple[str, Style]]) -> list[Segment]:
    """Neighbours of one style are one segment: what Textual does with a line, it does with each of them."""
    segments, texts, of = [], [""], parts[0][1]
    for text, style in parts:
        if style is of:
            texts.append(text)
        else:
            segments.append(Segment("".join(texts), of))
            texts, of = [text], style
    segments.append(Segment("".join(texts), of))
    return segments


def heading(columns: Columns, arrangement: Arrangement | None, plain: Style, chosen: Style, width: int) -> Strip:
    """The headings, with the one that is sorted by, and how many columns do not fit."""
    segments = [Segment(" " * HEAD, plain)]
    for number, slot in enumerate(columns.slots):
        sorted_by = arrangement is not None and arrangement.sort == slot.column.key
        text = slot.heading
        if sorted_by and arrangement is not None:
            arrow, room = "↓" if arrangement.descending else "↑", slot.width - slot.change
            text = f"{text} {arrow}" if cell_len(text) + 2 <= room else cut(text, room - 1) + arrow
        gap = "" if number == len(columns.slots) - 1 else " " * slot.gap
        own = fitted(text, slot.width - slot.change, right=slot.right)
        segments += [Segment(own, chosen if sorted_by else plain), Segment(" " * slot.change + gap, plain)]
    more = columns.more
    if more:
        room = width - sum(segment.cell_length for segment in segments)
        if room < len(more) + 1:
            strip = Strip(segments).crop(0, width - len(more) - 1)
            return Strip.join([strip, Strip([Segment(" " + more, plain)])])
        segments.append(Segment(" " * (room - len(more)) + more, plain))
    return Strip(segments)
