"""Commands of Apache's mqadmin that two plain brokers cannot answer, or whose answer cannot be compared in one run, and why."""

from __future__ import annotations

_CONTROLLER = "needs a controller: two plain masters have none"
_CONTAINER = "needs a broker container"
_ROCKSDB = "needs a broker that keeps its configuration in RocksDB"
_FILE = "reads a file of this machine and asks no server"

_STEPS = "takes steps that are one test: beside Apache's own in `tests/interop/test_our_mqadmin_static_topics.py`"
_EXPORT = "writes files: beside Apache's own in `tests/interop/test_our_mqadmin_exports.py`"
_PLAIN = "needs a broker of 4.9 with `aclEnable`: beside Apache's own in `tests/interop/test_plain_acl_commands.py`"
_LITE = "needs a broker with lite topics: beside Apache's own in `tests/interop/test_lite_commands.py`"

EXCUSED: dict[str, str] = {
    "clusterRT": "Java's command sends in a loop without an end; `checkMsgSendRT` and `sendMsgStatus` measure the same",
    "getSyncStateSet": _CONTROLLER,
    "getBrokerEpoch": _CONTROLLER,
    "getControllerMetaData": _CONTROLLER,
    "getControllerConfig": _CONTROLLER,
    "updateControllerConfig": _CONTROLLER,
    "electMaster": _CONTROLLER,
    "cleanBrokerMetadata": _CONTROLLER,
    "addBroker": _CONTAINER,
    "removeBroker": _CONTAINER,
    "exportPopRecord": _ROCKSDB,
    "exportMetadataInRocksDB": _FILE,
    "rocksDBConfigToJson": _ROCKSDB,
    "checkRocksdbCqWriteProgress": _ROCKSDB,
    "dumpCompactionLog": _FILE,
    "startMonitoring": "runs until it is stopped",
    "updateStaticTopic": _STEPS,
    "remappingStaticTopic": _STEPS,
    "exportConfigs": _EXPORT,
    "exportMetadata": _EXPORT,
    "exportMetrics": _EXPORT,
    **dict.fromkeys(
        ("updateAclConfig", "deleteAclConfig", "clusterAclConfigVersion", "updateGlobalWhiteAddr", "getAclConfig"),
        _PLAIN,
    ),
    "getBrokerLiteInfo": _LITE,
    "getParentTopicInfo": _LITE,
    "getLiteTopicInfo": _LITE,
    "getLiteClientInfo": _LITE,
    "getLiteGroupInfo": _LITE,
    "triggerLiteDispatch": _LITE,
}
