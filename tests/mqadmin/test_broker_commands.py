"""Cleaning, switches, probes of sending and statistics: each broker has its own row, and unknown is not 0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rocketmq_ops.client.admin.messages.message_probe import GIVE_UP_AFTER
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster

CLEANINGS = {
    "cleanExpiredCQ": Code.CLEAN_EXPIRED_CONSUMEQUEUE,
    "cleanUnusedTopic": Code.CLEAN_UNUSED_TOPIC,
    "deleteExpiredCommitLog": Code.DELETE_EXPIRED_COMMITLOG,
}


def with_log(cluster: FakeCluster, broker: FakeBroker, code: int, begin: int = 100) -> None:
    """The broker's commitlog begins at `begin`, and 50 bytes later for each cleaning."""
    state = {"begin": begin}

    def runtime(c: RemotingCommand) -> RemotingCommand:
        return c.reply(body=dumps({"table": {"commitLogMinOffset": str(state["begin"])}}))

    def clean(c: RemotingCommand) -> RemotingCommand:
        state["begin"] += 50
        return c.reply()

    cluster.transport.on(broker.address, Code.GET_BROKER_RUNTIME_INFO, runtime)
    cluster.transport.on(broker.address, code, clean)


@pytest.mark.parametrize("name", CLEANINGS)
def test_every_broker_says_for_itself_that_it_cleans(cli: Cli, name: str) -> None:
    """Apache's command tells the answer of the last broker for that of all."""
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"), ("broker-c", "C2"))
    code = CLEANINGS[name]
    for broker in cluster.brokers.values():
        with_log(cluster, broker, code)
    cluster.transport.on(cluster["broker-b"].address, code, lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "disk"))
    to = (cluster.transport, name, "-n", cluster.namesrv, "--output", "json")
    plan = cli(*to, "--plan")
    assert (plan.code, plan.json["status"]) == (0, "planned")
    assert [b["state"] for b in plan.json["data"]["brokers"]] == ["planned"] * 3
    assert code not in cluster.transport.codes()
    ran = cli(*to)
    assert (ran.code, ran.json["status"]) == (5, "partial")
    assert [error["target"] for error in ran.json["errors"]] == [cluster["broker-b"].address]
    rows = [
        (b["brokerName"], b["state"], b["commitLogMinOffsetBefore"], b["commitLogMinOffsetAfter"])
        for b in ran.json["data"]["brokers"]
    ]
    assert rows == [("broker-a", "accepted", 100, 150), ("broker-c", "accepted", 100, 150)]
    assert [b["brokerName"] for b in cli(*to, "-c", "C1").json["data"]["brokers"]] == ["broker-a"]
    assert cli(*to, "-c", "C2", "-b", cluster["broker-a"].address).code == 0  # the broker alone, as Apache takes it
    assert cli(*to, "-c", "nowhere").code == 4
    assert cli(*to, "-b", cluster["broker-b"].address).code == 1


def test_a_flush_offset_goes_to_slaves_alone(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    sent: list[dict[str, str]] = []

    def reset(c: RemotingCommand) -> RemotingCommand:
        sent.append(dict(c.ext_fields))
        return c.reply()

    cluster.transport.on(broker.address, Code.RESET_MASTER_FLUSH_OFFSET, reset)
    to = (cluster.transport, "resetMasterFlushOffset", "-b", broker.address, "-o", "77", "--output", "json")
    broker.config["brokerId"] = "0"
    ran = cli(*to)
    assert (ran.code, ran.json["status"], ran.json["data"]["state"]) == (8, "no_effect", "ignored")
    assert "is a master" in ran.err
    broker.config["brokerId"] = "1"
    assert cli(*to, "--plan").json["status"] == "planned"
    assert sent == []
    assert (cli(*to).json["data"]["state"], sent) == ("accepted", [{"masterFlushOffset": "77"}])
    for missing in (("-b", broker.address), ("-o", "1"), ()):
        assert cli(cluster.transport, "resetMasterFlushOffset", "-n", cluster.namesrv, *missing).code == 2


def test_the_timer_engine_is_read_back(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.config |= {"timerStopEnqueue": "false", "timerRocksDBEnable": "true", "timerRocksDBStopScan": "true"}
    asked: list[str] = []

    def switch(c: RemotingCommand) -> RemotingCommand:
        asked.append(c.ext_fields["E_T"])
        if not broker.ignores_updates:
            rocksdb = c.ext_fields["E_T"] == "R"
            broker.config |= {
                "timerStopEnqueue": str(rocksdb).lower(),
                "timerRocksDBStopScan": str(not rocksdb).lower(),
            }
        return c.reply()

    cluster.transport.on(broker.address, Code.SWITCH_TIMER_ENGINE, switch)
    to = (cluster.transport, "switchTimerEngine", "-n", cluster.namesrv, "-c", "C1", "--output", "json")
    assert cli(*to, "-e", "F").json["status"] == "unchanged"
    assert cli(*to, "-e", "R", "--plan").json["status"] == "planned"
    assert asked == []
    ran = cli(*to, "-e", "r")
    assert (ran.code, ran.json["data"]["changes"][0]["state"], asked) == (0, "done", ["R"])
    broker.ignores_updates = True
    assert cli(*to, "-e", "F").code == 8
    assert cli(*to, "-e", "X").code == 2


class Sends:
    """A broker that stores what is sent to it, but for the sends of `refused`, counted from 0."""

    def __init__(self, cluster: FakeCluster, broker: FakeBroker, refused: Any = ()) -> None:
        self.queues: list[int] = []
        self.refused = refused
        self.count = 0
        cluster.transport.on(broker.address, Code.SEND_MESSAGE_V2, self.send)

    def send(self, c: RemotingCommand) -> RemotingCommand:
        number = self.count
        self.count += 1
        if number in self.refused:
            return c.reply(ResponseCode.SYSTEM_ERROR, "store busy")
        self.queues.append(int(c.ext_fields["e"]))
        return c.reply(ext_fields={"msgId": "AA", "queueId": c.ext_fields["e"], "queueOffset": str(number)})


def test_sends_go_round_the_queues_and_each_is_a_row(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 3)
    sends = Sends(cluster, broker, refused={3})
    to = (cluster.transport, "checkMsgSendRT", "-n", cluster.namesrv, "-t", "T", "-a", "7", "--output", "json")
    plan = cli(*to, "--plan")
    assert (plan.json["status"], plan.json["data"]["brokers"], sends.count) == ("planned", ["broker-a"], 0)
    ran = cli(*to)
    data = ran.json["data"]
    assert (ran.code, data["succeeded"], data["failed"]) == (5, 6, 1)
    assert [(s["queueId"], s["sendStatus"]) for s in data["sends"]] == [
        *((0, "SEND_OK"), (1, "SEND_OK"), (2, "SEND_OK"), (0, None), (1, "SEND_OK"), (2, "SEND_OK"), (0, "SEND_OK"))
    ]
    assert "store busy" in data["sends"][3]["error"]
    assert data["times"]["maxMs"] >= data["times"]["medianMs"] > 0


def test_a_broker_that_only_fails_is_not_asked_for_all_messages(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T", 1)
    to = (cluster.transport, "checkMsgSendRT", "-n", cluster.namesrv, "-t", "T", "-a", "50", "--output", "json")
    sends = Sends(cluster, broker, refused=range(50))
    ran = cli(*to)
    assert (ran.code, sends.count, ran.json["data"]) == (1, GIVE_UP_AFTER, None)
    later = Sends(cluster, broker, refused=range(5, 50))
    ran = cli(*to)
    assert (ran.code, later.count) == (5, 5 + GIVE_UP_AFTER)
    assert f"{50 - 5 - GIVE_UP_AFTER} messages were not sent in the end" in ran.err


def test_what_cannot_be_sent_is_refused_before(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("Closed", 2, perm=4)
    to = (cluster.transport, "checkMsgSendRT", "-n", cluster.namesrv, "-t")
    assert cli(*to, "Closed").code == 4
    assert cli(*to, "Nowhere").code == 4
    for wrong in (("-a", "0"), ("-a", "100001"), ("-s", "0"), ("-s", "5000000")):
        assert cli(*to, "Closed", *wrong).code == 2
    assert Code.SEND_MESSAGE_V2 not in cluster.transport.codes()


def test_each_broker_is_measured_by_its_own_topic(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"))
    for name, broker in cluster.brokers.items():
        broker.add_topic(name, 1)
    first = Sends(cluster, cluster["broker-a"])
    second = Sends(cluster, cluster["broker-b"], refused=range(9))
    to = (cluster.transport, "clusterRT", "-n", cluster.namesrv, "-a", "4")
    ran = cli(*to, "--output", "json")
    assert (ran.code, first.count, second.count) == (5, 4, GIVE_UP_AFTER)
    rows = [(b["brokerName"], b["succeeded"], b["times"] is None) for b in ran.json["data"]["brokers"]]
    assert rows == [("broker-a", 4, False), ("broker-b", 0, True)]
    table = cli(*to, "-c", "C1").out.splitlines()
    assert table[0].split() == ["#Cluster", "Name", "#Broker", "Name", "#RT", "#successCount", "#failCount"]
    assert (table[1].split()[:2], table[1].split()[3:]) == (["C1", "broker-a"], ["4", "0"])
    for spelling in (("-p", "true"), ("--print", "true"), ("--print log", "true")):
        (line,) = cli(*to, "-c", "C1", *spelling, "-m", "room1").out.splitlines()
        assert line.split("|")[1:4] == ["room1", "C1", "broker-a"]
    ran = cli(cluster.transport, "sendMsgStatus", "-n", cluster.namesrv, "-b", "broker-a", "-c", "2")
    assert (ran.code, ran.out.count("SEND_OK")) == (0, 2)
    assert cli(cluster.transport, "sendMsgStatus", "-n", cluster.namesrv, "-b", "broker-x").code == 4


def progress(broker: FakeBroker, topic: str, queue_id: int, end: int, consumed: int, at: int) -> dict[Any, Any]:
    offsets = {"brokerOffset": end, "consumerOffset": consumed, "lastTimestamp": at, "pullOffset": 0}
    return {broker.queue_key(topic, queue_id): offsets}


def test_the_progress_of_every_group_on_a_broker(cli: Cli) -> None:
    """Queues of which nothing was consumed are there; Apache's command leaves them out, and counts them in the total."""
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    tables = {
        "G1": [{"offsetTable": progress(broker, "T", 1, 10, 4, 1_700_000_000_000) | progress(broker, "T", 0, 3, 0, 0)}],
        "G0": [{"offsetTable": progress(broker, "T", 0, 3, 3, 1_700_000_000_001)}],
    }
    asked: list[str] = []

    def stats(c: RemotingCommand) -> RemotingCommand:
        asked.append(c.ext_fields["isOrder"])
        listed = [{group: found} for group, found in tables.items()]
        return c.reply(body=dumps({"brokerAddr": broker.address, "consumeStatsList": listed, "totalDiff": 9}))

    cluster.transport.on(broker.address, Code.GET_BROKER_CONSUME_STATS, stats)
    to = (cluster.transport, "brokerConsumeStats", "-b", broker.address, "--output", "json")
    data = cli(*to).json["data"]
    rows = [(q["group"], q["queueId"], q["diff"], q["lastTimestamp"]) for q in data["queues"]]
    assert rows == [("G0", 0, 0, 1_700_000_000_001), ("G1", 0, 3, None), ("G1", 1, 6, 1_700_000_000_000)]
    assert data["totalDiff"] == 9
    behind = cli(*to, "-l", "4", "-o", "true", "-t", "900").json["data"]
    assert ([q["diff"] for q in behind["queues"]], behind["totalDiff"]) == ([6], 9)
    assert asked == ["false", "true"]


def counters(cluster: FakeCluster, broker: FakeBroker, table: dict[tuple[str, str], tuple[float, int]]) -> None:
    def view(c: RemotingCommand) -> RemotingCommand:
        name, key = c.ext_fields["statsName"], c.ext_fields["statsKey"]
        if (name, key) not in table:
            return c.reply(ResponseCode.SYSTEM_ERROR, f"The stats <{name}> <{key}> not exist")
        tps, count = table[name, key]
        none = {"sum": 0, "tps": 0.0, "avgpt": 0.0}
        minute = {"sum": count, "tps": tps, "avgpt": 0.0}
        return c.reply(body=dumps({"statsMinute": minute, "statsHour": none, "statsDay": none}))

    cluster.transport.on(broker.address, Code.VIEW_BROKER_STATS_DATA, view)


def consumed_by(cluster: FakeCluster, broker: FakeBroker, groups: dict[str, list[str]]) -> None:
    cluster.transport.on(
        broker.address,
        Code.QUERY_TOPIC_CONSUME_BY_WHO,
        lambda c: c.reply(body=dumps({"groupList": groups.get(c.ext_fields["topic"], [])})),
    )


def test_statistics_are_summed_over_brokers(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        for topic in ("Busy", "Idle", "%RETRY%G"):
            broker.add_topic(topic)
        broker.ends["Busy", 0] = 10
        broker.committed["G", "Busy", 0] = 4
        counters(cluster, broker, {("TOPIC_PUT_NUMS", "Busy"): (1.5, 90), ("GROUP_GET_NUMS", "Busy@G"): (0.5, 30)})
    consumed_by(cluster, cluster["broker-a"], {"Busy": ["G"]})
    consumed_by(cluster, cluster["broker-b"], {})  # its clients are connected to the other one
    to = (cluster.transport, "statsAll", "-n", cluster.namesrv, "--output", "json")
    rows = {row["topic"]: row for row in cli(*to).json["data"]["stats"]}
    assert rows["Busy"] == {
        "topic": "Busy", "group": "G", "accumulation": 12, "inTps": 3.0, "outTps": 1.0, "inMsg24Hour": 180,
        "outMsg24Hour": 60,
    }  # fmt: skip
    assert rows["Idle"] == {
        "topic": "Idle", "group": None, "accumulation": 0, "inTps": 0.0, "outTps": None, "inMsg24Hour": 0,
        "outMsg24Hour": None,
    }  # fmt: skip
    assert set(rows) == {"Busy", "Idle"}
    assert [row["topic"] for row in cli(*to, "-a").json["data"]["stats"]] == ["Busy"]
    assert [row["topic"] for row in cli(*to, "-t", "Idle").json["data"]["stats"]] == ["Idle"]
    assert cli(*to, "-t", "Nowhere").code == 4


def test_what_a_broker_did_not_tell_is_unknown_and_it_is_asked_once(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        for number in range(5):
            broker.add_topic(f"T{number}")
        counters(cluster, broker, {})
        consumed_by(cluster, broker, {})
    cluster.stop(cluster["broker-b"].address)
    ran = cli(cluster.transport, "statsAll", "-n", cluster.namesrv, "--output", "json")
    assert (ran.code, len(ran.json["data"]["stats"])) == (5, 5)
    assert [error["target"] for error in ran.json["errors"]] == [cluster["broker-b"].address]
    assert {json.dumps([row["accumulation"], row["inTps"]]) for row in ran.json["data"]["stats"]} == {"[null, null]"}
    assert [len(cli(cluster.transport, "statsAll", "-n", cluster.namesrv, "-a", "--output", "json").json["data"]["stats"])] == [5]  # fmt: skip
