"""Our mqadmin against Apache's name server and broker, 5.3.3, 4.9.7 and 5.5.0: what its JSON says is so, as Apache tells."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from tests.interop.apache import wait_until
from tests.interop.cluster import Cluster
from tests.interop.ours import mqadmin
from tests.interop.processes import free_port
from tests.interop.raw import DeadBroker

from rocketmq_ops.client import ClientOptions, Producer, PullConsumer
from rocketmq_ops.common.message import Message

Name = Callable[[str], str]
CONNECT, NOT_FOUND, PARTIAL, NO_EFFECT, USAGE = 3, 4, 5, 8, 2


def test_cluster_list(cluster: Cluster) -> None:
    (broker,) = cluster.data("clusterList")["brokers"]
    assert (broker["cluster"], broker["brokerName"], broker["brokerId"]) == ("DefaultCluster", "broker-a", 0)
    assert broker["address"] == cluster.pair.broker_address
    assert broker["version"] == "V" + cluster.pair.version.replace(".", "_")
    (more,) = cluster.data("clusterList", "-m")["brokers"]
    assert more["inTotalYesterday"] == 0


def test_a_topics_life(cluster: Cluster, name: Name) -> None:
    topic = name("Life")
    (created,) = cluster.data("updateTopic", "-c", "DefaultCluster", "-t", topic, "-r", "3", "-w", "3")["changes"]
    assert (created["target"], created["action"], created["state"]) == (cluster.pair.broker_address, "create", "done")
    assert topic in cluster.java("topicList").split()
    assert topic in [t["topic"] for t in cluster.data("topicList")["topics"]]
    (route,) = cluster.data("topicRoute", "-t", topic)["brokers"]
    assert route["brokerAddrs"] == {"0": cluster.pair.broker_address}
    assert (route["readQueueNums"], route["writeQueueNums"], route["perm"]) == (3, 3, 6)
    assert cluster.data("topicClusterList", "-t", topic)["clusters"] == ["DefaultCluster"]
    queues = cluster.data("topicStatus", "-t", topic)["queues"]
    assert [(q["queueId"], q["minOffset"], q["maxOffset"], q["lastUpdateTimestamp"]) for q in queues] == [
        (i, 0, 0, None) for i in range(3)
    ]
    cluster.data("updateTopicPerm", "-c", "DefaultCluster", "-t", topic, "-p", "4")
    assert '"perm":4' in cluster.java("topicRoute", "-t", topic)
    cluster.data("updateTopic", "-b", cluster.pair.broker_address, "-t", topic, "-r", "4", "-w", "4", "-p", "6")
    assert '"readQueueNums":4' in cluster.java("topicRoute", "-t", topic)
    cluster.data("deleteTopic", "-c", "DefaultCluster", "-t", topic)
    assert "CODE: 17" in cluster.java("topicRoute", "-t", topic)
    cluster.failure(NOT_FOUND, "topicRoute", "-t", topic)


def test_ordered_topics(cluster: Cluster, name: Name) -> None:
    topic = name("Order")
    cluster.data("updateNamesrvConfig", "-k", "orderMessageEnable", "-v", "true")
    cluster.data("updateTopic", "-b", cluster.pair.broker_address, "-t", topic, "-r", "2", "-w", "2", "-o", "true")
    assert '"orderTopicConf":"broker-a:2"' in cluster.java("topicRoute", "-t", topic)
    assert cluster.data("topicRoute", "-t", topic)["orderTopicConf"] == "broker-a:2"


def test_messages_are_found_every_way(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Found"), 2)
    spec = [
        {"topic": topic, "tags": f"T{i % 2}", "keys": f"k{i}", "body": f"文 {i}", "queue": i % 2} for i in range(10)
    ]
    sent = cluster.send(spec)
    stored = {m["msgId"]: m for m in cluster.pull(topic)}
    wanted = stored[sent[5]["msgId"]]
    ways = (
        ["queryMsgById", "-t", topic, "-i", sent[5]["offsetMsgId"]],
        ["queryMsgByUniqueKey", "-t", topic, "-i", sent[5]["msgId"]],
        ["queryMsgByKey", "-t", topic, "-k", "k5"],
        [
            "queryMsgByOffset",
            "-t",
            topic,
            "-b",
            "broker-a",
            "-i",
            str(sent[5]["queueId"]),
            "-o",
            str(sent[5]["queueOffset"]),
        ],
    )
    for way in ways:
        (found,) = wait_until(
            lambda way=way: cluster.run(*way).code == 0 and cluster.data(*way)["messages"], "is found"
        )
        message = found["message"]
        same = (
            "topic",
            "queueId",
            "queueOffset",
            "commitLogOffset",
            "storeSize",
            "bornTimestamp",
            "storeTimestamp",
            "msgId",
        )
        assert {key: message[key] for key in same} == {key: wanted[key] for key in same}, way
        assert (message["keys"], message["tags"]) == (["k5"], "T1")
        assert f"/{message['storeHost']}" == wanted["storeHost"]
    (queue0, queue1) = cluster.data("topicStatus", "-t", topic)["queues"]
    assert (queue0["maxOffset"], queue1["maxOffset"]) == (5, 5)
    newest = max(m["storeTimestamp"] for m in stored.values() if m["queueId"] == 1)
    assert queue1["lastUpdateTimestamp"] == newest
    units = cluster.data("queryCq", "-t", topic, "-q", "1", "-i", "0", "-c", "5", "-b", cluster.pair.broker_address)[
        "units"
    ]
    in_queue = sorted((m for m in stored.values() if m["queueId"] == 1), key=lambda m: m["queueOffset"])
    assert [(u["physicOffset"], u["physicSize"]) for u in units] == [
        (m["commitLogOffset"], m["storeSize"]) for m in in_queue
    ]
    printed = cluster.data("printMsg", "-t", topic, "-s", "T0", "-d", "true")["messages"]
    assert sorted(m["msgId"] for m in printed) == sorted(
        i for i, m in stored.items() if m["properties"]["TAGS"] == "T0"
    )


def test_what_we_send_java_reads(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Sent"), 2)
    sent = cluster.data(
        "sendMessage", "-t", topic, "-p", "你好", "-k", "cli", "-c", "TagA", "-b", "broker-a", "-i", "1"
    )
    assert (sent["sendStatus"], sent["queueId"], sent["queueOffset"]) == ("SEND_OK", 1, 0)
    (message,) = cluster.pull(topic)
    assert (message["body"], message["msgId"], message["offsetMsgId"]) == ("你好", sent["msgId"], sent["offsetMsgId"])
    assert (message["properties"]["KEYS"], message["properties"]["TAGS"]) == ("cli", "TagA")
    (consumed,) = cluster.data("consumeMessage", "-t", topic, "-b", "broker-a", "-i", "1", "-c", "1")["messages"]
    assert consumed["msgId"] == sent["msgId"]


class Online:
    """A Java consumer that read everything and has told its offsets."""

    def __init__(self, cluster: Cluster, name: Name, count: int = 40) -> None:
        self.cluster, self.group = cluster, name("online_group")
        self.topic = cluster.topic(name("Online"))
        self.producer = name("online_producer")
        cluster.send([{"topic": self.topic, "body": f"{i}", "queue": i} for i in range(count)], group=self.producer)
        self.name = name("online")
        options: dict[str, Any] = {"namesrv": cluster.pair.namesrv_address, "group": self.group, "topic": self.topic}
        cluster.driver.ask("subscribe", name=self.name, **options)
        assert len(self.received(count)) == count
        self.commit()

    def received(self, count: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.cluster.driver.ask(
            "received", name=self.name, count=count, timeoutMs=30_000
        )
        return messages

    def commit(self) -> None:
        """Until the broker has the offsets of all four queues."""

        def told() -> bool:
            self.cluster.driver.ask("consumer.commit", name=self.name)
            return (
                "Diff Total: 0" in (rows := self.cluster.java("consumerProgress", "-g", self.group))
                and rows.count("broker-a") >= 4
            )

        wait_until(told, "the broker has the offsets")

    def __enter__(self) -> Online:
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.driver.ask("consumer.close", name=self.name)
        self.cluster.driver.ask("producer.close", namesrv=self.cluster.pair.namesrv_address, group=self.producer)


def test_a_group_online(cluster: Cluster, name: Name) -> None:
    with Online(cluster, name) as online:
        progress = cluster.data("consumerProgress", "-g", online.group, "-s", "true")["group"]
        rows = [
            (q["queueId"], q["brokerOffset"], q["consumerOffset"], q["lag"])
            for q in progress["queues"]
            if q["topic"] == online.topic
        ]
        assert rows == [(i, 10, 10, 0) for i in range(4)]
        assert all(q["clientIp"] for q in progress["queues"] if q["topic"] == online.topic)
        groups = {g["group"]: g for g in cluster.data("consumerProgress")["groups"]}
        assert (groups[online.group]["count"], groups[online.group]["lagTotal"]) == (1, 0)
        connection = cluster.data("consumerConnection", "-g", online.group)
        (client,) = connection["connections"]
        assert (client["language"], client["version"]) == ("JAVA", "V" + cluster.pair.version.replace(".", "_"))
        assert {s["topic"] for s in connection["subscriptions"]} == {online.topic, f"%RETRY%{online.group}"}
        assert (connection["messageModel"], connection["consumeType"]) == ("CLUSTERING", "CONSUME_PASSIVELY")

        def producers() -> list[dict[str, Any]]:
            ran = cluster.run("producerConnection", "-g", online.producer, "-t", online.topic)
            return list(ran.json["data"]["connections"]) if ran.code == 0 else []

        (producer,) = wait_until(producers, "the broker knows the producer", 40)
        assert producer["language"] == "JAVA"
        affected = cluster.data("deleteTopic", "-c", cluster.pair.cluster, "-t", online.topic, "--plan")["affected"]
        assert [each["group"] for each in affected["groups"]] == [online.group]
        (group,) = affected["groups"]
        assert group["topics"] == [{"topic": online.topic, "lag": 0, "lagMillis": 0}]
        assert [each["clientAddr"] for each in group["consumers"]] == [client["clientAddr"]]
        sending = {each["group"]: each["clients"] for each in affected["producers"]}
        assert [each["clientAddr"] for each in sending[online.producer]] == [producer["clientAddr"]]
        line = ("updateBrokerConfig", "-b", cluster.pair.broker_address, "-k", "fileReservedTime", "-v", "71", "--plan")
        (broker,) = cluster.data(*line)["affected"]["brokers"]
        assert broker["topics"] > 1 and min(broker["clients"], broker["producers"], broker["consumers"]) >= 1


def test_reset_reaches_a_running_consumer(cluster: Cluster, name: Name) -> None:
    with Online(cluster, name, 20) as online:
        reset = cluster.data(
            "resetOffsetByTime", "-g", online.group, "-t", online.topic, "-s", "2020-01-01#00:00:00:000"
        )
        assert [(q["before"], q["target"]) for q in reset["queues"]] == [(5, 0)] * 4
        again = online.received(40)[20:]
        assert sorted(m["body"] for m in again) == sorted(str(i) for i in range(20))


def test_reset_and_skip_offline(cluster: Cluster, name: Name) -> None:
    with Online(cluster, name, 20) as online:
        pass
    wait_until(lambda: "206" in cluster.java("consumerConnection", "-g", online.group), "the consumer is gone")
    cluster.data("resetOffsetByTime", "-g", online.group, "-t", online.topic, "-s", "2020-01-01#00:00:00:000")

    def offsets() -> list[str]:
        rows = (line.split() for line in cluster.java("consumerProgress", "-g", online.group).splitlines())
        return [row[4] for row in rows if row and row[0] == online.topic]

    assert offsets() == ["0"] * 4
    skipped = cluster.data("skipAccumulatedMessage", "-g", online.group, "-t", online.topic, "-f", "true")
    assert [(q["before"], q["after"]) for q in skipped["queues"]] == [(0, 5)] * 4
    assert offsets() == ["5"] * 4
    errors = cluster.failure(NOT_FOUND, "consumerConnection", "-g", online.group)
    assert online.group in errors[0]["cause"]
    ended = cluster.run("resetOffsetByTime", "-g", online.group, "-t", online.topic, "-s", "-1").json
    assert ended["status"] == "unchanged"


def test_groups_are_changed(cluster: Cluster, name: Name) -> None:
    group = name("changed_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group, "-r", "3", "-q", "2")
    (changed,) = cluster.data("updateSubGroup", "-b", cluster.pair.broker_address, "-g", group, "-s", "false")[
        "changes"
    ]
    assert {"name": "consumeEnable", "before": True, "after": False} in changed["fields"]
    config = cluster.java("getConsumerConfig", "-g", group)
    settings = {
        line.split("=")[0].strip(): line.split("=")[1].strip() for line in config.splitlines() if line.count("=") == 1
    }
    # What was not named stays: Java's command would have put its defaults there.
    assert (settings["consumeEnable"], settings["retryMaxTimes"], settings["retryQueueNums"]) == ("false", "3", "2")
    if cluster.pair.version == "5.5.0":
        # Its broker makes a group anew that is deleted without its offsets: that is no success.
        assert (
            "reads back"
            in cluster.failure(NO_EFFECT, "deleteSubGroup", "-c", "DefaultCluster", "-g", group)[0]["cause"]
        )
        cluster.data("deleteSubGroup", "-c", "DefaultCluster", "-g", group, "-r", "true")
    else:
        cluster.data("deleteSubGroup", "-c", "DefaultCluster", "-g", group)
    assert "retryMaxTimes" not in cluster.java("getConsumerConfig", "-g", group)


def test_broker_configuration(cluster: Cluster) -> None:
    address = cluster.pair.broker_address
    (status,) = cluster.data("brokerStatus", "-b", address)["brokers"]
    assert status["figures"]["brokerVersionDesc"] == "V" + cluster.pair.version.replace(".", "_")
    assert [b["broker"]["address"] for b in cluster.data("brokerStatus", "-c", "DefaultCluster")["brokers"]] == [
        address
    ]
    (changed,) = cluster.data("updateBrokerConfig", "-b", address, "-k", "fileReservedTime", "-v", "71")["changes"]
    assert changed["fields"] == [{"name": "fileReservedTime", "before": "72", "after": "71"}]
    (server,) = cluster.data("getBrokerConfig", "-b", address)["servers"]
    assert server["config"]["fileReservedTime"] == "71"
    lines = [line.split() for line in cluster.java("getBrokerConfig", "-b", address).splitlines() if " = " in line]
    theirs = {line[0]: " ".join(line[2:]) for line in lines}
    assert theirs["fileReservedTime"] == "71"
    assert set(server["config"]) == set(theirs)
    cluster.data("updateBrokerConfig", "-c", "DefaultCluster", "-k", "fileReservedTime", "-v", "72")


def test_name_server_configuration_and_kv(cluster: Cluster, name: Name) -> None:
    cluster.data("updateNamesrvConfig", "-k", "clusterTest", "-v", "false")
    (server,) = cluster.data("getNamesrvConfig")["servers"]
    assert (server["address"], server["config"]["clusterTest"]) == (cluster.pair.namesrv_address, "false")
    key = name("key")
    (created,) = cluster.data("updateKvConfig", "-s", "INTEROP", "-k", key, "-v", "v1")["changes"]
    assert (created["action"], created["state"]) == ("create", "done")
    cluster.data("deleteKvConfig", "-s", "INTEROP", "-k", key)
    assert cluster.run("deleteKvConfig", "-s", "INTEROP", "-k", key).code == NO_EFFECT


def test_write_permission_of_a_broker(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Wiped"))
    (count,) = cluster.data("wipeWritePerm", "-b", "broker-a")["counts"]
    assert count["nameServer"] == cluster.pair.namesrv_address
    assert count["topics"] > 10
    assert '"perm":4' in cluster.java("topicRoute", "-t", topic)
    cluster.data("addWritePerm", "-b", "broker-a")
    assert '"perm":6' in cluster.java("topicRoute", "-t", topic)


def test_what_is_not_there(cluster: Cluster, name: Name) -> None:
    nowhere, nobody = name("Nowhere"), name("nobody")
    for words in (
        ["topicRoute", "-t", nowhere],
        ["topicStatus", "-t", nowhere],
        ["topicClusterList", "-t", nowhere],
        ["updateTopicPerm", "-c", "DefaultCluster", "-t", nowhere, "-p", "6"],
        ["consumerProgress", "-g", nobody],
        ["consumerConnection", "-g", nobody],
        ["producerConnection", "-g", nobody, "-t", "TBW102"],
        ["resetOffsetByTime", "-g", nobody, "-t", nowhere, "-s", "-1"],
        ["skipAccumulatedMessage", "-g", nobody, "-t", nowhere],
        ["queryMsgByKey", "-t", nowhere, "-k", "k"],
        ["printMsg", "-t", nowhere],
        ["wipeWritePerm", "-b", nobody],
        ["updateTopic", "-c", nobody, "-t", nowhere, "-r", "1", "-w", "1"],
    ):
        errors = cluster.failure(NOT_FOUND, *words)
        assert errors and all(error["cause"] for error in errors), words
    assert nowhere not in cluster.java("topicList")


def test_a_queue_ends_where_it_ends(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Short"), 1)
    cluster.send([{"topic": topic, "body": "only"}])
    words = ["-t", topic, "-q", "0", "-i", "50", "-c", "5", "-b", cluster.pair.broker_address]
    cluster.failure(NOT_FOUND, "queryCq", *words)
    cluster.failure(NOT_FOUND, "queryMsgByOffset", "-t", topic, "-b", "broker-a", "-i", "0", "-o", "50")


def test_a_dead_broker_is_not_passed_over(cluster: Cluster, name: Name) -> None:
    address, topic = f"127.0.0.1:{free_port()}", name("Dead")
    errors = cluster.failure(CONNECT, "brokerStatus", "-b", address)
    assert errors[0]["target"] == address
    with DeadBroker(
        cluster.pair.namesrv_address, cluster="DefaultCluster", name="broker-dead", address=address, topic=topic
    ):
        ran = cluster.run("clusterList")
        assert ran.code == PARTIAL, ran
        document = json.loads(ran.out)
        assert document["status"] == "partial"
        assert [error["target"] for error in document["errors"]] == [address]
        rows = {b["brokerName"]: b for b in document["data"]["brokers"]}
        assert rows["broker-a"]["version"] == "V" + cluster.pair.version.replace(".", "_")
        if "broker-dead" in rows:  # listed, with all that is unknown unknown
            assert (rows["broker-dead"]["version"], rows["broker-dead"]["sendQueueSize"]) == (None, None)
        ran = cluster.run("updateTopic", "-c", "DefaultCluster", "-t", name("Half"), "-r", "1", "-w", "1")
        assert ran.code == PARTIAL, ran
        assert cluster.run("topicStatus", "-t", topic).code in (CONNECT, PARTIAL)
        assert cluster.run("brokerStatus", "-c", "DefaultCluster").code == PARTIAL


def test_no_name_server(cluster: Cluster) -> None:
    ran = mqadmin("topicList", namesrv=f"127.0.0.1:{free_port()}", output="json")
    assert ran.code == CONNECT
    assert json.loads(ran.out)["status"] == "failed"
    # One of two is enough.
    both = f"127.0.0.1:{free_port()};{cluster.pair.namesrv_address}"
    assert mqadmin("topicRoute", "-t", "TBW102", namesrv=both, output="json").json["status"] == "ok"


def test_other_outputs(cluster: Cluster) -> None:
    namesrv = cluster.pair.namesrv_address
    table = mqadmin("clusterList", namesrv=namesrv)
    assert table.code == 0
    assert table.out.startswith("#Cluster Name")
    document = yaml.safe_load(mqadmin("topicRoute", "-t", "TBW102", namesrv=namesrv, output="yaml").out)
    (address,) = document["data"]["brokers"][0]["brokerAddrs"].values()
    assert address == cluster.pair.broker_address
    rows = list(csv.DictReader(io.StringIO(mqadmin("clusterList", namesrv=namesrv, output="csv").out)))
    assert [row["brokerName"] for row in rows] == ["broker-a"]
    assert mqadmin("topicRoute", namesrv=namesrv).code == USAGE


def test_a_time_window_holds_what_lies_in_it(cluster: Cluster, name: Name) -> None:
    """4.9's search answers the nearest message, for every later time the last one."""
    topic = cluster.topic(name("window"), queues=1)
    wait_until(lambda: cluster.run("topicRoute", "-t", topic).code == 0, "the topic's route")
    for number in range(6):
        assert cluster.run("sendMessage", "-t", topic, "-p", f"m{number}").code == 0
    stored = cluster.data("printMsg", "-t", topic)["messages"]
    times = [message["storeTimestamp"] for message in stored]
    assert times == sorted(set(times))

    def bodies(*options: str) -> list[str]:
        return [message["body"] for message in cluster.data("consumeMessage", "-t", topic, *options)["messages"]]

    assert bodies("-s", str(times[-1] + 1)) == []
    assert bodies("-s", str(times[3]), "-e", str(times[4])) == ["m3", "m4"]
    assert bodies("-e", str(times[0])) == ["m0"]
    assert bodies("-s", str(times[2] + 1), "-e", str(times[3] - 1)) == []
    assert cluster.data("printMsg", "-t", topic, "-b", str(times[-1] + 86_400_000))["messages"] == []


def test_every_item_of_a_batch_queue_is_shown(cluster: Cluster, name: Name) -> None:
    """From 5.0 on a topic may store a batch as one record, that holds several offsets."""
    if cluster.pair.version.startswith("4."):
        pytest.skip("4.9 has no batch queues")
    topic = name("batches")
    cluster.data(
        "updateTopic", "-b", cluster.pair.broker_address, "-t", topic, "-r", "1", "-w", "1", "-a", "+queue.type=BatchCQ"
    )
    wait_until(lambda: cluster.run("topicRoute", "-t", topic).code == 0, "the topic's route")

    async def send() -> list[bytes]:
        options = ClientOptions(name_servers=[cluster.pair.namesrv_address])
        async with Producer("batches", options) as producer, PullConsumer("batches", options) as consumer:
            for first in (0, 5, 10):
                await producer.send_batch([Message(topic, b"%d" % i) for i in range(first, first + 5)])
            (queue,) = await consumer.queues(topic)
            found: list[bytes] = []
            offset = 7
            while offset < await consumer.max_offset(queue):
                result = await consumer.pull(queue, offset)
                found += [message.body for message in result.messages]
                offset = result.next_begin_offset
            return found

    assert asyncio.run(send()) == [b"%d" % i for i in range(7, 15)]
    printed = cluster.data("printMsg", "-t", topic)["messages"]
    assert [(m["queueOffset"], m["body"]) for m in printed] == [(i, str(i)) for i in range(15)]
    for offset in (0, 7, 14):
        where = ("-t", topic, "-b", "broker-a", "-i", "0", "-o", str(offset))
        (found,) = cluster.data("queryMsgByOffset", *where)["messages"]
        assert found["message"]["body"] == str(offset)
