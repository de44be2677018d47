"""A broker that cannot be reached holds up its own queues, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from client_cluster import Cluster, broker_of, cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientInstance,
    ConsumeContext,
    ConsumeSettings,
    Producer,
    PushConsumer,
    queue_api,
)
from rocketmq_ops.client.consumer.offset_store import RemoteBrokerOffsetStore
from rocketmq_ops.client.consumer.send_back import send_to_retry_topic
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError

DEAD, LIVE = "broker-0", "broker-a"
QUEUES = [MessageQueue("Orders", LIVE, i) for i in range(4)]


class Away(Connector):
    """Reaches all but one address, which is silent until `given_up` is set."""

    def __init__(self, away: str) -> None:
        super().__init__()
        self.away = away
        self.tries = 0
        self.given_up = asyncio.Event()

    async def open(self, addr: str, limit_ms: int, make_channel: Callable[[], Channel]) -> Channel:
        if addr != self.away:
            return await super().open(addr, limit_ms, make_channel)
        self.tries += 1
        await self.given_up.wait()
        raise RemotingConnectError(f"cannot connect to {addr}: no answer", address=addr)


@asynccontextmanager
async def two_brokers(directory: Path) -> AsyncIterator[tuple[Cluster, Away, ClientInstance]]:
    """A cluster whose second broker, the first by name, has the topic too; an instance that does not reach it."""
    async with cluster(directory, Orders=4) as c:
        second = broker_of(directory / "second", c.options.name_servers[0], DEAD)
        await second.start()
        second.topics.table.update(c.broker.topics.table)
        await second.register_all()
        connector = Away(f"127.0.0.1:{second.server.port}")
        c.options.rebalance_interval_ms = 3_600_000
        instance = ClientInstance(c.options, remoting=RemotingClient(connector=connector))
        try:
            yield c, connector, instance
        finally:
            connector.given_up.set()
            await second.stop()


async def fill(c: Cluster) -> None:
    async with Producer("fill", c.options) as producer:
        for queue in QUEUES:
            await producer.send(Message("Orders", b"%d" % queue.queue_id), queue=queue)


@pytest.mark.parametrize("orderly", [False, True])
@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "silent"])
def test_the_queues_of_live_brokers_are_taken(tmp_path: Path, orderly: bool, silent: bool) -> None:
    async def main() -> None:
        async with two_brokers(tmp_path) as (c, away, instance):
            await fill(c)
            got: list[MessageExt] = []

            async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
                got.extend(messages)

            away.given_up.set()  # that the start announces the group to it too is another matter
            settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, orderly=orderly)
            async with PushConsumer("G", listener, settings=settings, instance=instance) as consumer:
                await consumer.rebalance()  # the one of the start, or behind it
                if silent:
                    away.given_up.clear()
                away.tries = 0
                consumer.subscribe("Orders")
                await instance.routes.refresh("Orders")
                rebalance = asyncio.create_task(consumer.rebalance())
                await until(lambda: len(got) == 4)
                assert set(QUEUES) <= set(consumer.rebalancer.held)
                away.given_up.set()
                await rebalance
                assert not [queue for queue in consumer.rebalancer.held if queue.broker_name == DEAD]

    asyncio.run(main())


def test_a_broker_that_does_not_answer_is_asked_once_and_not_for_each_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[MessageQueue] = []
    ask = queue_api.consumer_offset

    async def consumer_offset(instance: ClientInstance, group: str, queue: MessageQueue) -> int | None:
        if queue.broker_name == DEAD:
            asked.append(queue)
        return await ask(instance, group, queue)

    async def main() -> None:
        async with two_brokers(tmp_path) as (_, away, instance):
            monkeypatch.setattr(queue_api, "consumer_offset", consumer_offset)
            monkeypatch.setattr(instance, "rebalance_immediately", lambda: None)
            away.given_up.set()
            consumer = PushConsumer("G", lambda messages, context: None, instance=instance)
            consumer.subscribe("Orders")
            async with consumer:
                for rounds in (1, 2):
                    await consumer.rebalance()
                    assert set(QUEUES) <= set(consumer.rebalancer.held)
                    assert asked == [MessageQueue("Orders", DEAD, 0)] * rounds

    asyncio.run(main())


@pytest.mark.parametrize("broker_name", [DEAD, LIVE])
def test_a_message_that_is_given_up_goes_to_the_retry_topic_of_a_live_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker_name: str
) -> None:
    async def queues(topic: str) -> list[MessageQueue]:
        return [MessageQueue(topic, name, 0) for name in (DEAD, LIVE)]

    async def main() -> None:
        async with two_brokers(tmp_path) as (c, away, instance):
            away.given_up.set()
            async with PushConsumer("G", lambda messages, context: None, instance=instance) as consumer:
                consumer.subscribe("Orders")
                await instance.routes.refresh("Orders")
                await instance.send_heartbeats()
                monkeypatch.setattr(instance.routes, "need_publish_queues", queues)
                message = MessageExt(
                    topic="Orders", queue_id=0, queue_offset=0, commit_log_offset=0, store_size=0, body=b"x", body_crc=0,
                    flag=0, sys_flag=0, born_timestamp=1, born_host=("127.0.0.1", 1), store_timestamp=2,
                    store_host=("127.0.0.1", 2), reconsume_times=0, prepared_transaction_offset=0,
                    properties={"UNIQ_KEY": "U"}, offset_msg_id="", broker_name=broker_name,
                )  # fmt: skip
                assert await send_to_retry_topic(instance, "G", message, 0)
                assert c.broker.store.max_offset("%DLQ%G", 0) == 1

    asyncio.run(main())


def test_offsets_are_saved_on_live_brokers_meanwhile(tmp_path: Path) -> None:
    async def main() -> None:
        async with two_brokers(tmp_path) as (c, away, instance):
            await fill(c)
            c.broker.groups.table["G"] = SubscriptionGroupConfig(group_name="G")
            await instance.start()
            await instance.routes.refresh("Orders")
            store = RemoteBrokerOffsetStore(instance, "G")
            store.table = {MessageQueue("Orders", name, i): 1 for name in (DEAD, LIVE) for i in range(4)}
            store.table[gone := MessageQueue("Orders", LIVE, 9)] = 1
            saving = asyncio.create_task(store.persist([queue for queue in store.table if queue != gone]))
            await until(lambda: [c.broker.offsets.query("G", "Orders", i) for i in range(4)] == [1] * 4)
            assert not saving.done()
            away.given_up.set()
            await saving
            assert (away.tries, gone in store.table, len(store.table)) == (1, False, 8)
            await instance.stop()

    asyncio.run(main())


def test_the_members_of_a_group_are_asked_of_a_broker_that_answers(tmp_path: Path) -> None:
    async def main() -> None:
        async with two_brokers(tmp_path) as (_, away, instance):
            away.given_up.set()
            consumer = PushConsumer("G", lambda messages, context: None, instance=instance)
            consumer.subscribe("Orders")
            async with consumer:
                routes: Any = instance.routes
                for addresses in (routes.broker_addresses("Orders"), list(reversed(routes.broker_addresses("Orders")))):
                    routes.broker_addresses = lambda topic, addresses=addresses: addresses
                    assert await instance.consumer_ids("Orders", "G") == [instance.client_id]

    asyncio.run(main())
