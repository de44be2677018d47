"""Java's clients and ours in one group: either answers for transactions of the other, and they share what they poll."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.interop.apache import Driver
from tests.interop.test_python_clients import Got, first, make_topic, options, until

from rocketmq_ops.client import (
    LitePullConsumer,
    Producer,
    PushConsumer,
    TransactionProducer,
    TransactionState,
    queue_api,
)
from rocketmq_ops.common.message import Message, MessageExt

Name = Callable[[str], str]
#: Which pair, and the version of Java's client.
SIDES = [("4.9.7", "4.9.7"), ("5.5.0", "5.5.0"), ("ours", "5.3.3")]


@pytest.fixture(params=SIDES, ids=["-".join(names) for names in SIDES])
def sides(request: pytest.FixtureRequest, drivers: Callable[[str], Driver]) -> tuple[Any, Driver]:
    of, version = request.param
    pair = request.getfixturevalue("pair") if of == "ours" else request.getfixturevalue("apache_pairs")(of)
    return pair, drivers(version)


async def answered(true: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is true."""
    async with asyncio.timeout(40):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class ByProperty:
    """As the listener of Java's transactions here: what is unknown at first is committed when the broker asks."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    async def execute(self, message: Message, transaction_id: str, arg: object) -> TransactionState:
        return {"commit": TransactionState.COMMIT, "rollback": TransactionState.ROLLBACK}.get(
            message.properties["outcome"], TransactionState.UNKNOWN
        )

    async def check(self, message: MessageExt) -> TransactionState:
        self.asked.add(message.msg_id)
        return TransactionState.COMMIT


def test_transactions_of_one_group_of_producers(sides: tuple[Any, Driver], name: Name) -> None:
    """A broker asks any producer of the group about an open transaction."""
    pair, java = sides
    topic, group = name("Both"), name("both_producers")
    make_topic(java, pair, topic, 1)
    outcomes = ["commit", "rollback", *["unknown"] * 6]

    def send_javas() -> list[str]:
        messages = [{"topic": topic, "body": f"java {i}", "properties": {"outcome": o}} for i, o in enumerate(outcomes)]
        at = {"namesrv": pair.namesrv_address, "group": group}
        return [each["msgId"] for each in java.ask("send", mode="transaction", messages=messages, **at)]

    async def main() -> tuple[list[str], list[str], set[str], Got]:
        listener, got = ByProperty(), Got()
        consumer = PushConsumer(name("G"), got, options(pair, "consumer"), settings=first())
        consumer.subscribe(topic)
        async with consumer, TransactionProducer(group, listener, options(pair, "producer")) as producer:
            theirs = await asyncio.to_thread(send_javas)
            mine = [
                (
                    await producer.send_in_transaction(
                        Message(topic, b"python %d" % i, properties={"outcome": outcome}), None
                    )
                ).msg_id
                for i, outcome in enumerate(outcomes)
            ]
            await until(lambda: len(got.messages) >= 14, 60)
            return theirs, mine, listener.asked, got

    theirs, mine, asked, got = asyncio.run(main())
    java.ask("producer.close", namesrv=pair.namesrv_address, group=group)
    assert Counter(m.msg_id for m in got.messages) == Counter(theirs[:1] + theirs[2:] + mine[:1] + mine[2:])
    assert asked <= {*theirs[2:], *mine[2:]}
    assert asked & set(theirs), "ours is asked about Java's"
    assert set(mine[2:]) - asked, "and Java's about ours"


def test_lite_pull_consumers_of_one_group(sides: tuple[Any, Driver], name: Name) -> None:
    """Each polls its half of the queues; when Java's has gone, ours goes on from its offsets with all."""
    pair, java = sides
    topic, group, theirs = name("BothPoll"), name("both_poll"), name("lite")
    make_topic(java, pair, topic, 4)
    java.ask("lite.subscribe", name=theirs, group=group, topic=topic, namesrv=pair.namesrv_address)

    async def main() -> None:
        async with (
            LitePullConsumer(group, options(pair, "lite"), settings=first()) as lite,
            Producer(name("python"), options(pair, "sender")) as producer,
        ):
            lite.subscribe(topic)
            await until(lambda: len(lite.assignment()) == 2)
            held = {queue.queue_id for queue in lite.assignment()}
            queues = await producer.queues(topic)

            async def ask_java(op: str, **more: Any) -> Any:
                return await asyncio.to_thread(java.ask, op, name=theirs, **more)

            async def shared_out() -> bool:
                return set(await ask_java("lite.assignment")) == {0, 1, 2, 3} - held

            await answered(shared_out)  # it held all four at first

            async def send(text: str) -> None:
                for queue in queues:
                    await producer.send(Message(topic, f"{text} {queue.queue_id}".encode()), queue=queue)

            async def polled(count: int) -> list[MessageExt]:
                found: list[MessageExt] = []
                async with asyncio.timeout(40):
                    while len(found) < count:
                        found += await lite.poll(500)
                return found

            await send("first")
            assert {m.queue_id for m in await polled(2)} == held
            by_java: list[dict[str, Any]] = []
            async with asyncio.timeout(40):
                while len(by_java) < 2:
                    by_java += await ask_java("lite.poll", timeoutMs=500)
            assert {m["queueId"] for m in by_java} == {0, 1, 2, 3} - held
            # Java's client sends offsets one way, and since 5.x by way of a listener to its connection, so that the word
            # that it leaves the group may overtake them (NettyRemotingClient.invokeOneway): who has its queues next would
            # begin before them. So it leaves when they are there.
            await ask_java("lite.commit")

            async def committed() -> bool:
                taken_over = [queue for queue in queues if queue.queue_id not in held]
                return {await queue_api.consumer_offset(lite.instance, group, queue) for queue in taken_over} == {1}

            await answered(committed)
            await ask_java("lite.close")
            await until(lambda: len(lite.assignment()) == 4)
            await send("second")
            assert Counter(m.body for m in await polled(4)) == Counter(b"second %d" % i for i in range(4))
            await lite.commit()

    asyncio.run(main())
