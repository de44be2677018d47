"""Message traces of our clients, read back as `queryMsgTraceById` reads them."""

import asyncio

from client_cluster import cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ConsumeResult,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PushConsumer,
    SendSettings,
    TransactionProducer,
    TransactionState,
)
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.trace import traces as traces_of
from rocketmq_ops.common.message import Message
from rocketmq_ops.common.topics import TRACE_TOPIC

TRACED = SendSettings(trace=True)


def consuming(**settings):
    return ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, trace=True, **settings)


async def traced(c, msg_id):
    async with MQAdmin(list(c.options.name_servers)) as admin:
        return await traces_of(admin, msg_id)


def test_what_is_sent_and_consumed_is_traced(tmp_path):
    async def main():
        async with cluster(tmp_path, Traced=2, **{TRACE_TOPIC: 1}) as c:
            async with Producer("sender", c.options, settings=TRACED) as producer:
                one = await producer.send(Message("Traced", b"abc", tags="A", keys="k1 k2"))
                late = await producer.send(Message("Traced", b"late", delay_time_level=1))
                batch = await producer.send_batch([Message("Traced", b"b%d" % i, keys=f"b{i}") for i in range(30)])
            answers = [ValueError("no"), ConsumeResult.RECONSUME_LATER]

            async def listener(messages, context):
                context.delay_level = 1
                answer = answers.pop(0) if answers and messages[0].body == b"abc" else None
                if isinstance(answer, Exception):
                    raise answer
                return answer

            consumer = PushConsumer("taker", listener, c.options, settings=consuming())
            consumer.subscribe("Traced")
            async with consumer:
                await until(lambda: not answers)
            async with LitePullConsumer("lite", c.options, settings=consuming()) as lite:
                lite.subscribe("Traced")
                got = []
                while len(got) < 31:
                    got += await lite.poll(500)
            found = await traced(c, one.msg_id)
            (sent,) = found.sent
            assert (sent.kind, sent.group, sent.topic, sent.tags, sent.keys) == (
                "Pub",
                "sender",
                "Traced",
                "A",
                "k1 k2",
            )
            assert (sent.success, sent.message_type, sent.body_length) == (True, "Normal", 3)
            assert (sent.offset_msg_id, sent.store_host) == (one.offset_msg_id, c.broker.address)
            takes = sorted((t.group, t.result, t.success, t.retry_times) for t in found.consumed)
            assert takes[:2] == [("lite", "SUCCESS", True, 0), ("taker", "EXCEPTION", False, 0)]
            assert all(t.end_timestamp >= t.begin_timestamp > 0 for t in found.consumed)
            (sent,) = (await traced(c, late.msg_id)).sent
            assert sent.message_type == "Delay"
            ids, offset_ids = batch.msg_id.split(","), batch.offset_msg_id.split(",")
            (sent,) = (await traced(c, ids[29])).sent
            assert (sent.keys, sent.offset_msg_id) == ("b29", offset_ids[29])

    asyncio.run(main())


def test_how_transactions_ended_is_traced(tmp_path):
    class Listener:
        async def execute(self, message, transaction_id, arg):
            return arg

        async def check(self, message):
            return TransactionState.ROLLBACK

    async def main():
        async with cluster(tmp_path, Pay=1, **{TRACE_TOPIC: 1}) as c:
            async with TransactionProducer("p", Listener(), c.options, settings=TRACED) as producer:
                told = await producer.send_in_transaction(Message("Pay", b"1", keys="k"), TransactionState.COMMIT)
                asked = await producer.send_in_transaction(Message("Pay", b"2"), TransactionState.UNKNOWN)
                clock = c.broker.clock
                c.broker.clock = lambda: clock() + 10_000
                c.broker.transactions.check()
                await until(lambda: [len(of.offsets) for of in c.broker.transactions._settled.values()] == [1])
                c.broker.clock = clock
            sends = {s.kind: s for s in (await traced(c, told.msg_id)).sent}
            assert sends["Pub"].message_type == "Trans"
            end = sends["EndTransaction"]
            assert (end.transaction_state, end.keys, end.from_transaction_check) == ("COMMIT_MESSAGE", "k", False)
            assert end.transaction_id == told.transaction_id
            ends = [s for s in (await traced(c, asked.msg_id)).sent if s.kind == "EndTransaction"]
            assert sorted((s.transaction_state, s.from_transaction_check) for s in ends) == [
                ("ROLLBACK_MESSAGE", True),
                ("UNKNOW", False),
            ]

    asyncio.run(main())


def test_traces_that_cannot_be_sent_are_lost_and_said(tmp_path, caplog):
    async def main():
        async with cluster(tmp_path, Traced=1) as c:
            settings = SendSettings(trace=True, trace_topic="NoSuchTopic")
            c.broker.config.autoCreateTopicEnable = False
            async with Producer("sender", c.options, settings=settings) as producer:
                await producer.send(Message("Traced", b"abc"))
        assert "1 traces of 'sender' could not be sent and are lost" in caplog.text

    asyncio.run(main())
