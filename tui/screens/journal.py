"""`:journal`: what was changed, and undoing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.model.details.detail import Part, Section
from rocketmq_ops.tui.model.details.journal import MOST, journal_section
from rocketmq_ops.tui.screens.change import Offer, undo_offer
from rocketmq_ops.tui.screens.detail import DetailScreen


class JournalScreen(DetailScreen):
    """The changes that were made from this machine."""

    NO_PAST: ClassVar[str] = "each change stands here with its time: there is nothing to compare"
    ASKS_CLUSTER: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("u", "undo", "undo")]

    def parts(self) -> Sequence[Part]:
        """The changes."""
        changer = self.context.changer
        if changer is None:
            raise RocketMQError("there is no cluster to change: this is a recording", "")

        async def changes() -> Section:
            return journal_section(await changer.journal(MOST))

        return (Part("changes", "Changes", changes),)

    def offers(self) -> Sequence[Offer]:
        """Undoing the marked ones, or the one at the cursor."""
        rows = self.grid.chosen
        return (undo_offer(*(int(row.key) for row in rows)),) if rows else ()

    def action_undo(self) -> None:
        """Bring back what the marked changes, or the one at the cursor, have replaced."""
        if self.may_change() and self.grid.chosen:
            self.propose(undo_offer(*(int(row.key) for row in self.grid.chosen)))
