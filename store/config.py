"""The store's configuration keys (MessageStoreConfig): each key, its type and Apache's default."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import field

from rocketmq_ops.common.addresses import Networks
from rocketmq_ops.common.config import PATH, ConfigClass, Form, Long, Refused, Used, home_path
from rocketmq_ops.common.delay_levels import DEFAULT_DELAY_LEVELS
from rocketmq_ops.common.errors import RocketMQError

BrokerRole = Literal["ASYNC_MASTER", "SYNC_MASTER", "SLAVE"]
FlushDiskType = Literal["ASYNC_FLUSH", "SYNC_FLUSH"]

# With another value Apache deletes nothing before the disk is full (UtilAll.isItTimeToDo).
HOURS = Form("hours from 00 to 23, `04` or `04;16`", re.compile(r"([01]?\d|2[0-3])(;([01]?\d|2[0-3]))*;?").fullmatch)
# With another value Apache does not start (ScheduleMessageService.parseDelayLevel).
DELAYS = Form("whole numbers with s, m, h or d, one blank between two", re.compile(r"\d+[smhd]( \d+[smhd])*").fullmatch)


def _are_networks(text: str) -> bool:
    try:
        Networks(text)
    except RocketMQError:
        return False
    return True


#: Nothing is a list of networks too.
NETWORKS = Form("IP addresses and networks, `10.0.0.2;10.1.0.0/16`", _are_networks)
ONE_PATH = Form("one path written out in full", lambda text: PATH.fits(text) and "," not in text)


class MessageStoreConfig(ConfigClass):
    """Keys of the message store; attribute names are Apache's."""

    # Keys that take effect.
    storePathRootDir: Annotated[
        str, Used("the store's folder; by default `store` in the home directory", form=PATH)
    ] = field(default_factory=lambda: home_path("store"))
    storePathCommitLog: Annotated[
        str | None, Used("the folder of the commitlog; by default `commitlog` in the store's folder", form=ONE_PATH)
    ] = None
    mappedFileSizeCommitLog: Annotated[
        int, Used("bytes of one commitlog file; reserved on disk step by step", low=4096)
    ] = 1073741824
    timerWheelEnable: Annotated[
        bool,
        Used(
            "take messages with a time of delivery of their own; otherwise they are refused, and those that wait are "
            "delivered until the next start"
        ),
    ] = True
    mappedFileSizeTimerLog: Annotated[int, Used("bytes of one file of timerlog", low=4096)] = 104857600
    timerPrecisionMs: Annotated[
        int,
        Used("ms by which one may be late: 100, 200, 500 or 1000, others count as the next lower", low=1),
    ] = 1000
    timerRollWindowSlot: Annotated[
        int, Used("timerPrecisionMs that one waits before it is looked at again; out of 2 to 604740 it is 604740")
    ] = 172800
    timerFlushIntervalMs: Annotated[int, Used("ms between two flushes of the timers' files", low=1)] = 1000
    timerMaxDelaySec: Annotated[int, Used("seconds that such a message may wait at most", low=0)] = 259200
    timerStopEnqueue: Annotated[bool, Used("leave such messages in rmq_sys_wheel_timer for the time being")] = False
    timerStopDequeue: Annotated[bool, Used("deliver no such message for the time being")] = False
    timerCongestNumEachSlot: Annotated[
        int, Used("messages for one moment from which some of more, and from twice as many all, are refused", low=0)
    ] = 2147483647
    mappedFileSizeConsumeQueue: Annotated[
        int, Used("bytes of one consumequeue file, rounded up to a multiple of 20", low=20)
    ] = 6_000_000
    flushIntervalCommitLog: Annotated[int, Used("ms between two flushes of the commitlog under ASYNC_FLUSH", low=1)] = (
        500
    )
    diskSpaceWarningLevelRatio: Annotated[
        int, Used("percent of the disk used at which sends are refused", low=35, high=100)
    ] = 90
    diskSpaceCleanForciblyRatio: Annotated[
        int, Used("percent of the disk used at which files are deleted before their time", low=30, high=100)
    ] = 85
    flushIntervalConsumeQueue: Annotated[int, Used("ms between two flushes of the consumequeues", low=1)] = 1000
    cleanResourceInterval: Annotated[int, Used("ms between two rounds of deleting expired files", low=1)] = 10000
    deleteCommitLogFilesInterval: Annotated[
        int, Used("ms between the deletion of two commitlog files of one round", low=0)
    ] = 100
    deleteWhen: Annotated[
        str, Used("hours of the day at which expired files are deleted, `04` or `04;16`", form=HOURS)
    ] = "04"
    diskMaxUsedSpaceRatio: Annotated[
        int,
        Used("percent of the disk used from which expired files are deleted at any hour", low=10, high=95),
    ] = 75
    fileReservedTime: Annotated[int, Used("hours a commitlog file is kept after its last change", low=0)] = 72
    deleteFileBatchMax: Annotated[int, Used("files deleted in one round at most", low=1)] = 10
    maxMessageSize: Annotated[int, Used("bytes of a message's body at most", low=1)] = 4194304
    maxFilterMessageSize: Annotated[
        int, Used("bytes of consumequeue units that one pull looks at past a filter at most", low=20)
    ] = 16000
    checkCRCOnRecover: Annotated[bool, Used("check body CRCs in recovery")] = True
    flushCommitLogLeastPages: Annotated[
        int, Used("dirty pages of 4 KiB from which a periodic commitlog flush writes", low=0)
    ] = 4
    flushConsumeQueueLeastPages: Annotated[
        int, Used("dirty pages of 4 KiB from which a periodic consumequeue flush writes", low=0)
    ] = 2
    flushCommitLogThoroughInterval: Annotated[
        int, Used("ms after which the commitlog is flushed whatever its dirty pages", low=0)
    ] = 10000
    flushConsumeQueueThoroughInterval: Annotated[
        int, Used("ms after which the consumequeues are flushed whatever their dirty pages", low=0)
    ] = 60000
    maxTransferBytesOnMessageInMemory: Annotated[int, Used("bytes a pull returns at most", low=1)] = 262144
    maxTransferCountOnMessageInMemory: Annotated[
        int, Used("messages a pull returns at most, where fewer than the client asked for", low=1)
    ] = 32
    maxTransferBytesOnMessageInDisk: Annotated[int, Used("bytes a pull returns at most from old messages", low=1)] = (
        65536
    )
    maxTransferCountOnMessageInDisk: Annotated[
        int, Used("messages a pull returns at most from old messages", low=1)
    ] = 8
    accessMessageInMemoryMaxRatio: Annotated[
        int,
        Used("percent of the memory behind which a message counts as old; a slave goes by 10 less", low=0, high=100),
    ] = 40
    messageIndexEnable: Annotated[bool, Used("index keys and unique keys")] = True
    maxHashSlotNum: Annotated[int, Used("hash slots of one index file", low=1)] = 5_000_000
    maxIndexNum: Annotated[int, Used("entries of one index file", low=2)] = 20_000_000
    maxMsgsNumBatch: Annotated[int, Used("results of one query by key at most", low=1)] = 64
    haListenPort: Annotated[
        int, Used("the port for slaves, announced in the registration; by default listenPort + 1", high=65535)
    ] = 10912
    haAllowedAddresses: Annotated[
        str,
        Used(
            "IP addresses and networks that slaves may connect from, `10.0.0.2;10.1.0.0/16`; empty: all; a key of this "
            "server alone",
            form=NETWORKS,
        ),
    ] = ""
    brokerRole: Annotated[
        BrokerRole,
        Used("ASYNC_MASTER, SYNC_MASTER (answers to sends wait for a slave) or SLAVE (replicates from its master)"),
    ] = "ASYNC_MASTER"
    haMasterAddress: Annotated[
        str | None,
        Used("host:port where a slave replicates from; by default what the name servers say of its master"),
    ] = None
    haSendHeartbeatInterval: Annotated[
        int, Used("ms without data after which master and slave send each other a heartbeat", low=1)
    ] = 5000
    haHousekeepingInterval: Annotated[
        int, Used("ms without a word from the other side after which a connection of replication is closed", low=1)
    ] = 20000
    haTransferBatchSize: Annotated[int, Used("bytes of the commitlog in one frame to a slave at most", low=1)] = 32768
    haMaxGapNotInSync: Annotated[
        int, Used("bytes that a slave may lack and still count as in sync; haSlaveFallbehindMax in 4.9", low=1)
    ] = 268435456
    haSlaveFallbehindMax: Annotated[
        int, Used("as haMaxGapNotInSync, its name in 4.9; the smaller of the two counts", low=1)
    ] = 268435456
    slaveTimeout: Annotated[int, Used("ms to wait for slaves under SYNC_MASTER before FLUSH_SLAVE_TIMEOUT", low=1)] = (
        3000
    )
    inSyncReplicas: Annotated[
        int,
        Used(
            "brokers that must have a message before its sender is answered under SYNC_MASTER, the master among "
            "them; at least 2 but under enableSlaveActingMaster",
            low=0,
        ),
    ] = 1
    minInSyncReplicas: Annotated[
        int, Used("lowest inSyncReplicas that enableAutoInSyncReplicas goes down to", low=0)
    ] = 1
    enableAutoInSyncReplicas: Annotated[
        bool, Used("where inSyncReplicas is above the replicas in sync, wait for those only")
    ] = False
    haFlowControlEnable: Annotated[bool, Used("limit what a slave is sent to maxHaTransferByteInSecond")] = False
    maxHaTransferByteInSecond: Annotated[
        Long, Used("bytes a second that one slave is sent at most under haFlowControlEnable", low=1)
    ] = 104857600
    flushDiskType: Annotated[
        FlushDiskType,
        Used("whether a send is answered after the write (ASYNC_FLUSH) or after the disk sync (SYNC_FLUSH)"),
    ] = "ASYNC_FLUSH"
    syncFlushTimeout: Annotated[
        int, Used("ms to wait for the disk sync under SYNC_FLUSH before FLUSH_DISK_TIMEOUT", low=1)
    ] = 5000
    messageDelayLevel: Annotated[str, Used("the delay levels, each a number with s, m, h or d", form=DELAYS)] = (
        DEFAULT_DELAY_LEVELS
    )
    flushDelayOffsetInterval: Annotated[Long, Used("ms between two writes of delayOffset.json", low=1)] = 10000
    cleanFileForciblyEnable: Annotated[bool, Used("delete files before their time when the disk is nearly full")] = True
    offsetCheckInSlave: Annotated[bool, Used("a slave corrects a consumer's offset that lies outside its queue")] = (
        False
    )
    defaultQueryMaxNum: Annotated[int, Used("results of a query by key when the client names no number", low=1)] = 32
    enabledAppendPropCRC: Annotated[bool, Used("append a CRC of the whole record as its last property")] = False
    replicasPerDiskPartition: Annotated[int, Used("brokers whose stores share the disk", low=1)] = 1
    logicalDiskSpaceCleanForciblyThreshold: Annotated[
        float,
        Used(
            "share of the disk, 0 to 1, at which replicasPerDiskPartition brokers' files are deleted before their time"
        ),
    ] = 0.8

    diskFallRecorded: Annotated[bool, Used("answer how far groups are behind, in bytes and ms")] = True
    enableScheduleMessageStats: Annotated[
        bool, Used("count delayed messages that were delivered, as got from their level and put into their topic")
    ] = True

    # Keys of Apache's store that are accepted and kept, without effect here.
    storePathDLedgerCommitLog: str | None = None
    storePathEpochFile: str | None = None
    storePathBrokerIdentity: str | None = None
    readOnlyCommitLogStorePaths: Annotated[
        str | None,
        Refused(
            "this broker reads one commitlog folder only", "move the files into storePathCommitLog, or run Apache's"
        ),
    ] = None
    compactionMappedFileSize: int = 104857600
    compactionCqMappedFileSize: int = 10485760
    compactionScheduleInternal: int = 900_000
    maxOffsetMapSize: int = 104857600
    compactionThreadNum: int = 6
    enableCompaction: bool = True
    timerGetMessageThreadNum: int = 3
    timerPutMessageThreadNum: int = 3
    timerEnableDisruptor: bool = False
    timerEnableCheckMetrics: bool = True
    timerInterceptDelayLevel: bool = False
    disappearTimeAfterStart: int = -1
    timerCheckMetricsWhen: str = "05"
    timerSkipUnknownError: bool = False
    timerWarmEnable: bool = False
    timerEnableRetryUntilSuccess: bool = False
    timerMetricSmallThreshold: int = 1_000_000
    timerProgressLogIntervalMs: int = 10000
    storeType: Annotated[
        str,
        Refused(
            "this broker does not read consumequeues in RocksDB",
            "set it to default, or run Apache's broker",
            when=lambda value: value.lower() == "defaultrocksdb",
        ),
    ] = "default"
    enableConsumeQueueExt: bool = False
    mappedFileSizeConsumeQueueExt: int = 50331648
    mapperFileSizeBatchConsumeQueue: int = 13_800_000
    bitMapLengthConsumeQueueExt: int = 64
    commitIntervalCommitLog: int = 200
    maxRecoveryCommitlogFiles: int = 30
    useReentrantLockWhenPutMessage: bool = True
    flushCommitLogTimed: bool = True
    deleteConsumeQueueFilesInterval: int = 100
    destroyMapedFileIntervalForcibly: int = 120_000
    redeleteHangedFileInterval: int = 120_000
    putMsgIndexHightWater: int = 600_000
    commitCommitLogLeastPages: int = 4
    flushLeastPagesWhenWarmMapedFile: int = 4096
    commitCommitLogThoroughInterval: int = 200
    messageIndexSafe: bool = False
    putMessageTimeout: int = 8000
    warmMapedFileEnable: bool = False
    debugLockEnable: bool = False
    duplicationEnable: bool = False
    osPageCacheBusyTimeOutMills: Long = 1000
    transientStorePoolEnable: bool = False
    transientStorePoolSize: int = 5
    fastFailIfNoBufferInStorePool: bool = False
    enableDLegerCommitLog: Annotated[
        bool, Refused("this broker has no DLedger commitlog", "set it to false, or run Apache's broker")
    ] = False
    dLegerGroup: str | None = None
    dLegerPeers: str | None = None
    dLegerSelfId: str | None = None
    preferredLeaderId: str | None = None
    enableBatchPush: bool = False
    enableLmq: bool = False
    enableMultiDispatch: bool = False
    maxLmqConsumeQueueNum: int = 20000
    enableScheduleAsyncDeliver: bool = False
    scheduleAsyncDeliverMaxPendingLimit: int = 2000
    scheduleAsyncDeliverMaxResendNum2Blocked: int = 3
    maxBatchDeleteFilesNum: int = 50
    dispatchCqThreads: int = 10
    dispatchCqCacheNum: int = 4096
    enableAsyncReput: bool = True
    recheckReputOffsetFromCq: bool = False
    maxTopicLength: int = 127
    autoMessageVersionOnTopicLen: bool = True
    forceVerifyPropCRC: bool = False
    travelCqFileNumWhenGetMessage: int = 1
    correctLogicMinOffsetSleepInterval: int = 1
    correctLogicMinOffsetForceInterval: int = 300_000
    mappedFileSwapEnable: bool = True
    commitLogForceSwapMapInterval: Long = 43_200_000
    commitLogSwapMapInterval: Long = 3_600_000
    commitLogSwapMapReserveFileNum: int = 100
    logicQueueForceSwapMapInterval: Long = 43_200_000
    logicQueueSwapMapInterval: Long = 3_600_000
    cleanSwapedMapInterval: Long = 300_000
    logicQueueSwapMapReserveFileNum: int = 20
    searchBcqByCacheEnable: bool = True
    dispatchFromSenderThread: bool = False
    wakeCommitWhenPutMessage: bool = True
    wakeFlushWhenPutMessage: bool = False
    enableCleanExpiredOffset: bool = False
    maxAsyncPutMessageRequests: int = 5000
    pullBatchMaxMessageCount: int = 160
    totalReplicas: int = 1
    allAckInSyncStateSet: bool = False
    haMaxTimeSlaveNotCatchup: Long = 15000
    syncMasterFlushOffsetWhenStartup: bool = False
    maxChecksumRange: Long = 1073741824
    maxSlaveResendLength: Long = 268435456
    syncFromLastFile: bool = False
    asyncLearner: bool = False
    maxConsumeQueueScan: int = 20000
    sampleCountThreshold: int = 5000
    coldDataFlowControlEnable: bool = False
    coldDataScanEnable: bool = False
    dataReadAheadEnable: bool = True
    timerColdDataCheckIntervalMs: int = 60000
    sampleSteps: int = 32
    accessMessageInMemoryHotRatio: int = 26
    enableBuildConsumeQueueConcurrently: bool = False
    batchDispatchRequestThreadPoolNums: int = 16
    cleanRocksDBDirtyCQIntervalMin: Long = 60
    statRocksDBCQIntervalSec: Long = 10
    memTableFlushIntervalMs: Long = 3_600_000
    realTimePersistRocksDBConfig: bool = True
    enableRocksDBLog: bool = False
    topicQueueLockNum: int = 32
    readUnCommitted: bool = False
    putConsumeQueueDataByFileChannel: bool = True
    rocksdbCQDoubleWriteEnable: bool = False
    bottomMostCompressionTypeForConsumeQueueStore: str = "zstd"
    rocksdbCompressionType: str = "lz4"
    rocksdbFlushWalFrequency: int = 1024
    rocksdbWalFileRollingThreshold: Long = 1073741824
    spinLockCollisionRetreatOptimalDegree: int = 1000
    useABSLock: bool = False
