"""Commands about consumer groups and their clients on several brokers: lists, modes, configurations, cloned offsets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster


class Two:
    """Two brokers of one cluster, each with two queues of T."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
        self.a, self.b = self.cluster["broker-a"], self.cluster["broker-b"]
        for broker in (self.a, self.b):
            broker.add_topic("T", 2)

    def __call__(self, *arguments: str) -> Ran:
        return self._cli(self.cluster.transport, *arguments, "-n", self.cluster.namesrv, "--output", "json")

    def sent(self, code: Code) -> list[Any]:
        return [command for _, command in self.cluster.transport.sent if command.code == code]


@pytest.fixture
def two(cli: Cli) -> Two:
    return Two(cli)


def online(*client_ids: str, topic: str = "T", model: str = "CLUSTERING") -> dict[str, Any]:
    """What a broker answers of a group with these consumers."""
    return {
        "connectionSet": [
            {"clientId": name, "clientAddr": f"10.2.0.{place + 1}:5000", "language": "JAVA", "version": 479}
            for place, name in enumerate(client_ids)
        ],
        "subscriptionTable": {topic: {"topic": topic, "subString": "*", "expressionType": "TAG"}},
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": model,
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
    }


def groups_file(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "groups.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def existing(broker: FakeBroker, name: str, **settings: Any) -> None:
    broker.groups[name] = {"groupName": name, "attributes": {}, "retryMaxTimes": 16, **settings}


# updateSubGroupList


def test_a_list_changes_what_it_names_with_one_request_a_broker(two: Two, tmp_path: Path) -> None:
    existing(two.a, "G", consumeEnable=False, attributes={"a": "1", "old": "2"})
    existing(two.a, "Same", retryMaxTimes=3)
    wanted = [
        {"groupName": "G", "retryMaxTimes": 5, "attributes": {"b": "2", "-old": ""}},
        {"groupName": "Same", "retryMaxTimes": 3},
    ]
    ran = two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, wanted))
    assert (ran.code, ran.json["status"]) == (0, "ok")
    states = [(c["target"], c["name"], c["action"], c["state"]) for c in ran.json["data"]["changes"]]
    assert states == [
        (two.a.address, "G", "update", "done"),
        (two.a.address, "Same", "none", "unchanged"),
        (two.b.address, "G", "create", "done"),
        (two.b.address, "Same", "create", "done"),
    ]
    assert two.a.groups["G"]["consumeEnable"] is False, "what is not given is kept"
    assert (two.a.groups["G"]["retryMaxTimes"], two.b.groups["G"]["retryMaxTimes"]) == (5, 5)
    to_a, to_b = two.sent(Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST)
    assert [g["attributes"] for g in json.loads(to_a.body_bytes)["groupConfigList"]] == [{"+b": "2", "-old": ""}]
    assert len(json.loads(to_b.body_bytes)["groupConfigList"]) == 2


def test_a_new_group_of_a_file_has_the_defaults_of_apaches_file(two: Two, tmp_path: Path) -> None:
    """SubscriptionGroupConfig begins with them; updateSubGroup sends false for the two."""
    assert two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, [{"groupName": "G"}])).code == 0
    assert two("updateSubGroup", "-c", "C1", "-g", "H").code == 0
    for name, value in (("consumeFromMinEnable", True), ("consumeBroadcastEnable", True)):
        assert (two.a.groups["G"][name], two.a.groups["H"][name]) == (value, not value)
    common = {"retryMaxTimes": 16, "retryQueueNums": 1, "consumeEnable": True, "consumeTimeoutMinute": 15}
    assert common.items() <= two.a.groups["G"].items()
    two.a.groups["G"]["consumeBroadcastEnable"] = False
    again = two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, [{"groupName": "G", "retryMaxTimes": 3}]))
    assert (again.code, two.a.groups["G"]["consumeBroadcastEnable"]) == (0, False), "one that is there keeps its own"


def test_a_broker_that_takes_no_list_gets_the_groups_one_by_one(two: Two, tmp_path: Path) -> None:
    two.a.knows_lists = False
    ran = two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, [{"groupName": "G"}, {"groupName": "H"}]))
    assert (ran.code, {c["state"] for c in ran.json["data"]["changes"]}) == (0, {"done"})
    assert set(two.a.groups) == set(two.b.groups) == {"G", "H"}
    assert len(two.sent(Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP)) == 2


def test_the_plan_of_a_list_sends_no_change(two: Two, tmp_path: Path) -> None:
    ran = two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, [{"groupName": "G"}]), "--plan")
    assert (ran.code, ran.json["status"]) == (0, "planned")
    assert two.a.groups == two.b.groups == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"groupName": "G"', "is not JSON"),
        ('{"groupName": "G"}', "holds no JSON list of objects"),
        ("[]", "holds no group"),
        ('[{"retryMaxTimes": 3}]', "holds an object without groupName"),
        ('[{"groupName": "G", "retryMaxTime": 3}]', "did you mean 'retryMaxTimes'?"),
        ('[{"groupName": "G"}, {"groupName": "H", "retryMaxTimes": "many"}]', "object 2: "),
        ('[{"groupName": "G"}, {"groupName": "G"}]', "more than once"),
        ('[{"groupName": "a b"}]', "a b"),
    ],
)
def test_a_file_that_is_no_list_of_groups(two: Two, tmp_path: Path, content: str, told: str) -> None:
    ran = two("updateSubGroupList", "-c", "C1", "-f", groups_file(tmp_path, content))
    assert ran.code == ExitCode.USAGE
    assert told in ran.err
    assert two.sent(Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST) == []


def test_a_file_that_is_not_there(two: Two, tmp_path: Path) -> None:
    assert two("updateSubGroupList", "-c", "C1", "-f", str(tmp_path / "none.json")).code == ExitCode.NOT_FOUND


# getConsumerConfig


def test_a_groups_configuration_names_what_differs(two: Two) -> None:
    existing(two.a, "G")
    existing(two.b, "G", retryMaxTimes=3)
    ran = two("getConsumerConfig", "-g", "G")
    assert [b["config"]["retryMaxTimes"] for b in ran.json["data"]["brokers"]] == [16, 3]
    assert ran.json["data"]["differing"] == ["retryMaxTimes"]
    del two.b.groups["G"]
    ran = two("getConsumerConfig", "-g", "G")
    assert (ran.code, ran.json["data"]["without"]) == (0, [two.b.address])
    two.cluster.stop(two.b.address)
    ran = two("getConsumerConfig", "-g", "G")
    assert (ran.code, ran.json["data"]["without"]) == (ExitCode.PARTIAL, [])
    assert two("getConsumerConfig", "-g", "Nobody").code == ExitCode.PARTIAL, "a broker that is down may have it"


def test_a_group_that_no_broker_has(two: Two) -> None:
    ran = two("getConsumerConfig", "-g", "Nobody")
    assert ran.code == ExitCode.NOT_FOUND
    assert two.a.groups == {}


# setConsumeMode


def test_a_mode_is_set_where_it_differs_and_read_back(two: Two) -> None:
    two.a.modes = {"T": {"G": {"topic": "T", "consumerGroup": "G", "mode": "PULL", "popShareQueueNum": 4}}}
    ran = two("setConsumeMode", "-c", "C1", "-t", "T", "-g", "G", "-m", "pop")
    assert ran.code == 0
    fields = [c["fields"] for c in ran.json["data"]["changes"]]
    assert fields == [
        [{"name": "mode", "before": "PULL", "after": "POP"}],
        [{"name": "mode", "before": None, "after": "POP"}, {"name": "popShareQueueNum", "before": None, "after": 0}],
    ]
    assert two.a.modes["T"]["G"]["popShareQueueNum"] == 4, "what is not given is kept"
    assert two("setConsumeMode", "-c", "C1", "-t", "T", "-g", "G", "-m", "POP").json["status"] == "unchanged"
    two.b.ignores_updates = True
    ran = two("setConsumeMode", "-c", "C1", "-t", "T", "-g", "G", "-m", "PULL", "-q", "2")
    assert (ran.code, [c["state"] for c in ran.json["data"]["changes"]]) == (ExitCode.PARTIAL, ["done", "no_effect"])


# producer


def test_two_producers_of_one_id_are_two_rows(two: Two) -> None:
    row = {"clientId": "c@1", "language": "JAVA", "version": 479, "lastUpdateTimestamp": 1}
    two.a.producers = {"P": [{**row, "remoteIP": "10.2.0.9:1"}, {**row, "remoteIP": "10.2.0.2:1"}], "Empty": []}
    ran = two("producer", "-b", two.a.address)
    rows = [(p["group"], p["clientId"], p["clientAddr"], p["version"]) for p in ran.json["data"]["producers"]]
    assert rows == [("P", "c@1", "10.2.0.2:1", "V5_3_3"), ("P", "c@1", "10.2.0.9:1", "V5_3_3")]


# cloneGroupOffset


def test_a_clone_copies_one_topic_queue_by_queue(two: Two) -> None:
    two.a.add_topic("Other", 1)
    two.a.committed = {("S", "T", 0): 7, ("S", "T", 1): 0, ("S", "Other", 0): 5, ("D", "T", 1): 0}
    two.b.committed = {("S", "T", 0): 9, ("D", "T", 0): 3}
    line = ("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T")
    planned = two(*line, "--plan")
    assert (planned.code, planned.json["status"]) == (0, "planned")
    assert two.sent(Code.UPDATE_CONSUMER_OFFSET) == []
    ran = two(*line)
    assert (ran.code, ran.json["status"]) == (0, "ok")
    queues = [
        (q["brokerName"], q["queueId"], q["sourceOffset"], q["before"], q["after"], q["state"])
        for q in ran.json["data"]["queues"]
    ]
    assert queues == [
        ("broker-a", 0, 7, None, 7, "done"),
        ("broker-a", 1, 0, 0, 0, "unchanged"),
        ("broker-b", 0, 9, 3, 9, "done"),
        ("broker-b", 1, None, None, None, "unknown"),
    ]
    assert ("D", "Other", 0) not in two.a.committed
    assert "broker-b queue 1: nothing was copied there" in ran.err
    assert two(*line).json["status"] == "unchanged"


def test_a_clone_onto_online_consumers_is_refused(two: Two) -> None:
    two.a.committed = {("S", "T", 0): 7}
    two.b.consumers = {"D": online("c@1", "c@2")}
    line = ("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T")
    ran = two(*line)
    assert ran.code == ExitCode.REFUSED
    assert "c@1, c@2" in ran.err
    assert "-o true" in ran.err
    assert ("D", "T", 0) not in two.a.committed
    assert two(*line, "--plan").json["data"]["online"] == ["c@1", "c@2"]
    forced = two(*line, "-o", "true")
    assert (forced.code, two.a.committed["D", "T", 0]) == (0, 7)


def test_a_clone_that_is_not_taken(two: Two) -> None:
    two.a.committed = {("S", "T", 0): 7}
    two.a.ignores_updates = True
    ran = two("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T")
    assert (ran.code, ran.json["status"]) == (ExitCode.NO_EFFECT, "no_effect")
    assert "the offset 7 was not taken: it reads back as none" in ran.err
    two.cluster.stop(two.b.address)
    two.a.ignores_updates = False
    ran = two("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T")
    assert (ran.code, two.a.committed["D", "T", 0]) == (ExitCode.PARTIAL, 7)


def test_an_offset_that_a_broker_before_5_0_makes_up_is_not_cloned(two: Two) -> None:
    """It answers 0 of a queue with its first message, and has no key useServerSideResetOffset."""
    two.a.committed = {("S", "T", 1): 0}
    del two.a.config["useServerSideResetOffset"]
    saved = {"T@S": {1: 0}}
    two.cluster.transport.on(two.a.address, Code.QUERY_CONSUMER_OFFSET, lambda c: c.reply(ext_fields={"offset": "0"}))
    two.cluster.transport.on(
        two.a.address, Code.GET_ALL_CONSUMER_OFFSET, lambda c: c.reply(body=dumps({"offsetTable": saved}))
    )
    ran = two("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T", "--plan")
    queues = [(q["sourceOffset"], q["before"], q["state"]) for q in ran.json["data"]["queues"]]
    assert queues == [(None, None, "unknown"), (0, None, "planned"), *[(None, None, "unknown")] * 2]


def test_a_clone_needs_two_groups_and_an_offset(two: Two) -> None:
    assert two("cloneGroupOffset", "-s", "S", "-d", "S", "-t", "T").code == ExitCode.USAGE
    ran = two("cloneGroupOffset", "-s", "S", "-d", "D", "-t", "T")
    assert ran.code == ExitCode.NOT_FOUND
    assert "group 'S' has no offset of topic 'T'" in ran.err


def test_progress_of_a_group_that_is_only_configured_says_to_name_a_topic(two: Two) -> None:
    existing(two.b, "Idle")
    alone = two("consumerProgress", "-g", "Idle")
    assert alone.code == ExitCode.NOT_FOUND
    assert "group 'Idle' is configured, and has no retry topic" in alone.err
    assert "next: name a topic that it consumes: see `mqadmin consumerProgress -g Idle -t TOPIC`" in alone.err
    assert "is configured" not in two("consumerProgress", "-g", "Nobody").err
    two.cluster.stop(two.b.address)
    assert "know no retry topic of the consumer group 'Idle'" in two("consumerProgress", "-g", "Idle").err
