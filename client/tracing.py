"""Message traces of producers and consumers: collected, and sent to the trace topic a few at a time.

Mirrors AsyncTraceDispatcher and the trace hooks. Traces are best effort: those that cannot be sent, or come faster than
they are sent, are dropped, and said in the log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rocketmq_ops.client import trace_text
from rocketmq_ops.client.hooks.api import (
    CONSUME_CONTEXT_TYPE,
    ConsumeMessageContext,
    ConsumeMessageHook,
    EndTransactionContext,
    EndTransactionHook,
    SendMessageContext,
    SendMessageHook,
)
from rocketmq_ops.client.namespace import Namespace
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import (
    KEY_SEPARATOR,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_KEYS,
    PROPERTY_MSG_REGION,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TRACE_SWITCH,
    PROPERTY_TRANSACTION_PREPARED,
    Message,
    MessageExt,
)
from rocketmq_ops.common.periodic import repeat
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.unique_id import UniqueIdFactory

if TYPE_CHECKING:
    from rocketmq_ops.client.instance import ClientInstance

log = logging.getLogger(__name__)

#: Contexts in one trace message, those that wait at most, ms between sends, and bytes of a trace message.
CONTEXTS_A_MESSAGE = 20
MAX_WAITING = 2048
FLUSH_INTERVAL_MS = 5_000
MAX_TRACE_BYTES = 128_000

PRODUCER_GROUP_PREFIX = "_INNER_TRACE_PRODUCER"
DEFAULT_REGION = "DefaultRegion"
_DELAYED = (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TIMER_DELAY_MS,
)


class Consumption:
    """A batch whose consumption is traced: which messages, since when."""

    def __init__(self, request_id: str, messages: Sequence[MessageExt]) -> None:
        self.request_id = request_id
        self.messages = messages
        self.started = time.monotonic()


class Tracer(SendMessageHook, EndTransactionHook, ConsumeMessageHook):
    """The traces of one producer or consumer group: a hook of it, which is started and stopped with it.

    Groups and topics are traced without their namespace, and the traces themselves are in none.
    """

    def __init__(self, instance: ClientInstance, group: str, kind: str, topic: str, namespace: Namespace) -> None:
        from rocketmq_ops.client.producer.producer import Producer
        from rocketmq_ops.client.producer.send_request import SendSettings

        self.group = namespace.unwrap(group)
        self.topic = topic
        self._namespace = namespace
        settings = SendSettings(send_timeout_ms=5_000, max_message_size=2 * MAX_TRACE_BYTES)
        name = f"{PRODUCER_GROUP_PREFIX}-{group}-{kind}"
        self._producer = Producer(name, settings=settings, instance=instance, namespace=Namespace())
        self._ids = UniqueIdFactory()
        self._waiting: list[tuple[str, set[str]]] = []
        self._dropped = 0
        self._enough = asyncio.Event()
        self._tasks = Tasks()
        self._sends = Tasks()

    async def start(self) -> None:
        """Begin to send what is collected."""
        await self._producer.start()
        sending = repeat("sending traces", FLUSH_INTERVAL_MS, self.flush, at_once=self._enough)
        self._tasks.start(sending, f"traces {self.group}")

    async def stop(self) -> None:
        """Send what is left, and end."""
        await self._tasks.stop()
        await self._sends.finish()
        await self._flush()
        await self._producer.stop()

    # --- what is traced -------------------------------------------------------------------------------------------

    def send_message_before(self, context: SendMessageContext) -> None:
        """Note when it began."""
        context.mq_trace_context = (now_ms(), time.monotonic())

    def send_message_after(self, context: SendMessageContext) -> None:
        """Messages were sent as one request; what was not answered, or refused, is not traced."""
        result = context.send_result
        if result is None or not result.trace_on or context.mq_trace_context is None:
            return
        started_ms, started = context.mq_trace_context
        cost_ms = int((time.monotonic() - started) * 1000)
        ids, offset_ids = result.msg_id.split(","), result.offset_msg_id.split(",")
        for i, message in enumerate(context.messages):
            if message.topic == self.topic:
                continue
            properties = message.all_properties()
            kind = trace_text.NORMAL_MESSAGE
            if properties.get(PROPERTY_TRANSACTION_PREPARED) == "true":
                kind = trace_text.HALF_MESSAGE
            elif any(name in properties for name in _DELAYED):
                kind = trace_text.DELAY_MESSAGE
            keys = properties.get(PROPERTY_KEYS)
            text = trace_text.published(
                time_ms=started_ms,
                region=result.region_id,
                group=self.group,
                topic=self._namespace.unwrap(message.topic),
                msg_id=ids[min(i, len(ids) - 1)],
                tags=message.tags,
                keys=keys,
                store_host=context.broker_addr,
                body_length=len(message.body),
                cost_ms=cost_ms,
                message_type=kind,
                offset_msg_id=offset_ids[min(i, len(offset_ids) - 1)],
                success=result.status == "SEND_OK",
            )
            self._add(text, [ids[min(i, len(ids) - 1)], *_split(keys)])

    def end_transaction(self, context: EndTransactionContext) -> None:
        """A broker was told what became of a transaction."""
        message, msg_id = context.message, context.msg_id
        keys = message.properties.get(PROPERTY_KEYS) if isinstance(message, MessageExt) else message.keys
        text = trace_text.transaction_ended(
            time_ms=now_ms(),
            region=message.properties.get(PROPERTY_MSG_REGION) or DEFAULT_REGION,
            group=self.group,
            topic=self._namespace.unwrap(message.topic),
            msg_id=msg_id,
            tags=message.tags,
            keys=keys,
            store_host=context.broker_addr,
            transaction_id=context.transaction_id,
            state=context.transaction_state,
            from_check=context.from_transaction_check,
        )
        self._add(text, [msg_id, *_split(keys)])

    def consume_message_before(self, context: ConsumeMessageContext) -> None:
        """A listener is about to get messages."""
        traced = [m for m in context.msg_list if m.properties.get(PROPERTY_TRACE_SWITCH) != "false"]
        consumption = context.mq_trace_context = Consumption(self._ids.create(), traced)
        now = now_ms()
        for message in traced:
            keys = message.properties.get(PROPERTY_KEYS)
            text = trace_text.consume_begins(
                time_ms=now,
                region=message.properties.get(PROPERTY_MSG_REGION) or DEFAULT_REGION,
                group=self.group,
                request_id=consumption.request_id,
                msg_id=message.msg_id,
                retries=message.reconsume_times,
                keys=keys,
            )
            self._add(text, [message.msg_id, *_split(keys)])

    def consume_message_after(self, context: ConsumeMessageContext) -> None:
        """The listener is done with them."""
        consumption = context.mq_trace_context
        if not isinstance(consumption, Consumption):
            return
        messages = consumption.messages
        cost_ms = int((time.monotonic() - consumption.started) * 1000) // max(len(messages), 1)
        code = trace_text.RETURN_TYPES.index(context.props.get(CONSUME_CONTEXT_TYPE, trace_text.RETURN_TYPES[0]))
        for message in messages:
            keys = message.properties.get(PROPERTY_KEYS)
            text = trace_text.consume_ended(
                request_id=consumption.request_id,
                msg_id=message.msg_id,
                cost_ms=cost_ms,
                success=context.success,
                keys=keys,
                code=code,
                time_ms=now_ms(),
                group=self.group,
            )
            self._add(text, [message.msg_id, *_split(keys)])

    # --- sending --------------------------------------------------------------------------------------------------

    def _add(self, text: str, keys: Iterable[str]) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append((text, set(keys)))
        if len(self._waiting) >= CONTEXTS_A_MESSAGE:
            self._enough.set()

    async def flush(self) -> None:
        """Send all that waits; what fails is lost."""
        # Shielded: the end of the periodic work must not cut off what is being sent.
        await asyncio.shield(self._sends.start(self._flush(), "send traces"))

    async def _flush(self) -> None:
        if self._dropped:
            log.warning("%d traces of '%s' came faster than they are sent and are lost", self._dropped, self.group)
            self._dropped = 0
        while self._waiting:
            some = self._waiting[:CONTEXTS_A_MESSAGE]
            del self._waiting[: len(some)]
            body = "".join(text for text, _ in some).encode()
            keys = KEY_SEPARATOR.join(sorted(set().union(*(keys for _, keys in some))))
            try:
                await self._producer.send(Message(self.topic, body, keys=keys))
            except RocketMQError as error:
                log.warning("%d traces of '%s' could not be sent and are lost: %s", len(some), self.group, error)


def _split(keys: str | None) -> list[str]:
    return [key for key in (keys or "").split(KEY_SEPARATOR) if key]
