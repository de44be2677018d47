"""A pair that takes connections with TLS alone, and what works through it: registration, clients, commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rocketmq_ops.client import ClientOptions, Producer
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.common.addresses import format_address, parse_address
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message
from rocketmq_ops.mqadmin.dev_server import DevOptions, DevServer

FILES = Path(__file__).parents[1] / "remoting" / "files" / "tls"
OF_CLIENTS = {
    "tls.client.authServer": "true",
    "tls.client.trustCertPath": FILES / "ca.pem",
    "tls.client.certPath": FILES / "client.pem",
    "tls.client.keyPath": FILES / "client.key",
}
OF_SERVERS = {
    "tls.server.mode": "enforcing",
    "tls.server.certPath": FILES / "server.pem",
    "tls.server.keyPath": FILES / "server.key",
    "tls.server.need.client.auth": "require",
    "tls.server.authClient": "true",
    "tls.server.trustCertPath": FILES / "ca.pem",
}


def write(path: Path, *parts: dict[str, object]) -> str:
    path.write_text("".join(f"{key}={value}\n" for part in parts for key, value in part.items()))
    return str(path)


def serve(config: str | None, body: Callable[[DevServer], Awaitable[None]]) -> None:
    async def main() -> None:
        server = DevServer(DevOptions(config_file=config))
        await server.start()
        try:
            await body(server)
        finally:
            await server.stop()

    asyncio.run(main())


async def clusters(address: str, tls: str | None) -> list[str]:
    """The brokers' addresses that a server knows."""
    async with MQAdmin([address], 20_000, tls=tls) as admin:
        known = await admin.cluster.info()
        return [at for data in known.broker_addr_table.values() for at in data.broker_addrs.values()]


def test_everything_goes_over_tls_where_it_is_enforced(tmp_path: Path) -> None:
    own = write(tmp_path / "tls.properties", OF_CLIENTS)

    async def body(server: DevServer) -> None:
        assert await clusters(server.namesrv, own) == [server.broker], "it registered over TLS"
        async with MQAdmin([server.namesrv], 20_000, tls=own) as admin:
            host, port = parse_address(server.broker)
            for address in (server.broker, format_address(host, port - 2)):
                assert "fileReservedTime" in await admin.configs.broker_config(address)
            await admin.topics.update("OverTls", TopicSettings(), broker_addr=server.broker)
        async with Producer("over_tls", ClientOptions(name_servers=[server.namesrv], tls=own)) as producer:
            await producer.send(Message("OverTls", b"x" * 100_000))
        for address in (server.namesrv, server.broker):
            for tls in (None, "true"):  # plain, and without a certificate
                with pytest.raises(RocketMQError):
                    await clusters(address, tls)

    serve(write(tmp_path / "broker.conf", OF_SERVERS, OF_CLIENTS), body)


def test_a_pair_takes_both_kinds_of_connections_by_default() -> None:
    async def body(server: DevServer) -> None:
        assert await clusters(server.namesrv, None) == await clusters(server.namesrv, "true") == [server.broker]

    serve(None, body)
