"""A broker in this process for the tests of administration: on a scratch store or on a copy of a golden one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.headers import SendMessageRequestHeaderV2
from rocketmq_ops.store.config import MessageStoreConfig

GOLDEN_SIZES = {
    "mappedFileSizeCommitLog": 262144,
    "mappedFileSizeConsumeQueue": 6000,
    "maxHashSlotNum": 1000,
    "maxIndexNum": 4000,
    "maxMessageSize": 131072,
}


class AdminBroker:
    """A running broker and a client connected to it."""

    def __init__(self, controller: BrokerController, client: RemotingClient) -> None:
        self.controller = controller
        self.client = client

    async def ask(self, code: int, header: object | None = None, body: bytes = b"", **fields: str) -> RemotingCommand:
        """Send one request, its header typed or as plain fields, and wait for the answer."""
        command = RemotingCommand.request(code, header, body, fields or None)
        return await self.client.invoke(self.controller.address, command, 5000)

    async def send(
        self, topic: str, body: bytes = b"hello", queue_id: int = 0, properties: str = ""
    ) -> RemotingCommand:
        """Put one message as a producer would."""
        header = SendMessageRequestHeaderV2(
            producer_group="p",
            topic=topic,
            default_topic="TBW102",
            default_topic_queue_nums=4,
            queue_id=queue_id,
            sys_flag=0,
            born_timestamp=1,
            flag=0,
            properties=properties,
            reconsume_times=0,
            unit_mode=False,
            batch=False,
        )
        return await self.ask(RequestCode.SEND_MESSAGE_V2, header, body)


def make_controller(root: Path, store: dict[str, Any] | None = None, **settings: Any) -> BrokerController:
    """A controller on free ports of 127.0.0.1; `settings` go to BrokerConfig, `store` to MessageStoreConfig."""
    config = BrokerConfig(brokerName="broker-a", brokerIP1="127.0.0.1", brokerIP2="127.0.0.1", namesrvAddr=None)
    for key, value in settings.items():
        setattr(config, key, value)
    sizes = GOLDEN_SIZES | {"haListenPort": 0} | (store or {})
    server_config = NettyServerConfig(listenPort=0, bindAddress="127.0.0.1")
    return BrokerController(
        config, MessageStoreConfig(storePathRootDir=str(root), **sizes), server_config, NettyClientConfig()
    )


def with_broker(
    root: Path, scenario: Callable[[AdminBroker], Awaitable[None]], store: dict[str, Any] | None = None, **settings: Any
) -> None:
    """Run `scenario` against a broker on `root`, then stop it."""

    async def run() -> None:
        controller = make_controller(root, store, **settings)
        await controller.start()
        try:
            async with RemotingClient() as client:
                await scenario(AdminBroker(controller, client))
        finally:
            await controller.stop()

    asyncio.run(run())
