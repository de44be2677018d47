"""Which brokers a cluster's name stands for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.api import servers
from rocketmq_ops.client.errors import BrokerError, NotFoundError, SharedNameError
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import TOPIC_FIELDS, FakeCluster


@pytest.fixture
def shared() -> FakeCluster:
    """A broker of SECOND under a name that a broker of FIRST has too: the name servers keep one address for it."""
    made = FakeCluster(("broker-a", "SECOND"), ("broker-b", "FIRST"))
    for broker in made.brokers.values():
        broker.config["brokerClusterName"] = broker.cluster

    def info(c: RemotingCommand) -> RemotingCommand:
        table = {broker.name: {**made.broker_data(broker), "cluster": "FIRST"} for broker in made.brokers.values()}
        clusters = {"FIRST": ["broker-a", "broker-b"], "SECOND": ["broker-a"]}
        return c.reply(body=dumps({"brokerAddrTable": table, "clusterAddrTable": clusters}))

    made.transport.on(made.namesrv, Code.GET_BROKER_CLUSTER_INFO, info)
    return made


def targets(cluster: FakeCluster, name: str, **options: bool) -> list[BrokerAddress]:
    async def session() -> list[BrokerAddress]:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await admin.cluster.targets(None, name, **options)

    return asyncio.run(session())


@pytest.mark.parametrize("with_slaves", [False, True])
def test_a_broker_of_another_cluster_is_no_target(shared: FakeCluster, with_slaves: bool) -> None:
    with pytest.raises(SharedNameError, match=r"'broker-a' is in clusters FIRST, SECOND.*belongs to SECOND") as caught:
        targets(shared, "FIRST", with_slaves=with_slaves)
    assert "by its address" in caught.value.next_step


def test_its_own_cluster_has_it(shared: FakeCluster) -> None:
    assert [broker.address for broker in targets(shared, "SECOND")] == [shared["broker-a"].address]


def test_a_name_of_one_cluster_costs_no_request(shared: FakeCluster) -> None:
    plain = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"))
    assert [broker.broker_name for broker in targets(plain, "C1")] == ["broker-a"]
    assert Code.GET_BROKER_CONFIG not in plain.transport.codes()
    with pytest.raises(NotFoundError, match="no cluster 'C3'"):
        targets(plain, "C3")


@pytest.mark.parametrize(
    "arguments",
    [
        ("updateTopic", "-t", "T", "-r", "1", "-w", "1"),
        ("updateSubGroup", "-g", "G"),
        ("updateBrokerConfig", "-k", "slaveReadEnable", "-v", "true"),
        ("deleteTopic", "-t", "T"),
        ("deleteSubGroup", "-g", "G"),
        ("updateTopicPerm", "-t", "T", "-p", "4"),
        ("resetOffsetByTime", "-g", "G", "-t", "T", "-s", "0"),
        ("skipAccumulatedMessage", "-g", "G", "-t", "T"),
    ],
)
def test_commands_change_nothing_there_and_say_why(shared: FakeCluster, cli: Cli, arguments: tuple[str, ...]) -> None:
    for broker in shared.brokers.values():
        broker.add_topic("T")

    def route(c: RemotingCommand) -> RemotingCommand:
        # As Apache's name server tells it: the cluster that registered the name first, the address that did last.
        holders = [{**shared.broker_data(broker), "cluster": "FIRST"} for broker in shared.brokers.values()]
        queues = [
            {"brokerName": b.name, **{n: b.topics["T"][n] for n in TOPIC_FIELDS}} for b in shared.brokers.values()
        ]
        return c.reply(body=dumps({"brokerDatas": holders, "queueDatas": queues}))

    shared.transport.on(shared.namesrv, Code.GET_ROUTEINFO_BY_TOPIC, route)
    ran: Any = cli(shared.transport, *arguments, "-c", "FIRST", "-n", shared.namesrv)
    assert ran.code == 1
    assert "belongs to SECOND: nothing was changed" in ran.err
    reading = {Code.GET_BROKER_CLUSTER_INFO, Code.GET_BROKER_CONFIG, Code.GET_ROUTEINFO_BY_TOPIC}
    assert set(shared.transport.codes()) <= reading


@pytest.mark.parametrize(("refusals", "found"), [(0, True), (3, True), (100, False)])
def test_a_broker_without_a_sample_yet_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, refusals: int, found: bool
) -> None:
    """As Apache's 4.9.7 and 5.3.3 answer in their first second."""
    monkeypatch.setattr(servers, "_BETWEEN_LOOKS_SECONDS", 0)
    cluster, asked = FakeCluster(), 0
    address = cluster["broker-a"].address

    def figures(c: RemotingCommand) -> RemotingCommand:
        nonlocal asked
        asked += 1
        if asked <= refusals:
            remark = "java.util.NoSuchElementException, java.base/java.util.LinkedList.getLast(LinkedList.java:261)"
            return c.reply(ResponseCode.SYSTEM_ERROR, remark)
        return c.reply(body=dumps({"table": {"putTps": "0.0"}}))

    cluster.transport.on(address, Code.GET_BROKER_RUNTIME_INFO, figures)

    async def session() -> dict[str, str]:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await admin.cluster.runtime(address)

    if found:
        assert asyncio.run(session()) == {"putTps": "0.0"}
        assert asked == refusals + 1
    else:
        with pytest.raises(BrokerError, match="NoSuchElementException"):
            asyncio.run(session())
        assert asked == 7


def test_another_fault_of_a_broker_is_told_at_once() -> None:
    cluster = FakeCluster()
    address = cluster["broker-a"].address
    cluster.transport.on(
        address, Code.GET_BROKER_RUNTIME_INFO, lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "java.lang.Error")
    )

    async def session() -> None:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            await admin.cluster.runtime(address)

    with pytest.raises(BrokerError, match=r"java\.lang\.Error"):
        asyncio.run(session())
    assert cluster.transport.codes().count(Code.GET_BROKER_RUNTIME_INFO) == 1
