"""Texts cut and padded to a number of cells, by the widths that terminals give them: a Chinese character takes two."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

MARK = "…"


def cut(text: str, width: int) -> str:
    """The text in at most so many cells; one that is cut ends in a mark. Control characters become blanks."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    if width <= 0:
        return ""
    if (len(text) <= width and text.isascii()) or cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip(" ") + MARK


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many cells, blanks at its end, or before it."""
    if len(text) <= width and text.isascii() and text.isprintable():  # most of them
        return text.rjust(width) if right else text.ljust(width)
    text = cut(text, width)
    blanks = " " * max(width - (len(text) if text.isascii() else cell_len(text)), 0)
    return blanks + text if right else text + blanks
