"""The filter of a table: rows that have all of some words, as they are read on the screen.

Every word is looked for in texts, in those of ours in English and in the language of the reader; one that begins with
a digit in figures too, as they are written. Ages are none of them: they are others with each second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress, repeat
from operator import contains, not_, or_
from typing import Final, NamedTuple, cast

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.table import TRANSLATED, Column, Inexact, Kind, Row, Value

_TEXTS: Final = frozenset({Kind.TEXT, *TRANSLATED})
#: Figures of a column that are written once for all rows that have them.
_ALIKE: Final = 500
#: Rows that are written between two pauses.
_AT_A_TIME: Final = 200


class Contents:
    """What the filter looks at of the rows of one table, in lower case, by their places in it; what was made is kept.
    `tr` says a text of ours in the language of the reader."""

    def __init__(self, rows: Sequence[Row], columns: Sequence[Column], tr: Callable[[str], str] | None = None) -> None:
        self._rows = rows
        places = list(enumerate(columns))
        self._texts_at = [at for at, column in places if column.kind in _TEXTS]
        self._ours_at = [at for at, column in places if column.kind in TRANSLATED and tr is not None]
        #: With what was written of each column already.
        self._figures_at: list[tuple[int, Kind, dict[Value, str]]] = [
            (at, column.kind, {})
            for at, column in places
            if column.kind not in _TEXTS and column.kind is not Kind.MOMENT
        ]
        self._tr = tr
        self._said: dict[str, str] = {}
        self._texts: list[str | None] = [None] * len(rows)
        self._figures: list[str | None] = [None] * len(rows)

    def fill(self, pause: Callable[[], None] = at_once) -> None:
        """Write all of it now. `pause` is called every few ms."""
        for begin in range(0, len(self._rows), _AT_A_TIME):
            pause()
            some = range(begin, min(begin + _AT_A_TIME, len(self._rows)))
            self.texts(some)
            self.figures(some)

    def texts(self, places: Sequence[int]) -> list[str]:
        """The texts of the rows at these places."""
        return self._all_of(places, self._texts, self._text)

    def figures(self, places: Sequence[int]) -> list[str]:
        """The figures of the rows at these places."""
        return self._all_of(places, self._figures, self._figure)

    def _all_of(self, places: Sequence[int], made: list[str | None], make: Callable[[Row], str]) -> list[str]:
        found = list(map(made.__getitem__, places))
        if None in found:  # mostly all of them are there
            for place in places:
                if made[place] is None:
                    made[place] = make(self._rows[place])
            found = list(map(made.__getitem__, places))
        return cast("list[str]", found)

    def _text(self, row: Row) -> str:
        cells = row.cells
        parts = [str(cells[at]) for at in self._texts_at if cells[at] is not None]
        parts += [self._translated(str(cells[at])) for at in self._ours_at if cells[at] is not None]
        return "\n".join(parts).casefold()

    def _figure(self, row: Row) -> str:
        parts = []
        for at, kind, written in self._figures_at:
            value = row.cells[at]
            text = written.get(value)
            if text is None or isinstance(value, Inexact):  # which equals the figure that it is written with
                text = figure(value, kind, 0)
                if len(written) < _ALIKE and not isinstance(value, Inexact):
                    written[value] = text
            parts.append(text)
        return "\n".join(parts).casefold()

    def _translated(self, text: str) -> str:
        said = self._said.get(text)
        if said is None and self._tr is not None:
            said = self._said[text] = self._tr(text)
        return said or ""


class _Word(NamedTuple):
    text: str
    wanted: bool
    in_figures: bool


def filtered(places: Sequence[int], text: str, contents: Contents) -> list[int]:
    """Of the rows at these places those that have every word of `text`; a word that begins with `!` is one that must
    not be there."""
    left = list(places)
    for word in map(_word, text.casefold().split()):
        # There may be tens of thousands of rows: nothing of ours is called for each.
        said = repeat(word.text)
        there: Iterable[bool] = map(contains, contents.texts(left), said)
        if word.in_figures:
            there = map(or_, there, map(contains, contents.figures(left), said))
        left = list(compress(left, there if word.wanted else map(not_, there)))
    return left


def _word(word: str) -> _Word:
    wanted = word[0] != "!" or len(word) == 1
    text = word if wanted else word[1:]
    return _Word(text, wanted, text[0].isdecimal())


def narrows(before: str, text: str) -> bool:
    """Whether a filter leaves no row that one before it took away."""
    return bool(before) and text.startswith(before) and "!" not in text
