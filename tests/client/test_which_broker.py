"""A consumer pulls from the broker that the last answer for a queue named, and after a failure from the master."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.api.pull import PullStatus
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.queue_api import PullResult
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.errors import RemotingConnectError

QUEUE = MessageQueue("T", "broker-a", 0)


def test_the_suggested_broker_is_asked_next(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def pull(*_: Any, broker_id: int, **__: Any) -> PullResult:
        asked.append(broker_id)
        if len(asked) == 3:
            raise RemotingConnectError("refused", address="slave")
        return PullResult(
            status=PullStatus.NO_NEW_MSG, next_begin_offset=0, min_offset=0, max_offset=0, suggest_broker_id=1
        )

    async def main() -> None:
        consumer = PullConsumer("g", ClientOptions(name_servers=["127.0.0.1:1"]))
        await consumer.pull(QUEUE, 0)
        await consumer.pull_block_if_not_found(QUEUE, 0)
        with pytest.raises(RemotingConnectError):
            await consumer.pull(QUEUE, 0)
        await consumer.pull(QUEUE, 0)
        # What is said of one queue holds for no other.
        await consumer.pull(MessageQueue("T", "broker-a", 1), 0)

    monkeypatch.setattr(queue_api, "pull", pull)
    asyncio.run(main())
    assert asked == [0, 1, 1, 0, 0]
