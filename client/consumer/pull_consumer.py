"""The pull consumer: the application says which queue, from which offset, how many. Mirrors DefaultMQPullConsumer."""

from __future__ import annotations

from collections.abc import Sequence

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.offset_store import DEFAULT_OFFSET_DIR, offset_store, save_at_end, update
from rocketmq_ops.client.consumer.subscription import TAG, MessageSelector, build_subscription
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.hooks.registered import ConsumerHooks
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.queue_api import PullResult
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.tags import SUB_ALL
from rocketmq_ops.common.topics import group_problem
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, CONSUME_ACTIVELY, ConsumeType, MessageModel
from rocketmq_ops.remoting.bodies.heartbeat import ConsumerData, SubscriptionData

SUSPEND_MS = 20_000
TIMEOUT_WHEN_SUSPENDED_MS = 30_000


class PullConsumer:
    """Pulls what it is asked to; an async context manager. Offsets are saved only when the application says so.

    `hooks` are ConsumeMessageHooks and FilterMessageHooks (`client/hooks/api.py`).
    """

    consume_type: ConsumeType = CONSUME_ACTIVELY

    def __init__(
        self,
        group: str,
        options: ClientOptions | None = None,
        *,
        message_model: MessageModel = CLUSTERING,
        offset_dir: str = DEFAULT_OFFSET_DIR,
        instance: ClientInstance | None = None,
        hooks: Sequence[object] = (),
    ) -> None:
        self.instance = instance or ClientInstance(options, stable_id=message_model == BROADCASTING)
        self.namespace = self.instance.namespace
        self.group = group = self.namespace.wrap(group)
        if problem := group_problem(group):
            raise ClientError(f"consumer group '{group}': {problem}", "choose another group name")
        self.hooks = ConsumerHooks(hooks) if hooks else None
        self.message_model = message_model
        self.offsets = offset_store(
            self.instance, group, broadcasting=message_model == BROADCASTING, directory=offset_dir
        )
        self.started_ms = 0
        self._subscriptions: dict[str, SubscriptionData] = {}
        self._broker_ids: dict[MessageQueue, int] = {}

    async def __aenter__(self) -> PullConsumer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Read saved offsets and join the instance. Raises ClientError without a name server, and after a stop."""
        await self.instance.start_consumer(self.group, self, self.offsets.load)
        self.started_ms = now_ms()

    async def stop(self) -> None:
        """Save offsets, unregister, leave the instance."""
        if self.group not in self.instance.consumers:
            return
        await save_at_end(self.group, self.persist_offsets)
        await self.instance.remove(consumer_group=self.group)
        await self.instance.stop()

    # --- pulling --------------------------------------------------------------------------------------------------

    async def queues(self, topic: str) -> list[MessageQueue]:
        """The topic's queues that can be read. Raises NoRouteError, RemotingError."""
        topic = self.namespace.wrap(topic)
        await self.instance.routes.need(topic)
        return [self.namespace.unwrap_queue(queue) for queue in self.instance.routes.subscribe_queues(topic)]

    async def pull(
        self,
        queue: MessageQueue,
        offset: int,
        *,
        expression: str | MessageSelector = SUB_ALL,
        expression_type: str = TAG,
        max_nums: int = 32,
        timeout_ms: int = 10_000,
    ) -> PullResult:
        """Pull without waiting for messages to come. Raises NoRouteError, RemotingError, BrokerError."""
        queue = self.namespace.wrap_queue(queue)
        subscription = self._subscription(queue.topic, expression, expression_type)
        return await self._pull(queue, offset, subscription, max_nums=max_nums, timeout_ms=timeout_ms)

    async def pull_block_if_not_found(
        self,
        queue: MessageQueue,
        offset: int,
        *,
        expression: str | MessageSelector = SUB_ALL,
        expression_type: str = TAG,
        max_nums: int = 32,
        suspend_ms: int = SUSPEND_MS,
    ) -> PullResult:
        """Pull; when nothing is there the broker waits up to `suspend_ms` for a message."""
        queue = self.namespace.wrap_queue(queue)
        subscription = self._subscription(queue.topic, expression, expression_type)
        timeout_ms = max(TIMEOUT_WHEN_SUSPENDED_MS, suspend_ms + 10_000)
        return await self._pull(
            queue, offset, subscription, max_nums=max_nums, timeout_ms=timeout_ms, suspend_ms=suspend_ms
        )

    async def _pull(
        self,
        queue: MessageQueue,
        offset: int,
        subscription: SubscriptionData,
        *,
        max_nums: int,
        timeout_ms: int,
        suspend_ms: int = 0,
    ) -> PullResult:
        """Pull from the broker that the last answer named (PullAPIWrapper.pullFromWhichNodeTable)."""
        broker_id = self._broker_ids.pop(queue, MASTER_ID)  # after a failure the master is asked again
        result = await queue_api.pull(
            self.instance,
            self.group,
            queue,
            subscription,
            offset,
            max_nums=max_nums,
            suspend_ms=suspend_ms,
            timeout_ms=timeout_ms,
            broker_id=broker_id,
            hooks=self.hooks,
        )
        self._broker_ids[queue] = result.suggest_broker_id
        self.namespace.unwrap_topics(result.messages)
        if self.hooks is not None and result.messages:
            self.hooks.given(self.group, result.messages, self.namespace.unwrap_queue(queue), self.namespace.name)
        return result

    # --- offsets --------------------------------------------------------------------------------------------------

    async def fetch_offset(self, queue: MessageQueue) -> int | None:
        """The saved offset, None when there is none. Raises NoRouteError, RemotingError, BrokerError."""
        queue = self.namespace.wrap_queue(queue)
        if queue in self.offsets.table:
            return self.offsets.table[queue]
        return await self.offsets.read(queue)

    def update_offset(self, queue: MessageQueue, offset: int) -> None:
        """Note the next offset to consume; saved at the next interval, by `persist_offsets`, or at stop."""
        update(self.offsets.table, self.namespace.wrap_queue(queue), offset, increase_only=False)

    async def min_offset(self, queue: MessageQueue) -> int:
        """The offset of the oldest message that is still there."""
        return await queue_api.min_offset(self.instance, self.namespace.wrap_queue(queue))

    async def max_offset(self, queue: MessageQueue) -> int:
        """The offset that the next message will get."""
        return await queue_api.max_offset(self.instance, self.namespace.wrap_queue(queue))

    async def search_offset(self, queue: MessageQueue, timestamp_ms: int) -> int:
        """The offset of the first message stored at or after a time."""
        return await queue_api.search_offset(self.instance, self.namespace.wrap_queue(queue), timestamp_ms)

    # --- what the instance asks -----------------------------------------------------------------------------------

    def topics(self) -> set[str]:
        """Topics that were pulled from."""
        return set(self._subscriptions)

    def heartbeat_data(self) -> ConsumerData:
        """This group in the heartbeat."""
        return ConsumerData(
            group_name=self.group,
            consume_type=self.consume_type,
            message_model=self.message_model,
            subscription_data_set=list(self._subscriptions.values()),
        )

    async def rebalance(self) -> bool:
        """Nothing to take: the application chooses the queues."""
        return True

    async def persist_offsets(self) -> None:
        """Save all noted offsets."""
        await self.offsets.persist(list(self.offsets.table))

    def _subscription(self, topic: str, expression: str | MessageSelector, expression_type: str) -> SubscriptionData:
        if isinstance(expression, MessageSelector):
            expression_type, expression = expression.expression_type, expression.expression
        known = self._subscriptions.get(topic)
        if known is None or (known.sub_string, known.expression_type) != (expression, expression_type):
            known = self._subscriptions[topic] = build_subscription(topic, expression, expression_type)
        return known
