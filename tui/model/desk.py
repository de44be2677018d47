"""The rows of a list screen as they are wanted: made of the moment that is shown, and arranged; those to compare with.

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
from rocketmq_ops.tui.model.table import Row, by_key
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.ports import Language

#: So many rows are made and arranged within some ms; for more a key would have to wait.
AT_ONCE: Final = 4_000


class Wish(msgspec.Struct, frozen=True):
    """What is wanted."""

    moment: Moment
    arrangement: Arrangement


class Desk:
    """Makes what is wanted of one view. `make` may be called in any thread, one call at a time; `by_key` whenever."""

    def __init__(self, view: View, address: Address, language: Language | None = None) -> None:
        self._view = view
        self._address = address
        self._language = language
        self._made_of: Collection[object] | None = None
        self._arranger: Arranger | None = None
        #: How many tables were made of what is shown.
        self.tables = 0

    def quick(self, wish: Wish) -> bool:
        """Whether it is there, or takes some ms: there are few rows."""
        source = self._view.source(wish.moment)
        if len(source) <= AT_ONCE:
            return True
        return self._arranger is not None and source is self._made_of and self._arranger.has(wish.arrangement)

    def make(self, wish: Wish) -> Shown:
        """Make it, or what of it is not there."""
        source = self._view.source(wish.moment)
        if self._arranger is None or source is not self._made_of:
            self._arranger = Arranger(self._view.table(wish.moment, self._address), self._language)
            self._made_of = source
            self.tables += 1
        return self._arranger.arranged(wish.arrangement)

    def by_key(self, moment: Moment) -> dict[str, Row]:
        """The rows of a moment to compare with, by their keys."""
        return by_key(self._view.table(moment, self._address))
