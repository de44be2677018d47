"""Commands of Apache's mqadmin: which versions have each, which are not here, and what serves instead."""

from __future__ import annotations

_NAMES = """
"""
_BY_LOWER = {name.lower(): name for name in _NAMES.split()}

#: Name -> a command of this version that does the like, where there is one.
INSTEAD: dict[str, str] = {}


def find(word: str) -> str | None:
    """Apache's name of a command that is not here, in whatever case it was typed; None for any other word."""
    return _BY_LOWER.get(word.lower())


#: The Apache versions that the commands of its mqadmin came with, by the released jars; all others are in 4.9.0.
_SINCE = """
4.9.2 addWritePerm exportConfigs exportMetadata exportMetrics getConsumerConfig
4.9.3 skipAccumulatedMessage
4.9.4 deleteAclConfig deleteExpiredCommitLog getAclConfig producer queryMsgTraceById
5.0.0 addBroker electMaster getBrokerEpoch getControllerConfig getControllerMetaData getSyncStateSet haStatus
5.0.0 remappingStaticTopic removeBroker resetMasterFlushOffset setConsumeMode updateControllerConfig updateStaticTopic
5.1.0 dumpCompactionLog
5.1.1 cleanBrokerMetadata
5.1.2 getColdDataFlowCtrInfo removeColdDataFlowCtrGroupConfig setCommitLogReadAheadMode
5.1.2 updateColdDataFlowCtrGroupConfig
5.1.4 exportMetadataInRocksDB
5.3.0 copyAcl copyUser createAcl createUser deleteAcl deleteUser getAcl getUser listAcl listUser updateAcl updateUser
5.3.0 updateTopicList
5.3.1 checkRocksdbCqWriteProgress rocksDBConfigToJson updateSubGroupList
5.3.2 exportPopRecord
5.4.0 switchTimerEngine
5.5.0 getBrokerLiteInfo getLiteClientInfo getLiteGroupInfo getLiteTopicInfo getParentTopicInfo triggerLiteDispatch
"""
_FIRST = {name: line.split()[0] for line in _SINCE.strip().splitlines() for name in line.split()[1:]}

#: Command -> the last Apache version whose brokers serve it.
_LAST = dict.fromkeys(
    ("clusterAclConfigVersion", "deleteAclConfig", "getAclConfig", "updateAclConfig", "updateGlobalWhiteAddr"), "5.3.2"
)


def since(name: str) -> str:
    """The first Apache version (4.9.0 or later) that has a command of Apache's mqadmin."""
    return _FIRST.get(name, "4.9.0")


def until(name: str) -> str | None:
    """The last Apache version whose brokers serve a command; None while they do."""
    return _LAST.get(name)
