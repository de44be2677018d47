"""The list of all groups: how many requests it takes, and what it says of brokers that cannot tell."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.groups.group import GroupListing
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.api.stats import GroupTotals, group_totals
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.fake_cluster import FakeCluster

GROUPS = [f"group_{i}" for i in range(50)]


@pytest.fixture
def cluster() -> FakeCluster:
    """Two brokers with 50 groups of one topic: the first has committed 4 of 10 in each queue, the last all."""
    made = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in made.brokers.values():
        broker.add_topic("T")
        broker.ends = {("T", 0): 10, ("T", 1): 10}
        for place, group in enumerate(GROUPS):
            broker.add_topic(f"%RETRY%{group}", 1)
            broker.groups[group] = {"groupName": group}
            broker.committed |= {(group, "T", q): 4 if place == 0 else 10 for q in range(2)}
    return made


def listed(cluster: FakeCluster) -> GroupListing:
    async def ask() -> GroupListing:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await admin.groups.listing()

    return asyncio.run(ask())


def test_offsets_take_one_request_a_broker_however_many_groups(cluster: FakeCluster) -> None:
    found = listed(cluster)
    assert [(g.group, g.lag_total, g.consume_tps) for g in found.groups[:2]] == [
        ("group_0", 24, 3.0),
        ("group_1", 0, 3.0),
    ]
    assert (len(found.groups), found.failures) == (50, [])
    sent = cluster.transport.codes()
    assert [sent.count(code) for code in (Code.GET_BROKER_CONSUME_STATS, Code.GET_ALL_TOPIC_CONFIG)] == [2, 2]
    assert sent.count(Code.GET_CONSUME_STATS) == sent.count(Code.GET_ROUTEINFO_BY_TOPIC) == 0
    assert sent.count(Code.GET_CONSUMER_CONNECTION_LIST) == 100


@pytest.mark.parametrize("why", ["refused", "no configuration", "fewer write queues"])
def test_a_broker_whose_totals_are_not_whole_is_asked_for_each_group(cluster: FakeCluster, why: str) -> None:
    broker = cluster.brokers["broker-b"]
    if why == "refused":
        cluster.transport.on(
            broker.address, Code.GET_BROKER_CONSUME_STATS, lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "too many")
        )
    elif why == "no configuration":
        broker.groups.clear()
    else:
        broker.topics["T"]["writeQueueNums"] = 1
    found = listed(cluster)
    assert [(g.group, g.lag_total) for g in found.groups[:2]] == [("group_0", 24), ("group_1", 0)]
    assert cluster.transport.codes(cluster.brokers["broker-a"].address).count(Code.GET_CONSUME_STATS) == 0
    assert cluster.transport.codes(broker.address).count(Code.GET_CONSUME_STATS) == 50


def test_a_dead_broker_is_one_failure_and_what_it_holds_is_unknown(cluster: FakeCluster) -> None:
    dead = cluster.brokers["broker-b"]
    del dead.topics["%RETRY%group_1"]
    for key in [key for key in cluster.transport.handlers if key[0] == dead.address]:
        del cluster.transport.handlers[key]
    found = listed(cluster)
    assert [failure.target for failure in found.failures] == [dead.address]
    groups = {g.group: g for g in found.groups}
    assert (groups["group_0"].lag_total, groups["group_0"].count) == (None, None)
    assert (groups["group_1"].lag_total, groups["group_1"].count) == (0, 0)


@pytest.mark.parametrize("extra", [{}, {"no{braces}:": 1}], ids=["as Apache's", "otherwise"])
def test_totals_are_read_without_the_names_of_queues(cluster: FakeCluster, extra: dict[str, int]) -> None:
    broker = cluster.brokers["broker-a"]
    empty = {"consumeTps": 0.0, "offsetTable": {}}
    table = {broker.queue_key("T", q): {"brokerOffset": 10, "consumerOffset": q, **extra} for q in (0, 1)}
    body = dumps({"consumeStatsList": [{"G": [{"consumeTps": 2.5, "offsetTable": table}, empty]}, {"H": []}]})
    cluster.transport.on(broker.address, Code.GET_BROKER_CONSUME_STATS, lambda c: c.reply(body=body))
    totals = asyncio.run(group_totals(Session(cluster.transport, timeout_ms=1000), broker.address))
    assert totals == {"G": GroupTotals(2.5, [(10, 0), (10, 1)]), "H": GroupTotals(0, [])}
