"""Names what a store directory has that this version does not know, as information: a newer broker may have put it
there.

What is known: the files and folders of Apache's 4.9 to 5.5 (StorePathConfigHelper, BrokerPathConfigHelper,
MessageStoreConfig, MessageRocksDBStorage, TimerMessageStore, CompactionStore, PopConsumerService, ConfigStorage) and of
our own broker and tools, and the fields at the top of the configuration files. Nothing here looks into databases.
"""

from __future__ import annotations

import re
from typing import Any, Final

from rocketmq_ops.common.delay_levels import LOG_END
from rocketmq_ops.common.fastjson import FastjsonError, loads
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, entries_of

_ROOT: Final = re.compile(
    r"(abort|checkpoint|lock|epochFileCheckpoint|brokerIdentity\d*|timerwheel(\.\d+)?|salvage-proof\.jsonl)(\.bak|\.tmp)?"
    r"|commitlog|consumequeue(_ext|_rocksdb)?|batchconsumequeue|index|config|compaction|timerlog|transaction"
    r"|rocksdbstore|kvStore|dledger-.*"
)
_CONFIG: Final = re.compile(
    r"((topics|topicQueueMapping|consumerOffset|lmqConsumerOffset|consumerOrderInfo|subscriptionGroup|consumerFilter"
    r"|messageRequestMode|delayOffset|slaveOffset|clockDoubt)\.json|timercheck|timermetrics|transactionMetrics|broker\.properties)(\.bak|\.tmp)?"
    r"|topics|subscriptionGroups|consumerOffsets|metadata|rdb|users|acls"
)
FIELDS: Final = {
    "topics.json": {"topicConfigTable", "dataVersion"},
    "subscriptionGroup.json": {"subscriptionGroupTable", "forbiddenTable", "dataVersion"},
    "consumerOffset.json": {"offsetTable", "resetOffsetTable", "groupTopicMap", "pullOffsetTable", "dataVersion"},
    "delayOffset.json": {"offsetTable", "dataVersion", LOG_END},
    "consumerFilter.json": {"filterDataByTopic"},
    "consumerOrderInfo.json": {"table", "orderInfoCount", "orderedConsumptionLevel"},
    "messageRequestMode.json": {"messageRequestModeMap"},
    "topicQueueMapping.json": {"topicQueueMappingInfoMap", "dataVersion"},
}


def check_unknown(store: StoreDirectory, report: Report) -> None:
    """Report names and fields that this version does not know."""
    for folder, known in (("", _ROOT), ("config/", _CONFIG)):
        for path in entries_of(store.root / folder):
            if store.commitlog_path != path and not known.fullmatch(path.name):
                name = f"{folder}{path.name}"
                report.add("ST-UNKNOWN", f"{name} is unknown to this version and was not checked", file=name)
    for name, known_fields in FIELDS.items():
        content = _read(store, name)
        if isinstance(content, dict) and (strange := sorted(map(str, content.keys() - known_fields))):
            report.add(
                "ST-UNKNOWN", f"config/{name} has fields that are unknown to this version: {', '.join(strange)}",
                file=f"config/{name}", fields=strange,
            )  # fmt: skip


def _read(store: StoreDirectory, name: str) -> Any:
    try:
        return loads(store.small_file(f"config/{name}") or b"")
    except FastjsonError:
        return None  # another check reports what is wrong with it
