"""Rows of commands that write files, or have a broker write them."""

from __future__ import annotations

import re
from typing import Any

from tests.interop.differential.reading import exported, lines
from tests.interop.differential.table import ALL, NOT_FOUND, STACK, Row, better, fails, outcome, same

_TOPIC = ("readQueueNums", "writeQueueNums", "perm", "order", "topicSysFlag")


def _metadata(document: Any) -> Any:
    """Topics with their settings, and groups with theirs, but what is null."""
    topics = {
        name: tuple(config[field] for field in _TOPIC)
        for name, config in (document.get("topicConfigTable") or {}).items()
    }
    groups = {
        name: {field: value for field, value in config.items() if value is not None}
        for name, config in (document.get("subscriptionGroupTable") or {}).items()
    }
    return topics, groups


def _figures(document: Any) -> Any:
    """Which figures there are of each broker, and those that do not move."""
    return sorted(document["totalData"]), {
        broker: (
            sorted(name for name, value in report["runtimeEnv"].items() if value is not None),
            sorted(report["runtimeQuota"]),
            report["runtimeQuota"]["topicSize"],
            report["runtimeQuota"]["groupSize"],
            report["runtimeVersion"]["rocketmqVersion"],
        )
        for broker, report in document["evaluateReport"].items()
    }


def _both(line: str, file: str, facts: Any, **more: Any) -> Row:
    return same(line, exported(file, facts), exported(file, facts), **more)


EXPORTS: tuple[Row, ...] = (
    _both("exportConfigs -c {C} -f {O}", "configs.json", lambda document: document, versions=ALL),
    better(
        "exportConfigs -c nocluster -f {O}",
        outcome,
        outcome,
        "Java's prints that the cluster may not exist, and that the export is a success; ours says what clusters there are, "
        "and exits 4",
        lambda text: text.startswith("[error] Make sure") and text.endswith("success"),
        NOT_FOUND,
        failing=True,
    ),
    better(
        "exportMetadata -c {C} -f {O}",
        exported("metadata.json", lambda document: _metadata(document)[0]["orders"]),
        exported("metadata.json", lambda document: _metadata(document)[0]["orders"]),
        "a topic has the queues that it has on a broker, as importing it needs; Java's writes the sum over the brokers",
        (4, 4, 6, False, 0),
        (2, 2, 6, False, 0),
        versions=ALL,
    ),
    _both("exportMetadata -b {A} -t -f {O}", "topic.json", _metadata),
    _both("exportMetadata -b {A} -t -s -f {O}", "topic.json", _metadata),
    _both("exportMetadata -b {A} -g -f {O}", "subscriptionGroup.json", _metadata),
    _both("exportMetrics -c {C} -f {O}", "metrics.json", _figures, versions=ALL),
    same(
        "checkRocksdbCqWriteProgress -c {C}",
        lambda answer: sorted(re.findall(r"(broker-\w) check doing", answer.text)),
        lambda answer: sorted(b["brokerName"] for b in answer.data["brokers"] if b["state"] == "in_progress"),
    ),
    better(
        "rocksDBConfigToJson -c {C}",
        lambda answer: lines(answer)[-1],
        lambda answer: sorted({broker["state"] for broker in answer.data["brokers"]}),
        "ours says that these brokers keep nothing in RocksDB; Java's ends as if they had exported",
        lambda line: "error" not in line,
        ["nothing"],
        failing=True,
    ),
    better(
        "exportPopRecord -c {C}",
        lambda answer: sorted(re.findall(r"Export broker records, brokerName=(broker-\w)", answer.text)),
        lambda answer: sorted({broker["state"] for broker in answer.data["brokers"]}),
        "ours says that these brokers keep nothing in RocksDB; Java's ends as if they had exported",
        ["broker-a", "broker-b"],
        ["nothing"],
        failing=True,
    ),
    fails("exportMetadataInRocksDB -p {S}/nowhere -t topics -j true", "RocksDB path is invalid.", NOT_FOUND),
    fails("dumpCompactionLog -f {S}/nowhere", STACK, NOT_FOUND),
    better(
        "rocksDBConfigToJson -p {S}/nowhere -t topics",
        outcome,
        outcome,
        "a folder that is not there is an error; Java's with `-n` asks the brokers of no cluster",
        lambda manner: manner != NOT_FOUND,
        NOT_FOUND,
        failing=True,
    ),
)
