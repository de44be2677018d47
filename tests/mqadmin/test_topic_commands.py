"""updateTopicList, updateOrderConf and allocateMQ: what is sent, what is read back, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps, loads
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster

ORDER = "ORDER_TOPIC_CONFIG"


@pytest.fixture
def listed(tmp_path: Path) -> Any:
    """`listed(topics)` is a file with them."""

    def write(topics: Any) -> str:
        file = tmp_path / "topics.json"
        file.write_text(json.dumps(topics))
        return str(file)

    return write


def take_lists(cluster: FakeCluster, broker: FakeBroker) -> None:
    """Code 18, as brokers from 5.3 on serve it."""

    def update(c: RemotingCommand) -> RemotingCommand:
        for topic in loads(c.body_bytes)["topicConfigList"]:
            held = broker.topics.get(topic["topicName"], {}).get("attributes", {})
            changes = topic.pop("attributes", {})
            attributes = {**held, **{name[1:]: value for name, value in changes.items() if name[0] == "+"}}
            removed = {name[1:] for name in changes if name[0] == "-"}
            topic["attributes"] = {name: value for name, value in attributes.items() if name not in removed}
            broker.topics[topic["topicName"]] = topic
        return c.reply()

    cluster.transport.on(broker.address, Code.UPDATE_AND_CREATE_TOPIC_LIST, update)


TOPICS = [
    {"topicName": "New", "readQueueNums": 3, "writeQueueNums": 3, "attributes": {"a": "1"}},
    {"topicName": "Held", "writeQueueNums": 3, "attributes": {"-drop": ""}},
    {"topicName": "Same", "perm": 6},
]


@pytest.mark.parametrize("takes_list", [True, False], ids=["5.3 and later", "before"])
def test_only_what_differs_is_sent_and_what_is_not_given_stays(cli: Cli, listed: Any, takes_list: bool) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("Held", 4, perm=4, attributes={"keep": "1", "drop": "2"})
    broker.add_topic("Same", 2)
    if takes_list:
        take_lists(cluster, broker)
    else:
        cluster.transport.on(
            broker.address,
            Code.UPDATE_AND_CREATE_TOPIC_LIST,
            lambda c: c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, "request type 18 not supported"),
        )
    ran = cli(
        cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", listed(TOPICS), "--output", "json"
    )  # fmt: skip
    assert (ran.code, ran.json["status"]) == (0, "ok"), ran.err
    states = {change["name"]: (change["action"], change["state"]) for change in ran.json["data"]["changes"]}
    assert states == {"New": ("create", "done"), "Held": ("update", "done"), "Same": ("none", "unchanged")}
    new, held = broker.topics["New"], broker.topics["Held"]
    assert (new["readQueueNums"], new["perm"], new["attributes"]) == (3, 6, {"a": "1"})
    assert (held["readQueueNums"], held["writeQueueNums"], held["perm"]) == (4, 3, 4)
    assert held["attributes"] == {"keep": "1"}
    singles = [c.ext_fields["topic"] for _, c in cluster.transport.sent if c.code == Code.UPDATE_AND_CREATE_TOPIC]
    assert singles == ([] if takes_list else ["New", "Held"])


def test_a_refused_topic_of_a_list_does_not_stop_the_others(cli: Cli, listed: Any) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    refused = "The topic[New] is conflict with system topic."
    cluster.transport.on(
        broker.address,
        Code.UPDATE_AND_CREATE_TOPIC_LIST,
        lambda c: c.reply(ResponseCode.INVALID_PARAMETER, refused),
    )

    def single(c: RemotingCommand) -> RemotingCommand:
        if c.ext_fields["topic"] == "New":
            return c.reply(ResponseCode.INVALID_PARAMETER, refused)
        return broker.update_topic(c)

    cluster.transport.on(broker.address, Code.UPDATE_AND_CREATE_TOPIC, single)
    ran = cli(
        cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", listed(TOPICS[:2]),
        "--output", "json",
    )  # fmt: skip
    assert (ran.code, ran.json["status"]) == (5, "partial")
    assert [change["name"] for change in ran.json["data"]["changes"]] == ["Held"]
    assert [error["target"] for error in ran.json["errors"]] == [f"{broker.address} New"]
    assert set(broker.topics) == {"Held"}


def test_a_plan_of_a_list_sends_nothing(cli: Cli, listed: Any) -> None:
    cluster = FakeCluster()
    ran = cli(
        cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", listed(TOPICS), "--plan",
        "--output", "json",
    )  # fmt: skip
    assert (ran.code, ran.json["status"]) == (0, "planned")
    assert set(cluster.transport.codes()) == {Code.GET_BROKER_CLUSTER_INFO, Code.GET_ALL_TOPIC_CONFIG}


def test_what_exportmetadata_wrote_is_a_list(cli: Cli, listed: Any) -> None:
    cluster = FakeCluster()
    take_lists(cluster, cluster["broker-a"])
    file = listed({"topicConfigTable": {topic["topicName"]: topic for topic in TOPICS}, "exportTime": 1})
    ran = cli(cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", file)
    assert ran.code == 0, ran.err
    assert set(cluster["broker-a"].topics) == {"New", "Held", "Same"}


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        ([], "holds no topic"),
        ({"a": 1}, "holds no JSON list of objects"),
        ([{"perm": 6}], "without topicName"),
        ([{"topicName": "T", "readQueueNum": 1}], "unknown key 'readQueueNum'\n  next: did you mean 'readQueueNums'?"),
        ([{"topicName": "T", "perm": "rw"}], "object 1: "),
        ([{"topicName": "T", "perm": 9}], "topic 'T' has an invalid perm 9"),
        ([{"topicName": "T", "writeQueueNums": -1}], "topic 'T' has an invalid writeQueueNums -1"),
        ([{"topicName": "T", "attributes": {"a": 1}}], "object 1: "),
        ([{"topicName": "T"}, {"topicName": "T"}], "'T' is in the list more than once"),
        ([{"topicName": "a b"}], "a b"),
    ],
)
def test_a_wrong_list_is_a_usage_error(cli: Cli, listed: Any, topics: Any, said: str) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", listed(topics))
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert cluster.transport.sent == []


def test_a_file_that_is_not_there_or_not_json(cli: Cli, tmp_path: Path) -> None:
    cluster = FakeCluster()
    to = (cluster.transport, "updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f")
    missing = cli(*to, str(tmp_path / "none.json"))
    assert (missing.code, "there is no file" in missing.err) == (4, True)
    (tmp_path / "text").write_text("topics: T")
    wrong = cli(*to, str(tmp_path / "text"))
    assert (wrong.code, "is not JSON" in wrong.err) == (2, True)


def test_an_order_configuration_is_the_same_on_all_name_servers(cli: Cli) -> None:
    cluster = FakeCluster(name_servers=2)
    to = (cluster.transport, "updateOrderConf", "-n", cluster.namesrv, "-t", "T")
    first, second = cluster.name_servers
    assert cli(*to, "-m", "get").code == 4
    cluster.kv[first][(ORDER, "T")] = "broker-a:2"
    ran = cli(*to, "-m", "get", "--output", "json")
    assert [(v["nameServer"], v["orderConf"]) for v in ran.json["data"]["values"]] == [
        (first, "broker-a:2"),
        (second, None),
    ]
    assert "the name servers differ" in ran.err
    plan = cli(*to, "-m", "put", "-v", "broker-a:4;gone:4", "--plan", "--output", "json")
    assert (plan.code, plan.json["status"]) == (0, "planned")
    assert "no broker called gone is registered" in plan.err
    assert cluster.kv[second] == {}
    ran = cli(*to, "-m", "put", "-v", "broker-a:4", "--output", "json")
    assert [change["action"] for change in ran.json["data"]["changes"]] == ["update", "create"]
    assert {kv[(ORDER, "T")] for kv in cluster.kv.values()} == {"broker-a:4"}
    assert cli(*to, "-m", "put", "-v", "broker-a:4", "--output", "json").json["status"] == "unchanged"
    assert cli(*to, "-m", "delete").code == 0
    assert cli(*to, "-m", "delete").code == 8
    assert all(not kv for kv in cluster.kv.values())


@pytest.mark.parametrize("wrong", ["broker-a", "broker-a:", "broker-a:x", "broker-a:0", ":4", "a:4;a:5", "a:4;"])
def test_what_is_no_order_configuration(cli: Cli, wrong: str) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "updateOrderConf", "-n", cluster.namesrv, "-t", "T", "-m", "put", "-v", wrong)
    assert (ran.code, ran.out) == (2, "")
    assert "invalid order configuration" in ran.err
    assert cluster.kv[cluster.namesrv] == {}


def test_queues_are_shared_out_as_clients_do(cli: Cli) -> None:
    """Sorted clients and sorted queues; Apache's command shares them in the order of a hash table."""
    cluster = FakeCluster(("broker-b", "C1"), ("broker-a", "C1"), ("broker-c", "C1"))
    cluster["broker-a"].add_topic("T", 2)
    cluster["broker-b"].add_topic("T", 3)
    cluster["broker-c"].add_topic("T", 4, perm=2)  # not readable
    to = (cluster.transport, "allocateMQ", "-n", cluster.namesrv, "-t", "T", "--output", "json", "-i")
    ran = cli(*to, "10.0.0.2, 10.0.0.10")
    shares = {c["client"]: [(q["brokerName"], q["queueId"]) for q in c["queues"]] for c in ran.json["data"]["clients"]}
    assert shares == {
        "10.0.0.10": [("broker-a", 0), ("broker-a", 1), ("broker-b", 0)],
        "10.0.0.2": [("broker-b", 1), ("broker-b", 2)],
    }
    assert "f gets no queue: the topic has 5 for 6 clients" in cli(*to, "a,b,c,d,e,f").err
    assert cli(*to, "a,a").code == 2
    assert cli(*to, ",").code == 2


def test_when_the_messages_of_each_queue_were_stored(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T", 2)
        offsets = {"minOffset": 3, "maxOffset": 9, "lastUpdateTimestamp": 2000}
        table = {broker.queue_key("T", number): offsets for number in range(2)}
        cluster.transport.on(
            broker.address,
            Code.GET_TOPIC_STATS_INFO,
            lambda c, table=table: c.reply(body=dumps({"offsetTable": table})),
        )
    spans = [
        {
            "messageQueue": {"topic": "T", "brokerName": "broker-a", "queueId": 0},
            "minTimeStamp": 1000,
            "maxTimeStamp": 2000,
        },
        {
            "messageQueue": {"topic": "T", "brokerName": "broker-a", "queueId": 1},
            "minTimeStamp": -1,
            "maxTimeStamp": -1,
        },
    ]
    cluster.transport.on(
        cluster["broker-a"].address,
        Code.QUERY_CONSUME_TIME_SPAN,
        lambda c: c.reply(body=dumps({"consumeTimeSpanSet": spans})),
    )
    cluster.transport.on(
        cluster["broker-b"].address, Code.QUERY_CONSUME_TIME_SPAN, lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "busy")
    )
    to = (cluster.transport, "topicStatus", "-n", cluster.namesrv, "-t", "T", "--output", "json")
    ran = cli(*to, "--store-times")
    times = [(q["earliestStoreTimestamp"], q["latestStoreTimestamp"]) for q in ran.json["data"]["queues"]]
    assert (ran.code, times) == (5, [(1000, 2000), (None, None), (None, None), (None, None)])
    assert [error["target"] for error in ran.json["errors"]] == [cluster["broker-b"].address]
    cluster.transport.sent.clear()
    assert cli(*to).code == 0
    assert Code.QUERY_CONSUME_TIME_SPAN not in cluster.transport.codes()
    assert cli(*to[:-2], "--store-times").out.splitlines()[0].endswith("#First Stored            #Last Stored")


def test_a_permission_is_changed_on_each_broker_alone(cli: Cli) -> None:
    """Apache's command gives every broker the queues that the first one has."""
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    cluster["broker-a"].add_topic("T", 4)
    cluster["broker-b"].add_topic("T", 7, topicSysFlag=1)
    assert cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4").code == 0
    a, b = cluster["broker-a"].topics["T"], cluster["broker-b"].topics["T"]
    assert [(t["readQueueNums"], t["writeQueueNums"], t["perm"], t["topicSysFlag"]) for t in (a, b)] == [
        *((4, 4, 4, 0), (7, 7, 4, 1)),
    ]


def test_all_clusters_of_a_topic_are_listed_and_every_broker_is_asked(cli: Cli) -> None:
    """Apache's topicClusterList shows the clusters of one broker of the topic."""
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"), ("broker-c", "C2"))
    for broker in cluster.brokers.values():
        broker.add_topic("T")
    assert cli(cluster.transport, "topicClusterList", "-n", cluster.namesrv, "-t", "T").out.split() == ["C1", "C2"]
    cluster.transport.sent.clear()
    assert cli(cluster.transport, "clusterList", "-n", cluster.namesrv).code == 0
    asked = {address for address, c in cluster.transport.sent if c.code == Code.GET_BROKER_RUNTIME_INFO}
    assert asked == {broker.address for broker in cluster.brokers.values()}
