"""The producer against a broker of this repository."""

import asyncio
import os

import pytest
from client_cluster import cluster

from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.errors import BrokerError, ClientError, NoRouteError
from rocketmq_ops.client.producer.producer import Producer, select_by_hash
from rocketmq_ops.client.producer.send_request import SendSettings
from rocketmq_ops.common.java_hash import object_hash
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, COMPRESSION_ZLIB_TYPE
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC


async def everything(options, topic):
    """All messages of a topic by pulling, oldest first in each queue."""
    messages = []
    async with PullConsumer("check", options) as consumer:
        for queue in await consumer.queues(topic):
            offset, end = await consumer.min_offset(queue), await consumer.max_offset(queue)
            while offset < end:
                result = await consumer.pull(queue, offset)
                messages += result.messages
                offset = result.next_begin_offset
    return messages


def test_send_and_pull_back(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c, Producer("producers", c.options) as producer:
            message = Message("Orders", "hello 订单".encode(), tags="TagA", keys="k1 k2", properties={"region": "华东"})
            results = [await producer.send(message) for _ in range(8)]
            assert {r.status for r in results} == {SendStatus.SEND_OK}
            assert {r.queue.queue_id for r in results} == {0, 1, 2, 3}
            assert [r.queue_offset for r in sorted(results, key=lambda r: r.queue_offset)] == [0] * 4 + [1] * 4
            got = await everything(c.options, "Orders")
            assert {m.msg_id for m in got} == {r.msg_id for r in results} and len(got) == 8
            assert {m.offset_msg_id for m in got} == {r.offset_msg_id for r in results}
            one = got[0]
            assert (one.body, one.tags, one.keys) == (message.body, "TagA", ["k1", "k2"])
            assert one.properties["region"] == "华东" and one.born_host[0] == "127.0.0.1"

    asyncio.run(main())


def test_large_bodies_are_compressed(tmp_path):
    async def main():
        async with cluster(tmp_path, Big=1) as c, Producer("producers", c.options) as producer:
            plain = b"0123456789" * 1000
            await producer.send(Message("Big", plain))
            await producer.send(Message("Big", b"small"))
            large, small = await everything(c.options, "Big")
            assert large.body == plain and small.body == b"small"
            assert large.sys_flag & COMPRESSION_ZLIB_TYPE == COMPRESSION_ZLIB_TYPE
            assert not large.sys_flag & COMPRESSED_FLAG
            stored = c.broker.store.message_at(large.commit_log_offset)
            assert len(stored) < 1000

    asyncio.run(main())


def test_batches_and_selected_queues(tmp_path):
    async def main():
        async with cluster(tmp_path, Batch=4) as c, Producer("producers", c.options) as producer:
            result = await producer.send_batch([Message("Batch", b"%d" % i, tags=f"T{i}") for i in range(20)])
            assert len(result.msg_id.split(",")) == 20 == len(result.offset_msg_id.split(","))
            got = await everything(c.options, "Batch")
            assert [m.body for m in got] == [b"%d" % i for i in range(20)]
            assert [m.msg_id for m in got] == result.msg_id.split(",")
            assert {m.queue_id for m in got} == {result.queue.queue_id}
            picked = [await producer.send_selected(Message("Batch", b"x"), select_by_hash, "key") for _ in range(3)]
            assert len({r.queue for r in picked}) == 1
            with pytest.raises(ClientError, match="picked"):
                await producer.send_selected(Message("Batch", b"x"), lambda queues, m, a: None, None)
            with pytest.raises(ClientError, match="delayed"):
                await producer.send_batch([Message("Batch", b"x", delay_time_level=1)])

    asyncio.run(main())


def test_a_key_has_the_queue_that_java_gives_it():
    queues = [MessageQueue("T", "b", i) for i in range(7)]
    keys = {
        # arg.hashCode() of a String, Integer, Long, Boolean, by java.lang
        "order-1": -1207111310,
        "": 0,
        5: 5,
        -1: -1,
        -(1 << 31): -(1 << 31),
        (1 << 31) - 1: (1 << 31) - 1,
        1 << 31: -(1 << 31),
        (1 << 32) + 5: 4,
        -(1 << 31) - 1: -(1 << 31),
        (1 << 63) - 1: -(1 << 31),
        -(1 << 63): -(1 << 31),
        123456789012345: -2045923535,
        -123456789012345: -2045923536,
        1 << 63: -1773151197,  # of the String
        True: 1231,
        False: 1237,
    }
    for key, code in keys.items():
        assert (key, object_hash(key)) == (key, code)
        assert select_by_hash(queues, Message("T", b""), key) == queues[abs(code) % 7]


def test_async_sends_and_oneway(tmp_path):
    async def main():
        settings = SendSettings(max_in_flight=16)
        async with cluster(tmp_path, Async=2) as c, Producer("producers", c.options, settings=settings) as producer:
            done = []
            for i in range(200):
                await producer.send_async(Message("Async", b"%d" % i), lambda result, error: done.append(result))
            await producer.send_oneway(Message("Async", b"oneway"))
            await producer.send(Message("Async", b"last"))
            await producer.stop()
            assert len(done) == 200 and all(r.status == SendStatus.SEND_OK for r in done)
            bodies = {m.body for m in await everything(c.options, "Async")}
            assert bodies == {b"%d" % i for i in range(200)} | {b"oneway", b"last"}

    asyncio.run(main())


def test_topics_are_created_by_the_first_message(tmp_path):
    async def main():
        async with cluster(tmp_path) as c, Producer("producers", c.options) as producer:
            assert (await producer.send(Message("Fresh", b"x"))).status == SendStatus.SEND_OK
            assert "Fresh" in c.broker.topics.table

    asyncio.run(main())


def test_what_cannot_be_sent_is_refused(tmp_path):
    async def main():
        async with cluster(tmp_path) as c, Producer("producers", c.options) as producer:
            for message, named in (
                (Message("", b"x"), "topic"),
                (Message("bad topic", b"x"), "topic"),
                (Message("SCHEDULE_TOPIC_XXXX", b"x"), "topic"),
                (Message("T", b""), "empty"),
                (Message("T", os.urandom(5 << 20)), "limit"),
                (Message("T", b"x", properties={"a": "b\x01c"}), "separator"),
                (Message("T", b"x", properties={"a": "x" * 40_000}), "properties"),
            ):
                with pytest.raises(ClientError, match=named) as caught:
                    await producer.send(message)
                assert caught.value.next_step
        with pytest.raises(ClientError, match="not started"):
            await producer.send(Message("T", b"x"))
        with pytest.raises(ClientError, match="name server"):
            await Producer("producers", type(c.options)(name_servers=[])).start()

    asyncio.run(main())


def test_no_broker_creates_the_topic(tmp_path):
    async def main():
        async with cluster(tmp_path) as c, Producer("producers", c.options) as producer:
            del c.broker.topics.table["TBW102"]
            await c.broker.outer.unregister_all()
            with pytest.raises(NoRouteError, match="Nowhere"):
                await producer.send(Message("Nowhere", b"x"))

    asyncio.run(main())


def test_timers_and_their_recall(tmp_path):
    async def main():
        async with cluster(tmp_path, Later=1) as c, Producer("producers", c.options) as producer:
            store = c.broker.store
            results = [
                await producer.send(Message("Later", b"delay", delay_time_ms=600_000)),
                await producer.send(Message("Later", b"deliver", deliver_time_ms=c.broker.clock() + 600_000)),
                await producer.send(Message("Later", b"past", deliver_time_ms=1)),
                await producer.send(Message("Later", b"now")),
            ]
            assert [r.recall_handle is None for r in results] == [False, False, True, True]
            assert store.max_offset("Later", 0) == 2 and store.max_offset(TIMER_TOPIC, 0) == 2
            handle = results[0].recall_handle
            with pytest.raises(BrokerError, match="operation is forbidden") as refused:
                await producer.recall("Later", handle)
            assert refused.value.code == ResponseCode.NO_PERMISSION
            c.broker.config.recallMessageEnable = True
            assert await producer.recall("Later", handle) == results[0].msg_id
            with pytest.raises(BrokerError, match="not exist"):
                await producer.recall("Other", handle)
            with pytest.raises(ClientError, match="recall handle is invalid"):
                await producer.recall("Later", "no handle")
            with pytest.raises(ClientError, match="delayed"):
                await producer.send_batch([Message("Later", b"x", delay_time_ms=5)])
            timers = c.broker.timers
            timers.run(c.broker.clock())
            assert timers.files.waiting == 1
            timers.run(c.broker.clock() + 700_000)
            assert [m.body for m in await everything(c.options, "Later")] == [b"past", b"now", b"deliver"]

    asyncio.run(main())
