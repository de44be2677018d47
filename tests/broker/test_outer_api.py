"""The broker's questions to name servers: the first that knows the answer is asked first the next time."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.out.broker_outer_api import BrokerOuterApi
from rocketmq_ops.remoting.bodies import TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from tests.broker.support import running, until
from tests.namesrv.support import name_server
from tests.namesrv.test_address_server import free_port


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
    controller: Any = SimpleNamespace(
        config=config, client_config=NettyClientConfig(), auth_config=AuthConfig(), tls_config=TlsSystemConfig()
    )

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


def test_name_servers_of_an_address_server_are_read_at_the_start_and_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The name server itself is the address server."""

    async def main() -> None:
        port = free_port()
        async with (
            name_server(tmp_path / "one", addressServerPort=port) as (first, _),
            name_server(tmp_path / "two") as (second, _),
            running(
                tmp_path / "store",
                namesrvAddr=None,
                fetchNamesrvAddrByAddressServer=True,
                fetchNamesrvAddrInterval=20,
                rmqAddressServerDomain=f"127.0.0.1:{port}",
            ) as session,
        ):
            outer = session.broker.outer
            assert outer.name_servers == [first.address]
            assert first.routes.brokers.keys() == {"broker-a"}
            first.configuration.update({"addressServerAddresses": second.address}, "")
            await until(lambda: bool(second.routes.brokers))
            assert outer.name_servers == [second.address]
            assert first.address_server is not None
            with caplog.at_level(logging.WARNING):
                await first.address_server.stop()
                # The request that was under way when it stopped may have had no answer, which is another cause.
                await until(lambda: "connection refused; trying again every 20 ms" in caplog.text)
                for _ in range(3):
                    assert await outer.fetch_name_servers() is False
            assert caplog.text.count("connection refused; trying again every 20 ms") == 1
            assert outer.name_servers == [second.address]
            session.broker.config.namesrvAddr = first.address
            assert outer.name_servers == [first.address]

    asyncio.run(main())


def test_no_address_server_is_asked_unless_the_key_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            name_server(tmp_path, addressServerPort=free_port()) as (namesrv, _),
            running(
                tmp_path / "store",
                namesrvAddr=None,
                rmqAddressServerDomain=f"127.0.0.1:{namesrv.config.addressServerPort}",
            ) as session,
        ):
            assert await session.broker.outer.fetch_name_servers() is False
            assert session.broker.outer.name_servers == []

    asyncio.run(main())
