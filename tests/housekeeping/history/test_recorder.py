"""What a run keeps of a cluster beside offsets, and which offsets it takes for committed."""

import asyncio

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.history.recorder import broker_figures, surroundings
from rocketmq_ops.housekeeping.history.runs import QueueKey
from rocketmq_ops.housekeeping.once import Once
from rocketmq_ops.housekeeping.probe.groups import gather
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.fixture
def cluster():
    made = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in made.brokers.values():
        broker.add_topic("T")
        broker.ends = {("T", 0): 10, ("T", 1): 10}
        broker.groups["G"] = {"groupName": "G"}
        broker.committed["G", "T", 0] = 4
    return made


def asked(cluster, call):
    async def ask():
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            brokers = await admin.cluster.brokers()
            return await call(admin, brokers)

    return asyncio.run(ask())


def test_a_queue_that_was_never_consumed_has_no_offset(cluster):
    """Brokers list 0 of it, and a group that is put back to 0 would consume all."""
    seen = asked(cluster, gather)
    assert [(q.queue, q.end, q.committed) for q in seen.groups["G"].queues] == [
        (QueueKey("T", broker, number), 10, 4 if number == 0 else None)
        for broker in ("broker-a", "broker-b")
        for number in (0, 1)
    ]
    for broker in cluster.brokers.values():
        broker.committed["G", "T", 1] = 10
    asked(cluster, gather)
    assert cluster.transport.codes().count(Code.GET_ALL_CONSUMER_OFFSET) == 2


def test_routes_are_of_all_masters_or_not_known(cluster):
    around = asked(
        cluster, lambda admin, brokers: surroundings(admin, brokers, brokers, {}, Once(admin.configs.broker_config))
    )
    assert around.routes is not None
    assert around.routes["T"] == "broker-a read 2 write 2 permission 6\nbroker-b read 2 write 2 permission 6"
    assert around.failures == []
    cluster.transport.on(
        cluster.brokers["broker-b"].address,
        Code.GET_ALL_TOPIC_CONFIG,
        lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "too many"),
    )
    around = asked(
        cluster, lambda admin, brokers: surroundings(admin, brokers, brokers, {}, Once(admin.configs.broker_config))
    )
    assert around.routes is None
    assert [failure.target for failure in around.failures] == [cluster.brokers["broker-b"].address]


def test_what_the_run_knows_of_a_broker_is_not_asked_again(cluster):
    first, last = (broker.address for broker in cluster.brokers.values())
    around = asked(
        cluster,
        lambda admin, brokers: surroundings(
            admin, brokers, brokers, {first: {"commitLogDiskRatio": "0.25"}}, Once(admin.configs.broker_config)
        ),
    )
    assert [f.value for f in around.figures if (f.name, f.target) == ("broker.disk_ratio", first)] == [0.25]
    asked_again = [at for at, c in cluster.transport.sent if c.code == Code.GET_BROKER_RUNTIME_INFO]
    assert asked_again == [last]


def test_figures_are_those_that_the_broker_knows():
    runtime = {
        "bootTimestamp": "1700000000000",
        "commitLogDiskRatio": "0.5",
        "earliestMessageTimeStamp": "-1",
        "commitLogDirCapacity": "Total : 100.0 GiB, Free : 512.0 MiB.",
    }
    config = {"fileReservedTime": "72", "cleanFileForciblyEnable": "true", "diskMaxUsedSpaceRatio": "x"}
    assert broker_figures(runtime, config) == {
        "broker.boot_ms": 1.7e12,
        "broker.disk_ratio": 0.5,
        "broker.reserved_hours": 72,
        "broker.forcibly": 1,
        "broker.disk_bytes": 100 * 2**30,
        "broker.disk_free_bytes": 2**29,
    }
    assert broker_figures({}, {}) == {}
