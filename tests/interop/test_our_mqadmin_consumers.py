"""Consumers, their offsets and what they consumed, by our mqadmin against Apache's pair, beside what Apache's own say."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import wait_until
from tests.interop.cluster import Cluster

Name = Callable[[str], str]
NOT_FOUND, REFUSED, UNSUPPORTED = 4, 6, 14


@contextmanager
def consumer(cluster: Cluster, name: str, group: str, topic: str, **more: Any) -> Iterator[str]:
    """A push consumer of Apache's client; its client id."""
    client_id = cluster.driver.ask(
        "subscribe", name=name, group=group, topic=topic, namesrv=cluster.pair.namesrv_address, **more
    )
    try:
        yield client_id
    finally:
        cluster.driver.ask("consumer.close", name=name)


def received(cluster: Cluster, name: str, count: int) -> list[Any]:
    found: list[Any] = cluster.driver.ask("received", name=name, count=count, timeoutMs=40_000)
    assert len(found) >= count
    return found


def lines_of(text: str) -> dict[str, str]:
    return {
        line.split("=", 1)[0].strip(): line.split("=", 1)[1].strip() for line in text.splitlines() if "=" in line[:60]
    }


def test_the_configuration_of_a_group_is_what_javas_shows(cluster: Cluster, name: Name) -> None:
    group = name("shown_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group, "-r", "5")
    found = cluster.data("getConsumerConfig", "-g", group)
    (broker,) = found["brokers"]
    assert (broker["cluster"], broker["brokerName"]) == ("DefaultCluster", "broker-a")
    shown = lines_of(cluster.java("getConsumerConfig", "-g", group))
    for key in ("groupName", "retryMaxTimes", "retryQueueNums", "consumeEnable", "brokerId"):
        assert str(broker["config"][key]).lower() == shown[key].lower()
    cluster.failure(NOT_FOUND, "getConsumerConfig", "-g", name("absent_group"))


def test_asking_for_a_group_does_not_make_it(cluster: Cluster, name: Name) -> None:
    group = name("absent_group")
    cluster.failure(NOT_FOUND, "getConsumerConfig", "-g", group)
    cluster.failure(NOT_FOUND, "getConsumerConfig", "-g", group)


def test_a_list_of_groups(cluster: Cluster, name: Name, tmp_path: Path) -> None:
    first, second = name("list_group"), name("list_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", first, "-s", "false")
    path = tmp_path / "groups.json"
    path.write_text(json.dumps([{"groupName": first, "retryMaxTimes": 4}, {"groupName": second, "retryQueueNums": 2}]))
    report = cluster.data("updateSubGroupList", "-c", "DefaultCluster", "-f", str(path))
    assert [(c["name"], c["action"], c["state"]) for c in report["changes"]] == [
        (first, "update", "done"),
        (second, "create", "done"),
    ]
    shown = lines_of(cluster.java("getConsumerConfig", "-g", first))
    assert (shown["retryMaxTimes"], shown["consumeEnable"]) == ("4", "false")
    made = lines_of(cluster.java("getConsumerConfig", "-g", second))
    assert (made["retryQueueNums"], made["consumeBroadcastEnable"]) == ("2", "true")
    again = cluster.run("updateSubGroupList", "-b", cluster.pair.broker_address, "-f", str(path))
    assert again.json["status"] == "unchanged"


def test_the_mode_of_a_group(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Mode")), name("mode_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    line = ("setConsumeMode", "-c", "DefaultCluster", "-t", topic, "-g", group, "-m", "POP", "-q", "2")
    if cluster.pair.version.startswith("4."):
        (error,) = cluster.failure(UNSUPPORTED, *line)
        assert "pop consumption" in error["cause"]
        assert "4.9.7" in error["cause"]
        assert "5.0.0" in error["cause"]
        return
    (change,) = cluster.data(*line)["changes"]
    assert (change["action"], change["state"]) == ("create", "done")
    assert cluster.run(*line).json["status"] == "unchanged"
    java = cluster.java("setConsumeMode", "-c", "DefaultCluster", "-t", topic, "-g", group, "-m", "PULL")
    assert "success" in java
    (change,) = cluster.data(*line)["changes"]
    assert {"name": "mode", "before": "PULL", "after": "POP"} in change["fields"], "what Java's set was read"
    cluster.failure(NOT_FOUND, *line[:3], "-t", name("NoTopic"), *line[5:])


def test_producers_of_a_broker(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Produced"), 1), name("seen_producer")
    cluster.send([{"topic": topic, "body": "x"}], group=group)

    def rows() -> Any:
        found = cluster.data("producer", "-b", cluster.pair.broker_address)["producers"]
        return [row for row in found if row["group"] == group]

    (row,) = wait_until(rows, "the broker knows the producer", 40)
    assert (row["language"], row["version"]) == ("JAVA", "V" + cluster.driver.version.replace(".", "_"))
    java = cluster.java("producer", "-b", cluster.pair.broker_address)
    assert f"producer group ({group})" in java
    assert row["clientId"] in java
    cluster.driver.ask("producer.close", group=group)


def test_offsets_are_cloned_of_one_topic(cluster: Cluster, name: Name) -> None:
    topic, other = cluster.topic(name("Cloned"), 2), cluster.topic(name("Other"), 1)
    source, target = name("clone_source"), name("clone_target")
    cluster.send([{"topic": topic, "body": str(i), "queue": i % 2} for i in range(6)])
    cluster.send([{"topic": other, "body": "x"}])
    for group in (source, target):
        cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    for each in (topic, other):
        cluster.data("skipAccumulatedMessage", "-g", source, "-t", each)
    line = ("cloneGroupOffset", "-s", source, "-d", target, "-t", topic)
    assert [q["state"] for q in cluster.data(*line, "--plan")["queues"]] == ["planned", "planned"]
    assert [(q["sourceOffset"], q["after"], q["state"]) for q in cluster.data(*line)["queues"]] == [(3, 3, "done")] * 2
    if not cluster.pair.version.startswith("4."):  # whose command has no -t, and finds no group without a retry topic
        java = cluster.java("consumerProgress", "-g", target, "-t", topic)
        assert [row.split()[4] for row in java.splitlines() if row.startswith(topic)] == ["3", "3"]
    cluster.failure(NOT_FOUND, "cloneGroupOffset", "-s", target, "-d", name("third_group"), "-t", other)
    with consumer(cluster, name("cloned"), target, topic) as client_id:
        (error,) = wait_until(
            lambda: (ran := cluster.run(*line, "-o", "false")).code == REFUSED and json.loads(ran.out)["errors"],
            "the consumer is online",
            30,
        )
        assert client_id in error["cause"]


def test_the_status_of_a_groups_clients(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Status"), 4), name("status_group")
    names = name("status"), name("status")
    cluster.send([{"topic": topic, "body": str(i), "queue": i % 4} for i in range(8)])
    with consumer(cluster, names[0], group, topic) as first, consumer(cluster, names[1], group, topic) as second:
        for each in names:
            cluster.driver.ask("assigned", name=each, topic=topic, count=2, timeoutMs=30_000)

        def balanced() -> Any:
            data = cluster.data("consumerStatus", "-g", group)
            return data if data["rebalanceOk"] else None

        data = wait_until(balanced, "every queue has one client", 40)
        assert data["sameSubscription"] is True
        assert [p["kind"] for p in data["problems"]] == []
        clients = {client["clientId"]: client for client in data["clients"]}
        assert set(clients) == {first, second}
        first = min(clients)  # which has the one queue for retries
        held = [q["queueId"] for c in clients.values() for q in c["info"]["queues"] if q["topic"] == topic]
        assert sorted(held) == [0, 1, 2, 3]
        (one,) = cluster.data("consumerStatus", "-g", group, "-i", first, "-s")["clients"]
        assert one["info"]["properties"]["PROP_CLIENT_VERSION"] == "V" + cluster.driver.version.replace(".", "_")
        assert "Thread" in one["info"]["jstack"] or "TID" in one["info"]["jstack"]
        # Offsets may move on between two calls, so Java's lie between those of ours before and after it.
        java = cluster.java("consumerStatus", "-g", group, "-i", first)
        (later,) = cluster.data("consumerStatus", "-g", group, "-i", first)["clients"]
        before, after = ({(q["topic"], q["queueId"]): q for q in asked["info"]["queues"]} for asked in (one, later))
        assert {topic, f"%RETRY%{group}"} == {each for each, _ in before} and before.keys() == after.keys()
        for (each, queue_id), queue in before.items():
            (row,) = re.findall(rf"^{re.escape(each)}\s+broker-a\s+{queue_id}\s+(-?\d+)\s", java, re.M)
            assert queue["commitOffset"] <= int(row) <= after[each, queue_id]["commitOffset"]
        cluster.failure(NOT_FOUND, "consumerStatus", "-g", group, "-i", "nobody@1")
    wait_until(lambda: cluster.run("consumerStatus", "-g", group).code == NOT_FOUND, "they are gone", 30)


def test_the_progress_of_a_broadcasting_group_is_its_clients(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Broadcast"), 2), name("broadcast_group")
    names = name("broadcast"), name("broadcast")
    cluster.send([{"topic": topic, "body": str(i), "queue": i % 2} for i in range(4)])
    options = {"model": "BROADCASTING", "from": "FIRST"}
    with (
        consumer(cluster, names[0], group, topic, **options) as first,
        consumer(cluster, names[1], group, topic, **options) as second,
    ):
        for each in names:
            received(cluster, each, 4)

        def progress() -> Any:
            found = cluster.data("consumerProgress", "-g", group, "-t", topic)["group"]
            return found if found["lagTotal"] == 0 and len(found["queues"]) == 4 else None

        found = wait_until(progress, "both clients have consumed all", 40)
        assert found["messageModel"] == "BROADCASTING"
        rows = {(q["clientId"], q["queueId"]): (q["brokerOffset"], q["consumerOffset"]) for q in found["queues"]}
        assert rows == {(client, queue): (2, 2) for client in (first, second) for queue in (0, 1)}


def test_lag_in_time(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Late"), 2), name("late_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    cluster.send([{"topic": topic, "body": str(i), "queue": 0} for i in range(3)])
    cluster.data("skipAccumulatedMessage", "-g", group, "-t", topic)
    (sent, _) = cluster.send([{"topic": topic, "body": str(i), "queue": 0} for i in range(2)])
    stored = {m["msgId"]: m["storeTimestamp"] for m in cluster.pull(topic)}[sent["msgId"]]
    before = int(time.time() * 1000) - stored
    found = cluster.data("consumerProgress", "-g", group, "-t", topic)["group"]
    after = int(time.time() * 1000) - stored
    assert [(q["queueId"], q["lag"]) for q in found["queues"]] == [(0, 2), (1, 0)]
    behind, even = (q["lagMillis"] for q in found["queues"])
    assert before <= behind <= after + 1
    assert even == 0


def test_a_round_of_monitoring(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Watched"), 1), name("watched_group")
    cluster.send([{"topic": topic, "body": str(i)} for i in range(3)])
    who = name("watched")
    with consumer(cluster, who, group, topic):
        received(cluster, who, 3)
        cluster.driver.ask("consumer.commit", name=who)

        def watched() -> Any:
            ran = cluster.run("startMonitoring", "--rounds", "1")
            rows = json.loads(ran.out)["data"]["topics"]
            return [r for r in rows if (r["group"], r["topic"], r["lag"]) == (group, topic, 0) and r["online"]]

        wait_until(watched, "the round has the group", 40)


def test_traces_of_a_message(cluster: Cluster, name: Name) -> None:
    topic, group, who = cluster.topic(name("Traced"), 1), name("traced_group"), name("traced")
    sent = cluster.data("sendMessage", "-t", topic, "-p", "x", "-k", "traced-key", "-m", "true")
    line = ("queryMsgTraceById", "-i", sent["msgId"])

    def traces(count: int) -> Any:
        ran = cluster.run(*line)
        data = json.loads(ran.out)["data"] if ran.code == 0 else None
        return data if data and len([c for c in data["consumed"] if c["success"] is not None]) == count else None

    (trace,) = wait_until(lambda: traces(0), "the trace of the send")["sent"]
    assert (trace["kind"], trace["topic"], trace["keys"], trace["success"]) == ("Pub", topic, "traced-key", True)
    with consumer(cluster, who, group, topic, trace=True, rejectFirst=1, **{"from": "FIRST"}) as client_id:
        received(cluster, who, 2)
        found = wait_until(lambda: traces(2), "the traces of both times it was consumed", 40)
    first, second = found["consumed"]
    assert [(c["group"], c["success"], c["retryTimes"]) for c in (first, second)] == [
        (group, False, 0),
        (group, True, 1),
    ]
    assert (first["result"], second["result"]) == ("FAILED", "SUCCESS")
    assert first["beginTimestamp"] <= first["endTimestamp"] <= second["beginTimestamp"]
    assert client_id
    java = [row.split() for row in cluster.java(*line).splitlines()]
    (pub,) = [row for row in java if row[:1] == ["Pub"]]
    assert (pub[1], pub[-2], pub[-1]) == (trace["group"], f"{trace['costMillis']}ms", "success")
    assert pub[2] == trace["clientHost"].rpartition(":")[0]
    subs = [(row[1], row[-2], row[-1]) for row in java if row[:1] == ["Sub"]]
    assert sorted(subs) == sorted(
        (c["group"], f"{c['costMillis']}ms", "success" if c["success"] else "failed") for c in found["consumed"]
    )
    assert cluster.run("QueryMsgTraceById", *line[1:]).code == 0, "Apache's alias"
    cluster.failure(NOT_FOUND, "queryMsgTraceById", "-i", "0" * 32)


def test_messages_of_a_queue(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("ByQueue"), 2)
    cluster.send([{"topic": topic, "tags": f"T{i % 3}", "body": str(i), "queue": i % 2} for i in range(12)])
    line = ("printMsgByQueue", "-t", topic, "-a", "broker-a", "-i", "1")
    counted = cluster.data(*line, "-f", "true")
    assert {tag["tag"]: tag["count"] for tag in counted["tags"]} == {"T0": 2, "T1": 2, "T2": 2}
    java = cluster.java(*line, "-f", "true")
    assert sorted(re.findall(r"Tag: (\S+) +Count: (\d+)", java)) == [("T0", "2"), ("T1", "2"), ("T2", "2")]
    printed = cluster.data(*line, "-p", "true", "-s", "T1 || T2", "-d", "true")["messages"]
    told = re.findall(r"MSGID: (\S+) .*BODY: (\S+)", cluster.java(*line, "-p", "true", "-s", "T1 || T2", "-d", "true"))
    assert [(m["msgId"], m["body"]) for m in printed] == told


def test_messages_by_tag(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("ByTag"), 1)
    cluster.send([{"topic": topic, "tags": tag, "keys": f"key-{tag}", "body": tag} for tag in ("A", "B", "A")])
    line = ("queryMsgByKey", "-t", topic, "-k", "A", "-p", "T")
    if not cluster.pair.version.startswith("5.5"):
        (error,) = wait_until(lambda: cluster.failure(UNSUPPORTED, *line), "the refusal")
        assert "finding messages by their tag" in error["cause"]
        assert cluster.pair.version in error["cause"]
        assert "5.4.0" in error["cause"]
        return
    found = wait_until(
        lambda: (ran := cluster.run(*line)).code == 0 and json.loads(ran.out)["data"]["messages"], "they are indexed"
    )
    assert [m["message"]["body"] for m in found] == ["A", "A"]
    java = cluster.java(*line)
    assert all(m["message"]["msgId"] in java and m["indexKey"] in java for m in found)


def test_a_message_by_another_topics_route(cluster: Cluster, name: Name) -> None:
    topic, other = cluster.topic(name("Offset"), 1), cluster.topic(name("Route"), 1)
    (sent,) = cluster.send([{"topic": topic, "body": "x"}])
    line = ("queryMsgByOffset", "-t", topic, "-b", "broker-a", "-i", "0", "-o", "0", "-r", other)
    (found,) = wait_until(
        lambda: (ran := cluster.run(*line)).code == 0 and json.loads(ran.out)["data"]["messages"], "it is found"
    )
    assert found["message"]["msgId"] == sent["msgId"]
    stored = found["message"]["storeTimestamp"]
    by_key = ("queryMsgByUniqueKey", "-t", topic, "-i", sent["msgId"])
    assert cluster.run(*by_key, "-s", str(stored), "-e", str(stored)).code == 0
    cluster.failure(NOT_FOUND, *by_key, "-s", str(stored + 1), "-e", str(stored + 60_000))


def test_a_compacted_topics_file(cluster: Cluster, name: Name) -> None:
    if cluster.pair.version.startswith("4."):
        pytest.skip("4.9 does not compact topics")
    topic = name("Compacted")
    options = ("-r", "1", "-w", "1", "-a", "+cleanup.policy=COMPACTION")
    cluster.data("updateTopic", "-c", "DefaultCluster", "-t", topic, *options)
    sent = cluster.send([{"topic": topic, "keys": f"k{i}", "body": f"body {i}"} for i in range(3)])
    folder = cluster.pair.broker.store / "compaction" / "compactionLog" / topic / "0"

    def dumped() -> Any:
        files = sorted(folder.glob("0*"))
        data = cluster.run("dumpCompactionLog", "-f", str(files[0])).json["data"] if files else None
        return (files[0], data["messages"]) if data and len(data["messages"]) == 3 else None

    path, messages = wait_until(dumped, "the messages are in the file")
    assert [(m["msgId"], m["body"]) for m in messages] == [(s["msgId"], f"body {i}") for i, s in enumerate(sent)]
    java = cluster.java("dumpCompactionLog", "-f", str(path))
    assert [int(offset) for offset in re.findall(r"queueOffset=(\d+)", java)] == [0, 1, 2]


def test_what_brokers_without_rocksdb_say(cluster: Cluster) -> None:
    (broker,) = cluster.data("rocksDBConfigToJson", "-c", "DefaultCluster")["brokers"]
    assert broker["state"] == "nothing"
    if cluster.pair.version.startswith("4."):
        (error,) = cluster.failure(UNSUPPORTED, "checkRocksdbCqWriteProgress", "-c", "DefaultCluster")
        assert "5.3.1" in error["cause"]
        (error,) = cluster.failure(UNSUPPORTED, "exportPopRecord", "-c", "DefaultCluster")
        assert "5.3.2" in error["cause"]
        return
    (check,) = cluster.data("checkRocksdbCqWriteProgress", "-c", "DefaultCluster")["brokers"]
    assert check["state"] == "in_progress"
    assert "check doing" in cluster.java("checkRocksdbCqWriteProgress", "-c", "DefaultCluster")
    (export,) = cluster.data("exportPopRecord", "-b", cluster.pair.broker_address)["brokers"]
    assert (export["brokerName"], export["state"]) == ("broker-a", "nothing")
