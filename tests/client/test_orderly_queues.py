"""Orderly queues: one whose lock another client had meanwhile, a suspended consumer, a stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from client_cluster import cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ConsumeContext,
    ConsumeResult,
    ConsumeSettings,
    Producer,
    PushConsumer,
)
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue

QUEUE = MessageQueue("T", "broker-a", 0)
KEY = ("T", "broker-a", 0)
SETTINGS = ConsumeSettings(
    consume_from_where=FROM_FIRST_OFFSET, pull_suspend_ms=50, orderly=True, suspend_queue_ms=10, lock_interval_ms=20
)


def test_what_another_client_consumed_while_it_had_the_lock_is_not_consumed_again(tmp_path: Path) -> None:
    """As after a cut from the broker that was long enough for the lock to run out."""

    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            async with Producer("fill", c.options) as producer:
                for _ in range(10):
                    await producer.send(Message("T", b"x"))
            got: list[int] = []
            waits = True

            async def listener(messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
                if waits and messages[0].queue_offset == 3:
                    return ConsumeResult.RECONSUME_LATER
                got.append(messages[0].queue_offset)
                return ConsumeResult.SUCCESS

            broker = c.broker
            async with PushConsumer("G", listener, c.options, settings=SETTINGS) as consumer:
                consumer.subscribe("T")
                await until(lambda: broker.offsets.query("G", "T", 0) == 3)
                broker.locks.unlock_batch("G", [KEY], consumer.instance.client_id)
                broker.locks.try_lock_batch("G", [KEY], "another")
                held = consumer.rebalancer.held
                await until(lambda: not held[QUEUE].locked)
                broker.offsets.commit("G", "T", 0, 8)
                await consumer.persist_offsets()
                await consumer.persist_offsets()  # which it has sent when the first one's requests have come
                assert broker.offsets.query("G", "T", 0) == 8, "it is the other's to save"
                waits = False
                broker.locks.unlock_batch("G", [KEY], "another")
                await until(lambda: broker.offsets.query("G", "T", 0) == 10)
            assert got == [0, 1, 2, 8, 9]

    asyncio.run(main())


def test_what_an_orderly_consumer_holds_is_consumed_while_it_is_suspended(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            async with Producer("fill", c.options) as producer:
                for _ in range(5):
                    await producer.send(Message("T", b"x"))
            got: list[int] = []
            gate = asyncio.Event()

            async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
                got.append(messages[0].queue_offset)
                await gate.wait()

            async with PushConsumer("G", listener, c.options, settings=SETTINGS) as consumer:
                consumer.subscribe("T")
                await until(lambda: got and len(consumer.rebalancer.held[QUEUE].messages) == 5)
                consumer.suspend()
                gate.set()
                await until(lambda: len(got) == 5)

    asyncio.run(main())


def test_the_lock_of_a_queue_is_renewed_while_a_stop_waits_for_its_listener(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            async with Producer("fill", c.options) as producer:
                await producer.send(Message("T", b"x"))
            began, gate = asyncio.Event(), asyncio.Event()

            async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
                began.set()
                await gate.wait()

            consumer = PushConsumer("G", listener, c.options, settings=SETTINGS)
            consumer.subscribe("T")
            await consumer.start()
            await began.wait()
            stopping = asyncio.create_task(consumer.stop())
            await until(lambda: consumer.rebalancer.held[QUEUE].dropped)
            locks = c.broker.locks.table["G"]
            before = locks[KEY].seen_ms
            await until(lambda: locks[KEY].seen_ms > before)
            gate.set()
            await stopping
            assert c.broker.offsets.query("G", "T", 0) == 1 and KEY not in locks

    asyncio.run(main())
