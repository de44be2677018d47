"""consumerStatus: every client is asked, one that does not answer is named, and what is wrong among them is found."""

from __future__ import annotations

from typing import Any

import pytest

from rocketmq_ops.client.admin.groups.consumer_status import HeldQueue, RunningInfo, queue_problems
from rocketmq_ops.common.fastjson import ObjectKey
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_group_commands import online

NOW = 1_700_000_000_000


def running(*queues: tuple[str, int], topic: str = "T", expression: str = "*", **properties: str) -> dict[str, Any]:
    """What a pushed client says of itself that holds these queues of T."""
    table = {
        ObjectKey({"brokerName": broker, "queueId": queue, "topic": "T"}): {"commitOffset": 5, "cachedMsgCount": 0}
        for broker, queue in queues
    }
    return {
        "properties": {
            "PROP_CONSUME_TYPE": "CONSUME_PASSIVELY",
            "PROP_CONSUMEORDERLY": "false",
            "PROP_CONSUMER_START_TIMESTAMP": str(NOW),
            **properties,
        },
        "subscriptionSet": [{"topic": topic, "subString": expression, "expressionType": "TAG"}],
        "mqTable": table,
        "statusTable": {"T": {"consumeRT": 1.5, "consumeFailedMsgs": 3}},
        "jstack": "main waiting",
    }


class Group:
    """Two brokers with two queues of T each, and the consumers of G."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
        self.brokers = list(self.cluster.brokers.values())
        for broker in self.brokers:
            broker.add_topic("T", 2)
        self.clients("c@1", "c@2")
        self.says("c@1", running(("broker-a", 0), ("broker-a", 1)))
        self.says("c@2", running(("broker-b", 0), ("broker-b", 1)))

    def clients(self, *client_ids: str, **more: Any) -> None:
        for broker in self.brokers:
            broker.consumers["G"] = {**online(*client_ids), **more}

    def says(self, client_id: str, info: dict[str, Any] | None) -> None:
        for broker in self.brokers:
            if info is None:
                del broker.running[client_id]
            else:
                broker.running[client_id] = info

    def __call__(self, *options: str, output: str = "json") -> Ran:
        line = ("consumerStatus", "-g", "G", "-n", self.cluster.namesrv, "--output", output, *options)
        return self._cli(self.cluster.transport, *line)

    def kinds(self) -> list[str]:
        return [problem["kind"] for problem in self().json["data"]["problems"]]


@pytest.fixture
def group(cli: Cli) -> Group:
    return Group(cli)


def test_a_healthy_group(group: Group) -> None:
    ran = group()
    data = ran.json["data"]
    assert (ran.code, data["sameSubscription"], data["rebalanceOk"], data["problems"]) == (0, True, True, [])
    first = data["clients"][0]
    assert (first["clientId"], first["clientAddr"], first["version"]) == ("c@1", "10.2.0.1:5000", "V5_3_3")
    info = first["info"]
    assert (info["consumeType"], info["orderly"], info["startTimestamp"]) == ("CONSUME_PASSIVELY", False, NOW)
    assert [(q["brokerName"], q["queueId"], q["commitOffset"]) for q in info["queues"]] == [
        ("broker-a", 0, 5), ("broker-a", 1, 5),
    ]  # fmt: skip
    assert info["rates"][0]["consumeFailedMsgs"] == 3
    assert info["queues"][0]["lastPullTimestamp"] is None, "a time of 0 is not known"
    asked = [c for _, c in group.cluster.transport.sent if c.code == Code.GET_CONSUMER_RUNNING_INFO]
    assert [c.ext_fields["jstackEnable"] for c in asked] == ["false", "false"]
    text = group(output="table").out
    assert "Subscription in the group of consumers: same" in text
    assert "Rebalance: OK" in text


def test_a_client_that_does_not_answer_is_named(group: Group) -> None:
    group.says("c@2", None)
    ran = group()
    data = ran.json["data"]
    assert (ran.code, ran.json["status"]) == (ExitCode.PARTIAL, "partial")
    assert "client c@2 (10.2.0.2:5000)" in ran.err
    assert [client["info"] is None for client in data["clients"]] == [False, True]
    assert (data["sameSubscription"], data["rebalanceOk"]) == (None, None), "not all is known"
    assert "Rebalance: unknown" in group(output="table").out


def test_an_answer_without_a_state_says_why(group: Group) -> None:
    """What a Go client answers while its figures are no numbers (getConsumerRunningInfo in its client.go)."""
    why = "json marshal error: json: unsupported value: NaN"
    for broker in group.brokers:
        answer = (broker.address, Code.GET_CONSUMER_RUNNING_INFO)
        group.cluster.transport.on(*answer, lambda c: c.reply(ResponseCode.SUCCESS, why))
    ran = group()
    assert ran.code == ExitCode.PARTIAL
    assert f"client c@1 (10.2.0.1:5000): it answered without its state: {why}" in ran.err
    assert "\n  next: ask again in 20 seconds" in ran.err


def test_another_broker_is_asked_where_one_cannot_reach_the_client(group: Group) -> None:
    del group.brokers[0].running["c@2"]
    assert group().json["data"]["rebalanceOk"] is True


def test_subscriptions_that_differ(group: Group) -> None:
    group.says("c@2", running(("broker-b", 0), expression="A || B"))
    data = group().json["data"]
    assert (data["sameSubscription"], data["rebalanceOk"]) == (False, None)
    (problem,) = data["problems"]
    assert (problem["kind"], problem["clientId"]) == ("different_subscription", "c@2")
    assert problem["detail"] == "differs from c@1 in T (*), T (A || B)"


def test_queues_of_no_client_and_of_two(group: Group) -> None:
    group.says("c@2", running(("broker-b", 0), ("broker-a", 1)))
    ran = group()
    assert ran.code == 0
    assert ran.json["data"]["rebalanceOk"] is False
    found = [(p["kind"], p["brokerName"], p["queueId"]) for p in ran.json["data"]["problems"]]
    assert found == [("unassigned", "broker-b", 1), ("assigned_twice", "broker-a", 1)]
    assert "broker-b queue 1 of topic T: no client of the group has it" in ran.err


def test_groups_whose_queues_are_not_assigned(group: Group) -> None:
    group.says("c@2", running())
    group.clients("c@1", "c@2", messageModel="BROADCASTING")
    assert group.kinds() == []
    group.clients("c@1", "c@2", consumeType="CONSUME_ACTIVELY")
    assert group.kinds() == []


def test_two_clients_of_one_id_are_two_rows(group: Group) -> None:
    group.clients("c@1", "c@1")
    data = group().json["data"]
    rows = [(c["clientId"], c["clientAddr"], c["sharesId"], c["info"] is not None) for c in data["clients"]]
    assert rows == [("c@1", "10.2.0.1:5000", True, True), ("c@1", "10.2.0.2:5000", True, False)]
    assert [p["kind"] for p in data["problems"]] == ["shared_id"]


def test_one_client_in_full(group: Group) -> None:
    ran = group("-i", "c@2", "-s", output="table")
    assert ran.code == 0
    for part in (
        "#Client# c@2",
        "PROP_CONSUME_TYPE",
        "#Consumer MQ Detail#",
        "broker-b",
        "#Consumer jstack#",
        "main wait",
    ):
        assert part in ran.out
    (asked,) = [c for _, c in group.cluster.transport.sent if c.code == Code.GET_CONSUMER_RUNNING_INFO]
    assert (asked.ext_fields["clientId"], asked.ext_fields["jstackEnable"]) == ("c@2", "true")
    missing = group("-i", "c@9")
    assert missing.code == ExitCode.NOT_FOUND
    assert "online are c@1, c@2" in missing.err


def test_one_broker_alone(group: Group) -> None:
    ran = group("-b", group.brokers[1].address)
    assert {broker for c in ran.json["data"]["clients"] for broker in c["brokers"]} == {group.brokers[1].address}


def held(**more: Any) -> HeldQueue:
    fields: dict[str, Any] = {
        "topic": "T", "broker_name": "b", "queue_id": 0, "commit_offset": 0, "cached": 0, "cached_min_offset": 0,
        "cached_max_offset": 0, "cached_size_mib": 0, "transaction_count": 0, "transaction_min_offset": 0,
        "transaction_max_offset": 0, "locked": False, "dropped": False, "try_unlock_times": 0,
        "last_pull_timestamp": NOW, "last_consume_timestamp": NOW, "last_lock_timestamp": None, **more,
    }  # fmt: skip
    return HeldQueue(**fields)


@pytest.mark.parametrize(
    ("orderly", "queue", "kinds"),
    [
        (False, held(), []),
        (False, held(cached=3, last_consume_timestamp=NOW - 60_000), []),
        (False, held(cached=3, last_consume_timestamp=NOW - 60_001), ["blocked"]),
        (False, held(cached=3, last_consume_timestamp=None), ["blocked"]),
        (False, held(last_consume_timestamp=None), []),
        (True, held(cached=3, last_consume_timestamp=None, locked=True), []),
        (True, held(), ["not_locked"]),
        (True, held(locked=True, dropped=True, try_unlock_times=2), ["unlock_failed"]),
        (True, held(locked=True, dropped=True), []),
    ],
)
def test_queues_that_are_held_up(orderly: bool, queue: HeldQueue, kinds: list[str]) -> None:
    info = RunningInfo(
        consume_type="CONSUME_PASSIVELY", orderly=orderly, start_timestamp=NOW, subscriptions=[], queues=[queue],
        pop_queues=[], rates=[], properties={}, user_info={},
    )  # fmt: skip
    assert [problem.kind for problem in queue_problems("c@1", info, NOW)] == kinds


@pytest.mark.parametrize("orderly", [None, False, True])
def test_a_queue_of_which_a_lite_pull_consumer_polls_nothing_is_held_up(orderly: bool | None) -> None:
    """It tells when it was polled last. One that does not, as other pull consumers, is not judged."""
    queues = [
        held(cached=3, queue_id=1, last_consume_timestamp=NOW - 60_001),
        held(cached=3, queue_id=2, last_consume_timestamp=NOW - 60_000),
        held(cached=0, queue_id=3, last_consume_timestamp=NOW - 60_001),
        held(cached=3, queue_id=4, last_consume_timestamp=None),
    ]
    info = RunningInfo(
        consume_type="CONSUME_ACTIVELY", orderly=orderly, start_timestamp=NOW, subscriptions=[], queues=queues,
        pop_queues=[], rates=[], properties={}, user_info={},
    )  # fmt: skip
    assert [(problem.kind, problem.queue_id) for problem in queue_problems("c@1", info, NOW)] == [("blocked", 1)]


def test_offsets_that_a_cpp_client_writes_without_a_sign(cli: Cli) -> None:
    """Java's mqadmin fails at them. The -1 is of a queue that has no offset yet."""
    group, info = Group(cli), running(("broker-a", 0), ("broker-a", 1))
    info["mqTable"][ObjectKey({"brokerName": "broker-a", "queueId": 0, "topic": "T"})]["commitOffset"] = str(2**64 - 1)
    group.says("c@1", info)
    shown = group().json["data"]["clients"][0]["info"]["queues"]
    assert [queue["commitOffset"] for queue in shown] == [-1, 5]
