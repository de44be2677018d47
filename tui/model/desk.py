"""The rows of a list screen as they are wanted: made of the moment that is shown, and arranged; those to compare with.

What was made is kept, and made anew only where what it was made of is another: between two looks at all groups a key or
an answer of one broker costs neither a table nor an order. While many are made anew, in a thread, a key arranges those
that there are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from weakref import ReferenceType, ref

import msgspec

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.compared import Then, marked
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.shown import Arrangement, Arranger, Shown
from rocketmq_ops.tui.model.table import Row, Table, by_key
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.ports import Language

#: So many rows are made within some ms; for more a key would have to wait.
AT_ONCE: Final = 4_000
#: So many in place of others that are there: no key has to wait for more, and what the filter looks at is written too.
AT_ONCE_AGAIN: Final = 500


class Made(msgspec.Struct, frozen=True):
    """Rows, and what they were made of."""

    source: Collection[object]
    arranger: Arranger
    #: Of which moment a list without rows says why it has none: that may change while there is still nothing.
    empty_at: ReferenceType[Moment] | None = None


class Desk:
    """Makes rows of one view, and arranges those that it has taken. `made` and `then` may be called in any thread."""

    def __init__(self, view: View, address: Address, language: Language | None = None) -> None:
        self._view = view
        self._address = address
        self._language = language
        self._taken: Made | None = None
        #: What was marked last: of which rows, against which; and what was made of them.
        self._marked: tuple[Table, Then, Arranger, dict[str, Row]] | None = None
        #: How many tables of what is shown were taken.
        self.tables = 0

    def has(self, moment: Moment) -> bool:
        """Whether the rows that it has are those of a moment."""
        taken = self._taken
        if taken is None or taken.source is not self._view.source(moment):
            return False
        return taken.empty_at is None or taken.empty_at() is moment

    def quick(self, moment: Moment) -> bool:
        """Whether the rows of a moment are made within some ms: there are few, or no others to show meanwhile."""
        return len(self._view.source(moment)) <= (AT_ONCE if self._taken is None else min(AT_ONCE, AT_ONCE_AGAIN))

    def made(self, moment: Moment, arrangement: Arrangement, pause: Pause = at_once) -> Made:
        """The rows of a moment, prepared to be arranged in that way and others. `pause` is called every few ms."""
        pause()
        arranger = self._new(moment, pause)
        arranger.prepare(arrangement, pause)
        return self._of(moment, arranger)

    def take(self, made: Made) -> None:
        """Have these rows."""
        self._taken = made
        self.tables += 1

    def clear(self) -> None:
        """Have none."""
        self._taken = self._marked = None

    def look(self, moment: Moment) -> None:
        """Make the rows of a moment, and have them: nothing is prepared, as they are few."""
        self.take(self._of(moment, self._new(moment)))

    def arranged(self, arrangement: Arrangement) -> Shown | None:
        """The rows that it has; None where it has none."""
        return None if self._taken is None else self._taken.arranger.arranged(arrangement)

    def then(self, moment: Moment) -> Then:
        """The rows of a moment to compare with."""
        table = self._view.table(moment, self._address)
        return Then(by_key(table), bool(table.whole))

    def marked(self, shown: Shown, then: Then) -> tuple[Shown, dict[str, Row]]:
        """What is shown, with which rows have come since and which have gone, where all are known; and the rows of
        then."""
        if shown.table.whole is None or not (shown.table.whole or then.whole):
            return shown, then.rows
        if self._marked is None or self._marked[0] is not shown.table or self._marked[1] is not then:
            table, rows = marked(shown.table, then.rows, come=then.whole, gone=bool(shown.table.whole))
            self._marked = shown.table, then, Arranger(table, self._language), rows
        return self._marked[2].arranged(shown.arrangement), self._marked[3]

    def _of(self, moment: Moment, arranger: Arranger) -> Made:
        return Made(self._view.source(moment), arranger, None if arranger.table.rows else ref(moment))

    def _new(self, moment: Moment, pause: Pause = at_once) -> Arranger:
        return Arranger(self._view.table(moment, self._address, pause), self._language)
