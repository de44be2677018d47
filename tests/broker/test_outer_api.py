"""The broker's questions to name servers: the first that knows the answer is asked first the next time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from rocketmq_ops.broker.out.broker_outer_api import BrokerOuterApi
from rocketmq_ops.remoting.bodies import TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.errors import RemotingConnectError


class Scripted:
    """A remoting client whose name servers have routes by topic; an address without any refuses connections."""

    def __init__(self, routes: dict[str, set[str]]) -> None:
        self.routes = routes
        self.asked: list[str] = []

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int) -> RemotingCommand:
        self.asked.append(addr)
        if addr not in self.routes:
            raise RemotingConnectError("refused", address=addr)
        if command.header.topic not in self.routes[addr]:  # type: ignore[union-attr]
            return RemotingCommand(code=int(ResponseCode.TOPIC_NOT_EXIST), flag=1)
        return RemotingCommand(code=0, flag=1, body=TopicRouteData(queue_datas=[], broker_datas=[]).encode())


def test_a_route_comes_from_the_first_name_server_that_knows_it() -> None:
    config = SimpleNamespace(namesrvAddr="a:1;b:1;c:1")
    controller: Any = SimpleNamespace(config=config, client_config=NettyClientConfig())

    async def run() -> None:
        outer = BrokerOuterApi(controller)
        client = Scripted({"b:1": set(), "c:1": {"T"}})
        outer._client = client  # type: ignore[assignment]
        assert await outer.topic_route("T") is not None
        assert client.asked == ["a:1", "b:1", "c:1"]
        assert await outer.topic_route("T") is not None
        assert client.asked[3:] == ["c:1"]
        assert await outer.topic_route("nowhere") is None
        assert sorted(client.asked[4:]) == ["a:1", "b:1", "c:1"]
        config.namesrvAddr = None
        assert await outer.topic_route("T") is None

    asyncio.run(run())
