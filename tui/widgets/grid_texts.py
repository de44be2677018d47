"""What the cells of a table say: figures as people read them, words of ours in the language of the reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.table import TRANSLATED, Column, Row

#: Texts that are held translated: sentences with figures are others all the time.
_MOST: Final = 4096


class Texts:
    """`word` translates headings, `tr` states and sentences; ages are counted from `now_ms`."""

    def __init__(self, word: Callable[[str], str], tr: Callable[[str], str]) -> None:
        self.heading = word
        self.now_ms = 0
        self._tr = tr
        self._words: Bounded[str, str] = Bounded(_MOST)

    def forget(self) -> None:
        """The language may be another."""
        self._words.clear()

    def of(self, row: Row, at: int, column: Column) -> str:
        """A cell."""
        value = row.cells[at]
        if column.kind in TRANSLATED and isinstance(value, str):
            return self.said(value)
        return figure(value, column.kind, self.now_ms)

    def said(self, text: str) -> str:
        """A text of ours."""
        found = self._words.get(text)
        if found is None:
            found = self._words[text] = self._tr(text)
        return found
