"""Lines of Chinese text: broken between any two characters, by the columns they take, and never before a full stop."""

from __future__ import annotations

import re

from wcwidth import wcswidth

#: What may be broken from its neighbours: blanks, a mark in brackets, one wide character, or a word of narrow ones.
_WIDE = "\u2e80-\u9fff\uff00-\uffef\u2014\u2026\u201c\u201d"
_ATOM = re.compile(rf"\s+|\[[^\]\s]+\]|[{_WIDE}]|[^\s{_WIDE}]+")
#: No line begins with one of these, and none ends with one of those.
_CLOSING = "，。；：、！？）》」】”…—"
_OPENING = "（《「【“"


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a paragraph, each at most `width` columns where its words allow that."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and wcswidth((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """What a line may end between: closing marks stay with what is before them, opening ones with what follows."""
    pieces: list[str] = []
    for atom in _ATOM.findall(text):
        glued = pieces and not atom.isspace() and (atom in _CLOSING or pieces[-1][-1:] in _OPENING)
        if glued:
            pieces[-1] += atom
        else:
            pieces.append(" " if atom.isspace() else atom)
    return pieces
