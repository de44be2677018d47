"""The lite pull consumer against a broker of this repository."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientInstance,
    ConsumeSettings,
    LitePullConsumer,
    MessageSelector,
    Producer,
)
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.bodies import ConsumerRunningInfo
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import GetConsumerRunningInfoRequestHeader


def first(**settings):
    return ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, pull_batch_size=10, **settings)


async def fill(c, count, queue=None, start=0, **fields):
    async with Producer("fill", c.options) as producer:
        for i in range(start, start + count):
            await producer.send(Message("Lite", b"%d" % i, **fields), queue=queue)


async def polled(consumer, count):
    got = []
    async with asyncio.timeout(20):
        while len(got) < count:
            got += await consumer.poll(500)
    return got


def saved(c, queues=4):
    return [c.broker.offsets.query("G", "Lite", i) for i in range(queues)]


def test_the_group_shares_what_it_polls_and_commits(tmp_path):
    async def main():
        async with cluster(tmp_path, Lite=4) as c:
            await fill(c, 40)
            options = {"settings": first(), "auto_commit": False}
            async with LitePullConsumer("G", c.options, **options) as one:
                one.subscribe("Lite")
                got = await polled(one, 40)
                assert {m.body for m in got} == {b"%d" % i for i in range(40)}
                await until(lambda: len(one.assignment()) == 4)
                assert await one.poll(0) == []
                await one.persist_offsets()
                assert max(saved(c)) <= 0
                await one.commit()
                await until(lambda: sum(saved(c)) == 40)
                async with LitePullConsumer("G", c.options, **options) as two:
                    two.subscribe("Lite")
                    await until(lambda: len(one.assignment()) == len(two.assignment()) == 2)
                    assert not one.assignment() & two.assignment()
                    await fill(c, 8, start=40)
                    both = [await polled(one, 4), await polled(two, 4)]
                    assert {m.body for part in both for m in part} == {b"%d" % i for i in range(40, 48)}
                await until(lambda: len(one.assignment()) == 4)
                # What the other one polled and did not commit comes again.
                assert {m.body for m in await polled(one, 4)} == {m.body for m in both[1]}

    asyncio.run(main())


def test_a_poll_commits_what_was_polled_before_it(tmp_path):
    async def main():
        async with cluster(tmp_path, Lite=1) as c:
            await fill(c, 15)
            async with LitePullConsumer("G", c.options, settings=first(), auto_commit_interval_ms=0) as consumer:
                consumer.subscribe("Lite")
                assert len(await polled(consumer, 10)) == 10
                assert not consumer.offsets.table.get(MessageQueue("Lite", "broker-a", 0))
                assert len(await consumer.poll()) == 5
                assert await consumer.committed(MessageQueue("Lite", "broker-a", 0)) == 10
            assert saved(c, 1) == [10]

    asyncio.run(main())


def test_assigned_queues_are_polled_from_where_one_seeks(tmp_path):
    async def main():
        async with cluster(tmp_path, Lite=4) as c:
            queue, other = MessageQueue("Lite", "broker-a", 1), MessageQueue("Lite", "broker-a", 2)
            await fill(c, 20, queue, tags="A")
            await fill(c, 5, other, start=100, tags="B")
            async with LitePullConsumer("G", c.options, settings=first(), auto_commit=False) as consumer:
                consumer.assign([queue, other], MessageSelector.by_tag("A"))
                assert [m.body for m in await polled(consumer, 20)] == [b"%d" % i for i in range(20)]
                assert consumer.assignment() == {queue, other}
                await consumer.seek(queue, 17)
                assert [m.body for m in await polled(consumer, 3)] == [b"17", b"18", b"19"]
                await consumer.seek_to_begin(queue)
                assert (await polled(consumer, 10))[0].body == b"0"
                await consumer.seek_to_end(queue)
                assert await consumer.poll(50) == []
                consumer.pause([queue])
                await fill(c, 3, queue, start=20, tags="A")
                # A pull that the broker held since before the pause brings what came first.
                early = await consumer.poll(100)
                assert len(early) <= 3
                consumer.resume([queue])
                rest = await polled(consumer, 3 - len(early)) if len(early) < 3 else []
                assert [m.body for m in early + rest] == [b"20", b"21", b"22"]
                await consumer.commit({queue: 5, MessageQueue("Lite", "broker-a", 0): 1})
                await until(lambda: saved(c)[1] == 5)
                assert saved(c)[0] <= 0

                with pytest.raises(ClientError, match="invalid offset 99: the queue has 0 to 23"):
                    await consumer.seek(queue, 99)
                with pytest.raises(ClientError, match="queue 'Lite broker-a 0' is not held by this consumer"):
                    await consumer.seek(MessageQueue("Lite", "broker-a", 0), 0)
                with pytest.raises(ClientError, match="queues are assigned already"):
                    consumer.subscribe("Lite")
                consumer.assign([other])
                await until(lambda: consumer.assignment() == {other})

                (channel,) = [ch for ch in c.broker.server.channels if ch.local.endswith(str(c.broker.server.port))]
                header = GetConsumerRunningInfoRequestHeader(
                    consumer_group="G", client_id=consumer.instance.client_id, jstack_enable=False
                )
                info = ConsumerRunningInfo.decode((await channel.invoke(RemotingCommand.request(307, header))).body)
                assert info.properties["PROP_CONSUME_TYPE"] == "CONSUME_ACTIVELY" and set(info.mq_table) == {other}

    asyncio.run(main())


def test_a_paused_queue_is_not_pulled(tmp_path):
    async def main():
        async with cluster(tmp_path, Lite=2) as c:
            queue, other = MessageQueue("Lite", "broker-a", 0), MessageQueue("Lite", "broker-a", 1)
            await fill(c, 3, queue)
            await fill(c, 3, other, start=10)
            async with LitePullConsumer("G", c.options, settings=first()) as consumer:
                consumer.pause([queue])
                consumer.assign([queue, other])
                assert [m.body for m in await polled(consumer, 3)] == [b"10", b"11", b"12"]
                assert await consumer.poll(100) == []
                consumer.resume()
                assert [m.body for m in await polled(consumer, 3)] == [b"0", b"1", b"2"]

    asyncio.run(main())


def test_wrong_uses_are_refused():
    consumer = LitePullConsumer("G")
    with pytest.raises(ClientError, match="consumer 'G' is not started"):
        asyncio.run(consumer.poll())
    consumer.subscribe("Lite")
    with pytest.raises(ClientError, match="topics are subscribed already"):
        consumer.assign([MessageQueue("Lite", "b", 0)])
    with pytest.raises(ClientError, match="a lite pull consumer locks no queues"):
        LitePullConsumer("G", settings=ConsumeSettings(orderly=True))


def test_each_client_gets_what_it_selected_of_the_queues_that_it_chose(tmp_path):
    """Clients of one group may choose queues with expressions of their own; what the group's subscription says at the
    broker is what came last."""

    async def main():
        async with cluster(tmp_path, Lite=2) as c, AsyncExitStack() as stack:
            c.broker.config.enablePropertyFilter = True
            queues = [MessageQueue("Lite", "broker-a", i) for i in range(2)]
            consumers = []
            for queue, expression in zip(queues, ("A", MessageSelector.by_sql("TAGS = 'B'")), strict=True):
                c.options.instance_name = f"client {queue.queue_id}"
                consumer = LitePullConsumer("G", instance=ClientInstance(c.options), settings=first(pull_suspend_ms=50))
                consumer.assign([queue], expression)
                consumers.append(await stack.enter_async_context(consumer))
            await until(lambda: all(consumer.assignment() for consumer in consumers))
            for queue in queues:
                for tag in ("A", "B"):
                    await fill(c, 2, queue, tags=tag)
            for consumer, tag in zip(consumers, ("A", "B"), strict=True):
                assert [message.tags for message in await polled(consumer, 2)] == [tag, tag]
                assert await consumer.poll(200) == []

    asyncio.run(main())
