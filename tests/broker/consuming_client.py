"""A client that is connected as a consumer and answers what the broker asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from rocketmq_ops.remoting.bodies import ConsumerData, HeartbeatData, ProducerData, SubscriptionData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.admin_broker import AdminBroker

CLIENT_ID = "10.0.0.1@client"


@asynccontextmanager
async def consuming(
    broker: AdminBroker,
    group: str,
    topic: str,
    handlers: dict[int, Callable[..., Any]] | None = None,
    producer_group: str | None = None,
) -> AsyncIterator[RemotingClient]:
    """Connected, with a heartbeat sent, until the block ends."""
    heartbeat = HeartbeatData(
        client_id=CLIENT_ID,
        consumer_data_set=[
            ConsumerData(
                group_name=group,
                consume_type="CONSUME_PASSIVELY",
                message_model="CLUSTERING",
                consume_from_where="CONSUME_FROM_LAST_OFFSET",
                subscription_data_set=[SubscriptionData(topic=topic, sub_string="*", sub_version=1)],
            )
        ],
        producer_data_set=[ProducerData(group_name=producer_group)] if producer_group else [],
    )
    async with RemotingClient() as client:
        for code, handler in (handlers or {}).items():
            client.register(code, None, handler)
        command = RemotingCommand.request(RequestCode.HEART_BEAT, None, heartbeat.encode())
        answer = await client.invoke(broker.controller.address, command, 5000)
        assert answer.code == 0
        yield client
