"""What an application hands to a push consumer: the listener, what it receives and what it answers.

A coroutine function runs on the loop; a plain function runs in a worker thread, since it may block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from enum import Enum, StrEnum

import msgspec

from rocketmq_ops.client.namespace import Namespace
from rocketmq_ops.client.user_code import call_user_code
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import PROPERTY_CONSUME_START_TIMESTAMP, PROPERTY_RETRY_TOPIC, MessageExt, MessageQueue
from rocketmq_ops.common.topics import retry_topic


class ConsumeResult(StrEnum):
    """The answer of a listener; None counts as SUCCESS, an exception as RECONSUME_LATER."""

    SUCCESS = "SUCCESS"
    #: Deliver again: through the retry topic, or from the same queue in a moment when consuming in order.
    RECONSUME_LATER = "RECONSUME_LATER"


class ConsumeContext(msgspec.Struct):
    """Where the messages come from; a concurrent listener may set the rest before it answers."""

    queue: MessageQueue
    #: Delay level of the redelivery; 0 lets the broker choose, -1 sends to the dead-letter topic.
    delay_level: int = 0
    #: With SUCCESS: the last message of the batch that was consumed; those after it are delivered again.
    ack_index: int | None = None
    #: In order, with RECONSUME_LATER: how long the queue rests.
    suspend_ms: int | None = None
    #: With any answer, or an exception: messages of the batch that were not tried. They stay here and are given to the
    #: listener again in a moment, which does not count as a delivery.
    untried: list[MessageExt] | None = None
    #: With RECONSUME_LATER or an exception: messages of the batch that are done with all the same.
    consumed: list[MessageExt] | None = None


Listener = Callable[[list[MessageExt], ConsumeContext], ConsumeResult | Awaitable[ConsumeResult | None] | None]


class Fate(Enum):
    """What became of a message that a listener was given."""

    CONSUMED = "consumed"
    UNTRIED = "untried"
    FAILED = "failed"


def fates(messages: list[MessageExt], answer: object, context: ConsumeContext) -> list[Fate]:
    """What became of each message of a batch, by a listener's answer and by what it says of single ones."""
    untried = {message.queue_offset for message in context.untried or ()}
    consumed = {message.queue_offset for message in context.consumed or ()}
    acknowledged = 0
    if answer == ConsumeResult.SUCCESS:
        acknowledged = len(messages) if context.ack_index is None else context.ack_index + 1
    return [
        Fate.UNTRIED
        if message.queue_offset in untried
        else Fate.CONSUMED
        if i < acknowledged or message.queue_offset in consumed
        else Fate.FAILED
        for i, message in enumerate(messages)
    ]


async def call_listener(
    listener: Listener, executor: Executor, messages: list[MessageExt], context: ConsumeContext, timeout_ms: int | None
) -> ConsumeResult:
    """The listener's answer, SUCCESS only where it left nothing untried. Raises whatever it raises, TimeoutError after
    `timeout_ms` (None: never)."""
    started = str(now_ms())
    for message in messages:
        message.properties[PROPERTY_CONSUME_START_TIMESTAMP] = started
    async with asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000):
        answer = await call_user_code(executor, listener, messages, context)
    result = ConsumeResult.SUCCESS if answer is None else ConsumeResult(answer)
    if result == ConsumeResult.SUCCESS and context.untried:
        ended = zip(messages, fates(messages, result, context), strict=True)
        context.consumed = [message for message, fate in ended if fate is Fate.CONSUMED]
        return ConsumeResult.RECONSUME_LATER
    return result


def restore_topic(messages: list[MessageExt], group: str, namespace: Namespace) -> None:
    """Give messages the topic that the application knows: retried ones that they were first sent to, all without the
    namespace (resetRetryAndNamespace)."""
    retry = retry_topic(group)
    for message in messages:
        original = message.properties.get(PROPERTY_RETRY_TOPIC)
        if original and message.topic == retry:
            message.topic = original
    namespace.unwrap_topics(messages)
