"""What screens of one thing ask, counted on our own pair, is what each declares and the table of the docs says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import pytest

from rocketmq_ops.client import FROM_FIRST_OFFSET, ClientOptions, ConsumeResult, ConsumeSettings, Producer, PushConsumer
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_scan import PULL_BATCH
from rocketmq_ops.client.admin.messages.message_send import SendRequest
from rocketmq_ops.common.message import Message
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.details import broker, client, group, looking, messages, name_server, topic
from rocketmq_ops.tui.model.details.detail import HELD, Asking, Asks, Part
from tests.tui.fakes import FakeModel, moment

GROUP = "billing"
TOPICS = ("orders", "bills")
RETRIES, DEAD = f"%RETRY%{GROUP}", f"%DLQ%{GROUP}"


class Counting(RemotingClient):
    """Counts requests by their address."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        self.asked[addr] += 1
        self.codes[command.code] += 1
        return await super().invoke(addr, command, timeout_ms)


async def counted(server: RocketMQBroker, at: str, parts: Callable[[Asking], Sequence[Part]]) -> tuple[int, int]:
    """How many requests the name server and the broker get when all parts of a screen are asked, none in vain; asked
    again soon, none goes to the name server but on its own screen."""
    counting = Counting()
    seen = moment()
    seen.name_servers = {server.namesrv: msgspec.structs.replace(*seen.name_servers.values(), address=server.namesrv)}
    async with MQAdmin([server.namesrv], transport=counting) as opened:
        admin = opened.holding(HELD)
        found = parts(Asking(admin=admin, model=FakeModel(seen), address=parse(at)))
        sections = await asyncio.gather(*(part.ask() for part in found))
        assert not [failure for section in sections for failure in section.failures]
        asked = counting.asked[server.namesrv], counting.asked[server.broker]
        if parts is not name_server.parts:
            again = parts(Asking(admin=admin, model=FakeModel(seen), address=parse(at)))
            await asyncio.gather(*(part.ask() for part in again))
            assert counting.asked[server.namesrv] == asked[0]
    return asked


def consumer(server: RocketMQBroker, name: str, topics: Sequence[str], over: asyncio.Event) -> PushConsumer:
    """One that has a client id of its own, and gets on with nothing until it is over."""

    async def listen(_messages: object, _context: object) -> ConsumeResult:
        await over.wait()
        return ConsumeResult.RECONSUME_LATER

    options = ClientOptions(
        name_servers=[server.namesrv], instance_name=name, persist_offset_interval_ms=100, rebalance_interval_ms=100
    )
    settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
    made = PushConsumer(GROUP, listen, options, settings=settings)
    for each in topics:
        made.subscribe(each)
    return made


async def consuming(server: RocketMQBroker, clients: int, topics: Sequence[str]) -> None:
    """Until so many clients hold all queues, and have offsets in all topics and that of their retries."""
    async with MQAdmin([server.namesrv]) as admin:
        while True:
            found = await admin.clients.status(GROUP)
            progress = await admin.groups.progress(GROUP)
            if (
                len(found.clients) == clients
                and found.rebalance_ok
                and {queue.topic for queue in progress.queues} == {*topics, f"%RETRY%{GROUP}"}
            ):
                return
            await asyncio.sleep(0.05)


def test_screens_of_one_thing_ask_what_they_declare() -> None:
    async def of_group(server: RocketMQBroker, clients: int, topics: Sequence[str]) -> tuple[int, int]:
        over = asyncio.Event()
        consumers = [consumer(server, f"c{n}", topics, over) for n in range(clients)]
        for each in consumers:
            await each.start()
        try:
            await consuming(server, clients, topics)
            async with MQAdmin([server.namesrv]) as admin:
                one, *_ = (await admin.clients.consumers(GROUP)).connections
            at = f":client/{one.client_id}?group={GROUP}"
            assert await counted(server, at, client.parts) == declared(client.ASKS)
            return await counted(server, f":group/{GROUP}", group.parts)
        finally:
            over.set()
            for each in consumers:
                await each.stop()

    async def test(server: RocketMQBroker) -> None:
        async with MQAdmin([server.namesrv]) as admin:
            for name in (*TOPICS, RETRIES, DEAD):
                for _ in range(8):
                    await admin.messages.send(SendRequest(topic=name, body=b"x"))
        for clients, topics in ((1, TOPICS[:1]), (3, TOPICS[:1]), (2, TOPICS)):
            found = await of_group(server, clients, topics)
            most = declared(group.ASKS, clients=clients, topics=len(topics))
            assert all(limit * 0.6 <= count <= limit for count, limit in zip(found, most, strict=True)), (found, most)
        assert await counted(server, ":topic/orders", topic.parts) == declared(topic.ASKS)
        assert await counted(server, ":broker/broker-a", broker.parts) == declared(broker.ASKS)
        assert await counted(server, f":name-server/{server.namesrv}", name_server.parts) == declared(name_server.ASKS)

    with rocketmq_server() as server:
        for name in (*TOPICS, RETRIES, DEAD):
            words = ["updateTopic", "-n", server.namesrv, "-c", "DefaultCluster", "-t", name, "-r", "4", "-w", "4"]
            assert mqadmin.run([*words, "-p", "6"]) == 0
        assert mqadmin.run(["updateSubGroup", "-n", server.namesrv, "-c", "DefaultCluster", "-g", GROUP]) == 0
        asyncio.run(asyncio.wait_for(test(server), 240))


def test_screens_of_messages_pull_no_more_often_than_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With bounds so small that they are met: a tag behind most messages, a condition that no message meets."""
    monkeypatch.setattr(looking, "PULLS", 16)
    monkeypatch.setattr(looking, "FOLLOWING", 40)
    queues = 2

    def pulls(read: int) -> int:
        return -(-read // PULL_BATCH)

    async def test(server: RocketMQBroker) -> None:
        topic = "many"
        async with Producer("p", ClientOptions(name_servers=[server.namesrv])) as producer:
            for queue in await producer.queues(topic):
                for tag, count in (("old", 300), ("new", 100)):
                    await producer.send_batch([Message(topic, b"x", tags=tag) for _ in range(count)], queue=queue)
        counting = Counting()
        async with MQAdmin([server.namesrv], transport=counting) as admin:

            async def pulled(options: str) -> int:
                asking = Asking(admin=admin, model=FakeModel(moment()), address=parse(f":messages/{topic}{options}"))
                counting.codes.clear()
                (part,) = messages.parts(asking)
                section = await part.ask()
                assert not section.failures
                return counting.codes[RequestCode.PULL_MESSAGE]

            newest = pulls(looking.MOST)
            assert newest <= await pulled("") <= newest + queues
            assert looking.PULLS * 0.6 <= await pulled("?tag=old") <= looking.PULLS
            assert await pulled("?where=tags = 'none'") == looking.PULLS
            assert await pulled("?where=tags = 'none'&from=1") == looking.PULLS
            following = pulls(40) * queues
            assert await pulled("?where=tags = 'none'&follow=1") == following
            assert await pulled("?tag=new&follow=1") == following

    with rocketmq_server() as server:
        words = ["updateTopic", "-n", server.namesrv, "-c", "DefaultCluster", "-t", "many", "-r", "2", "-w", "2"]
        assert mqadmin.run([*words, "-p", "6"]) == 0
        asyncio.run(asyncio.wait_for(test(server), 240))


def declared(asks: Asks, *, clients: int = 1, topics: int = 1) -> tuple[int, int]:
    """Of one name server and one broker."""
    clients = min(clients, asks.most_clients or clients)
    return asks.name_server + asks.name_server_each_topic * (topics - 1), (
        asks.broker + asks.broker_each_topic * (topics - 1) + asks.each_client * (clients - 1)
    )
