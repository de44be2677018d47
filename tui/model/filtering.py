"""The filter of a table: rows that have all of some words, as they are read on the screen.

Every word is looked for in texts, in those of ours in English and in the language of the reader; one that begins with
a digit in figures too, as they are written. Ages are none of them: they are others with each second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.table import TRANSLATED, Column, Kind, Row

_TEXTS: Final = frozenset({Kind.TEXT, *TRANSLATED})


class Contents:
    """What the filter looks at of the rows of one table, in lower case; what was made is kept. `tr` says a text of ours
    in the language of the reader."""

    def __init__(self, columns: Sequence[Column], tr: Callable[[str], str] | None = None) -> None:
        places = list(enumerate(columns))
        self._texts_at = [at for at, column in places if column.kind in _TEXTS]
        self._ours_at = [at for at, column in places if column.kind in TRANSLATED and tr is not None]
        self._figures_at = [
            (at, column.kind) for at, column in places if column.kind not in _TEXTS and column.kind is not Kind.MOMENT
        ]
        self._tr = tr
        self._said: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._figures: dict[str, str] = {}

    def texts(self, row: Row) -> str:
        """Its texts."""
        found = self._texts.get(row.key)
        if found is None:
            cells = row.cells
            parts = [str(cells[at]) for at in self._texts_at if cells[at] is not None]
            parts += [self._translated(str(cells[at])) for at in self._ours_at if cells[at] is not None]
            found = self._texts[row.key] = "\n".join(parts).casefold()
        return found

    def figures(self, row: Row) -> str:
        """Its figures."""
        found = self._figures.get(row.key)
        if found is None:
            parts = [figure(row.cells[at], kind, 0) for at, kind in self._figures_at]
            found = self._figures[row.key] = "\n".join(parts).casefold()
        return found

    def _translated(self, text: str) -> str:
        said = self._said.get(text)
        if said is None and self._tr is not None:
            said = self._said[text] = self._tr(text)
        return said or ""


class _Word(NamedTuple):
    text: str
    wanted: bool
    in_figures: bool


def filtered(rows: Sequence[Row], text: str, contents: Contents) -> list[Row]:
    """Rows that have every word of `text`; a word that begins with `!` is one that must not be there."""
    words = [_word(word) for word in text.casefold().split()]
    if not words:
        return list(rows)

    def fits(row: Row) -> bool:
        for word in words:
            there = word.text in contents.texts(row) or (word.in_figures and word.text in contents.figures(row))
            if there is not word.wanted:
                return False
        return True

    return [row for row in rows if fits(row)]


def _word(word: str) -> _Word:
    wanted = word[0] != "!" or len(word) == 1
    text = word if wanted else word[1:]
    return _Word(text, wanted, text[0].isdecimal())


def narrows(before: str, text: str) -> bool:
    """Whether a filter leaves no row that one before it took away."""
    return bool(before) and text.startswith(before) and "!" not in text
