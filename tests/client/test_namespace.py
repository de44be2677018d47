"""Namespaces: what is on the wire, and what applications see."""

import asyncio

import pytest
from client_cluster import cluster, until
from msgspec.structs import replace

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientOptions,
    ConsumeResult,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PullConsumer,
    PushConsumer,
    SendSettings,
    TransactionProducer,
    TransactionState,
    reply_to,
)
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.trace import traces as traces_of
from rocketmq_ops.common.message import Message
from rocketmq_ops.common.topics import TRACE_TOPIC, with_namespace, without_namespace

FIRST = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Orders", "shop%Orders"),
        ("shop%Orders", "shop%Orders"),
        ("%RETRY%billing", "%RETRY%shop%billing"),
        ("%DLQ%billing", "%DLQ%shop%billing"),
        ("%DLQ%shop%billing", "%DLQ%shop%billing"),
        ("TBW102", "TBW102"),
        ("rmq_sys_x", "rmq_sys_x"),
        ("CID_RMQ_SYS_x", "CID_RMQ_SYS_x"),
        ("RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRACE_TOPIC"),
        ("DEFAULT_PRODUCER", "shop%DEFAULT_PRODUCER"),
        ("", ""),
    ],
)
def test_names(name, wire):
    assert with_namespace(name, "shop") == wire
    assert without_namespace(wire, "shop") == name.replace("shop%", "")
    assert with_namespace(name, "") == name
    assert without_namespace("other%Orders", "shop") == "other%Orders"


def test_an_instance_endpoint_names_its_namespace():
    options = ClientOptions(name_servers="http://MQ_INST_123_abc.mq.example:8080")
    assert options.namespace_in_use() == "MQ_INST_123_abc"
    assert options.name_server_list() == ["MQ_INST_123_abc.mq.example:8080"]
    assert replace(options, namespace="").namespace_in_use() == ""
    assert ClientOptions(name_servers="mq.example:9876").namespace_in_use() == ""


def test_push_pull_and_lite_pull_in_a_namespace(tmp_path):
    async def main():
        async with cluster(tmp_path, **{"shop%Orders": 2, "Orders": 1}) as c:
            inside = replace(c.options, namespace="shop")
            async with Producer("p", inside) as producer:
                assert {q.topic for q in await producer.queues("Orders")} == {"Orders"}
                result = await producer.send(Message("Orders", b"1"))
                await producer.send_batch([Message("Orders", b"2"), Message("Orders", b"3")], queue=result.queue)
                picked = await producer.send_selected(Message("Orders", b"4"), lambda queues, m, a: queues[a], 1)
                assert {result.queue.topic, picked.queue.topic} == {"Orders"} and picked.queue.queue_id == 1
                await producer.send_oneway(Message("Orders", b"5"), queue=picked.queue)
                assert producer.group == "shop%p"
            seen, answers = [], [ConsumeResult.RECONSUME_LATER]

            async def listener(messages, context):
                context.delay_level = 1
                seen.append((messages[0].topic, context.queue.topic, messages[0].body, messages[0].reconsume_times))
                return answers.pop() if answers else None

            consumer = PushConsumer("g", listener, inside, settings=FIRST)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: len(seen) == 6)
                assert consumer.group == "shop%g"
            assert {topic for topic, *_ in seen} == {"Orders"}
            (again,) = [s for s in seen if s[3]]
            assert again[1] == "%RETRY%g"
            assert c.broker.offsets.query("shop%g", "%RETRY%shop%g", 0) == 1
            async with PullConsumer("pull", inside) as pull:
                first = max(await pull.queues("Orders"))
                assert first.topic == "Orders"
                found = (await pull.pull(first, await pull.min_offset(first))).messages
                assert {m.topic for m in found} == {"Orders"} and {m.properties["INSTANCE_ID"] for m in found} == {
                    "shop"
                }
                pull.update_offset(first, 1)
                assert await pull.fetch_offset(first) == 1
            assert c.broker.offsets.query("shop%pull", "shop%Orders", first.queue_id) == 1
            async with LitePullConsumer("lite", inside, settings=FIRST) as lite:
                queues = await lite.queues("Orders")
                lite.assign(queues)
                await until(lambda: lite.assignment() == set(queues))
                lite.pause(queues)
                assert lite.paused(lite.namespace.wrap_queue(queues[0]))
                lite.resume(queues)
                await lite.seek_to_begin(queues[1])
                got = []
                while len(got) < 5:
                    got += await lite.poll()
                assert {m.topic for m in got} == {"Orders"}
                await lite.commit({queues[1]: 1})
                assert await lite.committed(queues[1]) == 1
            assert c.broker.store.max_offset("Orders", 0) == 0

    asyncio.run(main())


def test_transactions_replies_and_traces_in_a_namespace(tmp_path):
    class Listener:
        checked: list[str]

        async def execute(self, message, transaction_id, arg):
            assert message.topic == "Pay"
            return arg

        async def check(self, message):
            self.checked.append(message.topic)
            return TransactionState.COMMIT

    async def main():
        async with cluster(tmp_path, **{"shop%Pay": 1, TRACE_TOPIC: 1}) as c:
            inside = replace(c.options, namespace="shop")
            listener = Listener()
            listener.checked = []
            settings = SendSettings(trace=True)
            async with TransactionProducer("p", listener, inside, settings=settings) as producer:
                sent = await producer.send_in_transaction(Message("Pay", b"1"), TransactionState.COMMIT)
                await producer.send_in_transaction(Message("Pay", b"2"), TransactionState.UNKNOWN)
                await until(lambda: c.broker.store.max_offset("shop%Pay", 0) == 1)
                clock = c.broker.clock
                c.broker.clock = lambda: clock() + 10_000
                c.broker.transactions.check()
                await until(lambda: c.broker.store.max_offset("shop%Pay", 0) == 2)
                c.broker.clock = clock
                assert listener.checked == ["Pay"]

                async def answer(messages, context):
                    for message in messages:
                        if message.tags == "ask":
                            await producer.send(reply_to(message, message.body[::-1]))

                answering = PushConsumer("answering", answer, replace(inside, instance_name="other"), settings=FIRST)
                answering.subscribe("Pay")
                async with answering:
                    reply = await producer.request(Message("Pay", b"abc", tags="ask"), timeout_ms=20_000)
                    assert reply.body == b"cba"
            async with MQAdmin(list(c.options.name_servers)) as admin:
                kinds = {(s.kind, s.group, s.topic) for s in (await traces_of(admin, sent.msg_id)).sent}
            assert kinds == {("Pub", "p", "Pay"), ("EndTransaction", "p", "Pay")}

    asyncio.run(main())


def test_the_namespace_of_5_x_clients_is_a_field_of_each_request(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=1) as c:
            seen = []
            options = replace(c.options, namespace_v2="blue", sign=lambda request: seen.append(request.ext_fields))
            async with Producer("p", options) as producer:
                result = await producer.send(Message("Orders", b"1"))
            assert result.queue.topic == "Orders" and c.broker.store.max_offset("Orders", 0) == 1
            assert seen and all((f["nsd"], f["ns"]) == ("true", "blue") for f in seen)

    asyncio.run(main())
