"""The clients of the demo: `demo_clients.py send|consume NAMESRV`."""

from __future__ import annotations

import asyncio
import sys
import time

from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeContext
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message, MessageExt

COUNT = 1000
IN_FLIGHT = 64
LIMIT_SECONDS = 20


async def send(namesrv: str) -> None:
    """Send COUNT messages, IN_FLIGHT at a time."""
    async with Producer("demo_producer", ClientOptions(name_servers=[namesrv])) as producer:
        slots = asyncio.Semaphore(IN_FLIGHT)

        async def one(number: int) -> str:
            async with slots:
                body, tag = f"order {number}".encode(), f"Tag{'ABC'[number % 3]}"
                message = Message("Orders", body, tags=tag, keys=f"order-{number}")
                return (await producer.send(message)).msg_id

        started = time.monotonic()
        ids = await asyncio.gather(*(one(number) for number in range(COUNT)))
        print(f"sent {len(set(ids))} messages in {time.monotonic() - started:.2f} s, the first has id {ids[0]}")


async def consume(namesrv: str) -> None:
    """Consume until all COUNT messages were seen."""
    seen: set[bytes] = set()
    done = asyncio.Event()

    async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
        seen.update(message.body for message in messages)
        if len(seen) >= COUNT:
            done.set()

    settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
    options = ClientOptions(name_servers=[namesrv])
    started = time.monotonic()
    async with PushConsumer("demo_group", listener, options, settings=settings) as consumer:
        consumer.subscribe("Orders")
        await asyncio.wait_for(done.wait(), LIMIT_SECONDS)
    print(f"consumed {len(seen)} different messages in {time.monotonic() - started:.2f} s and committed their offsets")


if __name__ == "__main__":
    asyncio.run({"send": send, "consume": consume}[sys.argv[1]](sys.argv[2]))
