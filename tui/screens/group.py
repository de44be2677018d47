"""`:group/NAME`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn
from rocketmq_ops.tui.model.details import group
from rocketmq_ops.tui.model.details.detail import EVERY, Part
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.offers import of_groups


class GroupScreen(DetailScreen):
    """One consumer group."""

    EVERY: ClassVar[int] = EVERY
    KEEPS: ClassVar[bool] = True
    PAST: ClassVar[Mapping[str, str]] = {"Lag": "group.lag"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("D", "dead_letters", "dead letters")]

    def __init__(self, context: Context, address: Address) -> None:
        super().__init__(context, address)
        self._turns = ClientsInTurn()

    def on_unmount(self) -> None:
        """Let go of what clients said, as the handler of all screens of one thing does."""
        self._turns = ClientsInTurn()

    def parts(self) -> Sequence[Part]:
        """Its queues, clients, subscriptions, problems, what it gave up, and settings."""
        return group.parts(self.asking(), self._turns)

    def offers(self) -> Sequence[Offer]:
        """See `of_groups`."""
        return of_groups(self.context.model.moment(), [self.address.name], self._topic())

    def _topic(self) -> str | None:
        """That of the row at the cursor, else the first that it consumes."""
        seen = self.context.model.moment().groups.get(self.address.name)
        topics = [queue.topic for queue in seen.lag.queues] if seen is not None else []
        row = self.grid.row
        if self.part in ("queues", "subscriptions") and row is not None:
            topics.insert(0, str(row.cells[0]))
        return next((topic for topic in topics if not is_retry_topic(topic) and not is_dlq_topic(topic)), None)

    def action_dead_letters(self) -> None:
        """What it gave up on."""
        self.dashboard.go(Address("dead-letters", self.address.name))
