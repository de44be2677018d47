"""The push consumer: subscribes to topics and calls a listener with their messages. Mirrors DefaultMQPushConsumerImpl.

This module is the consumer as applications see it; the work is in `group_consumer` and `consume_services`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rocketmq_ops.client.consumer.consume_services import ConcurrentService, OrderlyService, listen
from rocketmq_ops.client.consumer.consume_settings import ConsumeSettings
from rocketmq_ops.client.consumer.group_consumer import GroupConsumer
from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult, Listener
from rocketmq_ops.client.consumer.subscription import build_subscription
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.hooks.api import CONSUME_CONTEXT_TYPE, ConsumeMessageContext
from rocketmq_ops.client.hooks.registered import CONSUME_SUCCESS, ORDERLY_LATER, ORDERLY_SUCCESS, RECONSUME_LATER
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.trace_text import RETURN_TYPES
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.remoting.bodies.enums import CONSUME_PASSIVELY


class PushConsumer(GroupConsumer):
    """Consumes what its group is subscribed to; an async context manager.

    Subscribe before the start or at any time after. `listener(messages, context)` answers a ConsumeResult.
    """

    consume_type = CONSUME_PASSIVELY

    def __init__(
        self,
        group: str,
        listener: Listener,
        options: ClientOptions | None = None,
        *,
        settings: ConsumeSettings | None = None,
        instance: ClientInstance | None = None,
        hooks: Sequence[object] = (),
    ) -> None:
        if not callable(listener):  # each message would be given up after all its deliveries
            raise ClientError(f"the listener of consumer group '{group}' cannot be called", "give a function")
        super().__init__(group, options, settings or ConsumeSettings(), instance, hooks)
        self.listener = listener
        self.executor = ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix=f"consume-{group}")

    def _service(self) -> ConcurrentService | OrderlyService:
        return OrderlyService(self) if self.settings.orderly else ConcurrentService(self)

    async def start(self) -> None:
        """Subscribe to the group's retry topic too, join the instance, announce the group, take its queues.

        Raises ClientError without a name server and after a stop, CorruptDataError for a broken local offset file,
        BrokerError where a broker refuses a subscription by SQL92: it does not support them, or not this expression.
        """
        if not self.settings.broadcasting:
            topic = retry_topic(self.group)
            self._subscriptions[topic] = build_subscription(topic)
        await super().start()

    async def stop(self) -> None:
        """Let running listeners end, save offsets, give up queues, unregister, leave the instance."""
        await super().stop()
        self.executor.shutdown(wait=False)

    async def call(self, messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
        """The listener's answer; never raises for what the listener does."""
        if self.hooks is None:
            return (await listen(self, messages, context))[0]
        seen = ConsumeMessageContext(
            consumer_group=self.group, msg_list=messages, mq=context.queue, namespace=self.namespace.name
        )
        self.hooks.before(seen)
        result, code = await listen(self, messages, context)
        seen.success = result == ConsumeResult.SUCCESS
        done, later = (ORDERLY_SUCCESS, ORDERLY_LATER) if self.settings.orderly else (CONSUME_SUCCESS, RECONSUME_LATER)
        seen.status = done if seen.success else later
        seen.props[CONSUME_CONTEXT_TYPE] = RETURN_TYPES[code]
        self.hooks.after(seen)
        return result

    async def reset_offsets(self, offsets: dict[MessageQueue, int]) -> None:
        """Consume from other offsets, as RESET_CONSUMER_CLIENT_OFFSET asks."""
        await self.rebalancer.reset(offsets)
