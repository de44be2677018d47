"""Our Python clients with Apache's brokers and Apache's Java client: each reads what the other sent."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import pytest
from tests.interop.apache import Driver, wait_until
from tests.interop.test_timer_switches import changed
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client import (
    ClientOptions,
    ConsumeContext,
    ConsumeResult,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PullConsumer,
    PushConsumer,
    SendSettings,
    SendStatus,
    TransactionProducer,
    TransactionState,
    reply_to,
)
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.remoting.codes import ResponseCode

Name = Callable[[str], str]


@pytest.fixture(params=[*VERSIONS, "ours"])
def cluster(request: pytest.FixtureRequest) -> Any:
    """Apache's pair, each version in turn, then ours."""
    if request.param == "ours":
        return request.getfixturevalue("pair")
    return request.getfixturevalue("apache_pairs")(request.param)


@pytest.fixture
def java(cluster: Any, drivers: Callable[[str], Driver]) -> Driver:
    """Apache's client of the pair's version, for ours the newest."""
    return drivers(cluster.version if cluster.version in VERSIONS else VERSIONS[0])


class Got:
    """A listener that keeps what it gets; the first `reject` messages are wanted again."""

    def __init__(self, reject: int = 0) -> None:
        self.messages: list[MessageExt] = []
        self.reject = reject

    async def __call__(self, messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
        self.messages += messages
        context.delay_level = 1
        if self.reject > 0:
            self.reject -= 1
            return ConsumeResult.RECONSUME_LATER
        return ConsumeResult.SUCCESS

    def bodies(self) -> Counter[bytes]:
        return Counter(m.body for m in self.messages)


async def until(true: Callable[[], Any], seconds: float = 40.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def options(pair: Any, instance: str = "python") -> ClientOptions:
    return ClientOptions(
        name_servers=[pair.namesrv_address],
        instance_name=instance,
        rebalance_interval_ms=1500,
        poll_name_server_interval_ms=1000,
    )


def make_topic(java: Driver, pair: Any, topic: str, queues: int) -> None:
    printed = java.mqadmin(
        "updateTopic", "-n", pair.namesrv_address, "-c", pair.cluster, "-t", topic, "-r", str(queues), "-w", str(queues)
    )
    assert "success" in printed, printed


def first(**settings: Any) -> ConsumeSettings:
    return ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, **settings)


def test_java_reads_what_python_sends(cluster: Any, java: Driver, name: Name) -> None:
    topic = name("FromPython")
    make_topic(java, cluster, topic, 4)
    plain = b"0123456789abcdef" * 1024

    async def send() -> list[Any]:
        async with Producer(name("python"), options(cluster)) as producer:
            results = [
                await producer.send(
                    Message(topic, "订单 1".encode(), tags="TagA", keys="k1 k2", flag=7, properties={"region": "华东"})
                ),
                await producer.send(Message(topic, plain, tags="TagB")),
                await producer.send_batch([Message(topic, b"batch %d" % i, keys=f"b{i}") for i in range(10)]),
                await producer.send(Message(topic, b"late", delay_time_level=1)),
            ]
            await producer.send_oneway(Message(topic, b"oneway"))
            return results

    results = asyncio.run(send())
    assert {r.status for r in results} == {SendStatus.SEND_OK}
    consumer = name("java")
    java.ask("subscribe", name=consumer, namesrv=cluster.namesrv_address, group=name("G"), topic=topic)
    messages = java.ask("received", name=consumer, count=14, timeoutMs=40_000)
    java.ask("consumer.close", name=consumer)
    by_body = {m.get("body") if m["bodyLength"] < 1000 else "big": m for m in messages}
    assert len(by_body) == 14
    one = by_body["订单 1"]
    assert (one["flag"], one["msgId"], one["offsetMsgId"]) == (7, results[0].msg_id, results[0].offset_msg_id)
    assert {k: one["properties"][k] for k in ("TAGS", "KEYS", "region")} == {
        "TAGS": "TagA",
        "KEYS": "k1 k2",
        "region": "华东",
    }
    assert by_body["big"]["bodySha256"] == hashlib.sha256(plain).hexdigest()
    assert by_body["big"]["storeSize"] < 1000
    assert [by_body[f"batch {i}"]["msgId"] for i in range(10)] == results[2].msg_id.split(",")


def test_python_reads_what_java_sends(cluster: Any, java: Driver, name: Name) -> None:
    topic, group = name("FromJava"), name("G")
    make_topic(java, cluster, topic, 2)
    big = "0123456789" * 2000
    sent = java.ask(
        "send",
        namesrv=cluster.namesrv_address,
        group=name("java"),
        messages=[
            {"topic": topic, "body": "订单", "tags": "TagA", "keys": "k1", "queue": 0},
            {"topic": topic, "body": big, "tags": "TagB", "queue": 1},
            {"topic": topic, "body": "unwanted", "tags": "TagC", "queue": 0},
        ],
    )

    async def consume() -> list[MessageExt]:
        got = Got()
        consumer = PushConsumer(group, got, options(cluster), settings=first())
        consumer.subscribe(topic, "TagA || TagB")
        async with consumer:
            await until(lambda: len(got.messages) == 2)
        async with PullConsumer(name("pull"), options(cluster)) as pull:
            for queue in await pull.queues(topic):
                result = await pull.pull(queue, 0, expression="TagC")
                got.messages += result.messages
        return got.messages

    messages = {m.tags: m for m in asyncio.run(consume())}
    assert set(messages) == {"TagA", "TagB", "TagC"}
    assert messages["TagA"].body.decode() == "订单" and messages["TagA"].keys == ["k1"]
    assert messages["TagB"].body.decode() == big and messages["TagB"].store_size < 10_000
    assert messages["TagA"].msg_id == sent[0]["msgId"] and messages["TagA"].offset_msg_id == sent[0]["offsetMsgId"]


@pytest.mark.parametrize("kind", ["ZLIB", "LZ4", "ZSTD"])
def test_python_unpacks_what_java_packed(
    apache_pairs: Callable[[str], Any], drivers: Callable[[str], Driver], name: Name, kind: str
) -> None:
    pair, java, topic = apache_pairs("5.3.3"), drivers("5.3.3"), name("Packed")
    make_topic(java, pair, topic, 1)
    messages = [{"topic": topic, "bodySize": 20_000 + i, "seed": i} for i in range(5)]
    java.ask(
        "send",
        namesrv=pair.namesrv_address,
        group=name("packing"),
        messages=messages,
        compressOver=4096,
        compressType=kind,
    )
    java_says = java.ask("pull", namesrv=pair.namesrv_address, topic=topic)

    async def pull() -> list[MessageExt]:
        async with PullConsumer(name("pull"), options(pair)) as consumer:
            (queue,) = await consumer.queues(topic)
            return list((await consumer.pull(queue, 0)).messages)

    found = asyncio.run(pull())
    assert [hashlib.sha256(m.body).hexdigest() for m in found] == [m["bodySha256"] for m in java_says]
    assert all(m.store_size < 20_000 == len(m.body) - i for i, m in enumerate(found))


def test_python_and_java_share_a_group(cluster: Any, java: Driver, name: Name) -> None:
    topic, group, consumer = name("Shared"), name("G"), name("java")
    make_topic(java, cluster, topic, 6)
    java.ask("subscribe", name=consumer, namesrv=cluster.namesrv_address, group=group, topic=topic)
    java.ask("assigned", name=consumer, topic=topic, count=6, timeoutMs=30_000)

    async def share() -> tuple[set[int], Got]:
        got = Got()
        mine = PushConsumer(group, got, options(cluster), settings=first())
        mine.subscribe(topic)
        async with mine:
            held = lambda: {q.queue_id for q in mine.rebalancer.held if q.topic == topic}  # noqa: E731
            await until(lambda: len(held()) == 3)
            theirs = await asyncio.to_thread(
                java.ask, "assigned", name=consumer, topic=topic, count=3, timeoutMs=30_000
            )
            queues = held()
            assert queues | set(theirs) == set(range(6)) and not queues & set(theirs)
            async with Producer(name("python"), options(cluster, "sender")) as producer:
                for queue in await producer.queues(topic):
                    for i in range(5):
                        await producer.send(Message(topic, b"%d" % i), queue=queue)
            await until(lambda: len(got.messages) == 15)
            await asyncio.to_thread(java.ask, "received", name=consumer, count=15, timeoutMs=30_000)
        theirs = await asyncio.to_thread(java.ask, "assigned", name=consumer, topic=topic, count=6, timeoutMs=30_000)
        assert theirs == list(range(6))
        return queues, got

    queues, got = asyncio.run(share())
    received = java.ask("received", name=consumer, count=15, timeoutMs=1_000)
    java.ask("consumer.close", name=consumer)
    assert len(got.messages) == 15 and {m.queue_id for m in got.messages} == queues
    assert len(received) == 15 and not {m["queueId"] for m in received} & queues


def test_order_retry_and_offsets(cluster: Any, java: Driver, name: Name) -> None:
    topic = name("Ordered")
    make_topic(java, cluster, topic, 3)
    settings = first(orderly=True, suspend_queue_ms=100)
    group, retried = name("G"), name("R")

    async def consume() -> None:
        async with AsyncExitStack() as stack:
            producer = await stack.enter_async_context(Producer(name("python"), options(cluster)))
            queues = await producer.queues(topic)
            for i in range(30):
                await producer.send(Message(topic, b"%d" % i), queue=queues[i % 3])
            ordered, concurrent = Got(reject=1), Got(reject=1)
            for number, (who, listener, how) in enumerate([(group, ordered, settings), (retried, concurrent, first())]):
                consumer = PushConsumer(who, listener, options(cluster, f"c{number}"), settings=how)
                consumer.subscribe(topic)
                await stack.enter_async_context(consumer)
            await until(lambda: len(ordered.messages) == 31)
            by_queue = defaultdict(list)
            for message in ordered.messages:
                numbers = by_queue[message.queue_id]
                if not numbers or numbers[-1] != int(message.body):
                    numbers.append(int(message.body))
            assert dict(by_queue) == {q: list(range(q, 30, 3)) for q in range(3)}
            await until(lambda: len(concurrent.messages) == 31)
            again = concurrent.messages[-1]
            assert again.reconsume_times == 1 and again.topic == topic

    asyncio.run(consume())
    for who in (group, retried):

        def caught_up(who: str = who) -> bool:
            printed = java.mqadmin("consumerProgress", "-n", cluster.namesrv_address, "-g", who)
            return "Consume Diff Total: 0" in printed or "Diff Total: 0" in printed

        wait_until(caught_up, f"{who} has consumed everything by the broker's account")


def test_javas_mqadmin_asks_python_consumers(cluster: Any, java: Driver, name: Name) -> None:
    topic, group = name("Asked"), name("G")
    make_topic(java, cluster, topic, 1)

    async def main() -> None:
        got = Got()
        consumer = PushConsumer(group, got, options(cluster), settings=first())
        consumer.subscribe(topic)

        async def admin(*args: str) -> str:
            return await asyncio.to_thread(java.mqadmin, *args, "-n", cluster.namesrv_address)

        async with consumer, Producer(name("python"), options(cluster, "sender")) as producer:
            result = await producer.send(Message(topic, b"one"))
            await producer.send(Message(topic, b"two"))
            await until(lambda: len(got.messages) == 2)
            printed = await admin("consumerConnection", "-g", group)
            assert consumer.instance.client_id in printed and "PYTHON" in printed, printed
            printed = await admin("consumerStatus", "-g", group, "-i", consumer.instance.client_id)
            assert topic in printed and "PROP_CONSUMEORDERLY" in printed, printed
            client = consumer.instance.client_id
            about = () if java.version.startswith("4.") else ("-t", topic)  # 4.9.7 has no such option
            printed = await admin("queryMsgById", "-i", result.offset_msg_id, "-g", group, "-d", client, *about)
            assert "CR_SUCCESS" in printed, printed
            assert got.messages[-1].body == b"one" and len(got.messages) == 3
            # A broker resets nothing for a group that it has no offset of: a consumer says it every 5 s only.
            await consumer.persist_offsets()

            def caught_up() -> bool:
                return "Diff Total: 0" in java.mqadmin("consumerProgress", "-n", cluster.namesrv_address, "-g", group)

            await asyncio.to_thread(wait_until, caught_up, "the broker knows what is consumed")
            printed = await admin("resetOffsetByTime", "-g", group, "-t", topic, "-s", "0")
            assert "not exist" not in printed, printed
            await until(lambda: len(got.messages) == 5)
            assert [m.body for m in got.messages[3:]] == [b"one", b"two"]

    asyncio.run(main())


def test_transactions_requests_and_lite_pull_with_apache(cluster: Any, java: Driver, name: Name) -> None:
    """The broker learns how transactions ended, asks about open ones, passes replies on; Apache's mqadmin reads traces."""
    pair = cluster
    topic, traces = name("PythonMore"), name("PythonTraces")
    make_topic(java, pair, topic, 2)
    make_topic(java, pair, traces, 1)

    class Accounts:
        asked: list[str]

        def __init__(self) -> None:
            self.asked = []

        async def execute(self, message: Message, transaction_id: str, arg: TransactionState) -> TransactionState:
            return arg

        async def check(self, message: MessageExt) -> TransactionState:
            self.asked.append(message.msg_id)
            return TransactionState.COMMIT if message.body == b"open" else TransactionState.ROLLBACK

    async def main() -> str:
        accounts = Accounts()
        async with AsyncExitStack() as stack:
            producer = await stack.enter_async_context(
                TransactionProducer(
                    name("transactions"),
                    accounts,
                    options(pair, "asker"),
                    settings=SendSettings(trace=True, trace_topic=traces),
                )
            )
            states = {
                b"committed": TransactionState.COMMIT,
                b"rolled back": TransactionState.ROLLBACK,
                b"open": TransactionState.UNKNOWN,
                b"open, then rolled back": TransactionState.UNKNOWN,
            }
            sent = {body: await producer.send_in_transaction(Message(topic, body), s) for body, s in states.items()}
            lite = await stack.enter_async_context(
                LitePullConsumer(name("lite"), options(pair, "lite"), settings=first(trace=True, trace_topic=traces))
            )
            lite.subscribe(topic)
            got: list[MessageExt] = []
            async with asyncio.timeout(60):
                while len(got) < 2 or len(accounts.asked) < 2:
                    got += await lite.poll(500)
            assert Counter(m.body for m in got) == Counter([b"committed", b"open"])
            assert {m.msg_id for m in got} == {sent[b"committed"].msg_id, sent[b"open"].msg_id}
            assert set(accounts.asked) == {sent[b"open"].msg_id, sent[b"open, then rolled back"].msg_id}
            await lite.commit()

            async def answer(messages: list[MessageExt], context: ConsumeContext) -> None:
                for message in messages:
                    await producer.send(reply_to(message, message.body[::-1]))

            answering = PushConsumer(name("answering"), answer, options(pair, "answering"), settings=first())
            answering.subscribe(topic, "ask")
            await stack.enter_async_context(answering)
            reply = await producer.request(Message(topic, b"abc", tags="ask"), timeout_ms=20_000)
            assert (reply.body, reply.topic) == (b"cba", f"{pair.cluster}_REPLY_TOPIC")
            return sent[b"committed"].msg_id

    line = ("queryMsgTraceById", "-n", pair.namesrv_address, "-i", asyncio.run(main()), "-t", traces)
    printed: list[str] = []

    def is_traced() -> bool:
        printed[:] = java.mqadmin(*line).splitlines()
        return {text.split()[0] for text in printed if text} >= {"Pub", "Sub"}

    wait_until(is_traced, "Apache's mqadmin prints the traces")
    assert [text.split()[-1] for text in printed if text.startswith(("Pub", "Sub"))] == ["success", "success"], printed


def test_timers_and_recalls(cluster: Any, java: Driver, name: Name) -> None:
    """Brokers of 4.9 deliver at once, and know no recall."""
    topic, old = name("Timed"), cluster.version == "4.9.7"
    make_topic(java, cluster, topic, 1)

    async def main() -> int:
        async with Producer(name("python"), options(cluster)) as producer:
            due = int(time.time() * 1000) + 4_000
            kept = await producer.send(Message(topic, b"kept", deliver_time_ms=due))
            gone = await producer.send(Message(topic, b"gone", deliver_time_ms=due))
            for body in (b"delayed", b"last"):
                await producer.send(Message(topic, body, delay_time_ms=4_000 + 2_000 * (body == b"last")))
            if old:
                assert not kept.recall_handle
                handle = RecallHandle.of(topic, cluster.broker_name, due, gone.msg_id).encode()
                with pytest.raises(BrokerError) as told:
                    await producer.recall(topic, handle)
                assert told.value.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED
            else:
                assert gone.recall_handle
                assert await producer.recall(topic, gone.recall_handle) == gone.msg_id
            return due

    def stored() -> dict[str, int]:
        found = java.ask("pull", namesrv=cluster.namesrv_address, topic=topic)
        times = {each["body"]: each["storeTimestamp"] for each in found}
        assert len(times) == len(found)
        return times

    with nullcontext() if old else changed(cluster, recallMessageEnable="true"):
        due = asyncio.run(main())
    times = wait_until(lambda: "last" in (found := stored()) and found, "the last one is delivered", 60)
    assert set(times) == {"kept", "delayed", "last"} | ({"gone"} if old else set())
    assert (min(times.values()) < due) if old else (min(times.values()) >= due)
