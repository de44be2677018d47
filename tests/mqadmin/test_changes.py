"""Changing commands: only what was given changes, only what was named is touched, everything is read back."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.properties import format_properties, parse_properties
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster

ORDER = "ORDER_TOPIC_CONFIG"


def test_a_new_topic_has_apaches_defaults(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T")
    assert ran.code == 0
    topic = cluster["broker-a"].topics["T"]
    assert (topic["readQueueNums"], topic["writeQueueNums"], topic["perm"], topic["order"]) == (8, 8, 6, False)
    (sent,) = [c for _, c in cluster.transport.sent if c.code == Code.UPDATE_AND_CREATE_TOPIC]
    assert sent.ext_fields == {
        "topic": "T", "defaultTopic": "TBW102", "readQueueNums": "8", "writeQueueNums": "8", "perm": "6",
        "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false", "attributes": "", "force": "false",
    }  # fmt: skip


def test_an_update_keeps_what_is_not_given(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    cluster["broker-a"].add_topic("T", 4, perm=4, order=True, topicSysFlag=1, attributes={"a": "1"})
    cluster["broker-b"].add_topic("T", 6, perm=6)
    ran = cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-w", "5", "--force")
    assert ran.code == 0
    a, b = cluster["broker-a"].topics["T"], cluster["broker-b"].topics["T"]
    assert (a["readQueueNums"], a["writeQueueNums"], a["perm"], a["order"], a["topicSysFlag"]) == (4, 5, 4, True, 1)
    assert a["attributes"] == {"a": "1"}
    assert (b["readQueueNums"], b["writeQueueNums"], b["perm"], b["order"]) == (6, 5, 6, False)
    # Only the ordered one has an entry in the order configuration.
    assert cluster.kv[cluster.namesrv] == {(ORDER, "T"): "broker-a:5"}


def test_attributes_are_changed_one_by_one(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", attributes={"keep": "1", "drop": "2"})
    ran = cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-a", "+new=3,-drop")
    assert ran.code == 0
    assert cluster["broker-a"].topics["T"]["attributes"] == {"keep": "1", "new": "3"}


def test_a_plan_sends_no_change(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 4)
    options = ("-n", cluster.namesrv, "--plan", "--output", "json")
    update = cli(cluster.transport, "updateTopic", "-c", "C1", "-t", "T", "-r", "9", "-w", "9", *options)
    assert (update.code, update.json["status"]) == (0, "planned")
    (change,) = update.json["data"]["changes"]
    assert change["fields"] == [
        {"name": "readQueueNums", "before": 4, "after": 9},
        {"name": "writeQueueNums", "before": 4, "after": 9},
    ]
    deletion = cli(cluster.transport, "deleteTopic", "-c", "C1", "-t", "T", *options)
    assert (deletion.code, deletion.json["status"]) == (0, "planned")
    reset = cli(cluster.transport, "resetOffsetByTime", "-g", "G", "-t", "T", "-s", "-1", *options)
    assert reset.code == 0
    reading = {
        Code.GET_BROKER_CLUSTER_INFO, Code.GET_TOPIC_CONFIG, Code.GET_ROUTEINFO_BY_TOPIC, Code.GET_KV_CONFIG,
        Code.GET_MIN_OFFSET, Code.GET_MAX_OFFSET, Code.QUERY_CONSUMER_OFFSET, Code.QUERY_TOPIC_CONSUME_BY_WHO,
        Code.GET_ALL_PRODUCER_INFO, Code.GET_CONSUME_STATS, Code.GET_CONSUMER_CONNECTION_LIST,
    }  # fmt: skip
    assert set(cluster.transport.codes()) <= {int(code) for code in reading}


def test_what_is_so_already_is_said_and_not_sent(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 4)
    ran = cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "6")
    assert ran.code == 0
    assert "has permission 6 already" in ran.err
    assert Code.UPDATE_AND_CREATE_TOPIC not in cluster.transport.codes()


def test_a_change_that_reads_back_as_before_has_no_effect(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 4)
    broker.ignores_updates = True
    topic = cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4")
    assert topic.code == 8
    assert "reads back as before" in topic.err
    config = cli(
        cluster.transport, "updateBrokerConfig", "-n", cluster.namesrv, "-b", broker.address, "-k", "slaveReadEnable",
        "-v", "true",
    )  # fmt: skip
    assert config.code == 8


def test_a_setting_that_a_broker_does_not_know_makes_the_change_partial(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 4)

    def update(c: RemotingCommand) -> RemotingCommand:
        c.ext_fields.pop("attributes")  # as a broker before 5.0
        return broker.update_topic(c)

    cluster.transport.on(broker.address, Code.UPDATE_AND_CREATE_TOPIC, update)
    arguments = ("updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-w", "5", "-a", "+a=1", "--force")
    ran = cli(cluster.transport, *arguments, "--output", "json")
    assert ran.code == 5
    assert [(c["state"], c["notTaken"]) for c in ran.json["data"]["changes"]] == [("partial", ["attributes.a"])]
    again = cli(cluster.transport, *arguments, "--output", "json")
    assert (again.code, again.json["data"]["changes"][0]["state"]) == (8, "no_effect")


def test_perm_of_a_topic_that_is_not_there_is_not_created(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4")
    assert ran.code == 4
    assert "T" not in cluster["broker-a"].topics


def test_a_broker_before_5_0_is_asked_for_all_topics(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 4, perm=2)
    cluster["broker-a"].knows_topic_config = False
    ran = cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-r", "7")
    assert ran.code == 0
    topic = cluster["broker-a"].topics["T"]
    assert (topic["readQueueNums"], topic["writeQueueNums"], topic["perm"]) == (7, 4, 2)


def test_a_delete_stays_in_its_cluster(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"), name_servers=2)
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("T")
    for address in cluster.name_servers:
        cluster.kv[address][(ORDER, "T")] = "broker-a:2;broker-b:2"
    ran = cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T")
    assert ran.code == 0
    assert "T" not in cluster["broker-a"].topics
    assert "T" in cluster["broker-b"].topics
    assert [broker.name for broker in cluster.holders("T")] == ["broker-b"]
    assert all(kv == {(ORDER, "T"): "broker-b:2"} for kv in cluster.kv.values())
    deletes = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.DELETE_TOPIC_IN_NAMESRV]
    assert deletes == [{"topic": "T", "clusterName": "C1"}] * 2
    assert "topic 'T' stays in C2" in ran.err


def test_deleting_what_is_not_there_has_no_effect(cli: Cli) -> None:
    cluster = FakeCluster()
    for arguments in (
        ("deleteTopic", "-c", "C1", "-t", "Nope"),
        ("deleteSubGroup", "-c", "C1", "-g", "Nope"),
        ("deleteKvConfig", "-s", "N", "-k", "Nope"),
    ):
        ran = cli(cluster.transport, *arguments, "-n", cluster.namesrv, "--output", "json")
        assert (ran.code, ran.json["status"]) == (8, "no_effect"), arguments
        assert "nothing was deleted" in ran.err


def test_an_unknown_cluster_is_not_found(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "Nope", "-t", "T")
    assert ran.code == 4
    assert "the name server knows: C1" in ran.err


def test_a_failed_broker_makes_a_change_partial(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    cluster.stop(cluster["broker-b"].address)
    ran = cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "--output", "json")
    assert (ran.code, ran.json["status"]) == (5, "partial")
    assert [change["state"] for change in ran.json["data"]["changes"]] == ["done"]
    assert [error["target"] for error in ran.json["errors"]] == [cluster["broker-b"].address]


def test_a_group_keeps_what_is_not_given_and_unknown_fields(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.groups["G"] = {
        "groupName": "G", "consumeEnable": False, "retryMaxTimes": 7, "consumeTimeoutMinute": 99,
        "attributes": {"a": "1"}, "fieldOfAFutureVersion": [1, 2],
    }  # fmt: skip
    ran = cli(cluster.transport, "updateSubGroup", "-n", cluster.namesrv, "-c", "C1", "-g", "G", "-q", "3")
    assert ran.code == 0
    group = broker.groups["G"]
    assert (group["retryQueueNums"], group["retryMaxTimes"], group["consumeEnable"]) == (3, 7, False)
    assert (group["consumeTimeoutMinute"], group["attributes"]) == (99, {"a": "1"})
    assert group["fieldOfAFutureVersion"] == [1, 2]
    # Asking for one group's configuration would create it on an Apache broker.
    assert Code.GET_SUBSCRIPTIONGROUP_CONFIG not in cluster.transport.codes()


def test_deleting_a_group_takes_its_retry_topics_in_that_cluster_only(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"))
    for broker in cluster.brokers.values():
        broker.groups["G"] = {"groupName": "G"}
        broker.add_topic("%RETRY%G", 1)
        broker.add_topic("%DLQ%G", 1)
    ran = cli(cluster.transport, "deleteSubGroup", "-n", cluster.namesrv, "-c", "C1", "-g", "G", "-r", "true")
    assert ran.code == 0
    assert (cluster["broker-a"].groups, cluster["broker-a"].topics) == ({}, {})
    assert set(cluster["broker-b"].topics) == {"%RETRY%G", "%DLQ%G"}
    assert set(cluster["broker-b"].groups) == {"G"}
    (sent,) = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.DELETE_SUBSCRIPTIONGROUP]
    assert sent == {"groupName": "G", "cleanOffset": "true", "removeOffset": "true"}


def test_keys_are_set_on_every_name_server(cli: Cli) -> None:
    cluster = FakeCluster(name_servers=2)
    cluster.kv[cluster.name_servers[0]][("N", "k")] = "v"
    put = cli(cluster.transport, "updateKvConfig", "-n", cluster.namesrv, "-s", "N", "-k", "k", "-v", "v")
    assert put.code == 0
    assert [kv[("N", "k")] for kv in cluster.kv.values()] == ["v", "v"]
    assert cluster.transport.codes().count(Code.PUT_KV_CONFIG) == 1
    assert cli(cluster.transport, "deleteKvConfig", "-n", cluster.namesrv, "-s", "N", "-k", "k").code == 0
    assert all(not kv for kv in cluster.kv.values())


def test_an_unknown_configuration_key_names_the_nearest(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(
        cluster.transport,
        "updateBrokerConfig",
        "-n",
        cluster.namesrv,
        "-c",
        "C1",
        "-k",
        "slaveReadEnabel",
        "-v",
        "true",
    )
    assert ran.code == 4
    assert "did you mean slaveReadEnable?" in ran.err
    assert Code.UPDATE_BROKER_CONFIG not in cluster.transport.codes()


def test_a_broker_named_by_address_needs_no_name_server(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    assert cli(cluster.transport, "updateTopic", "-b", broker.address, "-t", "T").code == 0
    assert "T" in broker.topics
    assert cli(cluster.transport, "brokerStatus", "-b", broker.address).code == 0
    assert cli(cluster.transport, "getBrokerConfig", "-b", broker.address).code == 0
    assert cli(cluster.transport, "updateTopic", "-c", "C1", "-t", "T").code == 2
    assert {address for address, _ in cluster.transport.sent} == {broker.address}


def test_what_was_done_is_told_when_the_name_servers_fail_afterwards(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 4)
    ran = cli(cluster.transport, "updateTopic", "-b", broker.address, "-t", "T", "-o", "true", "--output", "json")
    assert (ran.code, ran.json["status"]) == (5, "partial")
    assert [change["state"] for change in ran.json["data"]["changes"]] == ["done"]
    assert [error["target"] for error in ran.json["errors"]] == ["name servers"]
    assert broker.topics["T"]["order"] is True


def test_the_permission_of_an_ordered_topic(cli: Cli) -> None:
    """The broker takes `order` from the order configuration beside the change: that is no part that was not taken."""
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 4)
    cluster.kv[cluster.namesrv][(ORDER, "T")] = "broker-a:4"
    update = broker.update_topic

    def update_and_register(c: RemotingCommand) -> RemotingCommand:
        answer = update(c)
        broker.topics["T"]["order"] = True
        return answer

    cluster.transport.on(broker.address, Code.UPDATE_AND_CREATE_TOPIC, update_and_register)
    ran = cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-b", broker.address, "-t", "T", "-p", "4")
    assert (ran.code, ran.err) == (0, "")
    assert "update topic perm from 6 to 4" in ran.out
    # What was asked for and reads back otherwise is still told.
    ran = cli(
        cluster.transport,
        "updateTopic",
        "-n",
        cluster.namesrv,
        "-b",
        broker.address,
        "-t",
        "T",
        "-o",
        "false",
        "-w",
        "5",
        "--force",
    )
    assert (ran.code, "but not order" in ran.err) == (5, True)


@pytest.mark.parametrize("escaped", [False, True], ids=["as Apache answers", "as ours answers"])
def test_a_value_with_a_backslash_reads_back(cli: Cli, escaped: bool) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.config["msgTraceTopicName"] = "x"

    def update(c: RemotingCommand) -> RemotingCommand:
        broker.config.update(parse_properties(c.body_bytes.decode()))
        return c.reply()

    def answer(c: RemotingCommand) -> RemotingCommand:
        plain = "".join(f"{k}={v}\n" for k, v in broker.config.items())
        return c.reply(body=(format_properties(broker.config) if escaped else plain).encode())

    cluster.transport.on(broker.address, Code.UPDATE_BROKER_CONFIG, update)
    cluster.transport.on(broker.address, Code.GET_BROKER_CONFIG, answer)
    to = ("-n", cluster.namesrv, "-b", broker.address)
    for value in ("a\\b", "C:\\dir\\new", "\\", "a=b:c #d"):
        ran = cli(cluster.transport, "updateBrokerConfig", *to, "-k", "msgTraceTopicName", "-v", value)
        assert (ran.code, broker.config["msgTraceTopicName"]) == (0, value), ran.err
        shown = cli(cluster.transport, "getBrokerConfig", *to, "--output", "json")
        assert shown.json["data"]["servers"][0]["config"]["msgTraceTopicName"] == value


def test_all_brokers_are_meant_only_with_a_cluster(cli: Cli) -> None:
    cluster = FakeCluster()
    to = ("-n", cluster.namesrv, "-b", cluster["broker-a"].address)
    ran = cli(cluster.transport, "updateBrokerConfig", *to, "-k", "slaveReadEnable", "-v", "true", "-a", "true")
    assert (ran.code, "-a needs -c" in ran.err) == (2, True)


@pytest.mark.parametrize("key", ["authenticationEnabled", "tls.server.mode"])
def test_a_key_that_servers_read_at_the_start_alone_is_said_to_be_one(cli: Cli, key: str) -> None:
    cluster = FakeCluster()
    where = ("-n", cluster.namesrv, "-b", cluster["broker-a"].address)
    ran = cli(cluster.transport, "updateBrokerConfig", *where, "-k", key, "-v", "true")
    assert ran.code != 0 and "servers read it when they start" in ran.err and "did you mean" not in ran.err
    assert f"set {key} in the property file" in ran.err
