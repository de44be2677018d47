"""resetOffsetByTime and skipAccumulatedMessage: every queue is read back, and nothing else moves."""

from __future__ import annotations

import asyncio
import typing

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.offsets import offset as offsets
from rocketmq_ops.client.errors import InvalidValueError
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    """Topic T with two queues that end at 100 and 200; group G is at 40 and 150."""
    made = FakeCluster()
    broker = made["broker-a"]
    broker.add_topic("T", 2)
    broker.ends = {("T", 0): 100, ("T", 1): 200}
    broker.committed = {("G", "T", 0): 40, ("G", "T", 1): 150, ("Other", "T", 0): 1}
    return made


def at(broker: FakeBroker) -> list[int | None]:
    return [broker.committed.get(("G", "T", queue)) for queue in (0, 1)]


def reset(cli: Cli, cluster: FakeCluster, *more: str) -> Ran:
    return cli(cluster.transport, "resetOffsetByTime", "-n", cluster.namesrv, "-g", "G", "-t", "T", *more)


def states(ran: Ran) -> list[str]:
    return [queue["state"] for queue in ran.json["data"]["queues"]]


def test_to_the_end(cli: Cli, cluster: FakeCluster) -> None:
    ran = reset(cli, cluster, "-s", "-1", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["done", "done"])
    assert at(cluster["broker-a"]) == [100, 200]
    assert cluster["broker-a"].committed[("Other", "T", 0)] == 1


def test_to_offset_0(cli: Cli, cluster: FakeCluster) -> None:
    ran = reset(cli, cluster, "-s", "0", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["done", "done"])
    assert at(cluster["broker-a"]) == [0, 0]


def test_skip_accumulated_message_goes_to_the_end(cli: Cli, cluster: FakeCluster) -> None:
    ran = cli(cluster.transport, "skipAccumulatedMessage", "-n", cluster.namesrv, "-g", "G", "-t", "T")
    assert ran.code == 0
    assert at(cluster["broker-a"]) == [100, 200]


def test_one_queue_to_one_offset_leaves_the_other(cli: Cli, cluster: FakeCluster) -> None:
    address = cluster["broker-a"].address
    ran = reset(cli, cluster, "-s", "-1", "-b", address, "-q", "1", "-o", "0", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["done"])
    assert at(cluster["broker-a"]) == [40, 0]


def test_one_queue_where_the_broker_resets_through_its_clients(cli: Cli, cluster: FakeCluster) -> None:
    """Such a broker ignores the queue id and would move every queue: the offset is committed instead."""
    broker = cluster["broker-a"]
    del broker.config["useServerSideResetOffset"]
    ran = reset(cli, cluster, "-s", "-1", "-b", broker.address, "-q", "1", "-o", "7", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["done"])
    assert at(broker) == [40, 7]
    assert Code.INVOKE_BROKER_TO_RESET_OFFSET not in cluster.transport.codes()


def test_an_offline_group_of_an_old_broker_has_its_offsets_committed(cli: Cli, cluster: FakeCluster) -> None:
    cluster["broker-a"].server_side_reset = False
    cluster["broker-a"].groups["G"] = {"groupName": "G"}
    ran = reset(cli, cluster, "-s", "-1", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["done", "done"])
    assert at(cluster["broker-a"]) == [100, 200]
    assert "the offsets were committed" in ran.err


def test_force_false_moves_no_queue_forward(cli: Cli, cluster: FakeCluster) -> None:
    ran = reset(cli, cluster, "-s", "60", "-f", "false", "--output", "json")
    assert (ran.code, states(ran)) == (0, ["kept", "done"])
    assert at(cluster["broker-a"]) == [40, 60]
    nothing = reset(cli, cluster, "-s", "90", "-f", "false", "--output", "json")
    assert (nothing.code, nothing.json["status"]) == (8, "no_effect")


def test_what_is_there_already_is_unchanged(cli: Cli, cluster: FakeCluster) -> None:
    cluster["broker-a"].committed.update({("G", "T", 0): 100, ("G", "T", 1): 200})
    ran = reset(cli, cluster, "-s", "-1", "--output", "json")
    assert (ran.code, ran.json["status"]) == (0, "unchanged")
    assert Code.INVOKE_BROKER_TO_RESET_OFFSET not in cluster.transport.codes()


def test_a_success_without_effect_is_found_out(cli: Cli, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_CONFIRM_PAUSE_S", 0)
    cluster["broker-a"].ignores_updates = True
    ran = reset(cli, cluster, "-s", "-1", "--output", "json")
    assert (ran.code, states(ran)) == (8, ["no_effect", "no_effect"])
    assert "reads back as 40" in ran.err


def test_a_queue_that_does_not_exist_and_options_that_need_others(cli: Cli, cluster: FakeCluster) -> None:
    address = cluster["broker-a"].address
    missing = reset(cli, cluster, "-s", "-1", "-b", address, "-q", "5")
    assert missing.code == 4
    assert "it has 0 to 1" in missing.err
    assert reset(cli, cluster, "-s", "-1", "-q", "0").code == 2
    assert reset(cli, cluster, "-s", "-1", "-b", address, "-o", "0").code == 2
    assert reset(cli, cluster, "-s", "yesterday").code == 2
    assert reset(cli, cluster, "-s", "-1", "-b", "10.9.9.9:1").code == 4


def test_a_negative_time_other_than_the_end_is_refused(cli: Cli, cluster: FakeCluster) -> None:
    """A broker searches a queue for it from the beginning, and resets a group to the end."""
    for more in ([], ["--plan"], ["-b", cluster["broker-a"].address, "-q", "0"]):
        ran = reset(cli, cluster, "-s", "-3600000", *more)
        assert ran.code == 2
        assert "invalid time '-3600000': expected -1 (the end)" in ran.err
    assert at(cluster["broker-a"]) == [40, 150]

    async def ask(admin: MQAdmin) -> None:
        async with admin:
            await admin.offsets.reset(offsets.ResetRequest(group="G", topic="T", timestamp=-2))

    with pytest.raises(InvalidValueError, match="invalid time -2"):
        asyncio.run(ask(MQAdmin(cluster.name_servers, transport=cluster.transport)))


@pytest.mark.parametrize("when", ["-1", "0", "60", "150", "1000000"])
def test_the_plan_the_group_and_the_queue_go_to_the_same_offset(cli: Cli, cluster: FakeCluster, when: str) -> None:
    def targets(*more: str) -> list[int]:
        ran = reset(cli, cluster, "-s", when, "--output", "json", *more)
        return [queue["target"] for queue in ran.json["data"]["queues"]]

    address = cluster["broker-a"].address
    planned = targets("--plan")
    assert [targets("-b", address, "-q", str(queue))[0] for queue in (0, 1)] == planned
    assert at(cluster["broker-a"]) == planned
    cluster["broker-a"].committed.update({("G", "T", 0): 7, ("G", "T", 1): 7})
    assert targets() == planned == at(cluster["broker-a"])


def test_a_cluster_narrows_the_reset(cli: Cli) -> None:
    made = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"))
    for broker in made.brokers.values():
        broker.add_topic("T", 1)
        broker.ends = {("T", 0): 100}
        broker.committed = {("G", "T", 0): 40}
    assert reset(cli, made, "-s", "-1", "-c", "C2").code == 0
    assert [broker.committed[("G", "T", 0)] for broker in made.brokers.values()] == [40, 100]
    ran = reset(cli, made, "-s", "-1", "-c", "C3")
    assert (ran.code, "cluster 'C3' does not hold topic 'T'" in ran.err) == (4, True)


def test_what_only_consumers_were_asked_to_move_is_a_change_that_could_not_be_read_back() -> None:
    """A broker before 5.0 has its consumers move: plan, journal and undo must know of it all the same."""
    told = {"planned": "planned", "done": "done", "notified": "unverified", "unverified": "unverified"}
    told |= {"no_effect": "no_effect"}
    queues = [
        offsets.QueueReset("broker-a", place, 0, 9, 5, 0, 5, state, "h:1")
        for place, state in enumerate(typing.get_args(offsets.ResetState))
    ]
    changes = offsets.ResetReport("G", "T", 0, False, queues).as_changes()
    assert [change.state for change in changes] == [told[queue.state] for queue in queues if queue.state in told]
    assert {queue.state for queue in queues} - set(told) == {"unchanged", "kept"}
