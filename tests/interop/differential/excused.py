"""Commands that two plain brokers cannot answer with what they are for, or whose answer cannot be compared in one run, and why.

What they say of such brokers is in the table all the same, where it can be compared.
"""

from __future__ import annotations

_CONTROLLER = "needs a controller: beside Java's in `tests/interop/test_controller_commands.py`"
_CONTAINER = "needs a broker container: with Apache's in `tests/interop/test_container.py`"
_ROCKSDB = "needs a broker that keeps its configuration in RocksDB: beside Java's in `tests/interop/test_our_mqadmin_rocksdb.py`"
_PLAIN = "needs a broker of 4.9 with `aclEnable`: beside Apache's own in `tests/interop/test_plain_acl_commands.py`"

EXCUSED: dict[str, str] = {
    "clusterRT": "Java's command sends in a loop without an end; `checkMsgSendRT` and `sendMsgStatus` measure the same",
    "getSyncStateSet": _CONTROLLER,
    "getBrokerEpoch": _CONTROLLER,
    "getControllerMetaData": _CONTROLLER,
    "getControllerConfig": _CONTROLLER,
    "updateControllerConfig": _CONTROLLER,
    "electMaster": _CONTROLLER,
    "cleanBrokerMetadata": "needs a controller: with Apache's in `tests/interop/test_controller_commands.py`",
    "addBroker": _CONTAINER,
    "removeBroker": _CONTAINER,
    "exportPopRecord": _ROCKSDB,
    "exportMetadataInRocksDB": _ROCKSDB,
    "rocksDBConfigToJson": _ROCKSDB,
    "dumpCompactionLog": "reads a file that a compacted topic has: beside Java's in `tests/interop/test_our_mqadmin_consumers.py`",
    "startMonitoring": "runs until it is stopped; one round in `tests/interop/test_our_mqadmin_consumers.py`",
    **dict.fromkeys(
        ("updateAclConfig", "deleteAclConfig", "clusterAclConfigVersion", "updateGlobalWhiteAddr", "getAclConfig"),
        _PLAIN,
    ),
}
