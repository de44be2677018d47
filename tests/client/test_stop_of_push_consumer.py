"""What holds up the stop of a consumer, and for how long: a listener that does not return, a full disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.client import (
    ClientOptions,
    ConsumeContext,
    ConsumeSettings,
    Producer,
    PullConsumer,
    PushConsumer,
    queue_api,
)
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as started:
        yield started


@pytest.mark.parametrize("orderly", [False, True])
def test_a_stop_waits_for_a_listener_so_long_and_no_longer(
    orderly: bool, pair: RocketMQBroker, caplog: pytest.LogCaptureFixture
) -> None:
    topic, group = f"Stop{orderly}", f"GStop{orderly}"

    async def main() -> None:
        taken, free = asyncio.Event(), asyncio.Event()

        async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
            taken.set()
            await free.wait()

        options = ClientOptions(name_servers=pair.namesrv)
        settings = ConsumeSettings(orderly=orderly, stop_timeout_ms=100)
        async with Producer("P", options) as producer:
            await producer.send(Message(topic, b"a"))
            consumer = PushConsumer(group, listener, options, settings=settings)
            consumer.subscribe(topic)
            await consumer.start()
            await asyncio.wait_for(taken.wait(), 20)
            await asyncio.wait_for(consumer.stop(), 60)
            assert not free.is_set()
            free.set()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert "has not returned after 100 ms" in caplog.text


def test_a_rebalance_under_way_takes_no_queue_away_from_a_stop(pair: RocketMQBroker) -> None:
    """It would drop what the stop waits for: the listener's offset would not be saved, and its queue be taken anew."""
    topic, group = "StopRebalance", "GStopRebalance"

    async def main() -> int | None:
        taken, free, asked, answer = (asyncio.Event() for _ in range(4))

        async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
            taken.set()
            await free.wait()

        options = ClientOptions(name_servers=pair.namesrv)
        async with Producer("P", options) as producer:
            sent = await producer.send(Message(topic, b"a"))
            consumer = PushConsumer(group, listener, options)
            consumer.subscribe(topic)
            await consumer.start()
            await asyncio.wait_for(taken.wait(), 20)

            all_ids = consumer.instance.consumer_ids

            async def slow_ids(*arguments: str) -> list[str]:
                ids = await all_ids(*arguments)
                asked.set()
                await answer.wait()
                return ids

            consumer.instance.consumer_ids = slow_ids  # type: ignore[method-assign]
            rebalance = asyncio.create_task(consumer.rebalance())
            await asyncio.wait_for(asked.wait(), 20)
            held = dict(consumer.rebalancer.held)
            stop = asyncio.create_task(consumer.stop())
            await asyncio.sleep(0)
            assert consumer.suspended  # the stop has begun
            answer.set()
            await asyncio.wait_for(rebalance, 20)
            assert consumer.rebalancer.held == held
            free.set()
            await asyncio.wait_for(stop, 60)
            again = Producer("P2", options)
            async with again:
                return await queue_api.consumer_offset(again.instance, group, sent.queue)

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("kind", [PushConsumer, PullConsumer])
def test_offsets_that_cannot_be_saved_hold_up_no_stop(
    kind: Any, tmp_path: Path, pair: RocketMQBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a disk that is full: the consumer is none any more, which the log tells of."""
    topic, queue = "StopUnsaved", MessageQueue("StopUnsaved", "broker-a", 0)
    (tmp_path / "offsets").write_text("no folder")

    async def main() -> None:
        options = ClientOptions(name_servers=pair.namesrv)
        folder = str(tmp_path / "offsets" / "below")
        if kind is PullConsumer:
            consumer = PullConsumer("GStopUnsaved", options, message_model="BROADCASTING", offset_dir=folder)
        else:
            settings = ConsumeSettings(message_model="BROADCASTING", offset_dir=folder)
            consumer = PushConsumer("GStopUnsaved", lambda messages, context: None, options, settings=settings)
            consumer.subscribe(topic)
        consumer.offsets.load = nothing
        await consumer.start()
        consumer.offsets.table[queue] = 1
        await consumer.stop()
        assert not consumer.instance.consumers

    async def nothing() -> None:
        pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert "the offsets of group GStopUnsaved are not saved: cannot save" in caplog.text
