"""The rows of a list screen as they are wanted: made of the moment that is shown, arranged, with those to compare with.

What was made is kept, and made anew only where what it was made of is another: between two looks at all groups a key or
an answer of one broker costs neither a table nor an order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.shown import Arrangement, Arranger, Shown
from rocketmq_ops.tui.model.table import Row, Table
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.ports import Language

#: So many rows are made and arranged within some ms; for more a key would have to wait.
AT_ONCE: Final = 4_000


class Wish(msgspec.Struct, frozen=True):
    """What is wanted; `then` is the moment to compare with, None where none is, or where none is known."""

    moment: Moment
    arrangement: Arrangement
    then: Moment | None = None


class Laid(msgspec.Struct, frozen=True):
    """What was made: the rows to show, and by their keys those of then."""

    shown: Shown
    before: dict[str, Row] = {}


class Desk:
    """Makes what is wanted of one view. `make` may be called in any thread, one call at a time."""

    def __init__(self, view: View, address: Address, language: Language | None = None) -> None:
        self._view = view
        self._address = address
        self._language = language
        self._made_of: Collection[object] | None = None
        self._arranger: Arranger | None = None
        self._compared: Collection[object] | None = None
        self._before: dict[str, Row] = {}
        #: How many tables were made.
        self.tables = 0

    def quick(self, wish: Wish) -> bool:
        """Whether it is there, or takes some ms: there are few rows."""
        source = self._view.source(wish.moment)
        then = () if wish.then is None else self._view.source(wish.then)
        if max(len(source), len(then)) <= AT_ONCE:
            return True
        made = self._arranger is not None and source is self._made_of and self._arranger.has(wish.arrangement)
        return made and (wish.then is None or then is self._compared)

    def make(self, wish: Wish) -> Laid:
        """Make it, or what of it is not there."""
        source = self._view.source(wish.moment)
        if self._arranger is None or source is not self._made_of:
            self._arranger = Arranger(self._table(wish.moment), self._language)
            self._made_of = source
        shown = self._arranger.arranged(wish.arrangement)
        if wish.then is None:
            return Laid(shown)
        then = self._view.source(wish.then)
        if then is not self._compared:
            self._before = {row.key: row for row in self._table(wish.then).rows}
            self._compared = then
        return Laid(shown, self._before)

    def _table(self, moment: Moment) -> Table:
        self.tables += 1
        return self._view.table(moment, self._address)
