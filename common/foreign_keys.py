"""What is known about configuration keys that no class here has: those of older and newer RocketMQ versions.

A property file is copied from machine to machine for years. The names below are what such files were seen to hold,
with what the sources say: RocketMQ 3.0 of May 2013 (MessageStoreConfig, BrokerConfig), 3.2.6, 4.0.0 to 4.9.7, 5.0.0,
5.3.3 and 5.5.0. Here: the names and their explanations. Not here: keys that a class declares.
"""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.common.config import Refused

#: Keys of classes of Apache's that this product has no counterpart of: the same in every version since they came.
# fmt: off
_FOREIGN_PREFIXES = (
    "authenti", "authoriz", "initAuthenti", "innerClientAuth", "migrateAuth", "userCache", "aclCache", "stateful",
    "controller", "jRaft", "tiered", "objectStore", "readAhead", "commitLogRolling", "rmqAddressServer", "proxy",
)

#: Keys of ControllerConfig, for which a name server's file is read too.
_CONTROLLER_KEYS = frozenset((
    "electMasterMaxRetryCount", "enableElectUncleanMaster", "mappedFileSize", "notifyBrokerRoleChanged",
    "processReadEvent", "scanInactiveMasterInterval",
))

#: Keys of BrokerConfig and MessageStoreConfig that came after 5.3.3, by 5.5.0.
_LATER_KEYS = frozenset((
    "appendTopicForTimerDeleteKey", "checkCommitLogOffsetOnRecover", "combineAssignOffsetCQType",
    "combineCQEnableCheckSelf", "combineCQLoadingCQTypes", "combineCQMaxExtraSearchCommitLogFiles",
    "combineCQPreferCQType", "combineCQUseRocksdbForLmq", "commitLogRecoverMaxNum", "enableAcceleratedRecovery",
    "enableConnectionMetrics", "enableLagAndDlqMetrics", "enableLiteEventMode", "enableLitePopLog", "enableLmqQuota",
    "enableLogConsumeQueueRepeatedlyBuildWhenRecover", "enableMessageStoreMetrics", "enablePopMetrics",
    "enableRemotingMetrics", "enableRequestMetrics", "enableRunningFlagsInFlush", "enableSplitMetadata",
    "enableStatsMetrics", "enableTransactionMetrics", "indexFileReadEnable", "indexFileWriteEnable",
    "indexRocksDBEnable", "iteratorWhenUseRocksdbConsumeQueue", "liteEventCheckInterval",
    "liteEventFullDispatchDelayTime", "liteEventFullDispatchDelayTimeForWildcardGroup", "liteLagCountMetricsEnable",
    "liteLagLatencyCollectEnable", "liteLagLatencyMetricsEnable", "liteLagLatencyTopK",
    "liteSubscriptionCheckInterval", "liteSubscriptionCheckTimeoutMills", "liteTtlCheckInterval",
    "maxClientEventCount", "maxLiteSubscriptionCount", "maxMessageFilterNumForNotification",
    "maxRocksDBIndexQueryDays", "metricsExportBatchMaxDataPoints", "minLiteTTl", "persistConsumerOffsetIncrementally",
    "popFromRetryProbabilityForPriority", "popPollingMapExpireTimeSeconds", "popReviveConcurrency",
    "popReviveSkipIfGroupAbsent", "priorityOrderAsc", "sharedByteBufferNum", "splitMetadataSize",
    "timerRecallToTimeWheelEnable", "timerRecallToTimelineEnable", "timerReputServiceCorePoolSize",
    "timerReputServiceMaxPoolSize", "timerReputServiceQueueCapacity", "timerRocksDBEnable", "timerRocksDBPrecisionMs",
    "timerRocksDBRollIntervalHours", "timerRocksDBRollMaxTps", "timerRocksDBRollRangeHours", "timerRocksDBStopScan",
    "timerRocksDBTimeExpiredMaxTps", "timerWheelSnapshotFlush", "timerWheelSnapshotIntervalMs", "transRocksDBEnable",
    "transWriteOriginTransHalfEnable", "transactionCheckRocksdbCoreThreads", "transactionCheckRocksdbMaxThreads",
    "transactionCheckRocksdbQueueCapacity", "useMessageFilterForNotification", "useSeparateRetryQueue",
    "useSeparateStorePathForRocksdbCQ", "useSingleRocksDBForAllConfigs",
    "writeWithoutMmap",
))
# fmt: on

_IN_ROOT = "it was dropped before RocketMQ 3.2.6: {what} always {place} in the folder of storePathRootDir"
_TRANSACTION_FILES = (
    "it was dropped before RocketMQ 3.2.6 with the transaction files it was about: half messages are messages of a "
    "system topic"
)
_TRANSACTION_CHECKS = (
    "it was dropped before RocketMQ 3.2.6: checks of half messages follow transactionTimeOut, transactionCheckInterval "
    "and transactionCheckMax, and rejectTransactionMessage=true refuses half messages"
)

#: Keys of RocketMQ 3.0 (2013) that 3.2.6 and all later versions do not have, and still circulate.
_DROPPED = {
    "storePathConsumeQueue": _IN_ROOT.format(what="consumequeues", place="lie in `consumequeue`"),
    "storePathIndex": _IN_ROOT.format(what="index files", place="lie in `index`"),
    "storeCheckpoint": _IN_ROOT.format(what="the checkpoint", place="is the file `checkpoint`"),
    "abortFile": _IN_ROOT.format(what="the mark of an unclean end", place="is the file `abort`"),
    "delayOffsetStorePath": _IN_ROOT.format(
        what="the offsets of delay levels", place="are the file `config/delayOffset.json`"
    ),
    "topicConfigPath": _IN_ROOT.format(what="topics", place="are the file `config/topics.json`"),
    "consumerOffsetPath": _IN_ROOT.format(what="consumer offsets", place="are the file `config/consumerOffset.json`"),
    "consumerOffsetHistoryDir": "it was dropped before RocketMQ 3.2.6: there is no history of consumer offsets",
    "configFilePath": "it was dropped before RocketMQ 3.2.6: the configuration file is the one given at the start",
    "tranStateTableStorePath": _TRANSACTION_FILES,
    "tranStateTableMapedFileSize": _TRANSACTION_FILES,
    "tranRedoLogStorePath": _TRANSACTION_FILES,
    "tranRedoLogMapedFileSize": _TRANSACTION_FILES,
    "checkTransactionMessageEnable": _TRANSACTION_CHECKS,
    "checkTransactionMessageAtleastInterval": _TRANSACTION_CHECKS,
    "checkTransactionMessageTimerInterval": _TRANSACTION_CHECKS,
}

_SPELT_OTHERWISE_UNTIL_4_4 = ("mapedFileSizeCommitLog", "mapedFileSizeConsumeQueue")

_NO_ACCESS_CONTROL = Refused(
    "this server has no access control and would serve everybody",
    "remove the key to run it open to all who reach its port, or run Apache's",
    when=lambda text: text.strip().lower() == "true",
)
_REFUSED = {
    "authenticationEnabled": _NO_ACCESS_CONTROL,
    "authorizationEnabled": _NO_ACCESS_CONTROL,
}


def refusal(key: str, value: str) -> Refused | None:
    """Why a server must not start with this key at this value, None when it may."""
    refused = _REFUSED.get(key)
    return refused if refused is not None and refused.when(value) else None


def is_foreign(key: str) -> bool:
    """Whether Apache's servers know the key and nothing here does, so that setting it is not a mistake."""
    return key in (*_LATER_KEYS, *_CONTROLLER_KEYS, *_REFUSED) or key.startswith(_FOREIGN_PREFIXES)


def explanation(key: str, known: Iterable[str]) -> str | None:
    """What became of a key that is not in `known`, and which key is meant; None for one that is unknown here too."""
    known = set(known)
    if key in _DROPPED:
        return _DROPPED[key]
    for old, new in (("maped", "mapped"), ("Maped", "Mapped"), ("mapped", "maped"), ("Mapped", "Maped")):
        if key.replace(old, new) in known:
            return (
                f"RocketMQ spells it '{key.replace(old, new)}'"
                f"{' since 4.5' if key in _SPELT_OTHERWISE_UNTIL_4_4 else ''} and ignores this spelling"
            )
    by_lower = {name.lower(): name for name in known}
    if key.lower() in by_lower:
        return f"upper and lower case count: it is '{by_lower[key.lower()]}'"
    return None
