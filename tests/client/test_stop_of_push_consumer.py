"""A listener that does not return holds up the stop of its consumer for a while, and not for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from rocketmq_ops.client import ClientOptions, ConsumeContext, ConsumeSettings, Producer, PushConsumer
from rocketmq_ops.common.message import Message, MessageExt
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
