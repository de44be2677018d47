"""What the tour of docs/dashboard.md looks at: `dashboard_tour.py [NAMESRV]`, until it is interrupted.

It makes a topic and groups, sends an order every 50 ms, and consumes them: `shipping` well, `billing` with two clients
of which one hangs after ten seconds, `invoicing` gives up on every hundredth.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from contextlib import AsyncExitStack

import msgspec

from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import Listener, PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.client.producer.send_request import SendSettings
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.mqadmin import main as mqadmin

TOPIC = "orders"
PAUSE_SECONDS = 0.05
#: The order at which one client hangs.
HANGS_AT = 200


async def well(messages: list[MessageExt], context: ConsumeContext) -> None:
    """Consumes whatever comes."""


async def hang(messages: list[MessageExt], context: ConsumeContext) -> None:
    """Gets on with nothing from some order on, as one does that waits for a lock that nobody gives back."""
    if any(msgspec.json.decode(message.body)["order"] >= HANGS_AT for message in messages):
        await asyncio.Event().wait()


async def give_up(messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
    """Consumes what has a customer."""
    bad = any(b'"customer": null' in message.body for message in messages)
    return ConsumeResult.RECONSUME_LATER if bad else ConsumeResult.SUCCESS


async def send(namesrv: str) -> None:
    """Orders, without end."""
    settings = SendSettings(trace=True)
    async with Producer("shop", ClientOptions(name_servers=[namesrv]), settings=settings) as producer:
        number = 0
        while True:
            customer = "null" if number % 100 == 99 else f'"c{number % 7}"'
            body = f'{{"order": {number}, "customer": {customer}}}'.encode()
            with contextlib.suppress(RocketMQError):  # the tour kills the broker
                await producer.send(Message(TOPIC, body, tags="new", keys=f"order-{number}"))
            number += 1
            await asyncio.sleep(PAUSE_SECONDS)


async def main(namesrv: str) -> None:
    """Producer and consumers, until they are interrupted."""
    async with AsyncExitStack() as held:

        async def consume(group: str, name: str, listener: Listener, **more: int) -> None:
            settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, trace=True, stop_timeout_ms=0, **more)
            options = ClientOptions(name_servers=[namesrv], instance_name=name, rebalance_interval_ms=1000)
            consumer = PushConsumer(group, listener, options, settings=settings)
            consumer.subscribe(TOPIC)
            await held.enter_async_context(consumer)

        await consume("shipping", "shipping-1", well)
        await consume("billing", "billing-1", hang, concurrency=1)
        await consume("billing", "billing-2", well)
        await consume("invoicing", "invoicing-1", give_up, max_reconsume_times=0)
        print(f"orders are sent and consumed; mqadmin tui --write -n {namesrv}", flush=True)
        await send(namesrv)


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9876"
    everywhere = ["-n", address, "-c", "DefaultCluster"]
    lines = [["updateSubGroup", "-g", group] for group in ("shipping", "billing", "invoicing")]
    for line in (*lines, ["updateTopic", "-t", TOPIC, "-r", "4", "-w", "4"]):
        with contextlib.redirect_stdout(io.StringIO()):
            status = mqadmin.run([*line, *everywhere])
        if status:
            raise SystemExit(status)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(address))
