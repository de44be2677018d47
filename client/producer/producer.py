"""The producer: sends messages to the queues of a topic, retrying on another broker. Mirrors DefaultMQProducerImpl.

Which queue a message goes to is decided in `queue_choice`, how it becomes a request in `send_request`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rocketmq_ops.client.api.send import Outgoing, SendResult, SendStatus, recall, send, send_oneway
from rocketmq_ops.client.errors import BrokerError, ClientError, NoRouteError
from rocketmq_ops.client.hooks.api import ASYNC, ONEWAY, SYNC
from rocketmq_ops.client.hooks.registered import ProducerHooks
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.namespace import Namespace
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.hooked_send import HookedSend
from rocketmq_ops.client.producer.queue_choice import QueueChoice
from rocketmq_ops.client.producer.requests import NoReplyError, asking
from rocketmq_ops.client.producer.send_request import (
    SendSettings,
    check_message,
    check_types,
    in_namespace,
    prepare,
    prepare_batch,
)
from rocketmq_ops.client.tracing import Tracer
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.topics import DEFAULT_PRODUCER_GROUP, group_problem
from rocketmq_ops.common.unique_id import UniqueIdFactory
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingError
from rocketmq_ops.remoting.headers.transaction import CheckTransactionStateRequestHeader

log = logging.getLogger(__name__)

A = TypeVar("A")
QueueSelector = Callable[[list[MessageQueue], Message, A], MessageQueue]
SendCallback = Callable[[SendResult | None, RocketMQError | None], Any]


def select_by_hash(queues: list[MessageQueue], message: Message, key: object) -> MessageQueue:
    """The queue of a key: equal keys always get the same one while the route stands (SelectMessageQueueByHash).

    Java's producers choose the same for a String, Integer, Boolean, and a Long from 0 on or beyond Integer; other keys
    count as `str(key)`.
    """
    from rocketmq_ops.common.java_hash import object_hash

    return queues[abs(object_hash(key)) % len(queues)]


class Producer:
    """Sends messages; an async context manager. `instance` shares connections with other producers and consumers.

    `hooks` are SendMessageHooks, CheckForbiddenHooks and EndTransactionHooks (`client/hooks/api.py`). `group` is the
    name on the wire, with the namespace: that of the options unless another is given.
    """

    def __init__(
        self,
        group: str = DEFAULT_PRODUCER_GROUP,
        options: ClientOptions | None = None,
        *,
        settings: SendSettings | None = None,
        instance: ClientInstance | None = None,
        hooks: Sequence[object] = (),
        namespace: Namespace | None = None,
    ) -> None:
        self.instance = instance or ClientInstance(options)
        self.namespace = self.instance.namespace if namespace is None else namespace
        group = self.namespace.wrap(group)
        if problem := group_problem(group):
            raise ClientError(f"producer group '{group}': {problem}", "choose another group name")
        self.group = group
        self.settings = settings or SendSettings()
        self._given_hooks = tuple(hooks)
        self._hooks = ProducerHooks(hooks) if hooks else None
        self._ids = UniqueIdFactory()
        self._choice = QueueChoice(self.instance.routes)
        self._in_flight = asyncio.Semaphore(self.settings.max_in_flight)
        self._sending = Tasks()
        self._tracer: Tracer | None = None
        self._started = False

    async def __aenter__(self) -> Producer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Join the instance, once: a stopped producer does not start again.

        Raises ClientError then, without a name server, or when the group is taken.
        """
        settings = self.settings
        tracer = None
        if settings.trace:
            tracer = Tracer(self.instance, self.group, "PRODUCE", settings.trace_topic, self.namespace)
        await self.instance.start_producer(self.group, self)
        if tracer is not None:
            await tracer.start()
            self._tracer, self._hooks = tracer, ProducerHooks([*self._given_hooks, tracer])
        self._started = True

    async def stop(self) -> None:
        """Wait for what is being sent, unregister, leave the instance."""
        if not self._started:
            return
        self._started = False
        await self._sending.finish()
        if self._tracer is not None:
            await self._tracer.stop()
            self._tracer = None
        await self.instance.remove(producer_group=self.group)
        await self.instance.stop()

    def topics(self) -> set[str]:
        """Topics that were sent to; their routes are kept fresh."""
        return set(self._choice.topics)

    def check_transaction(self, address: str, message: MessageExt, header: CheckTransactionStateRequestHeader) -> None:
        """A broker asks about a half message of the group; without a transaction listener nobody here knows."""
        log.warning(
            "%s asks about message %s of '%s', which has no transaction listener", address, message.msg_id, self.group
        )

    async def queues(self, topic: str) -> list[MessageQueue]:
        """The queues that messages of a topic may go to. Raises NoRouteError, RemotingError."""
        return [self.namespace.unwrap_queue(queue) for queue in await self._choice.queues(self.namespace.wrap(topic))]

    async def next_queue(self, topic: str, other_than: str | None = None) -> MessageQueue:
        """The queue of a topic whose turn it is, of another broker than `other_than` where there is one.

        Raises NoRouteError, RemotingError.
        """
        return self.namespace.unwrap_queue(await self._choice.next(self.namespace.wrap(topic), other_than))

    # --- sending --------------------------------------------------------------------------------------------------

    async def send(
        self, message: Message, *, queue: MessageQueue | None = None, timeout_ms: int | None = None
    ) -> SendResult:
        """Send one message and wait until the broker stored it, trying other brokers when one fails.

        With `queue` it goes there or nowhere. `timeout_ms` covers all tries. Raises ClientError, RemotingError or the
        BrokerError of the last try.
        """
        return await self._send_message(message, queue, timeout_ms, SYNC)

    async def _send_message(
        self, message: Message, queue: MessageQueue | None, timeout_ms: int | None, mode: str
    ) -> SendResult:
        message = self._checked(message)
        outgoing = prepare(message, self._ids.create(), self.settings)
        hooked = None if self._hooks is None else self._hooked(self._hooks, (message,), mode)
        return await self._send(outgoing, queue, timeout_ms, hooked)

    async def send_selected(
        self, message: Message, selector: QueueSelector[A], arg: A, *, timeout_ms: int | None = None
    ) -> SendResult:
        """Send to the queue that `selector(queues, message, arg)` picks, once: order matters more than delivery."""
        self._check_started()
        queues = await self.queues(message.topic)
        queue = selector(queues, message, arg)
        if queue not in queues:
            raise ClientError(f"the selector picked {queue}", "pick one of the queues that the selector is given")
        return await self.send(message, queue=queue, timeout_ms=timeout_ms)

    async def send_batch(
        self, messages: Sequence[Message], *, queue: MessageQueue | None = None, timeout_ms: int | None = None
    ) -> SendResult:
        """Send messages of one topic as one request: stored together, or not at all. Not compressed, no delays."""
        messages = [self._checked(message) for message in messages]
        outgoing = prepare_batch(messages, [self._ids.create() for _ in messages], self.settings)
        hooked = None if self._hooks is None else self._hooked(self._hooks, messages, SYNC)
        return await self._send(outgoing, queue, timeout_ms, hooked)

    async def send_async(
        self,
        message: Message,
        callback: SendCallback | None = None,
        *,
        queue: MessageQueue | None = None,
        timeout_ms: int | None = None,
    ) -> asyncio.Task[SendResult]:
        """Start sending and return the task of its result; waits only while `max_in_flight` sends are under way.

        `callback(result, error)` is called on the loop when it ends; it may be a coroutine function.
        """
        self._checked(message)
        await self._in_flight.acquire()
        task = self._sending.start(self._send_async(message, callback, queue, timeout_ms), "send")
        task.add_done_callback(self._sent)
        return task

    def _sent(self, task: asyncio.Task[SendResult]) -> None:
        self._in_flight.release()
        if not task.cancelled():
            task.exception()  # seen: with a callback nobody may await the task

    async def _send_async(
        self, message: Message, callback: SendCallback | None, queue: MessageQueue | None, timeout_ms: int | None
    ) -> SendResult:
        result, failure = None, None
        try:
            result = await self._send_message(message, queue, timeout_ms, ASYNC)
            return result
        except RocketMQError as error:
            failure = error
            raise
        finally:
            if callback is not None and (result is not None or failure is not None):
                outcome = callback(result, failure)
                if inspect.isawaitable(outcome):
                    await outcome

    async def request(
        self, message: Message, *, queue: MessageQueue | None = None, timeout_ms: int | None = None
    ) -> MessageExt:
        """Send a message and wait for the reply to it, which its consumer makes with `reply_to` and sends.

        `timeout_ms` (the settings' unless given) covers both. Raises as `send`, and NoReplyError.
        """
        loop = asyncio.get_running_loop()
        timeout_ms = timeout_ms or self.settings.send_timeout_ms
        deadline = loop.time() + timeout_ms / 1000
        replies = self.instance.replies
        topic = self._checked(message).topic
        if topic not in self._choice.topics:
            await self._choice.queues(topic)
            # The reply finds this client by its heartbeat, on whichever broker it is sent to.
            await self.instance.send_heartbeats()
        correlation_id, reply = replies.expect()
        try:
            asked = asking(message, correlation_id, self.instance.client_id, timeout_ms)
            await self.send(asked, queue=queue, timeout_ms=timeout_ms)
            async with asyncio.timeout_at(deadline):
                return await reply
        except TimeoutError:
            raise NoReplyError(
                f"no reply to the request on topic '{message.topic}' came within {timeout_ms} ms",
                "check that a consumer answers this topic, or allow more time",
            ) from None
        finally:
            replies.forget(correlation_id)

    async def send_oneway(self, message: Message, *, queue: MessageQueue | None = None) -> None:
        """Send without waiting for an answer; a message may be lost unseen.

        Raises ClientError, NoRouteError, RemotingConnectError.
        """
        message = self._checked(message)
        outgoing = prepare(message, self._ids.create(), self.settings)
        chosen = self._chosen(queue) or await self._choice.next(message.topic)
        address = await self._choice.master(chosen)
        settings = self.settings
        sending = send_oneway(
            self.instance.session,
            address,
            outgoing,
            self.group,
            chosen,
            template=settings.create_topic_key,
            template_queues=settings.default_topic_queue_nums,
        )
        if self._hooks is None:
            await sending
        else:
            await self._hooked(self._hooks, (message,), ONEWAY).around(chosen, address, sending)

    async def recall(self, topic: str, recall_handle: str, *, timeout_ms: int | None = None) -> str:
        """Recall a message that waits for its time (`SendResult.recall_handle`); its unique key.

        An answer means that the broker has noted it: a message whose time came meanwhile may have been delivered.
        Raises ClientError for a handle that is none, RemotingError, and BrokerError when the broker does not recall.
        """
        self._check_started()
        topic = self.namespace.wrap(topic)
        try:
            handle = RecallHandle.decode(recall_handle)
        except CorruptDataError as error:
            raise ClientError(str(error), "use the recall_handle of a SendResult") from None
        address = await self._choice.master(MessageQueue(topic, handle.broker_name, 0))
        session, timeout_ms = self.instance.session, timeout_ms or self.settings.send_timeout_ms
        return await recall(session, address, self.group, topic, recall_handle, handle.broker_name, timeout_ms)

    @property
    def started(self) -> bool:
        """Whether it sends: from `start` to `stop`."""
        return self._started

    def check(self, message: Message) -> None:
        """Raises ClientError for what cannot be sent, or every broker would refuse, and while it is not started."""
        self._checked(message)

    def _check_started(self) -> None:
        if not self._started:
            raise ClientError(f"producer '{self.group}' is not started", "await start(), or use 'async with'")

    def _checked(self, message: Message) -> Message:
        """The message as it is to be sent; a copy in the namespace, if there is one."""
        self._check_started()
        check_types(message)
        if self.namespace:
            message = in_namespace(message, self.namespace)
        check_message(message, self.settings)
        return message

    def _chosen(self, queue: MessageQueue | None) -> MessageQueue | None:
        return queue if queue is None else self.namespace.wrap_queue(queue)

    def _hooked(self, hooks: ProducerHooks, messages: Sequence[Message], mode: str) -> HookedSend:
        return HookedSend(hooks, self.instance, self.group, self.namespace, messages, mode)

    # --- one message over several tries ---------------------------------------------------------------------------

    async def _send(
        self, outgoing: Outgoing, queue: MessageQueue | None, timeout_ms: int | None, hooked: HookedSend | None
    ) -> SendResult:
        loop = asyncio.get_running_loop()
        queue = self._chosen(queue)
        deadline = loop.time() + (timeout_ms or self.settings.send_timeout_ms) / 1000
        tries = 1 if queue is not None else 1 + self.settings.retry_times
        last_broker: str | None = None
        failure: RocketMQError | None = None
        #: Of a try before: stored, but not as well as it should be. It counts where no other broker does better.
        stored: SendResult | None = None
        for _ in range(tries):
            left_ms = int((deadline - loop.time()) * 1000)
            if left_ms <= 0 and (failure or stored) is not None:
                break
            try:
                chosen = queue or await self._choice.next(outgoing.topic, last_broker)
            except RocketMQError:
                if stored is None:
                    raise
                break
            last_broker = chosen.broker_name
            try:
                result = await self._send_once(outgoing, chosen, max(left_ms, 1), hooked)
            except (RemotingError, BrokerError, NoRouteError) as error:
                failure = error
                if isinstance(error, BrokerError) and not error.retriable:
                    break
                await self._refresh_after(error, outgoing.topic)
                continue
            if result.status == SendStatus.SEND_OK or not self.settings.retry_another_broker_when_not_store_ok:
                return result
            stored = result
        if stored is not None:
            return stored
        assert failure is not None
        raise failure

    async def _send_once(
        self, outgoing: Outgoing, queue: MessageQueue, timeout_ms: int, hooked: HookedSend | None
    ) -> SendResult:
        address = await self._choice.master(queue)
        sending = send(
            self.instance.session,
            address,
            outgoing,
            self.group,
            queue,
            timeout_ms,
            template=self.settings.create_topic_key,
            template_queues=self.settings.default_topic_queue_nums,
        )
        result = await (sending if hooked is None else hooked.around(queue, address, sending))
        if self.namespace:
            result.queue = self.namespace.unwrap_queue(result.queue)
        return result

    async def _refresh_after(self, error: RocketMQError, topic: str) -> None:
        if isinstance(error, RemotingConnectError) or getattr(error, "refresh_route", False):
            try:
                await self.instance.routes.refresh(topic)
            except (RemotingError, BrokerError):
                return
