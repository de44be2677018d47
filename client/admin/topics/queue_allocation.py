"""How clients would share the queues of a topic out among themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.consumer.allocate import averagely
from rocketmq_ops.client.route import subscribe_queues

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import TopicRouteData


class AllocatedQueue(msgspec.Struct, rename="camel"):
    """One queue of a topic."""

    broker_name: str
    queue_id: int


class ClientShare(msgspec.Struct, rename="camel"):
    """The queues that one client would consume; none for a client too many."""

    client: str
    queues: list[AllocatedQueue]


class QueueAllocation(msgspec.Struct, rename="camel"):
    """How the readable queues of a topic are shared out among clients, which are sorted as every client sorts them."""

    topic: str
    clients: list[ClientShare]


def allocate(topic: str, route: TopicRouteData, clients: Sequence[str]) -> QueueAllocation:
    """Who of these clients of a group would consume which queue (AllocateMessageQueueAveragely)."""
    queues = subscribe_queues(topic, route)
    ordered = sorted(clients)
    shares = [
        ClientShare(client, [AllocatedQueue(q.broker_name, q.queue_id) for q in averagely("", client, queues, ordered)])
        for client in ordered
    ]
    return QueueAllocation(topic, shares)
