"""exportConfigs, exportMetadata and exportMetrics: what the files hold, with and without a broker that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    """Two masters with topics and groups of users and of their own."""
    found = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for number, broker in enumerate(found.brokers.values()):
        for topic, queues in (("Mine", 4 + number), ("Same", 2), ("OwnReply", 1), ("rmq_sys_x", 1), ("%RETRY%G", 1)):
            broker.add_topic(topic, queues)
        broker.groups = {
            name: {"groupName": name, "retryQueueNums": 1} for name in ("G", "TOOLS_CONSUMER", "CID_RMQ_SYS_X")
        }
        broker.config |= {"brokerId": "0", "flushDiskType": "SYNC_FLUSH", "secret": "x"}
        found.transport.on(
            broker.address,
            Code.GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
            lambda c: c.reply(body=dumps({"topicList": ["OwnReply", "TBW102"]})),
        )
        found.transport.on(
            broker.address,
            Code.VIEW_BROKER_STATS_DATA,
            lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "The stats <a> <b> not exist"),
        )
    return found


def written(cli: Cli, cluster: FakeCluster, folder: Path, *words: str, file: str, code: int = 0) -> Any:
    """What the command wrote to this file, which is what its JSON says that it holds."""
    ran = cli(cluster.transport, *words, "-n", cluster.namesrv, "-f", str(folder), "--output", "json")
    assert ran.code == code, ran.err
    content = json.loads((folder / file).read_text())
    assert ran.json["data"]["path"] == str(folder / file)
    assert ran.json["data"]["export"] == content
    return content


def test_the_settings_of_masters(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    found = written(cli, cluster, tmp_path, "exportConfigs", "-c", "C1", file="configs.json")
    assert found["clusterScale"] == {"namesrvSize": 1, "masterBrokerSize": 2, "slaveBrokerSize": 0}
    assert found["brokerConfigs"]["broker-a"] == {
        "brokerId": "0", "brokerName": "broker-a", "flushDiskType": "SYNC_FLUSH", "slaveReadEnable": "false",
    }  # fmt: skip
    cluster.stop(cluster["broker-b"].address)
    found = written(cli, cluster, tmp_path, "exportConfigs", "-c", "C1", file="configs.json", code=5)
    assert list(found["brokerConfigs"]) == ["broker-a"]
    assert [failure["target"] for failure in found["failures"]] == [cluster["broker-b"].address]
    assert len(json.loads((tmp_path / "configs.json.bak").read_text())["brokerConfigs"]) == 2


def test_what_users_made(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    """Each broker's own; Apache's command adds up the queues of all brokers, which no broker has."""
    found = written(cli, cluster, tmp_path, "exportMetadata", "-c", "C1", file="metadata.json")
    assert {name: topic["readQueueNums"] for name, topic in found["topicConfigTable"].items()} == {"Mine": 4, "Same": 2}
    assert list(found["subscriptionGroupTable"]) == ["G"]
    assert found["brokers"]["broker-b"]["topicConfigTable"]["Mine"]["readQueueNums"] == 5
    assert found["differing"] == ["Mine"]
    address = cluster["broker-b"].address
    topics = written(cli, cluster, tmp_path, "exportMetadata", "-b", address, "-t", "-s", file="topic.json")
    assert (sorted(topics["topicConfigTable"]), "subscriptionGroupTable" in topics) == (
        ["%RETRY%G", "Mine", "Same"],
        False,
    )
    groups = written(cli, cluster, tmp_path, "exportMetadata", "-b", address, "-g", file="subscriptionGroup.json")
    assert (list(groups["subscriptionGroupTable"]), "topicConfigTable" in groups) == (["G"], False)
    to = (cluster.transport, "exportMetadata", "-n", cluster.namesrv, "-f", str(tmp_path))
    assert cli(*to).code == 2
    assert cli(*to, "-c", "C1", "-t", "-g").code == 2
    assert cli(*to, "-c", "nowhere").code == 4


def test_sums_of_what_is_not_known_are_not_known(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    figures = {"putTps": "2.5 1 1", "getTransferredTps": "0.5 0 0", "brokerVersionDesc": "V5_5_0"}
    days = {"msgPutTotalTodayMorning": "9", "msgPutTotalYesterdayMorning": "4"}
    for name, told in (("broker-a", figures | days), ("broker-b", figures)):
        cluster.transport.on(
            cluster[name].address,
            Code.GET_BROKER_RUNTIME_INFO,
            lambda c, told=told: c.reply(body=dumps({"table": told})),
        )
    found = written(cli, cluster, tmp_path, "exportMetrics", "-c", "C1", file="metrics.json")
    quota = found["evaluateReport"]["broker-a"]["runtimeQuota"]
    assert (quota["topicSize"], quota["groupSize"]) == (2, 1)
    assert quota["oneDayNum"]["normalOneDayInNum"] == 5
    assert found["evaluateReport"]["broker-a"]["runtimeVersion"] == {"rocketmqVersion": "V5_5_0", "clientInfo": []}
    assert found["totalData"]["totalTps"]["totalNormalInTps"] == 5.0
    assert found["totalData"]["totalOneDayNum"] == {
        "normalOneDayInNum": None, "normalOneDayOutNum": None, "transOneDayInNum": 0, "scheduleOneDayInNum": 0,
    }  # fmt: skip
    cluster.stop(cluster["broker-b"].address)
    found = written(cli, cluster, tmp_path, "exportMetrics", "-c", "C1", file="metrics.json", code=5)
    assert found["totalData"]["totalTps"]["totalNormalInTps"] is None


def test_a_folder_that_cannot_be_written(cli: Cli, cluster: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = cli(cluster.transport, "exportConfigs", "-n", cluster.namesrv, "-c", "C1", "-f", str(tmp_path / "file"))
    assert (ran.code, ran.out) == (1, "")
    assert "cannot save" in ran.err and "\n  next: " in ran.err
