"""Our consumer goes on at the slave while the master is away, and its offsets are the master's when that is back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.slave.support import pair
from tests.broker.support import send_fields, until


def test_a_consumer_reads_from_the_slave_and_loses_nothing(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def listen(messages: list[MessageExt], _context: ConsumeContext) -> ConsumeResult:
        got.extend(message.body for message in messages)
        return ConsumeResult.SUCCESS

    async def main() -> None:
        async with pair(tmp_path) as both:
            for at in range(5):
                answer = await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("T"), b"%d" % at)
                assert answer.code == 0
            both.master.groups.find("g")
            both.master.topics.create_in_send_message_back("%RETRY%g", 1)
            slave = both.slave.broker
            await until(lambda: slave.store.max_offset("T", 0) == 5)
            await both.slave_looks()
            await both.master_goes()
            consumer = PushConsumer("g", listen, ClientOptions(name_servers=[both.name_servers]))
            consumer.subscribe("T")
            async with consumer:
                await until(lambda: len(got) == 5)
            await until(lambda: slave.offsets.query("g", "T", 0) == 5)
            assert got == [b"0", b"1", b"2", b"3", b"4"]
            await both.master_comes_back()
            await both.slave_looks()
            assert await both.committed(both.master, "g", "T") == 5

    asyncio.run(main())
