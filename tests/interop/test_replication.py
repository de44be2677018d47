"""A pair of one of Apache's brokers and one of ours, either as the master: what the master has stored the slave has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.interop.apache import Broker
from tests.interop.ours import OurBroker, OurNameServer
from tests.interop.raw import wait_for_route

from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

TOPIC = "Replicated"
#: Apache's slave says what it needs with its first heartbeat.
QUICK = {"haSendHeartbeatInterval": "500", "slaveTimeout": "1000", "brokerClusterName": "DefaultCluster"}
MASTER = QUICK | {"brokerRole": "SYNC_MASTER", "inSyncReplicas": "2"}
SLAVE = QUICK | {"brokerRole": "SLAVE", "brokerId": "1"}


class Group:
    """A name server, a master and a slave; `kinds` are a version of Apache's, or `ours`."""

    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self._scratch, self._stack = scratch, stack
        self.namesrv = OurNameServer(scratch / "namesrv")
        stack.callback(self.namesrv.child.kill)
        self.namesrv.child.wait_for("boot success")

    def start(self, kind: str, folder: str, settings: dict[str, str]) -> Broker | OurBroker:
        scratch, namesrv = self._scratch / folder, self.namesrv.address
        broker = (
            OurBroker(scratch, namesrv, settings=settings)
            if kind == "ours"
            else Broker(kind, scratch, namesrv, settings=settings)
        )
        self._stack.callback(broker.child.kill)
        broker.wait_ready()
        return broker

    def start_again(self, broker: Broker | OurBroker) -> None:
        """Start a broker that was stopped or killed, on its store and its port."""
        broker.start_again()
        self._stack.callback(broker.child.kill)
        broker.wait_ready()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(tmp_path, stack)


async def ends(client: RemotingClient, *brokers: Broker | OurBroker) -> list[int]:
    """Where the commitlog of each broker ends. Apache's fail to give their figures in the first second."""
    found, request = [], RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO)
    for broker in brokers:
        while (answer := await client.invoke(broker.address, request, 5000)).code != ResponseCode.SUCCESS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        found.append(int(KVTable.decode(answer.body_bytes).table["commitLogMaxOffset"]))
    return found


async def queue_ends(client: RemotingClient, broker: Broker | OurBroker) -> list[str]:
    """The maximal offset of each queue of the topic."""
    found = []
    for queue_id in range(4):
        fields = {"topic": TOPIC, "queueId": str(queue_id)}
        request = RemotingCommand.request(RequestCode.GET_MAX_OFFSET, ext_fields=fields)
        found.append((await client.invoke(broker.address, request, 5000)).ext_fields["offset"])
    return found


async def eventually_equal(client: RemotingClient, one: Broker | OurBroker, other: Broker | OurBroker) -> None:
    """Both commitlogs end at one place, and hold the same bytes; so do the queues."""
    async with asyncio.timeout(60):
        while len(set(await ends(client, one, other))) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        while await queue_ends(client, one) != await queue_ends(client, other):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    end = (await ends(client, one))[0]
    first, second = ((broker.store / "commitlog" / f"{0:020d}").read_bytes()[:end] for broker in (one, other))
    assert first == second


async def send_until_ok(producer: Producer) -> None:
    """Send until a slave answers for the message, to a master that may have just been started."""
    async with asyncio.timeout(60):
        while True:
            with suppress(RocketMQError):
                if (await producer.send(Message(TOPIC, b"first"))).status is SendStatus.SEND_OK:
                    return
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
@pytest.mark.parametrize("ours", ["slave", "master"])
def test_a_mixed_pair(group: Group, version: str, ours: str) -> None:
    kinds = {"master": version, "slave": version} | {ours: "ours"}
    master = group.start(kinds["master"], "master", MASTER)
    wait_for_route(group.namesrv.address, "TBW102", "broker-a")
    slave = group.start(kinds["slave"], "slave", SLAVE)
    options = ClientOptions(name_servers=[group.namesrv.address])

    async def scenario() -> None:
        async with RemotingClient() as client, Producer("replicating", options) as producer:
            await send_until_ok(producer)
            for at in range(200):
                sent = await producer.send(Message(TOPIC, b"%d " % at * 100, tags="a", keys=f"key{at}"))
                assert sent.status is SendStatus.SEND_OK
            await eventually_equal(client, master, slave)
            if ours == "slave":
                slave.child.kill()
                # The slave that is killed may still be counted as connected.
                assert (await producer.send(Message(TOPIC, b"alone"))).status is not SendStatus.SEND_OK
                again = group.start("ours", "slave", SLAVE)
                await send_until_ok(producer)
                await eventually_equal(client, master, again)
            else:
                master.child.kill()
                group.start_again(master)
                await send_until_ok(producer)
                await eventually_equal(client, master, slave)

    asyncio.run(scenario())


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
def test_a_slave_of_ours_with_tls_begins_none_at_a_master_of_apache_s(group: Group, version: str) -> None:
    """Its master would take the first bytes of a handshake for a report of a slave that has everything, and answer
    SEND_OK from then on to what no slave has."""
    group.start(version, "master", MASTER)
    wait_for_route(group.namesrv.address, "TBW102", "broker-a")
    # OpenSSL fills up the hello of both versions with zeros, which is a report of nothing.
    slave = group.start("ours", "slave", SLAVE | {"tls.ha.enable": "true", "tls.protocols": "TLSv1.2"})
    options = ClientOptions(name_servers=[group.namesrv.address])

    async def problem(client: RemotingClient) -> str:
        request = RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO)
        return KVTable.decode((await client.invoke(slave.address, request, 5000)).body_bytes).table["haProblem"]

    async def scenario() -> None:
        async with RemotingClient() as client, Producer("replicating", options) as producer:
            async with asyncio.timeout(60):
                while "has not agreed to TLS" not in await problem(client):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            for _ in range(3):
                with suppress(RocketMQError):
                    assert (await producer.send(Message(TOPIC, b"alone"))).status is not SendStatus.SEND_OK
            assert "tls.ha.enable=false" in await problem(client)

    asyncio.run(scenario())
