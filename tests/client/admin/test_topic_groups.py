"""The groups of a topic, where a broker of 5.3 lists the topic's own name among them."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster


def commit(broker: FakeBroker) -> None:
    broker.committed["Orders", "Orders", 0] = 3


def go_online(broker: FakeBroker) -> None:
    broker.consumers["Orders"] = {"connectionSet": [], "subscriptionTable": {}}


def nothing(_: FakeBroker) -> None:
    """There is no group of that name."""


@pytest.mark.parametrize(
    ("done", "groups"),
    [(nothing, ["billing"]), (commit, ["Orders", "billing"]), (go_online, ["Orders", "billing"])],
    ids=["no group", "has consumed", "online"],
)
def test_its_own_name_counts_where_there_is_such_a_group(done: object, groups: list[str]) -> None:
    cluster = FakeCluster(("broker-a", "C1"))
    broker = cluster["broker-a"]
    broker.add_topic("Orders")
    assert callable(done)
    done(broker)
    answer = dumps({"groupList": ["Orders", "billing"]})
    cluster.transport.on(broker.address, Code.QUERY_TOPIC_CONSUME_BY_WHO, lambda c: c.reply(body=answer))

    async def ask() -> tuple[list[str], list[str]]:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await admin.topics.readers_at(broker.address, "Orders"), await admin.topics.readers("Orders")

    assert asyncio.run(ask()) == (groups, groups)
