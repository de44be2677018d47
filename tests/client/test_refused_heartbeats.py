"""Consumers whose heartbeats a broker refuses: rights were taken from them, or from another group of their client."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from client_cluster import cluster, until

from rocketmq_ops.client import FROM_FIRST_OFFSET, ConsumeSettings, PushConsumer
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand


def test_a_broker_that_does_not_know_the_group_is_not_asked_without_pause(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=4) as c:
            settings = ConsumeSettings(
                consume_from_where=FROM_FIRST_OFFSET, pull_suspend_ms=50, retry_pull_ms=3_600_000
            )
            async with PushConsumer("G", lambda messages, context: None, c.options, settings=settings) as consumer:
                consumer.subscribe("T")
                await until(lambda: len(consumer.rebalancer.held) == 5)
                came: Counter[int] = Counter()

                def before(channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
                    came[request.code] += 1
                    if request.code == RequestCode.HEART_BEAT:
                        return request.reply(ResponseCode.NO_PERMISSION, "not you")
                    return None

                c.broker.server.before_request = before
                del c.broker.consumers.table["G"]
                await until(lambda: came[RequestCode.HEART_BEAT] >= 5)
                await asyncio.sleep(0.5)
                assert came[RequestCode.PULL_MESSAGE] <= 10, "two of each queue"

    asyncio.run(main())
