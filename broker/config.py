"""The broker's configuration keys (BrokerConfig and BrokerIdentity): each key, its type and Apache's default.

Not here: the store's keys (`store/config.py`), the network's (`remoting/config.py`), the machinery.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from rocketmq_ops.common.addresses import parse_address, split_addresses
from rocketmq_ops.common.config import (
    NOT_EMPTY,
    ConfigClass,
    ConfigError,
    Form,
    Long,
    Refused,
    Used,
    environment,
    host_name,
    local_address,
)
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.logs.config import LogDir, LogFiles, LogFileSize, LogFormat, LogLevel
from rocketmq_ops.remoting.metrics_config import MetricsHost, MetricsLabel, MetricsPort

MessageRequestMode = Literal["PULL", "POP"]
MetricsExporterType = Literal["DISABLE", "OTLP_GRPC", "PROM", "LOG"]

#: An address that others reach this machine by. Whether a name resolves is seen at the start.
HOST = Form("an IP address or a host name, without a port", lambda text: text and not set(text) & set(" /;,[]"))


class BrokerConfig(ConfigClass):
    """Keys of the broker; attribute names are Apache's."""

    # Keys that take effect.
    brokerName: Annotated[str, Used("the broker's name; by default the host name", form=NOT_EMPTY)] = field(
        default_factory=host_name
    )
    brokerClusterName: Annotated[str, Used("the cluster this broker belongs to", form=NOT_EMPTY)] = "DefaultCluster"
    brokerId: Annotated[Long, Used("0 for a master, above 0 for a slave")] = 0
    namesrvAddr: Annotated[
        str | None,
        Used("name servers to register with, `host:port` separated by `;`; by default the environment's NAMESRV_ADDR"),
    ] = field(default_factory=lambda: environment("NAMESRV_ADDR"))
    fetchNamesrvAddrByAddressServer: Annotated[
        bool, Used("without namesrvAddr, read the name servers from an address server, at the start and from then on")
    ] = False
    fetchNamesrvAddrInterval: Annotated[Long, Used("ms between two readings of the address server", low=1)] = 10000
    rmqAddressServerDomain: Annotated[
        str,
        Used(
            "the address server: a host, whose port is 8080, or `host:port`; behind `https://` it is asked over TLS, "
            "by the `tls.client.*` keys with `tls.client.authServer=true` or `tls.enable=true`, else as browsers do",
            form=NOT_EMPTY,
        ),
    ] = "jmenv.tbsite.net"
    rmqAddressServerSubGroup: Annotated[str, Used("the address server's page, behind `/rocketmq/`", form=NOT_EMPTY)] = (
        "nsaddr"
    )
    recallMessageEnable: Annotated[
        bool, Used("a message that waits for a time of delivery of its own can be recalled")
    ] = False
    allowRecallWhenBrokerNotWriteable: Annotated[
        bool, Used("it can be recalled from a broker too that may not be written to (brokerPermission)")
    ] = True
    brokerHooks: Annotated[
        str,
        Used(
            "hooks to load, by the names of their entry points in `rocketmq_ops.broker_hooks`, separated by `;`; a key "
            "of this server alone"
        ),
    ] = ""
    commercialBaseCount: Annotated[int, Used("times that hooks get for one unit of a message's size")] = 1
    commercialSizePerMsg: Annotated[int, Used("bytes of the unit in which hooks get a message's size")] = 4096
    brokerIP1: Annotated[
        str,
        Used(
            "the address advertised to clients, as it is written; a host name is resolved once, for the address in the "
            "messages; by default bindAddress where that is one address, else this machine's",
            form=HOST,
        ),
    ] = field(default_factory=local_address)
    brokerIP2: Annotated[
        str,
        Used(
            "the address advertised to slave brokers; by default bindAddress where that is one address, else this "
            "machine's",
            form=HOST,
        ),
    ] = field(default_factory=local_address)
    brokerConfigPath: Annotated[
        str | None, Used("the property file the broker was started with; updateBrokerConfig writes into it")
    ] = None
    brokerPermission: Annotated[int, Used("permission of the whole broker: 2 write, 4 read, 6 both", low=0, high=7)] = 6
    defaultTopicQueueNums: Annotated[
        int, Used("queues of a topic that is created by the first send", low=1, high=65535)
    ] = 8
    autoCreateTopicEnable: Annotated[bool, Used("a send to an unknown topic creates it")] = True
    clusterTopicEnable: Annotated[bool, Used("create the system topic named like the cluster")] = True
    brokerTopicEnable: Annotated[bool, Used("create the system topic named like the broker")] = True
    autoCreateSubscriptionGroup: Annotated[bool, Used("an unknown consumer group is created when it first appears")] = (
        True
    )
    msgTraceTopicName: Annotated[str, Used("the topic of message traces when traceTopicEnable is set")] = (
        "RMQ_SYS_TRACE_TOPIC"
    )
    traceTopicEnable: Annotated[bool, Used("create the topic of message traces")] = False
    flushConsumerOffsetInterval: Annotated[int, Used("ms between two writes of consumerOffset.json", low=1)] = 5000
    rejectTransactionMessage: Annotated[bool, Used("refuse transactional (half) messages")] = False
    enablePropertyFilter: Annotated[bool, Used("consumers may filter by SQL92 expressions on properties")] = False
    filterSupportRetry: Annotated[
        bool,
        Used("a subscription of a retry topic by SQL92 filters by the expression of the topic that a message is from"),
    ] = False
    filterDataCleanTimeSpan: Annotated[
        Long, Used("ms after which an expression that nobody subscribes with any more is forgotten", low=0)
    ] = 86_400_000
    expectConsumerNumUseFilter: Annotated[
        int,
        Used(
            "consumer groups with SQL92 expressions that are expected; the size of the bits that consumerFilter.json "
            "keeps for each",
            low=1,
        ),
    ] = 32
    maxErrorRateOfBloomFilter: Annotated[
        int, Used("percent of false hits that those bits may have at most", low=1, high=99)
    ] = 20
    longPollingEnable: Annotated[
        bool, Used("hold a pull that finds nothing until a message arrives or its suspend time ends")
    ] = True
    shortPollingTimeMills: Annotated[Long, Used("ms a pull is held when longPollingEnable is off", low=0)] = 1000
    notifyConsumerIdsChangedEnable: Annotated[
        bool, Used("notify a group's consumers at once when one joins or leaves")
    ] = True
    maxStatsIdleTimeInMinutes: Annotated[
        int, Used("minutes after which a statistics item without traffic is dropped; -1 never")
    ] = -1
    regionId: Annotated[str, Used("the region put into message traces")] = "DefaultRegion"
    registerBrokerTimeoutMills: Annotated[
        int, Used("ms to wait for a name server's answer to a registration", low=1)
    ] = 24000
    slaveReadEnable: Annotated[bool, Used("suggest a slave to consumers that are far behind")] = False
    startAcceptSendRequestTimeStamp: Annotated[Long, Used("sends before this time (ms since 1970) are refused")] = 0
    traceOn: Annotated[bool, Used("whether the answer to a send asks clients to trace")] = True
    rejectPullConsumerEnable: Annotated[bool, Used("refuse pulls of consumers that pull actively")] = False
    compressedRegister: Annotated[bool, Used("compress the body of a registration with zlib")] = False
    forceRegister: Annotated[bool, Used("register each period even when nothing changed")] = True
    registerNameServerPeriod: Annotated[int, Used("ms between two registrations, clamped to 10000..60000", low=1)] = (
        30000
    )
    reviveQueueNum: Annotated[int, Used("queues of the system topic rmq_sys_REVIVE_LOG_...", low=1)] = 8
    litePullMessageEnable: Annotated[bool, Used("answer pulls of lite pull consumers")] = True
    serverLoadBalancerEnable: Annotated[
        bool, Used("assign queues to clients that ask the broker for their assignment")
    ] = True
    transactionTimeOut: Annotated[Long, Used("ms after which a half message is checked with its producer", low=1)] = (
        6000
    )
    transactionCheckMax: Annotated[int, Used("checks of a half message before it is given up", low=0)] = 15
    transactionCheckInterval: Annotated[Long, Used("ms between two rounds of transaction checks", low=1)] = 30000
    transactionOpMsgMaxSize: Annotated[
        int, Used("bytes of settled half messages from which they are written at once", low=1)
    ] = 4096
    transactionOpBatchInterval: Annotated[
        int, Used("ms between two writes of settled half messages into the op topic", low=1)
    ] = 3000
    transactionMetricFlushInterval: Annotated[
        Long, Used("ms between two saves of the numbers of half messages that wait", low=100)
    ] = 3000
    storeReplyMessageEnable: Annotated[bool, Used("store the reply of a request-reply call")] = True
    autoDeleteUnusedStats: Annotated[bool, Used("drop the statistics of a deleted topic or group")] = True
    enableSlaveActingMaster: Annotated[
        bool, Used("announced in the registration: the group's slaves may act as master")
    ] = False
    useServerSideResetOffset: Annotated[
        bool, Used("keep an offset reset on the broker until the consumer pulls from it")
    ] = True
    consumerOffsetUpdateVersionStep: Annotated[
        Long, Used("consumer offset changes that count as one change of the table's data version", low=1)
    ] = 500
    delayOffsetUpdateVersionStep: Annotated[
        Long, Used("delay offset changes that count as one change of the table's data version", low=1)
    ] = 200
    validateSystemTopicWhenUpdateTopic: Annotated[bool, Used("refuse to change a system topic")] = True
    channelExpiredTimeout: Annotated[Long, Used("ms without a heartbeat after which a client is dropped", low=1)] = (
        120_000
    )
    subscriptionExpiredTimeout: Annotated[
        Long, Used("ms without renewal after which a consumer's subscription is dropped", low=1)
    ] = 600_000
    enableSingleTopicRegister: Annotated[bool, Used("register a changed topic alone")] = False
    enableMixedMessageType: Annotated[bool, Used("allow topics whose message.type is MIXED")] = False
    enableSplitRegistration: Annotated[bool, Used("register a long topic list in parts")] = False
    splitRegistrationSize: Annotated[int, Used("topics in one part of a split registration", low=1)] = 800
    configBlackList: Annotated[str, Used("keys, separated by `;`, that updateBrokerConfig refuses")] = (
        "configBlackList;brokerConfigPath"
    )
    clearRetryTopicWhenDeleteTopic: Annotated[bool, Used("deleting a topic deletes its pop retry topics")] = True
    disableConsumeIfConsumerReadSlowly: Annotated[
        bool, Used("every 3 minutes, refuse the pulls of groups that read from further back than the threshold")
    ] = False
    enableDetailStat: Annotated[bool, Used("count delayed messages by the queue of their level too")] = True
    consumerFallbehindThreshold: Annotated[
        Long, Used("bytes of the commitlog behind which disableConsumeIfConsumerReadSlowly refuses pulls", low=0)
    ] = 17179869184
    enableCreateSysGroup: Annotated[
        bool, Used("create groups named CID_RMQ_SYS_... even when autoCreateSubscriptionGroup is off")
    ] = True

    aclEnable: Annotated[
        bool,
        Used("check every request by the accounts of conf/plain_acl.yml and conf/acl below `rocketmqHome`"),
    ] = False
    rocketmqHome: Annotated[
        str | None, Used("the folder that conf/plain_acl.yml of `aclEnable` lies below; by default ROCKETMQ_HOME")
    ] = field(default_factory=lambda: environment("ROCKETMQ_HOME"))
    metricsExporterType: Annotated[
        MetricsExporterType,
        Used("PROM answers Prometheus on metricsPromExporterPort, at `/metrics`; needs the extra `metrics`"),
    ] = "DISABLE"
    metricsPromExporterPort: MetricsPort = 5557
    metricsPromExporterHost: MetricsHost = ""
    metricsLabel: MetricsLabel = ""
    brokerFastFailureEnable: Annotated[
        bool, Used("refuse requests with SYSTEM_BUSY that have waited too long for their turn")
    ] = True
    waitTimeMillsInSendQueue: Annotated[Long, Used("ms that a send may have waited", low=0)] = 200
    waitTimeMillsInPullQueue: Annotated[Long, Used("ms that a pull may have waited", low=0)] = 5000
    waitTimeMillsInLitePullQueue: Annotated[Long, Used("ms that a lite pull may have waited", low=0)] = 5000
    waitTimeMillsInHeartbeatQueue: Annotated[Long, Used("ms that a heartbeat may have waited", low=0)] = 31000
    waitTimeMillsInTransactionQueue: Annotated[
        Long, Used("ms that the end of a transaction may have waited", low=0)
    ] = 3000
    sendThreadPoolQueueCapacity: Annotated[
        int, Used("sends that may wait for the disk, or for slaves, at once", low=1)
    ] = 10000
    # Keys of this server alone.
    maxHeldPulls: Annotated[
        int,
        Used(
            "pulls that may wait for a message at once, of all connections; one more that finds nothing is refused "
            "with SYSTEM_BUSY; a key of this server alone",
            low=1,
        ),
    ] = 100_000
    maxHeldPullsPerConnection: Annotated[
        int,
        Used(
            "pulls of one connection that may wait for a message at once; one more that finds nothing is refused with "
            "SYSTEM_BUSY; a key of this server alone",
            low=1,
        ),
    ] = 32_768
    logDir: LogDir = ""
    logFormat: LogFormat = "text"
    logLevel: LogLevel = "INFO"
    logFileSize: LogFileSize = 128 * 1024 * 1024
    logFiles: LogFiles = 20

    # Keys of Apache's broker that are accepted and kept, without effect here.
    listenPort: int = 6888
    recoverConcurrently: bool = False
    messageStorePlugIn: str = ""
    sendMessageThreadPoolNums: int = 2
    putMessageFutureThreadPoolNums: int = 2
    pullMessageThreadPoolNums: int = 20
    litePullMessageThreadPoolNums: int = 20
    ackMessageThreadPoolNums: int = 16
    processReplyMessageThreadPoolNums: int = 20
    queryMessageThreadPoolNums: int = 10
    adminBrokerThreadPoolNums: int = 16
    clientManageThreadPoolNums: int = 32
    consumerManageThreadPoolNums: int = 32
    loadBalanceProcessorThreadPoolNums: int = 32
    heartbeatThreadPoolNums: int = 2
    recoverThreadPoolNums: int = 32
    endTransactionThreadPoolNums: int = 12
    flushConsumerOffsetHistoryInterval: int = 60000
    fetchNameSrvAddrByDnsLookup: bool = False
    putThreadPoolQueueCapacity: int = 10000
    pullThreadPoolQueueCapacity: int = 100_000
    litePullThreadPoolQueueCapacity: int = 100_000
    ackThreadPoolQueueCapacity: int = 100_000
    replyThreadPoolQueueCapacity: int = 10000
    queryThreadPoolQueueCapacity: int = 20000
    clientManagerThreadPoolQueueCapacity: int = 1_000_000
    consumerManagerThreadPoolQueueCapacity: int = 1_000_000
    heartbeatThreadPoolQueueCapacity: int = 50000
    endTransactionPoolQueueCapacity: int = 100_000
    adminBrokerThreadPoolQueueCapacity: int = 10000
    loadBalanceThreadPoolQueueCapacity: int = 100_000
    highSpeedMode: bool = False
    accountStatsEnable: bool = True
    accountStatsPrintZeroValues: bool = True
    transferMsgByHeap: bool = True
    sendHeartbeatTimeoutMillis: int = 1000
    waitTimeMillsInAckQueue: Long = 3000
    waitTimeMillsInAdminBrokerQueue: Long = 5000
    enableCalcFilterBitMap: bool = False
    updateNameServerAddrPeriod: int = 120_000
    brokerHeartbeatInterval: int = 1000
    brokerNotActiveTimeoutMillis: Long = 10000
    enableNetWorkFlowControl: bool = False
    enableBroadcastOffsetStore: bool = True
    broadcastOffsetExpireSecond: Long = 120
    broadcastOffsetExpireMaxSecond: Long = 300
    popPollingSize: int = 1024
    popPollingMapSize: int = 100_000
    maxPopPollingSize: Long = 100_000
    reviveInterval: Long = 1000
    reviveMaxSlow: Long = 3
    reviveScanTime: Long = 10000
    enableSkipLongAwaitingAck: bool = False
    reviveAckWaitMs: Long = 180_000
    enablePopLog: bool = False
    enablePopBufferMerge: bool = False
    popCkStayBufferTime: int = 10000
    popCkStayBufferTimeOut: int = 3000
    popCkMaxBufferSize: int = 200_000
    popCkOffsetMaxQueueSize: int = 20000
    enablePopBatchAck: bool = False
    popLongPollingForceNotifyInterval: Long = 800
    enableNotifyBeforePopCalculateLag: bool = True
    enableNotifyAfterPopOrderLockRelease: bool = True
    initPopOffsetByCheckMsgInMem: bool = True
    retrieveMessageFromPopRetryTopicV1: bool = True
    enableRetryTopicV2: bool = False
    popFromRetryProbability: int = 20
    popConsumerFSServiceInit: bool = True
    popConsumerKVServiceLog: bool = False
    popConsumerKVServiceInit: bool = False
    popConsumerKVServiceEnable: bool = False
    popReviveMaxReturnSizePerRead: int = 16384
    popReviveMaxAttemptTimes: int = 16
    realTimeNotifyConsumerChange: bool = True
    syncBrokerMemberGroupPeriod: int = 1000
    loadBalancePollNameServerInterval: Long = 30000
    cleanOfflineBrokerInterval: int = 30000
    defaultMessageRequestMode: MessageRequestMode = "PULL"
    defaultPopShareQueueNum: int = -1
    isolateLogEnable: bool = False
    forwardTimeout: Long = 3000
    enableRemoteEscape: bool = False
    skipPreOnline: bool = False
    asyncSendEnable: bool = True
    lockInStrictMode: bool = False
    compatibleWithOldNameSrv: bool = True
    enableControllerMode: Annotated[
        bool, Refused("this broker is not led by a controller", "set it to false, or run Apache's broker")
    ] = False
    controllerAddr: str = ""
    fetchControllerAddrByDnsLookup: bool = False
    syncBrokerMetadataPeriod: Long = 5000
    checkSyncStateSetPeriod: Long = 5000
    syncControllerMetadataPeriod: Long = 10000
    controllerHeartBeatTimeoutMills: Long = 10000
    brokerElectionPriority: int = 2147483647
    useStaticSubscription: bool = False
    metricsOtelCardinalityLimit: int = 50000
    metricsGrpcExporterTarget: str = ""
    metricsGrpcExporterHeader: str = ""
    metricGrpcExporterTimeOutInMills: Long = 3000
    metricGrpcExporterIntervalInMills: Long = 60000
    metricLoggingExporterIntervalInMills: Long = 10000
    metricsInDelta: bool = False
    estimateAccumulation: bool = True
    coldCtrStrategyEnable: bool = False
    usePIDColdCtrStrategy: bool = True
    cgColdReadThreshold: Long = 3145728
    globalColdReadThreshold: Long = 104857600
    popResponseReturnActualRetryTopic: bool = False
    popInflightMessageThreshold: Long = 10000
    enablePopMessageThreshold: bool = False
    enableFastChannelEventProcess: bool = False
    printChannelGroups: bool = False
    printChannelGroupsMinNum: int = 5
    skipWhenCKRePutReachMaxTimes: bool = False
    appendAckAsync: bool = False
    appendCkAsync: bool = False
    enableLmqStats: bool = False
    configManagerVersion: str = "v1"
    enableRegisterProducer: bool = True
    isBrokerContainer: bool = False
    isInBrokerContainer: bool = False
    filterServerNums: int = 0
    commercialEnable: bool = True
    commercialTimerCount: int = 1
    commercialTransCount: int = 1
    commercialBigCount: int = 1
    maxDelayTime: int = 40


def check_name_servers(text: str) -> None:
    """What `namesrvAddr` must be. Raises ConfigError."""
    for address in split_addresses(text):
        try:
            parse_address(address)
        except RocketMQError as error:
            raise ConfigError(f"namesrvAddr: {error}", error.next_step) from None
