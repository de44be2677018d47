"""Our doctor on Apache's servers of each version: faults that are seeded there are named, and not after they are mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.interop.cluster import Cluster


def _found(cluster: Cluster, *words: str) -> dict[str, Any]:
    """The findings by rule and target. It exits by the worst, and the small files of the tests are a warning too."""
    findings = json.loads(cluster.run("doctor", "--timeout", "30000", *words).out)["data"]["findings"]
    return {(f["id"], f["target"]): f for f in findings}


def test_seeded_faults_on_apaches_broker(cluster: Cluster, name: Callable[[str], str]) -> None:
    topic = cluster.topic(name("Doctored"), 2)
    address = cluster.pair.broker_address
    unread, wiped = ("topics.write-more-than-read", topic), ("net.write-permission-wiped", "broker-a")
    healthy = _found(cluster)
    assert not {unread, wiped} & healthy.keys()
    assert {f["severity"] for f in healthy.values()} <= {"warning", "info", "critical"}, "nothing is unknown"

    cluster.data("updateTopic", "-b", address, "-t", topic, "-w", "3", "--force")
    cluster.data("checkMsgSendRT", "-t", topic, "-a", "6")
    cluster.data("wipeWritePerm", "-b", "broker-a")
    findings = _found(cluster)
    assert {unread, wiped} <= findings.keys()
    assert "queues 2 to 2 are not read, 2 messages lie there" in findings[unread]["evidence"]

    cluster.data("addWritePerm", "-b", "broker-a")
    cluster.data("updateTopic", "-b", address, "-t", topic, "-r", "3")
    assert not {unread, wiped} & _found(cluster).keys()


def test_what_an_upgrade_changes(cluster: Cluster) -> None:
    if cluster.pair.version == "5.3.3":  # as by itself; the tests' brokers have another
        setting = ["-b", cluster.pair.broker_address, "-k", "transactionMetricFlushInterval"]
        cluster.data("updateBrokerConfig", *setting, "-v", "3000")
    changes = {f["id"] for f in cluster.data("doctor", "upgrade", "--to", "5.5")["findings"]}
    expected = {"4.9.7": {"upgrade.default-changes"}, "5.3.3": {"upgrade.default-changes"}}
    assert changes == expected.get(cluster.pair.version, set())
