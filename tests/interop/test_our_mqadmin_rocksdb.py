"""Configuration that Apache's brokers keep in RocksDB: exported by them and read from their files, as Java's says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.cluster import Cluster

from rocketmq_ops.common.fastjson import loads

pytest.importorskip("rocksdict")


@pytest.fixture(scope="module", params=["5.3.3", "5.5.0"])
def keeping(
    request: pytest.FixtureRequest, scratch: Path, drivers: Callable[[str], Driver]
) -> Iterator[tuple[Cluster, Path]]:
    """A cluster whose broker keeps topics, groups and offsets in RocksDB, with the folder that they are in."""
    settings = {"storeType": "defaultRocksDB", "popConsumerKVServiceInit": "true", "timerRocksDBEnable": "true"}
    pair = Pair(request.param, scratch / f"rocksdb-{request.param}", settings=settings)
    try:
        cluster = Cluster(pair, drivers(request.param))
        for topic in ("RT1", "RT2"):
            cluster.topic(topic, 3)
        cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", "RG", "-r", "7")
        cluster.send([{"topic": "RT1", "body": "x"}])
        cluster.data("skipAccumulatedMessage", "-g", "RG", "-t", "RT1")
        yield cluster, pair.broker.store / "config"
    finally:
        pair.kill()


def table(document: dict[str, Any]) -> dict[str, Any]:
    """The table of an export, without the data version."""
    return {name: value for name, value in document.items() if name != "dataVersion"}


def read_files(cluster: Cluster, folder: Path, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.run("rocksDBConfigToJson", "-p", str(folder), "-t", kind).json["data"]["config"]
    return found


def test_a_brokers_export_is_what_its_files_hold(keeping: tuple[Cluster, Path]) -> None:
    cluster, folder = keeping
    (broker,) = cluster.data("rocksDBConfigToJson", "-c", "DefaultCluster")["brokers"]
    assert (broker["brokerName"], broker["state"]) == ("broker-a", "done")
    for kind, file in (("subscriptionGroups", "subscriptionGroup.json"), ("consumerOffsets", "consumerOffset.json")):
        exported = json.loads(json.dumps(loads((folder / file).read_bytes())))  # numbers as keys become texts

        def same(kind: str = kind, exported: Any = exported) -> bool:
            (read,) = table(read_files(cluster, folder, kind)).items()
            return bool(read[1] == exported[read[0]])

        wait_until(same, f"the {kind} are in the files too: a broker writes offsets every 5 s")
    topics = cluster.run("exportMetadataInRocksDB", "-p", str(folder), "-t", "topics").json["data"]["config"]
    own = {name: topics["topicConfigTable"][name]["readQueueNums"] for name in ("RT1", "RT2")}
    assert own == {"RT1": 3, "RT2": 3}


@pytest.mark.parametrize("kind", ["topics", "subscriptionGroups"])
def test_java_reads_the_same(keeping: tuple[Cluster, Path], kind: str) -> None:
    cluster, folder = keeping
    line = ("exportMetadataInRocksDB", "-p", str(folder), "-t", kind, "-j", "true")
    theirs = json.loads(cluster.java(*line))
    assert table(cluster.run(*line).json["data"]["config"]) == theirs


def test_timer_messages_in_rocksdb(keeping: tuple[Cluster, Path]) -> None:
    """The switch is read back, and what is sent after it comes; the timer wheel takes nothing in meanwhile."""
    cluster, _ = keeping
    to_rocksdb = ("switchTimerEngine", "-c", "DefaultCluster", "-e", "R")
    if cluster.pair.version == "5.3.3":
        cluster.failure(14, *to_rocksdb)
        return
    cluster.data("updateTopic", "-c", "DefaultCluster", "-t", "Timed", "-r", "1", "-w", "1")
    (change,) = cluster.data(*to_rocksdb)["changes"]
    assert (change["state"], change["name"]) == ("done", "ROCKSDB_TIMELINE")
    assert [(field["name"], field["after"]) for field in change["fields"]] == [("timerStopEnqueue", "true")]
    assert cluster.run(*to_rocksdb).json["status"] == "unchanged"
    due = int(time.time() * 1000) + 1500
    cluster.data("sendMessage", "-t", "Timed", "-p", "later", "--deliverTime", str(due))
    wait_until(lambda: [m["body"] for m in cluster.pull("Timed")] == ["later"], "the message is delivered")
    (back,) = cluster.data("switchTimerEngine", "-b", cluster.pair.broker_address, "-e", "F")["changes"]
    assert {field["name"] for field in back["fields"]} == {"timerStopEnqueue", "timerRocksDBStopScan"}


def test_pop_records(keeping: tuple[Cluster, Path]) -> None:
    cluster, _ = keeping
    planned = cluster.run("exportPopRecord", "-c", "DefaultCluster", "-d", "true").json
    assert (planned["status"], planned["data"]["brokers"][0]["state"]) == ("planned", "planned")
    (broker,) = cluster.data("exportPopRecord", "-c", "DefaultCluster")["brokers"]
    assert broker["state"] == "done"
