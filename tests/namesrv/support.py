"""Registrations for the name server's tests, and a name server with a client on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.namesrv.route_info_manager import Registration
from rocketmq_ops.remoting.bodies import RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.headers import RegisterBrokerRequestHeader

CLUSTER, BROKER, ADDRESS = "DefaultCluster", "broker-a", "127.0.0.1:10911"


class Clock:
    """A clock that tests move; ms."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class FakeConnection:
    """Records that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def topics(*names: str, perm: int = 6, version: int = 1, state: int = 0) -> TopicConfigAndMappingSerializeWrapper:
    """A broker's topics, 8 queues each."""
    table = {n: TopicConfig(topic_name=n, perm=perm, read_queue_nums=8, write_queue_nums=8) for n in names}
    return TopicConfigAndMappingSerializeWrapper(
        topic_config_table=table, data_version=DataVersion(state_version=state, timestamp=version, counter=version)
    )


def registration(*names: str, perm: int = 6, version: int = 1, state: int = 0, **fields: object) -> Registration:
    """A registration of broker-a with `names` (two topics when none are given)."""
    values: dict[str, object] = {
        "cluster": CLUSTER,
        "address": ADDRESS,
        "broker_name": BROKER,
        "broker_id": 0,
        "ha_server_addr": "127.0.0.1:10912",
        "topics": topics(*(names or ("TopicA", "TopicB")), perm=perm, version=version, state=state),
        **fields,
    }
    return Registration(**values)  # type: ignore[arg-type]


def register_request(
    wrapper: TopicConfigAndMappingSerializeWrapper, *, crc: int = 0, compressed: bool = False, broker_id: int = 0
) -> RemotingCommand:
    """REGISTER_BROKER as a broker sends it."""
    body = RegisterBrokerBody(topic_config_serialize_wrapper=wrapper)
    header = RegisterBrokerRequestHeader(
        broker_name=BROKER,
        broker_addr=ADDRESS,
        cluster_name=CLUSTER,
        ha_server_addr="127.0.0.1:10912",
        broker_id=broker_id,
        enable_acting_master=False,
        compressed=compressed,
        body_crc32=crc,
    )
    return RemotingCommand.request(
        RequestCode.REGISTER_BROKER, header, body.encode_compressed() if compressed else body.encode()
    )


class NamesrvClient(RemotingClient):
    """A client of one name server."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    async def invoke_namesrv(self, request: RemotingCommand) -> RemotingCommand:
        return await self.invoke(self.address, request)


@asynccontextmanager
async def name_server(folder: Path, **keys: object) -> AsyncIterator[tuple[NamesrvController, NamesrvClient]]:
    """A name server on a free port whose files are in `folder`, and a client that knows it."""
    config = NamesrvConfig(
        kvConfigPath=str(folder / "kvConfig.json"),
        configStorePath=str(folder / "namesrv.properties"),
        **keys,  # type: ignore[arg-type]
    )
    controller = NamesrvController(config, NettyServerConfig(bindAddress="127.0.0.1", listenPort=0))
    await controller.start()
    try:
        async with NamesrvClient(controller.address) as client:
            yield controller, client
    finally:
        await controller.stop()


def with_name_server(
    folder: Path, body: Callable[[NamesrvController, RemotingClient], Awaitable[None]], **keys: object
) -> None:
    """Run `body` against a name server."""

    async def run() -> None:
        async with name_server(folder, **keys) as (controller, client):
            await body(controller, client)

    asyncio.run(run())
