"""A cluster on which something happens, for the dashboard to show: a group that hangs, one in order, one that differs, a
dead letter, a trace, a probe run, a change in the journal; of each is known what the screens have to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.interop.apache import Driver

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientOptions,
    ConsumeResult,
    ConsumeSettings,
    Producer,
    PushConsumer,
    SendSettings,
)
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.changer import CommandChanger
from rocketmq_ops.mqadmin.connecting.connection import Connection

LIMIT_SECONDS = 60
#: Consumed by nobody but `HANGING`, whose consumer gets on with nothing: so many messages wait.
ORDERS, QUEUES, MESSAGES = "orders", 4, 10
HANGING = "billing"
#: Consumes the orders as they come, and traces it.
TRACED = "shipping"
#: A topic into which messages go all the time, consumed in order.
STEPS, IN_ORDER = "steps", "stepping"
#: Two clients that do not agree.
DIFFERING = "mixed"
#: Gives up on what it gets.
REFUSES, LETTERS = "refusing", "letters"
#: What is changed.
CHANGED = "spare"


class Scene:
    """What happens on the cluster behind a name server."""

    def __init__(self, namesrv: str, store: Path) -> None:
        self.namesrv, self.store = namesrv, store
        #: The id of the client that hangs; of the orders, by their keys.
        self.hanging_client = ""
        self.order_ids: dict[str, str] = {}
        #: Of the last of them, by which its trace is found.
        self.unique_key = ""
        #: What the hanging client's threads are called, or its tasks.
        self.threads = "<Task"
        self.hanging_language = "PYTHON"

    def changer(self) -> CommandChanger:
        """What changes things here, as `mqadmin tui --write` does."""
        return CommandChanger(Connection((self.namesrv,), "test"), ("-n", self.namesrv))

    def run(self, *words: str) -> None:
        """Do what a command does, to its end."""
        assert mqadmin.run([*words, "-n", self.namesrv]) == 0, words

    def _options(self, name: str) -> ClientOptions:
        return ClientOptions(
            name_servers=[self.namesrv], instance_name=name, persist_offset_interval_ms=500, rebalance_interval_ms=500,
            heartbeat_interval_ms=1_000,
        )  # fmt: skip

    @asynccontextmanager
    async def consumer(
        self,
        group: str,
        topic: str,
        listen: Callable[[Any, Any], Awaitable[ConsumeResult]],
        name: str = "",
        expression: str = "*",
        **settings: Any,
    ) -> AsyncIterator[PushConsumer]:
        """A consumer of the group."""
        how = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, stop_timeout_ms=1_000, **settings)
        made = PushConsumer(group, listen, self._options(name or group), settings=how)
        made.subscribe(topic, expression)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()

    @asynccontextmanager
    async def begun(self, driver: Driver | None = None) -> AsyncIterator[None]:
        """All of it, until the end of the block; with a driver it is a consumer of Apache's that hangs."""
        for topic, queues in ((ORDERS, QUEUES), (STEPS, 2), (LETTERS, 1), (CHANGED, 1)):
            await asyncio.to_thread(
                self.run, "updateTopic", "-c", "DefaultCluster", "-t", topic, "-r", str(queues), "-w", str(queues)
            )
        for group, more in (
            (HANGING, ("-r", "7")),
            (TRACED, ()),
            (IN_ORDER, ("-o", "true")),
            (DIFFERING, ()),
            (REFUSES, ()),
        ):
            await asyncio.to_thread(self.run, "updateSubGroup", "-c", "DefaultCluster", "-g", group, *more)
        over = asyncio.Event()

        async def hang(_messages: object, _context: object) -> ConsumeResult:
            await over.wait()
            return ConsumeResult.RECONSUME_LATER

        async def take(_messages: object, _context: object) -> ConsumeResult:
            return ConsumeResult.SUCCESS

        async def refuse(_messages: object, _context: object) -> ConsumeResult:
            return ConsumeResult.RECONSUME_LATER

        async with AsyncExitStack() as held:
            hold = held.enter_async_context
            await self._send_orders()
            if driver is None:
                await hold(self.consumer(HANGING, ORDERS, hang))
            else:
                subscribed = {"namesrv": self.namesrv, "group": HANGING, "topic": ORDERS, "orderly": True}
                await asyncio.to_thread(driver.ask, "subscribe", name=HANGING, rejectFirst=10**9, **subscribed)
                held.callback(driver.ask, "consumer.close", name=HANGING)
                self.threads, self.hanging_language = "ConsumeMessageThread_", "JAVA"
            await hold(self.consumer(TRACED, ORDERS, take, trace=True))
            await hold(self.consumer(IN_ORDER, STEPS, take, orderly=True))
            await hold(self.consumer(DIFFERING, STEPS, take, "one"))
            await hold(self.consumer(DIFFERING, STEPS, take, "other", expression="TagA"))
            await hold(self.consumer(REFUSES, LETTERS, refuse, max_reconsume_times=0))
            held.callback(over.set)
            sending = asyncio.create_task(self._send_steps())
            try:
                await self._until_it_shows()
                await asyncio.to_thread(self.run, "probe")
                yield
                assert not sending.done(), sending.exception()
            finally:
                sending.cancel()
                await asyncio.wait([sending])

    async def _send_orders(self) -> None:
        settings = SendSettings(trace=True)
        async with Producer("shop", self._options("shop"), settings=settings) as producer:
            for number in range(MESSAGES):
                key = f"order-{number}"
                sent = await producer.send(Message(ORDERS, b'{"order": %d}' % number, keys=key, tags="TagA"))
                self.order_ids[key] = sent.offset_msg_id
                self.unique_key = sent.msg_id
            await producer.send(Message(LETTERS, b"a letter that nobody takes", keys="letter-1"))

    async def _send_steps(self) -> None:
        async with Producer("stepper", self._options("stepper")) as producer:
            while True:
                await producer.send(Message(STEPS, b"a step", tags="TagA"))
                await asyncio.sleep(0.05)

    async def _until_it_shows(self) -> None:
        """Until servers tell of all of it."""
        async with MQAdmin([self.namesrv], timeout_ms=5_000) as admin, asyncio.timeout(LIMIT_SECONDS):
            while not await self._shows(admin):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _shows(self, admin: MQAdmin) -> bool:
        try:
            hanging = await admin.clients.status(HANGING)
            differing = await admin.clients.status(DIFFERING)
            progress = await admin.groups.progress(HANGING)
            traces = await admin.messages.traces(self.unique_key)
            letters = await admin.topics.status(f"%DLQ%{REFUSES}")
            saved = [await admin.offsets.all_at(broker.address) for broker in await admin.cluster.brokers()]
        except RocketMQError:
            return False
        if not (len(hanging.clients) == 1 and hanging.clients[0].info is not None):
            return False
        self.hanging_client = hanging.clients[0].client_id
        cached = sum(queue.cached for queue in hanging.clients[0].info.queues if queue.topic == ORDERS)
        lags = [queue.lag for queue in progress.queues if queue.topic == ORDERS]
        return (
            # One in order holds apart what it is about to consume, a message of each queue.
            MESSAGES - QUEUES <= cached <= MESSAGES
            and len(lags) == QUEUES
            and sum(lag or 0 for lag in lags) == MESSAGES
            # What no offset is saved of tells 0 as well; a Java client saves what it begins with after a while.
            and sum(len(table.get((ORDERS, HANGING), {})) for table in saved) == QUEUES
            and len(differing.clients) == 2
            and bool(traces.sent and traces.consumed)
            and any(queue.max_offset for queue in letters.queues)
        )
