"""Cleaning, sending probes and statistics of our mqadmin against Apache's broker, beside what Apache's own say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from tests.interop.apache import wait_until
from tests.interop.cluster import Cluster

from rocketmq_ops.client.admin import MQAdmin

Name = Callable[[str], str]
UNSUPPORTED = 14


def test_brokers_clean_up_when_asked(cluster: Cluster) -> None:
    address = cluster.pair.broker_address
    for command in ("cleanExpiredCQ", "cleanUnusedTopic", "deleteExpiredCommitLog"):
        assert cluster.data(command, "--plan")["brokers"][0]["state"] == "planned"
        for where in ((), ("-c", "DefaultCluster"), ("-b", address)):
            (broker,) = cluster.data(command, *where)["brokers"]
            assert (broker["brokerName"], broker["address"], broker["state"]) == ("broker-a", address, "accepted")
        assert "success" in cluster.java(command, "-b", address)


def test_the_queues_of_a_deleted_topic_are_cleaned(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Unused"), 1)
    cluster.send([{"topic": topic, "body": "x"}])
    cluster.data("deleteTopic", "-c", "DefaultCluster", "-t", topic)
    cluster.data("cleanUnusedTopic", "-c", "DefaultCluster")
    cluster.topic(topic, 1)
    (queue,) = cluster.data("topicStatus", "-t", topic)["queues"]
    assert (queue["minOffset"], queue["maxOffset"]) == (0, 0)


def test_sends_are_stored_where_they_say(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Timed"), 3)
    probe = cluster.data("checkMsgSendRT", "-t", topic, "-a", "7", "-s", "200")
    assert [(send["queueId"], send["queueOffset"]) for send in probe["sends"]] == [(i % 3, i // 3) for i in range(7)]
    assert (probe["succeeded"], probe["failed"]) == (7, 0)
    stored = {message["msgId"]: message for message in cluster.pull(topic)}
    assert {send["msgId"] for send in probe["sends"]} == set(stored)
    assert {len(message["body"]) for message in stored.values()} == {200}


def test_each_broker_has_a_topic_to_send_to(cluster: Cluster) -> None:
    sent = cluster.data("sendMsgStatus", "-b", "broker-a", "-c", "3")
    assert (sent["succeeded"], {send["sendStatus"] for send in sent["sends"]}) == (3, {"SEND_OK"})
    assert {send["msgId"] for send in sent["sends"]} <= {m["msgId"] for m in cluster.pull("broker-a")}
    (broker,) = cluster.data("clusterRT", "-a", "5")["brokers"]
    assert (broker["cluster"], broker["brokerName"], broker["succeeded"], broker["failed"]) == (
        *("DefaultCluster", "broker-a"),
        *(5, 0),
    )
    cluster.failure(4, "clusterRT", "-c", "nowhere")


def test_the_progress_of_every_group(cluster: Cluster, name: Name) -> None:
    topic, group = cluster.topic(name("Stat"), 2), name("stat_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    cluster.send([{"topic": topic, "body": str(i), "queue": i % 2} for i in range(10)])
    wait_until(
        lambda: sum(q["maxOffset"] for q in cluster.data("topicStatus", "-t", topic)["queues"]) == 10, "all is queued"
    )
    address = cluster.pair.broker_address

    async def commit() -> None:
        async with MQAdmin([cluster.pair.namesrv_address]) as admin:
            await admin.offsets.set_consumer_offset(address, group, topic, 0, 2)

    asyncio.run(commit())

    def rows() -> list[dict[str, object]]:
        return [q for q in cluster.data("brokerConsumeStats", "-b", address)["queues"] if q["group"] == group]

    found = wait_until(rows, "the broker has the offset")
    mine = [(q["topic"], q["queueId"], q["brokerOffset"], q["consumerOffset"], q["diff"]) for q in found]
    assert mine == [(topic, 0, 5, 2, 3), (topic, 1, 5, 0, 5)]
    theirs = [line.split() for line in cluster.java("brokerConsumeStats", "-b", address).splitlines() if group in line]
    assert [(row[0], int(row[3]), int(row[4]), int(row[5]), int(row[6])) for row in theirs] == mine[:1]
    assert [
        q for q in cluster.data("brokerConsumeStats", "-b", address, "-l", "4")["queues"] if q["group"] == group
    ] == [found[1]]
    (stats,) = cluster.data("statsAll", "-t", topic)["stats"]
    assert (stats["topic"], stats["group"], stats["accumulation"]) == (topic, group, 8)
    listed = [line.split() for line in cluster.java("statsAll", "-t", topic).splitlines() if line.startswith(topic)]
    # Java's of 4.9.7 shows 0 where it fails to ask: it looks for the brokers by the route of the group's retry topic.
    accumulation = 0 if cluster.pair.version == "4.9.7" else 8
    assert [(row[0], row[1], int(row[2])) for row in listed] == [(topic, group, accumulation)]
    assert topic in [row["topic"] for row in cluster.data("statsAll")["stats"]]


def test_a_master_takes_no_flush_offset_of_a_master(cluster: Cluster) -> None:
    ran = cluster.run("resetMasterFlushOffset", "-b", cluster.pair.broker_address, "-o", "5")
    assert (ran.code, json.loads(ran.out)["status"]) == (8, "no_effect")


def test_the_engine_of_timer_messages(cluster: Cluster) -> None:
    address = cluster.pair.broker_address
    if cluster.pair.version != "5.5.0":
        (error,) = cluster.failure(UNSUPPORTED, "switchTimerEngine", "-b", address, "-e", "F")
        assert cluster.pair.version in error["cause"] and "5.4.0" in error["cause"]
        return
    before = cluster.data("getBrokerConfig", "-b", address)["servers"][0]["config"]
    ran = cluster.run("switchTimerEngine", "-b", address, "-e", "F")
    assert ran.json["status"] in ("ok", "unchanged")
    assert cluster.run("switchTimerEngine", "-b", address, "-e", "F").json["status"] == "unchanged"
    after = cluster.data("getBrokerConfig", "-b", address)["servers"][0]["config"]
    assert (after["timerStopEnqueue"], after["timerRocksDBStopScan"]) == ("false", "true")
    assert "success" in cluster.java("switchTimerEngine", "-b", address, "-e", "F")
    # Without timerRocksDBEnable at its start the broker refuses the other one.
    assert before["timerRocksDBEnable"] == "false"
    (error,) = cluster.failure(6, "switchTimerEngine", "-b", address, "-e", "R")
    assert "timerRocksDBEnable" in error["cause"]
