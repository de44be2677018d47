"""What a plan says of those whom a change touches: groups and their lag, clients with hosts, what brokers hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rocketmq_ops.client.admin.affected import SCOPES
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingTimeoutError
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster

CHANGING = {
    Code.UPDATE_AND_CREATE_TOPIC, Code.DELETE_TOPIC_IN_BROKER, Code.DELETE_TOPIC_IN_NAMESRV, Code.PUT_KV_CONFIG,
    Code.DELETE_KV_CONFIG, Code.DELETE_SUBSCRIPTIONGROUP, Code.UPDATE_BROKER_CONFIG, Code.UPDATE_CONSUMER_OFFSET,
    Code.INVOKE_BROKER_TO_RESET_OFFSET, Code.WIPE_WRITE_PERM_OF_BROKER, Code.GET_SUBSCRIPTIONGROUP_CONFIG,
}  # fmt: skip


def online(*clients: tuple[str, str]) -> dict[str, Any]:
    """What a broker answers of a group with these clients (id, address)."""
    return {
        "connectionSet": [
            {"clientId": name, "clientAddr": address, "language": "JAVA", "version": 493} for name, address in clients
        ],
        "subscriptionTable": {},
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "CLUSTERING",
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
    }


def produces(name: str, address: str) -> dict[str, Any]:
    """A producer as Apache's broker lists it: its address as Java writes a socket's."""
    return {"clientId": name, "remoteIP": f"/{address}", "language": "JAVA", "version": 493, "lastUpdateTimestamp": 1}


#: What a client that traces has beside its producer, as AsyncTraceDispatcher.genGroupNameForTrace names it.
TRACES = "_INNER_TRACE_PRODUCER-P-PRODUCE-1"


def fill(broker: FakeBroker, host: str) -> None:
    """Topic T with a group that is 7 behind, of one that is not, and one that has no offset; and another topic."""
    broker.add_topic("T")
    broker.add_topic("Other")
    for queue, end in enumerate((10, 5)):
        broker.ends["T", queue] = end
        broker.committed["Behind", "T", queue] = end - 3 - queue
        broker.committed["Level", "T", queue] = end
        broker.delays["Behind", "T", queue] = 60_000 + queue
    broker.committed["Elsewhere", "Other", 0] = 0
    broker.groups = {name: {"groupName": name} for name in ("Behind", "Level", "Elsewhere")}
    broker.consumers["Behind"] = online(("c1", f"{host}:4001"), ("c2", f"{host}:4002"))
    broker.producers = {"P": [produces("p1", f"{host}:5001"), produces("c1", f"{host}:4001")]}


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"), ("broker-c", "C2"))
    for broker in cluster.brokers.values():
        fill(broker, "10.9.0.1")
    return cluster


def planned(cluster: FakeCluster, cli: Cli, *line: str, code: int = 0) -> Any:
    """The document of a plan; nothing is changed by it."""
    ran = cli(cluster.transport, *line, "-n", cluster.namesrv, "--plan", "--output", "json")
    assert ran.code == code, ran.err
    assert not CHANGING & set(cluster.transport.codes())
    return ran.json


@pytest.mark.parametrize(("committed", "lag"), [(None, None), (0, 15), (2, 11)])
def test_a_group_without_an_offset_has_no_lag_and_one_at_the_begin_has(
    cluster: FakeCluster, cli: Cli, committed: int | None, lag: int | None
) -> None:
    """A broker answers 0 for both when it is asked how far the group is."""
    broker = cluster["broker-c"]

    def stats(c: RemotingCommand) -> RemotingCommand:
        offsets = {queue: broker.committed.get((c.ext_fields["consumerGroup"], "T", queue), 0) for queue in (0, 1)}
        table = {
            broker.queue_key("T", queue): {"brokerOffset": end, "consumerOffset": offset, "pullOffset": offset}
            for queue, offset in offsets.items()
            for end in [broker.ends["T", queue]]
        }
        return c.reply(body=dumps({"consumeTps": 0.0, "offsetTable": table}))

    for other in ("broker-a", "broker-b"):
        del cluster.brokers[other]
    cluster.transport.on(broker.address, Code.GET_CONSUME_STATS, stats)
    if committed is not None:
        broker.committed |= {("Fresh", "T", queue): committed for queue in (0, 1)}
    found = planned(cluster, cli, "resetOffsetByTime", "-g", "Fresh", "-t", "T", "-s", "now")
    (group,) = found["data"]["affected"]["groups"]
    assert [(each["topic"], each["lag"]) for each in group["topics"]] == [("T", lag)]


def test_a_topic_has_groups_with_lag_and_clients_with_hosts(cluster: FakeCluster, cli: Cli) -> None:
    found = planned(cluster, cli, "deleteTopic", "-c", "C1", "-t", "T")
    assert found["status"] == "planned"
    affected = found["data"]["affected"]
    groups = {group["group"]: group for group in affected["groups"]}
    assert set(groups) == {"Behind", "Level"}
    # Two brokers of C1 with 3 and 4 messages behind; the same topic in C2 is not touched.
    assert groups["Behind"]["topics"] == [{"topic": "T", "lag": 14, "lagMillis": 60_001}]
    assert groups["Level"]["topics"] == [{"topic": "T", "lag": 0, "lagMillis": 0}]
    assert [c["clientAddr"] for c in groups["Behind"]["consumers"]] == ["10.9.0.1:4001", "10.9.0.1:4002"]
    assert groups["Level"]["consumers"] == []
    (producers,) = affected["producers"]
    assert (producers["group"], [c["clientId"] for c in producers["clients"]]) == ("P", ["c1", "p1"])
    assert (affected["brokers"], affected["failures"]) == ([], [])
    asked = {address for address, _ in cluster.transport.sent}
    assert cluster["broker-c"].address not in asked


@pytest.mark.parametrize(("topic", "groups"), [("T", ["P"]), ("RMQ_SYS_TRACE_TOPIC", ["P", TRACES])])
def test_producers_that_send_traces_alone_are_touched_where_the_topic_of_traces_is(
    cluster: FakeCluster, cli: Cli, topic: str, groups: list[str]
) -> None:
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("RMQ_SYS_TRACE_TOPIC")
        cluster[name].producers[TRACES] = [produces("p1", "10.9.0.1:5002")]
    affected = planned(cluster, cli, "updateTopicPerm", "-c", "C1", "-t", topic, "-p", "4")["data"]["affected"]
    assert [producers["group"] for producers in affected["producers"]] == groups


def test_it_is_a_table_too(cluster: FakeCluster, cli: Cli) -> None:
    ran = cli(cluster.transport, "deleteTopic", "-c", "C1", "-t", "T", "-n", cluster.namesrv, "--plan")
    assert ran.code == 0
    assert re.search(r"^Behind +T +14 +.*1m.* +2$", ran.out, re.MULTILINE), ran.out
    assert re.search(r"^consumer +Behind +10\.9\.0\.1:4002 +c2 ", ran.out, re.MULTILINE)
    assert re.search(r"^producer +P +10\.9\.0\.1:5001 +p1 ", ran.out, re.MULTILINE)


def test_a_group_has_all_its_topics(cluster: FakeCluster, cli: Cli) -> None:
    for name in ("broker-a", "broker-b"):
        cluster[name].committed["Behind", "Other", 0] = 0
        cluster[name].add_topic("%RETRY%Behind", 1)  # goes with the group; no producer sends to it
    affected = planned(cluster, cli, "deleteSubGroup", "-c", "C1", "-g", "Behind")["data"]["affected"]
    (group,) = affected["groups"]
    assert [(topic["topic"], topic["lag"]) for topic in group["topics"]] == [("Other", 0), ("T", 14)]
    assert len(group["consumers"]) == 2
    assert affected["producers"] == []


def test_offsets_touch_the_group_in_that_topic(cluster: FakeCluster, cli: Cli) -> None:
    line = ("resetOffsetByTime", "-g", "Behind", "-t", "T", "-s", "0")
    affected = planned(cluster, cli, *line)["data"]["affected"]
    (group,) = affected["groups"]
    assert group["topics"] == [{"topic": "T", "lag": 21, "lagMillis": 60_001}]


@pytest.mark.parametrize(
    "line",
    [
        ("updateBrokerConfig", "-b", "10.1.0.1:10911", "-k", "slaveReadEnable", "-v", "true"),
        ("wipeWritePerm", "-b", "broker-a"),
        ("cleanUnusedTopic", "-b", "10.1.0.1:10911"),
    ],
    ids=lambda line: line[0],
)
def test_a_broker_has_numbers_of_topics_and_clients(cluster: FakeCluster, cli: Cli, line: tuple[str, ...]) -> None:
    affected = planned(cluster, cli, *line)["data"]["affected"]
    # c1 produces and consumes over one connection.
    counts = {"topics": 2, "clients": 3, "producers": 2, "consumers": 2}
    assert affected["brokers"] == [{"address": "10.1.0.1:10911", **counts}]
    assert affected["groups"] == []


def test_what_is_not_known_is_not_0(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-b"]
    hung: list[int] = []

    def hangs(c: Any) -> NoReturn:
        hung.append(int(c.code))
        raise RemotingTimeoutError(f"{broker.address} did not answer within 5000 ms", address=broker.address)

    for code in (Code.GET_CONSUME_STATS, Code.GET_CONSUMER_CONNECTION_LIST, Code.GET_ALL_PRODUCER_INFO):
        cluster.transport.on(broker.address, code, hangs)
    found = planned(cluster, cli, "deleteTopic", "-c", "C1", "-t", "T", code=ExitCode.PARTIAL)
    assert found["status"] == "partial"
    affected = found["data"]["affected"]
    for group in affected["groups"]:
        assert group["topics"] == [{"topic": "T", "lag": None, "lagMillis": None}]
        assert group["consumers"] is None
    assert affected["producers"] is None
    assert [failure["target"] for failure in affected["failures"]] == [broker.address]
    assert [failure["target"] for failure in found["errors"]] == [broker.address]
    assert set(hung) == {int(Code.GET_CONSUME_STATS)}, "one that does not answer is asked nothing more"
    ran = cli(cluster.transport, "deleteTopic", "-c", "C1", "-t", "T", "-n", cluster.namesrv, "--plan")
    assert f"the plan is partial: {broker.address} did not say" in ran.out
    assert re.search(r"^Behind +T +unknown +unknown +unknown$", ran.out, re.MULTILINE), ran.out


def test_a_group_without_offsets_has_an_unknown_lag(cluster: FakeCluster, cli: Cli) -> None:
    cluster["broker-c"].groups["New"] = {"groupName": "New"}
    affected = planned(cluster, cli, "deleteSubGroup", "-c", "C2", "-g", "New")["data"]["affected"]
    assert affected["groups"] == [{"group": "New", "topics": [], "consumers": [], "messageModel": None}]


def test_a_broadcasting_group_has_an_unknown_lag(cluster: FakeCluster, cli: Cli) -> None:
    """Whatever offsets a broker still holds of it: those that count are with its clients."""
    cluster["broker-c"].consumers["Level"] = {**online(("c9", "10.9.0.1:4009")), "messageModel": "BROADCASTING"}
    found = planned(cluster, cli, "deleteTopic", "-c", "C2", "-t", "T")
    groups = {group["group"]: group for group in found["data"]["affected"]["groups"]}
    assert groups["Level"]["topics"] == [{"topic": "T", "lag": None, "lagMillis": None}]
    assert (groups["Level"]["messageModel"], groups["Behind"]["messageModel"]) == ("BROADCASTING", "CLUSTERING")
    assert found["status"] == "planned"
    assert any(note.startswith("group Level is broadcasting") for note in found["notes"])


def test_a_broker_that_does_not_list_its_producers(cluster: FakeCluster, cli: Cli) -> None:
    for broker in cluster.brokers.values():
        del cluster.transport.handlers[broker.address, int(Code.GET_ALL_PRODUCER_INFO)]
    found = planned(cluster, cli, "deleteTopic", "-c", "C2", "-t", "T")
    assert (found["status"], found["data"]["affected"]["producers"]) == ("planned", None)
    assert any(cluster["broker-c"].address in note for note in found["notes"])


def test_a_new_topic_touches_nobody(cluster: FakeCluster, cli: Cli) -> None:
    line = ("updateTopic", "-c", "C1", "-t", "New", "-n", cluster.namesrv, "--plan")
    ran = cli(cluster.transport, *line)
    assert ran.code == 0
    assert "no group reads what changes, and no client is connected" in ran.out


def test_nobody_is_asked_where_nothing_changes_or_it_is_no_plan(cluster: FakeCluster, cli: Cli) -> None:
    found = planned(cluster, cli, "updateTopicPerm", "-c", "C1", "-t", "T", "-p", "6")
    assert (found["status"], found["data"]["affected"]) == ("unchanged", None)
    done = cli(cluster.transport, "updateTopicPerm", "-c", "C1", "-t", "T", "-p", "4", "-n", cluster.namesrv)
    assert done.code == 0
    assert not {Code.GET_CONSUMER_CONNECTION_LIST, Code.GET_CONSUME_STATS} & set(cluster.transport.codes())


def kinds_made() -> set[str]:
    """The kinds of the records that the admin client makes: texts at their places in the calls that make them."""
    places = {"Change": 1, "change_one": 1, "change_each": 2, "_update": 7}
    found = set()
    for path in (Path(__file__).parents[2] / "client" / "admin").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                place = places.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
                if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                    found.add(ast.literal_eval(node.args[place]))
    return found


def test_every_kind_of_change_says_whom_it_touches() -> None:
    made = kinds_made()
    assert made >= {"topic", "route", "group", "kv", "user", "acl", "account", "writePermission", "brokerConfig"}
    assert made <= set(SCOPES), sorted(made - set(SCOPES))
