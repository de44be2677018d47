"""Which brokers a cluster's name stands for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.errors import NotFoundError, SharedNameError
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
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
