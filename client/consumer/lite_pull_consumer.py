"""The lite pull consumer: queues are pulled in the background, the application polls for messages when it wants some.

Mirrors DefaultLitePullConsumerImpl.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.consume_settings import ConsumeSettings
from rocketmq_ops.client.consumer.group_consumer import GroupConsumer
from rocketmq_ops.client.consumer.offset_store import update
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.subscription import TAG, MessageSelector, build_subscription
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.tags import SUB_ALL
from rocketmq_ops.remoting.bodies.enums import CONSUME_ACTIVELY

POLL_TIMEOUT_MS = 5_000
PULL_BATCH_SIZE = 10


class PolledLater:
    """Keeps what was pulled until it is polled, in the order in which it came."""

    def __init__(self) -> None:
        self._batches: deque[tuple[ProcessQueue, list[MessageExt]]] = deque()
        self._came = asyncio.Event()

    def start(self) -> None:
        """Nothing: no tasks of its own."""

    async def stop(self, *, patient: bool = True) -> None:
        """Forget what nobody polled: it is not committed, so that the queue's next holder gets it."""
        self._batches.clear()

    def attach(self, queue: ProcessQueue) -> None:
        """Nothing to do for a new queue."""

    def submit(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        """Keep a batch, and wake who polls."""
        self._batches.append((queue, messages))
        self._came.set()

    async def next(self, timeout_seconds: float) -> tuple[ProcessQueue, list[MessageExt]] | None:
        """The oldest batch of a queue that is still held; None when none comes in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    while self._batches:
                        queue, messages = self._batches.popleft()
                        if not queue.dropped:
                            return queue, messages
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return None


class LitePullConsumer(GroupConsumer):
    """Polls what its group shares (`subscribe`) or what it chose (`assign`); an async context manager.

    With `auto_commit` a poll commits what earlier polls gave, at most every `auto_commit_interval_ms`: what is polled
    and not committed when the consumer ends is delivered again. Without, offsets are saved by `commit` alone.
    """

    consume_type = CONSUME_ACTIVELY

    def __init__(
        self,
        group: str,
        options: ClientOptions | None = None,
        *,
        settings: ConsumeSettings | None = None,
        instance: ClientInstance | None = None,
        hooks: Sequence[object] = (),
        auto_commit: bool = True,
        auto_commit_interval_ms: int = 5_000,
    ) -> None:
        settings = settings or ConsumeSettings(pull_batch_size=PULL_BATCH_SIZE)
        if settings.orderly:
            raise ClientError(
                "a lite pull consumer locks no queues", "leave out orderly: each queue is polled in its order anyway"
            )
        self._later = PolledLater()
        super().__init__(group, options, settings, instance, hooks)
        self.auto_commit = auto_commit
        self.auto_commit_interval_ms = auto_commit_interval_ms
        self._assigned: list[MessageQueue] | None = None
        self._paused: set[MessageQueue] = set()
        #: The offset behind what was polled of a queue.
        self._polled: dict[ProcessQueue, int] = {}
        self._next_commit = 0.0

    def _service(self) -> PolledLater:
        return self._later

    # --- which queues ---------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, expression: str | MessageSelector = SUB_ALL, expression_type: str = TAG) -> None:
        """Share a topic's queues with the group's other clients. Raises ClientError after `assign`."""
        if self._assigned is not None:
            raise ClientError("queues are assigned already", "use either assign or subscribe")
        super().subscribe(topic, expression, expression_type)

    def assign(self, queues: Collection[MessageQueue], expression: str | MessageSelector = SUB_ALL) -> None:
        """Take exactly these queues, whoever else has them; of their topics, what `expression` selects.

        Replaces what was assigned before. Raises ClientError after `subscribe`.
        """
        if self._assigned is None and self._subscriptions:
            raise ClientError("topics are subscribed already", "use either assign or subscribe")
        self._assigned = [self.namespace.wrap_queue(queue) for queue in queues]
        topics = {queue.topic for queue in self._assigned}
        self._subscriptions = {topic: build_subscription(topic, expression) for topic in topics}
        if self.started_ms:
            self.instance.heartbeat_immediately()
            self.instance.rebalance_immediately()

    def assigned(self) -> Iterable[MessageQueue] | None:
        """The queues that `assign` was given; None with `subscribe`."""
        return self._assigned

    def assignment(self) -> set[MessageQueue]:
        """The queues held now."""
        return {self.namespace.unwrap_queue(queue) for queue in self.rebalancer.held}

    async def queues(self, topic: str) -> list[MessageQueue]:
        """The topic's queues that can be read. Raises NoRouteError, RemotingError."""
        topic = self.namespace.wrap(topic)
        await self.instance.routes.need(topic)
        return [self.namespace.unwrap_queue(queue) for queue in self.instance.routes.subscribe_queues(topic)]

    # --- messages -------------------------------------------------------------------------------------------------

    async def poll(self, timeout_ms: int = POLL_TIMEOUT_MS) -> list[MessageExt]:
        """The next messages of one queue, at most `pull_batch_size`; none when none come in time.

        Raises ClientError when the consumer is not started.
        """
        if not self.started_ms or self.group not in self.instance.consumers:
            raise ClientError(f"consumer '{self.group}' is not started", "await start(), or use 'async with'")
        if self.auto_commit and time.monotonic() >= self._next_commit:
            self._note_polled()
            self._next_commit = time.monotonic() + self.auto_commit_interval_ms / 1000
        found = await self._later.next(timeout_ms / 1000)
        if found is None:
            return []
        queue, messages = found
        offset = queue.remove(messages)
        if offset is not None:
            self._polled[queue] = offset
        self.namespace.unwrap_topics(messages)
        if self.hooks is not None:
            self.hooks.given(self.group, messages, self.namespace.unwrap_queue(queue.queue), self.namespace.name)
        return messages

    def pause(self, queues: Iterable[MessageQueue]) -> None:
        """Pull no more from these queues until `resume`; what is pulled already is still polled."""
        self._paused.update(map(self.namespace.wrap_queue, queues))

    def resume(self, queues: Iterable[MessageQueue] | None = None) -> None:
        """Pull from these queues again; without any, from all, also after `suspend`."""
        again = list(self._paused) if queues is None else map(self.namespace.wrap_queue, queues)
        self._paused.difference_update(again)
        if queues is None:
            super().resume()

    def paused(self, queue: MessageQueue) -> bool:
        """Whether nothing is pulled from a queue for now."""
        return queue in self._paused or super().paused(queue)

    # --- offsets --------------------------------------------------------------------------------------------------

    async def seek(self, queue: MessageQueue, offset: int) -> None:
        """Poll a held queue from this offset on.

        Raises ClientError when the queue is not held, or has nothing there; NoRouteError, RemotingError, BrokerError.
        """
        queue = self.namespace.wrap_queue(queue)
        low = await queue_api.min_offset(self.instance, queue)
        high = await queue_api.max_offset(self.instance, queue)
        if not low <= offset <= high:
            raise ClientError(f"invalid offset {offset}: the queue has {low} to {high}", "seek to one of these")
        if not await self.rebalancer.seek(queue, offset):
            name = f"{self.namespace.unwrap(queue.topic)} {queue.broker_name} {queue.queue_id}"
            raise ClientError(f"queue '{name}' is not held by this consumer", "see assignment() for those that are")
        self._polled[self.rebalancer.held[queue]] = offset

    async def seek_to_begin(self, queue: MessageQueue) -> None:
        """Poll a held queue from its oldest message on."""
        await self.seek(queue, await queue_api.min_offset(self.instance, self.namespace.wrap_queue(queue)))

    async def seek_to_end(self, queue: MessageQueue) -> None:
        """Poll of a held queue only what comes from now on."""
        await self.seek(queue, await queue_api.max_offset(self.instance, self.namespace.wrap_queue(queue)))

    async def search_offset(self, queue: MessageQueue, timestamp_ms: int) -> int:
        """The offset of the first message stored at or after a time."""
        return await queue_api.search_offset(self.instance, self.namespace.wrap_queue(queue), timestamp_ms)

    async def commit(self, offsets: dict[MessageQueue, int] | None = None) -> None:
        """Save these offsets of held queues; without any, those behind what was polled."""
        if offsets is None:
            self._note_polled()
        else:
            for given, offset in offsets.items():
                queue = self.namespace.wrap_queue(given)
                if queue in self.rebalancer.held:
                    update(self.offsets.table, queue, offset, increase_only=False)
        await self.persist_offsets()

    async def committed(self, queue: MessageQueue) -> int | None:
        """The saved offset of a queue, None when there is none. Raises NoRouteError, RemotingError, BrokerError."""
        queue = self.namespace.wrap_queue(queue)
        known = self.offsets.table.get(queue)
        return known if known is not None else await self.offsets.read(queue)

    def passed_over(self, queue: MessageQueue, offset: int) -> None:
        """There is nothing to poll before this offset; committed with what was polled before it."""
        held = self.rebalancer.held.get(queue)
        if held is not None:
            self._polled[held] = max(offset, self._polled.get(held, 0))

    def moved(self, held: ProcessQueue, offset: int) -> None:
        """Poll from where the broker moved the queue; saved no sooner than what is polled."""
        self._polled[self.rebalancer.begin_anew(held, offset)] = offset

    def _note_polled(self) -> None:
        for queue, offset in list(self._polled.items()):
            if queue.dropped:
                del self._polled[queue]
            else:
                update(self.offsets.table, queue.queue, offset, increase_only=False)
