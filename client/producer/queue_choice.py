"""Which queue a message goes to, and which broker that is. Mirrors MQFaultStrategy and TopicPublishInfo."""

from __future__ import annotations

import random

from rocketmq_ops.client.errors import NoMasterError
from rocketmq_ops.client.route import RouteTable
from rocketmq_ops.common.message import MessageQueue


class QueueChoice:
    """The queues of the topics that one producer sends to, each topic's in turn. Names are those of the wire."""

    def __init__(self, routes: RouteTable) -> None:
        self._routes = routes
        #: Topics that were sent to.
        self.topics: set[str] = set()
        self._next: dict[str, int] = {}

    async def queues(self, topic: str) -> list[MessageQueue]:
        """The queues that messages of a topic may go to. Raises NoRouteError, RemotingError."""
        self.topics.add(topic)
        return await self._routes.need_publish_queues(topic)

    async def next(self, topic: str, other_than: str | None = None) -> MessageQueue:
        """The queue whose turn it is, of another broker than `other_than` where there is one. Raises as `queues`."""
        queues = await self.queues(topic)
        start = self._next.get(topic)
        if start is None:
            start = random.randrange(1 << 20)
        for step in range(len(queues)):
            queue = queues[(start + step) % len(queues)]
            if other_than is None or queue.broker_name != other_than:
                self._next[topic] = start + step + 1
                return queue
        self._next[topic] = start + 1
        return queues[start % len(queues)]

    async def master(self, queue: MessageQueue) -> str:
        """The address that takes messages of a queue. Raises NoMasterError, RemotingError."""
        address = self._routes.master(queue.broker_name)
        if address is None:
            await self._routes.refresh(queue.topic)
            address = self._routes.master(queue.broker_name)
        if address is None:
            raise NoMasterError(f"broker '{queue.broker_name}' has no master", "start the broker, or use another queue")
        return address
