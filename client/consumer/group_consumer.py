"""What push and lite pull consumers have in common: subscriptions, queues taken by rebalance and pulled, offsets.

The work is in `rebalance` and `pull_loop`; a consumer differs by the service that takes what is pulled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol, Self

from rocketmq_ops.client.consumer.consume_settings import ConsumeSettings
from rocketmq_ops.client.consumer.consume_stats import ConsumeStats
from rocketmq_ops.client.consumer.offset_store import offset_store, save_at_end, update
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.rebalance import Rebalancer
from rocketmq_ops.client.consumer.subscription import TAG, MessageSelector, build_subscription
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.client.hooks.registered import ConsumerHooks
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.tracing import Tracer
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.periodic import repeat
from rocketmq_ops.common.tags import SUB_ALL
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.topics import group_problem
from rocketmq_ops.remoting.bodies.enums import ConsumeType
from rocketmq_ops.remoting.bodies.heartbeat import ConsumerData, SubscriptionData

log = logging.getLogger(__name__)

LOCK_RETRY_SECONDS = 0.5


class Service(Protocol):
    """What takes the messages of held queues."""

    def start(self) -> None:
        """Begin, before the first queue is taken."""

    async def stop(self, *, patient: bool = True) -> None:
        """End, when all queues are given up."""

    def attach(self, queue: ProcessQueue) -> None:
        """A queue is held from now on."""

    def submit(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        """Messages of a held queue were pulled."""


class GroupConsumer:
    """A member of a consumer group that shares the queues of its topics; an async context manager.

    `hooks` are ConsumeMessageHooks and FilterMessageHooks (`client/hooks/api.py`). `group` is the name on the wire,
    with the options' namespace.
    """

    consume_type: ConsumeType

    def __init__(
        self,
        group: str,
        options: ClientOptions | None,
        settings: ConsumeSettings,
        instance: ClientInstance | None,
        hooks: Sequence[object] = (),
    ) -> None:
        self.settings = settings
        self.instance = instance or ClientInstance(options, stable_id=self.settings.broadcasting)
        self.namespace = self.instance.namespace
        self.group = group = self.namespace.wrap(group)
        if problem := group_problem(group):
            raise ClientError(f"consumer group '{group}': {problem}", "choose another group name")
        self.offsets = offset_store(
            self.instance, group, broadcasting=self.settings.broadcasting, directory=self.settings.offset_dir
        )
        self.stats = ConsumeStats()
        self.suspended = False
        self.started_ms = 0
        self.rebalancer = Rebalancer(self)
        self.service: Service = self._service()
        self._subscriptions: dict[str, SubscriptionData] = {}
        self._locking = Tasks()
        self._given_hooks = tuple(hooks)
        self.hooks = ConsumerHooks(hooks) if hooks else None
        self._tracer: Tracer | None = None

    def _service(self) -> Service:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- subscriptions --------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, expression: str | MessageSelector = SUB_ALL, expression_type: str = TAG) -> None:
        """Consume a topic: all of it, tags as `TagA || TagB`, or what `MessageSelector.by_sql` selects.

        Raises ClientError for no topic, and for an expression that is none.
        """
        if not isinstance(topic, str) or not topic.strip():
            raise ClientError(f"invalid topic {topic!r} to subscribe", "give the name of a topic")
        topic = self.namespace.wrap(topic)
        self._subscriptions[topic] = build_subscription(topic, expression, expression_type)
        if self.started_ms:
            self.instance.heartbeat_immediately()
            self.instance.rebalance_immediately()

    def unsubscribe(self, topic: str) -> None:
        """Stop consuming a topic."""
        self._subscriptions.pop(self.namespace.wrap(topic), None)
        if self.started_ms:
            self.instance.rebalance_immediately()

    def subscription(self, topic: str) -> SubscriptionData:
        """The subscription of a topic; one for all messages when it was just unsubscribed."""
        return self._subscriptions.get(topic) or build_subscription(topic)

    def subscriptions(self) -> list[SubscriptionData]:
        """All subscriptions; a push consumer's have that of its retry topic too."""
        return list(self._subscriptions.values())

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Join the instance, announce the group, take its queues.

        Raises ClientError without a name server and after a stop, CorruptDataError for a broken local offset file,
        BrokerError where a broker refuses a subscription by SQL92: it does not support them, or not this expression.
        """
        settings = self.settings
        tracer = None
        if settings.trace:
            tracer = Tracer(self.instance, self.group, "CONSUME", settings.trace_topic, self.namespace)
        await self.instance.start_consumer(self.group, self, self.offsets.load)
        if tracer is not None:
            await tracer.start()
            self._tracer, self.hooks = tracer, ConsumerHooks([*self._given_hooks, tracer])
        self.service.start()
        self.started_ms = now_ms()
        await self.instance.routes.refresh_all(self.topics())
        try:
            await self.instance.check_subscriptions(self.group, self.subscriptions())
        except BrokerError:
            await self.stop()
            raise
        await self.instance.send_heartbeats()
        if self.settings.orderly and not self.settings.broadcasting:
            renewing = repeat("renewing locks", self.settings.lock_interval_ms, self.rebalancer.refresh_locks)
            self._locking.start(renewing, f"locks {self.group}")
        self.instance.rebalance_immediately()

    async def stop(self) -> None:
        """Let running listeners end, for `stop_timeout_ms` at most, save offsets, give up queues, unregister, leave the
        instance."""
        if self.group not in self.instance.consumers:
            return
        self.suspended = self.rebalancer.closing = True
        for held in list(self.rebalancer.held.values()):
            held.drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.stop_timeout_ms / 1000):
                for held in list(self.rebalancer.held.values()):
                    await self._let_end(held)
        busy = [held.queue for held in self.rebalancer.held.values() if held.in_flight]
        if busy:
            log.warning(
                "the listener of group %s has not returned after %d ms: its messages of %s will be consumed again",
                self.group,
                self.settings.stop_timeout_ms,
                ", ".join(map(str, busy[:3])),
            )
        await self._locking.stop()  # not before: what a listener is still at is not another client's
        await save_at_end(self.group, self.persist_offsets)
        await self.rebalancer.give_up_all()
        await self.service.stop(patient=not busy)
        if self._tracer is not None:
            await self._tracer.stop()
            self._tracer = None
        await self.instance.remove(consumer_group=self.group)
        await self.instance.stop()

    async def _let_end(self, held: ProcessQueue) -> None:
        """Wait for the listeners that have messages of a queue, so that their offsets are saved."""
        while held.in_flight:
            held.changed.clear()
            await held.changed.wait()

    def suspend(self) -> None:
        """Stop pulling until `resume`; what is pulled already is still consumed."""
        self.suspended = True

    def resume(self) -> None:
        """Pull again."""
        self.suspended = False
        for held in self.rebalancer.held.values():
            held.changed.set()

    # --- what the parts ask ---------------------------------------------------------------------------------------

    def assigned(self) -> Iterable[MessageQueue] | None:
        """The queues that the application chose itself; None where clients of the group share all queues."""
        return None

    def paused(self, queue: MessageQueue) -> bool:
        """Whether nothing is to be pulled from a held queue for now."""
        return self.suspended

    def passed_over(self, queue: MessageQueue, offset: int) -> None:
        """There is nothing to consume before this offset."""
        update(self.offsets.table, queue, offset, increase_only=True)

    def moved(self, held: ProcessQueue, offset: int) -> None:
        """The broker has a held queue consumed from another offset: back, or where it was reset to."""
        self.rebalancer.move(held, offset)

    async def lock_again(self, held: ProcessQueue) -> None:
        """Ask for an orderly queue's lock; rest a moment when another client still has it."""
        await self.rebalancer.lock(held.queue.broker_name, [held.queue])
        if not held.lock_valid:
            await asyncio.sleep(LOCK_RETRY_SECONDS)

    # --- what the instance asks -----------------------------------------------------------------------------------

    def topics(self) -> set[str]:
        """The subscribed topics, a push consumer's retry topic among them."""
        return set(self._subscriptions)

    def heartbeat_data(self) -> ConsumerData:
        """This group in the heartbeat."""
        return ConsumerData(
            group_name=self.group,
            consume_type=self.consume_type,
            message_model=self.settings.message_model,
            consume_from_where=self.settings.consume_from_where,
            subscription_data_set=self.subscriptions(),
        )

    async def rebalance(self) -> bool:
        """Take the queues that are this client's now; False when it is to be tried again soon (tryRebalance)."""
        return not self.suspended and await self.rebalancer.rebalance()

    async def persist_offsets(self) -> None:
        """Save consumed offsets."""
        held = dict(self.rebalancer.held)
        await self.offsets.persist([queue for queue, one in held.items() if self.may_save(one)], held)

    def may_save(self, held: ProcessQueue) -> bool:
        """Whether the offset of a held queue is this client's to save: of an orderly one, whoever had its lock last has
        saved what counts."""
        return not self.settings.orderly or self.settings.broadcasting or held.lock_kept
