"""A name server, a master and its slave in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import QueryConsumerOffsetRequestHeader, UpdateConsumerOffsetRequestHeader
from tests.broker.support import Session, new_broker, running, until
from tests.namesrv.support import name_server


class Pair:
    """The slave with a client, and a master that can go and come back on its store and port."""

    def __init__(self, root: Path, slave: Session, name_servers: str, master: BrokerController) -> None:
        self._root = root
        self.name_servers = name_servers
        self._port = master.server_config.listenPort
        self.slave = slave
        self.master = master

    async def master_goes(self) -> None:
        await self.master.stop()
        await self.slave.broker.register_all()
        await self.slave_looks()

    async def master_comes_back(self, **settings: Any) -> None:
        """It is there, and its slave learns of it at its next registration, which is not waited for."""
        self.master = new_broker(
            self._root / "master",
            listenPort=self._port,
            namesrvAddr=self.name_servers,
            brokerIP2="127.0.0.1",
            **settings,
        )
        await self.master.start()

    async def slave_looks(self) -> None:
        """The slave registers, by which it learns where its master is, and has looked at it once at least."""
        await self.slave.broker.register_all()
        slave = self.slave.broker.slave
        assert slave is not None
        slave.soon()
        await until(lambda: not slave.is_looking)

    async def commit(self, broker: BrokerController, group: str, topic: str, offset: int) -> RemotingCommand:
        header = UpdateConsumerOffsetRequestHeader(consumer_group=group, topic=topic, queue_id=0, commit_offset=offset)
        return await self.slave.client.invoke(broker.address, RemotingCommand.of(header), 5000)

    async def committed(self, broker: BrokerController, group: str, topic: str) -> int:
        header = QueryConsumerOffsetRequestHeader(consumer_group=group, topic=topic, queue_id=0)
        answer = await self.slave.client.invoke(broker.address, RemotingCommand.of(header), 5000)
        assert answer.code == 0, answer.remark
        return int(answer.ext_fields["offset"])

    async def ask_master(self, code: int, fields: dict[str, str], body: bytes = b"") -> RemotingCommand:
        request = RemotingCommand.request(code, ext_fields=fields, body=body)
        return await self.slave.client.invoke(self.master.address, request, 5000)


@asynccontextmanager
async def pair(root: Path, **slave_settings: Any) -> AsyncIterator[Pair]:
    """A running pair; everything is stopped at the end."""
    async with AsyncExitStack() as stack:
        names, _ = await stack.enter_async_context(name_server(root))
        address = names.address
        master = new_broker(root / "master", namesrvAddr=address, brokerIP2="127.0.0.1")
        await master.start()
        settings = {"brokerRole": "SLAVE", "brokerId": 1, "slaveReadEnable": True} | slave_settings
        slave = await stack.enter_async_context(running(root / "slave", namesrvAddr=address, **settings))
        found = Pair(root, slave, address, master)
        try:
            yield found
        finally:
            await found.master.stop()
