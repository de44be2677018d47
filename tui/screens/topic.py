"""`:topic/NAME`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import topic
from rocketmq_ops.tui.model.details.detail import EVERY, Part
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.offers import of_topics


class TopicScreen(DetailScreen):
    """One topic."""

    EVERY: ClassVar[int] = EVERY
    KEEPS: ClassVar[bool] = True
    PAST: ClassVar[Mapping[str, str]] = {"In": "topic.in_rate", "Out": "topic.out_rate"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("m", "messages", "messages")]

    def parts(self) -> Sequence[Part]:
        """Its queues, groups, route and settings."""
        return topic.parts(self.asking())

    def offers(self) -> Sequence[Offer]:
        """See `of_topics`."""
        return of_topics(self.context.model.moment(), [self.address.name])

    def topic_of_rows(self) -> str | None:
        """Offsets of the groups that are listed are changed in it."""
        return self.address.name

    def action_messages(self) -> None:
        """Its newest messages."""
        self.dashboard.go(Address("messages", self.address.name))
