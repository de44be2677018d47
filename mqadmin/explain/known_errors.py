"""Texts of Apache's exceptions, answers and log lines that users meet: what each means and what to do about it.

A text is part of one string literal of Apache's source, so that it is found in whatever was pasted. In which classes
and versions it stands is recorded in `tests/golden/rocketmq/error-texts.json`, written by
`scripts/record_error_texts.py`. What response codes mean is not here but in `remoting/response_meanings.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Known(NamedTuple):
    """One thing that goes wrong. `where` is Apache's class that says it; `look` are command lines that show more.

    `texts` are its wordings, the first as `where` has it; `…` stands for what differs. `before_apache` are wordings of
    3.x, whose sources are not Apache's.
    """

    key: str
    where: str
    texts: tuple[str, ...]
    cause: str
    remedy: str
    look: tuple[str, ...] = ()
    before_apache: tuple[str, ...] = ()


_ROUTE: Final = ("topicRoute -t TOPIC", "topicList", "clusterList")
_LOAD: Final = ("brokerStatus -b HOST:PORT", "clusterList")
_DISK: Final = ("brokerStatus -b HOST:PORT", "getBrokerConfig -b HOST:PORT", "deleteExpiredCommitLog -b HOST:PORT")
_CLIENTS: Final = ("consumerConnection -g GROUP", "consumerProgress -g GROUP")
_CHECK: Final = ("store check STORE_DIR", "store predict STORE_DIR")
_REPLICAS: Final = ("haStatus -c CLUSTER", "clusterList")

KNOWN: Final[tuple[Known, ...]] = (
    # Clients: routes and connections
    Known(
        "no-route",
        "DefaultMQProducerImpl",
        ("No route info of this topic",),
        "the name server has no route of the topic: no broker holds it, the brokers are not registered with this name "
        "server, or the client asks another name server",
        "check the name and the client's name server address; create the topic, or set autoCreateTopicEnable on the "
        "broker for tests",
        _ROUTE,
    ),
    Known(
        "no-route-for-topic",
        "DefaultMQProducerImpl",
        ("No route info for this topic", "No topic route info in name server for the topic"),
        "the name server has no route of the topic",
        "check the name; see that the brokers of the topic are registered with this name server, then create the topic",
        _ROUTE,
    ),
    Known(
        "no-queue",
        "MQAdminImpl",
        ("Can not find Message Queue for this topic",),
        "the route of the topic has no readable or writable queue: its permission or queue numbers exclude them",
        "check the permission and the queue numbers of the topic on each broker",
        ("topicRoute -t TOPIC -l",),
    ),
    Known(
        "no-name-server",
        "DefaultMQProducerImpl",
        ("No name server address, please set it.",),
        "the client was started without the address of a name server",
        "set namesrvAddr, -Drocketmq.namesrv.addr or NAMESRV_ADDR of the client",
    ),
    Known(
        "connect-failed",
        "RemotingConnectException",
        ("connect to … failed",),
        "no TCP connection to that address: nothing listens there, a firewall or NAT is between, or the broker "
        "registered an address (brokerIP1) that the client cannot reach; `connect to null failed` means that no name "
        "server address is known",
        "connect to the address from the client's machine; in containers set brokerIP1 to an address clients reach; "
        "open the port, and the port minus 2 where clients use the VIP channel",
        ("clusterList", "topicRoute -t TOPIC"),
    ),
    Known(
        "wait-response",
        "RemotingTimeoutException",
        ("wait response on the channel <…> timeout",),
        "the server accepted the request and did not answer in time: it is overloaded, pauses for garbage collection, "
        "or the network loses packets",
        "look at the server's load and GC log; raise the timeout only when the server is healthy",
        _LOAD,
    ),
    Known(
        "send-request-failed",
        "RemotingSendRequestException",
        ("send request to <…> failed",),
        "the connection was closed while the request was written: the server stopped, or refuses plain text or TLS",
        "see whether the server restarted at that time, and whether both sides agree on TLS",
        ("clusterList",),
    ),
    Known(
        "send-timeout",
        "DefaultMQProducerImpl",
        ("sendDefaultImpl call timeout",),
        "sending took longer than sendMsgTimeout (3 s), all attempts together: the first connection or route request "
        "is slow, the broker address is not reachable from the client, or the broker is overloaded",
        "see that the address in the route is reachable from the client (brokerIP1 in containers), then look at the "
        "broker's load; a longer sendMsgTimeout helps only where the first connection is slow",
        ("topicRoute -t TOPIC", "checkMsgSendRT -t TOPIC -a 20", "brokerStatus -b HOST:PORT"),
    ),
    Known(
        "kernel-timeout",
        "DefaultMQProducerImpl",
        ("sendKernelImpl call timeout", "sendSelectImpl call timeout", "sendMessage call timeout"),
        "the time of sendMsgTimeout was used up before the request was sent, by finding the route or by an attempt "
        "before it",
        "look at the load of the broker and the time to connect; raise sendMsgTimeout to fit several attempts",
        ("checkMsgSendRT -t TOPIC -a 20", "clusterRT"),
    ),
    Known(
        "async-timeout",
        "DefaultMQProducerImpl",
        ("DEFAULT ASYNC send call timeout",),
        "an asynchronous send waited longer than its timeout in the producer's own queue of tasks",
        "send at a lower rate, or give the producer more threads for asynchronous sends",
        ("checkMsgSendRT -t TOPIC -a 20",),
    ),
    Known(
        "send-failed",
        "DefaultMQProducerImpl",
        ("times, still failed, cost [",),
        "every attempt of a send failed; BrokersSent lists the brokers that were tried",
        "the exception after `Caused by` is the reason: explain that text; see that the brokers listed are reachable",
        ("topicRoute -t TOPIC", "clusterList"),
    ),
    Known(
        "unmatched-response",
        "NettyRemotingAbstract",
        ("but not matched any request",),
        "an answer came after its request had timed out: the server or the network is slower than the timeout",
        "find the request that timed out (`wait response on the channel`) at that time; look at the server's load",
        _LOAD,
    ),
    Known(
        "request-timed-out",
        "NettyRemotingAbstract",
        ("remove timeout request",),
        "a request got no answer within its timeout and is given up",
        "look at the load of the server that was asked, and at the network between",
        _LOAD,
    ),
    Known(
        "semaphore",
        "NettyRemotingAbstract",
        ("invokeAsyncImpl tryAcquire semaphore timeout", "invokeOnewayImpl tryAcquire semaphore timeout"),
        "more asynchronous or one-way requests wait for answers than the client allows at once",
        "send at a lower rate; find why answers are slow; the limits are the system properties "
        "com.rocketmq.remoting.clientAsyncSemaphoreValue and clientOnewaySemaphoreValue",
        _LOAD,
    ),
    Known(
        "invoke-too-fast",
        "NettyRemotingAbstract",
        ("invokeAsyncImpl invoke too fast", "invokeOnewayImpl invoke too fast"),
        "the client has as many requests under way as it may, and none may wait",
        "send at a lower rate, or find why answers are slow",
        _LOAD,
    ),
    Known(
        "heartbeat-failed",
        "MQClientInstance",
        ("send heart beat to broker[…] failed", "send heart beat to broker[…] exception, because the broker not up"),
        "the client could not send its heartbeat to a broker; `because the broker not up, forget it` is normal for a "
        "broker that was stopped for good",
        "where the broker runs: check that its address is reachable from the client",
        ("clusterList",),
    ),
    Known(
        "thread-pool-busy",
        "NettyRemotingAbstract",
        ("too many requests and system thread pool busy",),
        "the queue of requests of one kind is full on the server",
        "look which queue is long (`[WATERMARK]` in the broker's log), and at the disk; send or pull at a lower rate",
        _LOAD,
    ),
    # Flow control and load
    Known(
        "overload",
        "NettyRemotingAbstract",
        ("[OVERLOAD]system busy",),
        "the server's queue for this kind of request is full",
        "send or pull at a lower rate, add brokers, or raise the queue's capacity (sendThreadPoolQueueCapacity, "
        "pullThreadPoolQueueCapacity)",
        _LOAD,
    ),
    Known(
        "reject-request",
        "NettyRemotingAbstract",
        ("[REJECTREQUEST]system busy",),
        "the broker takes no sends now: the page cache is busy (a send held the lock of the log for longer than "
        "osPageCacheBusyTimeOutMills), or the pool of transient buffers is used up",
        "look at the disk's write latency; faster disks, transientStorePoolEnable with ASYNC_FLUSH, or more brokers",
        _LOAD,
    ),
    Known(
        "timeout-clean-queue",
        "BrokerFastFailure",
        ("[TIMEOUT_CLEAN_QUEUE]broker busy",),
        "the send waited in the broker's queue for longer than waitTimeMillsInSendQueue (200 ms) and was answered as "
        "busy: slow disk, garbage collection, slow replication, or too few send threads",
        "look at the disk, the GC log and the slave's lag; then raise waitTimeMillsInSendQueue or "
        "sendMessageThreadPoolNums",
        ("brokerStatus -b HOST:PORT", "haStatus -b HOST:PORT", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "pcbusy-clean-queue",
        "BrokerFastFailure",
        ("[PCBUSY_CLEAN_QUEUE]broker busy",),
        "the page cache was busy, and the broker answered the sends that wait as busy",
        "look at the disk's write latency and at memory; give the page cache more memory",
        _LOAD,
    ),
    Known(
        "pc-synchronized",
        "SendMessageProcessor",
        ("[PC_SYNCHRONIZED]broker busy",),
        "the page cache was busy while the message was to be written",
        "look at the disk's write latency and at memory",
        _LOAD,
    ),
    Known(
        "slow-in-lock",
        "CommitLog",
        ("[NOTIFYME]putMessage in lock cost time(ms)=",),
        "appending one message took longer than half a second with the lock held: the page cache or the disk is slow",
        "look at the disk's write latency, at memory and swap, and at the GC log",
        _LOAD,
    ),
    Known(
        "protect-broker",
        "BrokerController",
        ("[PROTECT_BROKER] the consumer[",),
        "the broker switched off a group that is too far behind (disableConsumeIfConsumerReadSlowly)",
        "bring the group up to date, or raise consumerFallbehindThreshold; then allow it with updateSubGroup -s true",
        ("consumerProgress -g GROUP", "getConsumerConfig -g GROUP"),
    ),
    Known(
        "consumer-flow-control",
        "DefaultMQPushConsumerImpl",
        (
            "the cached message count exceeds the threshold",
            "the cached message size exceeds the threshold",
            "the queue's messages, span too long, so do flow control",
        ),
        "the consumer has as many messages in memory as it may: its listener is slower than messages come, or one "
        "message hangs",
        "make the listener faster or add consumers; look for a thread that hangs in it",
        ("consumerStatus -g GROUP", "consumerProgress -g GROUP"),
    ),
    # Permissions
    Known(
        "sending-forbidden",
        "SendMessageProcessor",
        ("the broker[…] sending message is forbidden", "the topic[…] sending message is forbidden"),
        "the permission of the broker (brokerPermission) or of the topic on it does not allow writing",
        "see who took the permission away (wipeWritePerm, updateTopicPerm, a switch of masters), and give it back",
        ("topicRoute -t TOPIC -l", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "pulling-forbidden",
        "PullMessageProcessor",
        ("the broker[…] pulling message is forbidden", "the topic[…] pulling message is forbidden"),
        "the permission of the broker (brokerPermission) or of the topic on it does not allow reading",
        "give the permission back with updateTopicPerm, or set brokerPermission of the broker",
        ("topicRoute -t TOPIC -l", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "group-forbidden",
        "PullMessageProcessor",
        ("subscription group no permission", "the consumer group[…] can not consume by broadcast way"),
        "the configuration of the group does not allow consuming (consumeEnable), or not in this way "
        "(consumeBroadcastEnable)",
        "change it with updateSubGroup -s true or -d true",
        ("getConsumerConfig -g GROUP",),
    ),
    Known(
        "system-topic",
        "TopicValidator",
        ("Sending message to topic[…] is forbidden.",),
        "the topic is one that brokers keep for themselves: clients may not send to it",
        "send to a topic of your own",
        ("topicList",),
    ),
    Known(
        "acl-no-permission",
        "PlainPermissionManager",
        ("No default permission for ", "No acl config for "),
        "the account may not do this with the topic or group (ACL of 4.x: plain_acl.yml)",
        "add a permission for the resource to the account; a group's retry topic needs the one of its group",
        ("topicList",),
    ),
    Known(
        "acl-unknown-key",
        "PlainPermissionManager",
        ("No accessKey is configured", "No PlainAccessResource for accessKey="),
        "the client sent no access key, or one that the broker does not know",
        "configure the client with the keys of an account of this broker",
    ),
    Known(
        "acl-signature",
        "PlainPermissionManager",
        ("Check signature failed for accessKey=",),
        "the secret key of the client is not the one of the account on the broker",
        "correct the secret key; a blank or line end at its end counts",
    ),
    Known(
        "auth-signature",
        "DefaultAuthenticationHandler",
        ("check signature failed.",),
        "the password (secret key) of the client is not the one of the user on the broker",
        "correct the secret key of the client, or set it with updateUser",
        ("getUser -b HOST:PORT -u USER",),
    ),
    Known(
        "auth-denied",
        "AclAuthorizationHandler",
        (" has no permission to access ",),
        "no entry of the user's ACL allows this action on this resource from this address, or one denies it",
        "add an entry with createAcl or updateAcl",
        ("getAcl -b HOST:PORT -s User:USER", "listAcl -b HOST:PORT"),
    ),
    # Topics, groups and subscriptions
    Known(
        "topic-not-exist",
        "AbstractSendMessageProcessor",
        ("not exist, apply first please!",),
        "the broker does not have the topic: the client's route is old, the topic is on other brokers only, or it was "
        "never created and may not be created by itself",
        "create the topic on this broker's cluster",
        ("topicRoute -t TOPIC", "topicStatus -t TOPIC"),
    ),
    Known(
        "queue-id-illegal",
        "AbstractSendMessageProcessor",
        ("queueId[…] is illegal",),
        "the client uses a queue that the topic no longer has: its queues were reduced, or the client's route is old",
        "wait for the client to refresh its route (30 s); see how many queues the topic has on each broker",
        ("topicRoute -t TOPIC", "topicStatus -t TOPIC"),
    ),
    Known(
        "group-not-exist",
        "AbstractSendMessageProcessor",
        ("subscription group not exist", "subscription group […] does not exist"),
        "the broker does not have the consumer group, and may not create it by itself (autoCreateSubscriptionGroup)",
        "create it with updateSubGroup on each broker of the cluster",
        ("getConsumerConfig -g GROUP",),
    ),
    Known(
        "subscription-not-exist",
        "PullMessageProcessor",
        ("the consumer's subscription not exist",),
        "the clients of the group do not subscribe to the same topics: the last heartbeat of another client replaced "
        "this one's subscription",
        "give all clients of a group the same subscriptions, or another group name",
        _CLIENTS,
    ),
    Known(
        "subscription-not-latest",
        "PullMessageProcessor",
        ("the consumer's subscription not latest", "The broker's subscription is not latest"),
        "the broker has an older subscription than the client: normal for a moment after a change; lasting, the "
        "clients of the group subscribe differently",
        "give all clients of a group the same subscriptions and tags",
        _CLIENTS,
    ),
    Known(
        "group-info-not-exist",
        "PullMessageProcessor",
        ("the consumer's group info not exist",),
        "the broker got no heartbeat of this group yet, or dropped its clients as silent",
        "normal for a moment after a start or restart; lasting, see why heartbeats do not arrive",
        _CLIENTS,
    ),
    Known(
        "producer-duplicate",
        "DefaultMQProducerImpl",
        ("] has been created before, specify another name please.",),
        "one process starts two producers or two consumers of the same group",
        "start one for each group, or give the second another instanceName",
    ),
    Known(
        "client-state",
        "DefaultMQProducerImpl",
        ("The producer service state not OK", "The consumer service state not OK"),
        "the client was not started, was shut down, or was started twice",
        "call start() once, before the first use, and do not use it after shutdown()",
    ),
    Known(
        "filter-unsupported",
        "PullMessageProcessor",
        ("The broker does not support consumer to filter message by ",),
        "the consumer filters with SQL92, and the broker does not allow it",
        "set enablePropertyFilter=true on the broker and start it again",
        ("getBrokerConfig -b HOST:PORT",),
    ),
    Known(
        "get-consumer-ids",
        "RebalanceImpl",
        ("get consumer id list failed",),
        "no broker of the topic knows the clients of the group, so that queues cannot be shared out",
        "see that the topic's brokers are reachable and get the group's heartbeats",
        _CLIENTS,
    ),
    Known(
        "rebalance-no-topic",
        "RebalanceImpl",
        ("doRebalance, …, but the topic[…] not exist.",),
        "the consumer subscribes to a topic that has no route",
        "create the topic, or remove the subscription; a group's retry topic comes with its first retry",
        _ROUTE,
    ),
    Known(
        "rebalance-lock-failed",
        "RebalanceImpl",
        ("because lock failed",),
        "an orderly consumer could not lock a queue: another client holds it, or the broker does not answer",
        "normal while clients come and go; lasting, look for a client that hangs or two clients of one id",
        ("consumerConnection -g GROUP", "consumerStatus -g GROUP"),
    ),
    Known(
        "queue-dropped",
        "ConsumeMessageConcurrentlyService",
        ("the message queue not be able to consume, because it's dropped",),
        "the queue went to another client while its messages waited here; they are delivered there again",
        "nothing; often repeated, look for clients that come and go",
        _CLIENTS,
    ),
    Known(
        "send-back-failed",
        "DefaultMQPushConsumerImpl",
        ("Failed to send message back, consumerGroup=", "sendMessageBack exception"),
        "a message whose listener failed could not be sent back for a retry; the client sends it to the retry topic "
        "itself",
        "see that the broker is reachable and the group's retryQueueNums is more than 0",
        ("getConsumerConfig -g GROUP",),
    ),
    Known(
        "offset-illegal",
        "DefaultMQPushConsumerImpl",
        ("the pull request offset illegal",),
        "the consumer asked for an offset outside the queue: messages expired before it came to them, or the queue was "
        "made anew; the client goes on at the nearest offset",
        "compare the group's offsets with those of the queues; messages that expired are lost for this group",
        ("consumerProgress -g GROUP -t TOPIC", "topicStatus -t TOPIC"),
    ),
    Known(
        "offset-small",
        "PullMessageProcessor",
        ("the request offset too small.",),
        "the consumer asked for messages that have expired",
        "keep messages longer (fileReservedTime), or make the consumer faster",
        ("consumerProgress -g GROUP -t TOPIC", "topicStatus -t TOPIC"),
    ),
    Known(
        "offset-overflow",
        "PullMessageProcessor",
        ("over flow badly, fix to",),
        "the consumer asked for an offset beyond the end of the queue: the queue lost messages, or the offsets come "
        "from another cluster",
        "compare the group's offsets with those of the queues; set them with resetOffsetByTime",
        ("consumerProgress -g GROUP -t TOPIC", "topicStatus -t TOPIC"),
    ),
    # Messages
    Known(
        "message-illegal",
        "SendMessageProcessor",
        ("the message is illegal, maybe msg body or properties length not matched",),
        "the body is larger than maxMessageSize of the broker (4 MiB), or the properties than 32 KB",
        "make the message smaller, or raise maxMessageSize of broker and client",
        ("getBrokerConfig -b HOST:PORT",),
    ),
    Known(
        "body-too-large",
        "Validators",
        ("the message body size over max value",),
        "the body is larger than maxMessageSize of the producer (4 MiB)",
        "make the message smaller, or raise maxMessageSize of producer and broker",
    ),
    Known(
        "body-empty",
        "Validators",
        ("the message body length is zero", "the message body is null"),
        "Apache's producer sends no message without a body",
        "give the message a body",
    ),
    Known(
        "topic-name",
        "TopicValidator",
        ("The specified topic is longer than topic max length", "The specified topic contains illegal characters"),
        "a topic's name has at most 127 characters: letters, digits, %, |, - and _",
        "choose another name",
    ),
    # The store
    Known(
        "create-mapped-file",
        "SendMessageProcessor",
        ("create mapped file failed, server is busy or broken.",),
        "the broker could not make the next file of its commitlog: no space, no permission, no memory to map it, or "
        "making it took too long",
        "free space on the disk; check owner and permissions of the store, vm.max_map_count and the limit of memory",
        _DISK,
    ),
    Known(
        "create-mapped-file-log",
        "CommitLog",
        ("create mapped file1 error", "create mapped file2 error", "create maped file1 error"),
        "the broker could not make the next file of its commitlog",
        "free space on the disk; check owner and permissions of the store, and vm.max_map_count",
        _DISK,
    ),
    Known(
        "mmap-timeout",
        "AllocateMappedFileService",
        ("create mmap timeout ", "this mmap request expired, maybe cause timeout "),
        "the next file of the commitlog was not ready within 5 s: the disk is slow, or the file is being warmed up",
        "look at the disk's write latency; warmMapedFileEnable makes files slower to make",
        _DISK,
    ),
    Known(
        "transient-pool",
        "AllocateMappedFileService",
        ("[NOTIFYME]TransientStorePool is not enough",),
        "all buffers of the transient pool are in use: the disk is slower than messages come",
        "send at a lower rate, use a faster disk, or raise transientStorePoolSize",
        _LOAD,
    ),
    Known(
        "service-not-available",
        "SendMessageProcessor",
        ("service not available now",),
        "the broker takes no messages: the disk is fuller than diskSpaceWarningLevelRatio (90 %), it is a slave, it is "
        "stopping, or its store failed. CL, CQ and INDEX are the used shares of the disks",
        "free space on the disk; shorten fileReservedTime, or delete expired files; see that the client sends to a "
        "master",
        _DISK,
    ),
    Known(
        "disk-full",
        "DefaultMessageStore",
        ("physic disk maybe full soon", "physic disk of commitLog maybe full soon", "logics disk maybe full soon"),
        "the disk is nearly full; above diskSpaceWarningLevelRatio (90 %) the broker refuses messages, above "
        "diskSpaceCleanForciblyRatio (85 %) it deletes files that have not expired",
        "free space; shorten fileReservedTime",
        _DISK,
    ),
    Known(
        "delete-failed",
        "DefaultMessageStore",
        ("disk space will be full soon, but delete file failed.",),
        "the disk is nearly full, and there was no expired file to delete, or one is still being read",
        "shorten fileReservedTime, or free space otherwise",
        _DISK,
    ),
    Known(
        "not-writable",
        "SendMessageProcessor",
        ("the broker's disk is full [", "message store is not writeable", "message store is not writable"),
        "the store takes no messages: the disk is full, or writing a queue or the index failed before",
        "free space on the disk, then restart the broker if it stays so",
        _DISK,
    ),
    Known(
        "store-shut-down",
        "DefaultMessageStore",
        ("message store has shutdown, so",),
        "the broker is stopping: its store takes and gives no messages",
        "wait until it runs again; clients go to other brokers",
        ("clusterList",),
    ),
    Known(
        "offset-not-matched",
        "MappedFileQueue",
        ("Offset not matched. Request offset: ", "Offset for … not matched. Request offset: "),
        "the store was asked for an offset that none of its files holds (3.x: `mapedFileSize`): a consumer far behind "
        "whose messages expired, a slave ahead of its master, or, where firstOffset or lastOffset is off by one file, "
        "a harmless warning of the flush",
        "where consumers stand still or a slave stays behind: compare their offsets; check the store offline",
        ("consumerProgress -g GROUP", "haStatus -b HOST:PORT", "store check STORE_DIR"),
        ("findMapedFileByOffset offset not matched, request Offset: ",),
    ),
    Known(
        "length-not-matched",
        "MappedFileQueue",
        ("length not matched message store config value",),
        "a file of the store has another length than the configuration says: mappedFileSizeCommitLog or "
        "mappedFileSizeConsumeQueue was changed, the file was cut off, or a copy is not complete",
        "set the old size again, or move the file away after `store check` says what it holds",
        _CHECK,
    ),
    Known(
        "files-not-adjacent",
        "MappedFileQueue",
        ("the adjacent mappedFile's offset don't match",),
        "a file of a row of equal files is missing or has another name",
        "look for the file; `store check` says which",
        _CHECK,
    ),
    Known(
        "request-pos-invalid",
        "DefaultMappedFile",
        ("selectMappedBuffer request pos invalid",),
        "a record was looked for behind what is written of its file: a queue points to where the commitlog ends "
        "earlier, as after a power cut",
        "check the store offline; `store rebuild` makes the queues anew from the commitlog",
        _CHECK,
    ),
    Known(
        "illegal-magic",
        "CommitLog",
        ("found a illegal magic code 0x",),
        "the commitlog holds bytes that are no record: damage, or the end of what was written before a crash",
        "check the store before the broker starts again: recovery cuts off what follows",
        ("store check STORE_DIR", "store predict STORE_DIR", "store salvage STORE_DIR TARGET_DIR"),
    ),
    Known(
        "crc-failed",
        "CommitLog",
        ("CRC check failed. bodyCRC=",),
        "the body of a record is not the one that was stored",
        "check the disk and the store; `store salvage` saves what is whole",
        ("store check STORE_DIR", "store salvage STORE_DIR TARGET_DIR"),
    ),
    Known(
        "reput-fell-behind",
        "DefaultMessageStore",
        ("this usually indicate that the dispatch behind too much and the commitlog has expi",),
        "queues were built so slowly that the commitlog they are built from expired: messages between are lost to "
        "consumers",
        "look at the disk; keep files longer",
        ("brokerStatus -b HOST:PORT", "store check STORE_DIR"),
    ),
    Known(
        "already-started",
        "DefaultMessageStore",
        ("Lock failed, MQ already started",),
        "another broker runs on the same store (or one that was thought to be stopped)",
        "stop that process; two brokers never share storePathRootDir",
    ),
    Known(
        "wrong-store",
        "DefaultMessageStore",
        ("the store may be wrong, so shutdown abnormally, and keep abort file.",),
        "the broker stops and leaves the mark of a crash, so that the next start recovers its files thoroughly",
        "read the lines before it; `store predict` says what the next start will do",
        _CHECK,
    ),
    Known(
        "delay-offset-invalid",
        "ScheduleMessageService",
        ("schedule CQ offset invalid.",),
        "a delay level's offset lies outside its queue: delayOffset.json is older or newer than the store",
        "the broker goes on at the nearest offset; check the store",
        ("store check STORE_DIR",),
    ),
    # Replication
    Known(
        "groupcommit-failed",
        "CommitLog",
        ("do groupcommit, wait for flush failed",),
        "SYNC_FLUSH: the message was not on disk within syncFlushTimeout (5 s)",
        "look at the disk's write latency",
        _LOAD,
    ),
    Known(
        "sync-transfer-failed",
        "CommitLog",
        ("do sync transfer other node, wait return, but failed",),
        "SYNC_MASTER: no slave confirmed the message in time",
        "look at the slave and the network between",
        _REPLICAS,
    ),
    Known(
        "transfer-timeout",
        "GroupTransferService",
        ("transfer message to slave timeout",),
        "SYNC_MASTER: no slave confirmed the message within slaveTimeout (3 s)",
        "look at the slave's disk and the network between",
        _REPLICAS,
    ),
    Known(
        "slave-ahead",
        "DefaultHAClient",
        ("master pushed offset not equal the max phy offset in slave",),
        "the log of the slave and what its master sends do not fit: the slave holds messages that the master lacks, as "
        "after a switch of masters or an exchanged disk",
        "stop the slave, keep its store, and let it begin with an empty one",
        ("haStatus -b HOST:PORT", "store diff STORE_DIR OTHER_DIR"),
    ),
    Known(
        "not-enough-replicas",
        "SendMessageProcessor",
        ("in-sync replicas not enough",),
        "fewer replicas are in sync than inSyncReplicas (or minInSyncReplicas) demands",
        "bring the slaves back",
        ("haStatus -c CLUSTER", "getSyncStateSet -c CLUSTER -a HOST:PORT"),
    ),
    # Name servers and brokers
    Known(
        "broker-expired",
        "RouteInfoManager",
        ("The broker channel expired", "the broker's channel destroyed"),
        "the name server took a broker off the routes: no registration for 2 minutes, or its connection closed",
        "look whether the broker stopped, paused for garbage collection, or lost the network at that time",
        ("clusterList",),
    ),
    Known(
        "register-failed",
        "BrokerOuterAPI",
        ("Failed to register current broker to name server", "registerBrokerAll Exception"),
        "a broker could not register with a name server",
        "see that the name server runs and that namesrvAddr of the broker is right",
        ("clusterList", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "register-conflict",
        "RouteInfoManager",
        ("Registering Broker conflicts with the existed one",),
        "two brokers have the same cluster, name and id: one of them is ignored",
        "give each master another brokerName, and each slave of a name another brokerId",
        ("clusterList",),
    ),
    Known(
        "tls-disabled",
        "NettyRemotingServer",
        ("Clients intend to establish an SSL connection while this server is running in SSL disabled mode",),
        "a client uses TLS, and this server is set to tls.server.mode=disabled",
        "set tls.server.mode=permissive, or turn TLS off in the client (tls.enable=false)",
    ),
    Known(
        "tls-enforced",
        "NettyRemotingServer",
        ("Clients intend to establish an insecure connection while this server is running in SSL enforcing mode",),
        "a client connects without TLS, and this server is set to tls.server.mode=enforcing",
        "turn TLS on in the client (tls.enable=true), with the certificates that it needs",
    ),
    Known(
        "black-list",
        "AdminBrokerProcessor",
        ("Can not update config in black list.",),
        "this key can only be changed in the configuration file",
        "change the file of the server and start it again",
        ("getBrokerConfig -b HOST:PORT",),
    ),
)
