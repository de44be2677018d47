"""`:topic/NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import topic
from rocketmq_ops.tui.model.details.detail import EVERY, Part, Section
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen


class TopicScreen(DetailScreen):
    """One topic."""

    EVERY: ClassVar[int] = EVERY
    BINDINGS: ClassVar[list[BindingType]] = [Binding("m", "messages", "messages")]

    def parts(self) -> Sequence[Part]:
        """Its queues, groups, route and settings."""
        return topic.parts(self.asking())

    def past(self, moment: Moment) -> Section | None:
        """Its queues and permission on each broker as they were."""
        seen = moment.topics.get(self.address.name)
        return None if seen is None else topic.past_section(seen)

    def offers(self) -> Sequence[Offer]:
        """Permission, queues, the topic itself, in each cluster that has it."""
        name, moment = self.address.name, self.context.model.moment()
        seen = moment.topics.get(name)
        here = [b for b in moment.brokers.values() if seen is None or b.broker_name in seen.on]
        offers = []
        for cluster in sorted({broker.cluster for broker in here}):
            offers += [
                Offer("its permission: 6 read and write, 4 read, 2 write", [*_perm(name, cluster), "6"]),
                Offer("take no more messages: permission 4", [*_perm(name, cluster), "4"], complete=True),
                Offer("its queues", ["updateTopic", "-t", name, "-c", cluster, "-r", "8", "-w", "8"]),
                Offer("delete the topic with its messages", ["deleteTopic", "-t", name, "-c", cluster]),
            ]
        return offers

    def action_messages(self) -> None:
        """Its newest messages."""
        self.dashboard.go(Address("messages", self.address.name))


def _perm(topic_name: str, cluster: str) -> list[str]:
    return ["updateTopicPerm", "-t", topic_name, "-c", cluster, "-p"]
