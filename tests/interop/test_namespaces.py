"""Java's client with a namespace beside ours with the same: topics, groups, retries and dead letters are shared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.interop.apache import Driver, DriverError, wait_until
from tests.interop.test_python_clients import Got, first, make_topic, options, until
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client import ClientOptions, ConsumeContext, ConsumeResult, Producer, PushConsumer, reply_to
from rocketmq_ops.client.consumer.send_back import SEND_BACK_TIMEOUT_MS
from rocketmq_ops.common.message import Message, MessageExt

Name = Callable[[str], str]
SPACE = "shop"
#: Which pair, and the version of Java's client.
PAIRS = [*((version, version) for version in VERSIONS), *(("ours", version) for version in VERSIONS)]


@pytest.fixture(params=PAIRS, ids=["-".join(names) for names in PAIRS])
def sides(request: pytest.FixtureRequest, drivers: Callable[[str], Driver]) -> tuple[Any, Driver]:
    """A pair, and Java's client: each of Apache's pairs with the client of its version, ours with those of all."""
    of, version = request.param
    pair = request.getfixturevalue("pair") if of == "ours" else request.getfixturevalue("apache_pairs")(of)
    return pair, drivers(version)


def spaced(pair: Any, instance: str) -> ClientOptions:
    return msgspec.structs.replace(options(pair, instance), namespace=SPACE)


class Refusing(Got):
    """Wants again what says that it is refused, whichever of the two consumers has had it before."""

    async def __call__(self, messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
        self.reject = sum(message.body.startswith(b"refused") for message in messages)
        return await super().__call__(messages, context)


def dead_letters(java: Driver, pair: Any, group: str) -> list[dict[str, Any]]:
    """What is in the dead-letter topic that the group has on the wire."""
    place = {"topic": f"%DLQ%{SPACE}%{group}", "queueId": 0, "brokerName": pair.broker_name}
    try:
        letters: list[dict[str, Any]] = java.ask("pull", namesrv=pair.namesrv_address, **place)
        return letters
    except DriverError:  # the topic is not there yet
        return []


def check_once(letters: list[dict[str, Any]], bodies: set[str], refused_at: dict[str, int]) -> None:
    """Each of `bodies` is a dead letter, once: but that a client which got no answer to its send-back in 5 s (the machine
    stood still) has sent a copy, as Apache's does at any broker. The copy is born then; what is sent back keeps its birth.

    `refused_at`: when the last delivery of each, which its consumer sent back, was stored (ms since 1970).
    """
    born = {body: min(letter["bornTimestamp"] for letter in letters if letter["body"] == body) for body in bodies}
    copies = [letter for letter in letters if letter["bornTimestamp"] > born[letter["body"]]]
    late = [copy for copy in copies if copy["bornTimestamp"] - refused_at[copy["body"]] >= SEND_BACK_TIMEOUT_MS]
    assert copies == late, "sent once more though there was an answer"
    assert sorted(letter["body"] for letter in letters if letter not in copies) == sorted(bodies)


def test_one_group_with_one_namespace(sides: tuple[Any, Driver], name: Name) -> None:
    """Each consumer has its half of the queues, gets again what it refused, and gives up into the same dead letters."""
    pair, java = sides
    topic, group, theirs = name("Spaced"), name("spaced_group"), name("java")
    make_topic(java, pair, f"{SPACE}%{topic}", 4)
    at = {"namesrv": pair.namesrv_address, "namespace": SPACE}
    refusing = {"rejectPrefix": "refused", "maxReconsumeTimes": 1}
    java.ask("subscribe", name=theirs, group=group, topic=topic, **refusing, **at)

    async def main() -> tuple[Got, list[int]]:
        got = Refusing()
        mine = PushConsumer(group, got, spaced(pair, "spaced"), settings=first(max_reconsume_times=1))
        mine.subscribe(topic)
        async with mine, Producer(name("python"), spaced(pair, "sender")) as producer:
            held = lambda: {q.queue_id for q in mine.rebalancer.held if q.topic == f"{SPACE}%{topic}"}  # noqa: E731
            others: list[int] = []
            async with asyncio.timeout(60):
                while len(held()) != 2 or sorted([*held(), *others]) != [0, 1, 2, 3]:
                    others = await asyncio.to_thread(
                        java.ask, "assigned", name=theirs, topic=f"{SPACE}%{topic}", count=2, timeoutMs=2_000
                    )
            queues = await producer.queues(topic)
            assert {queue.topic for queue in queues} == {topic}
            refused = [next(iter(held())), others[0]]
            for queue_id in refused:
                queue = next(queue for queue in queues if queue.queue_id == queue_id)
                await producer.send(Message(topic, b"refused %d" % queue_id), queue=queue)
            await until(lambda: len({letter["body"] for letter in dead_letters(java, pair, group)}) == 2, 90)
            for queue in queues:
                await producer.send(Message(topic, b"python %d" % queue.queue_id), queue=queue)
            sent = [{"topic": topic, "body": f"java {i}", "queue": i} for i in range(4)]
            await asyncio.to_thread(java.ask, "send", group=name("java"), messages=sent, **at)
            await until(lambda: sum(not m.body.startswith(b"refused") for m in got.messages) == 4)
            return got, others

    got, others = asyncio.run(main())
    received = java.ask("received", name=theirs, count=4, timeoutMs=30_000)

    def settled() -> bool:
        java.ask("consumer.commit", name=theirs)
        return "Diff Total: 0" in java.mqadmin("consumerProgress", "-n", pair.namesrv_address, "-g", f"{SPACE}%{group}")

    # Java's client, closed while a send-back is being answered, sends the message once more.
    wait_until(settled, "what was sent back is answered")
    java.ask("consumer.close", name=theirs)
    expected = {f"{who} {queue}" for who in ("python", "java") for queue in range(4)}
    by_java = [m["body"] for m in received if not m["body"].startswith("refused")]
    by_python = [m.body.decode() for m in got.messages if not m.body.startswith(b"refused")]
    assert set(by_java) == {text for text in expected if int(text[-1]) in others}
    assert sorted(by_java + by_python) == sorted(expected)
    assert {m["topic"] for m in received} | {m.topic for m in got.messages} == {topic}
    deliveries = Counter(
        [m["body"] for m in received if m["body"].startswith("refused")]
        + [m.body.decode() for m in got.messages if m.body.startswith(b"refused")]
    )
    assert set(deliveries.values()) == {2}, "once, and once again"
    refused_at = {m["body"]: m["storeTimestamp"] for m in received}
    for message in got.messages:
        body = message.body.decode()
        refused_at[body] = max(refused_at.get(body, 0), message.store_timestamp)
    check_once(dead_letters(java, pair, group), set(deliveries), refused_at)
    topics = java.mqadmin("topicList", "-n", pair.namesrv_address).split()
    assert {f"%RETRY%{SPACE}%{group}", f"%DLQ%{SPACE}%{group}"} <= set(topics)


def test_requests_and_replies_with_a_namespace(sides: tuple[Any, Driver], name: Name) -> None:
    """Ours asks, and Java's client answers; and the other way."""
    pair, java = sides
    topic, answering = name("Asked"), name("answering")
    make_topic(java, pair, f"{SPACE}%{topic}", 1)
    make_topic(java, pair, f"{SPACE}%{topic}Back", 1)
    at = {"namesrv": pair.namesrv_address, "namespace": SPACE}
    java.ask("subscribe", name=answering, group=answering, topic=topic, reply=True, **at)

    async def main() -> tuple[MessageExt, dict[str, Any]]:
        async with Producer(name("python"), spaced(pair, "asking")) as producer:
            reply = await producer.request(Message(topic, b"abc"), timeout_ms=40_000)

            async def answer(messages: list[MessageExt], context: object) -> None:
                for message in messages:
                    await producer.send(reply_to(message, message.body[::-1]))

            mine = PushConsumer(name("answering"), answer, spaced(pair, "answering"), settings=first())
            mine.subscribe(f"{topic}Back")
            async with mine:
                theirs = await asyncio.to_thread(
                    java.ask,
                    "request",
                    group=name("java"),
                    message={"topic": f"{topic}Back", "body": "def"},
                    timeoutMs=40_000,
                    **at,
                )
            return reply, theirs

    reply, theirs = asyncio.run(main())
    java.ask("consumer.close", name=answering)
    assert (reply.body, theirs["body"]) == (b"cba", "fed")
