"""Texts about flow control and load."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import LOAD, Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "overload",
        "NettyRemotingAbstract",
        ("[OVERLOAD]system busy",),
        "the server's queue for this kind of request is full",
        "send or pull at a lower rate, add brokers, or raise the queue's capacity (sendThreadPoolQueueCapacity, "
        "pullThreadPoolQueueCapacity); a broker of rocketmq-ops that names maxHeldPulls or maxHeldPullsPerConnection "
        "has as many waiting pulls as that allows: look for clients that pull without need, or raise it",
        LOAD,
    ),
    Known(
        "reject-request",
        "NettyRemotingAbstract",
        ("[REJECTREQUEST]system busy",),
        "the broker takes no sends now: the page cache is busy (a send held the lock of the log for longer than "
        "osPageCacheBusyTimeOutMills), or the pool of transient buffers is used up",
        "look at the disk's write latency; faster disks, transientStorePoolEnable with ASYNC_FLUSH, or more brokers",
        LOAD,
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
        LOAD,
    ),
    Known(
        "pc-synchronized",
        "SendMessageProcessor",
        ("[PC_SYNCHRONIZED]broker busy",),
        "the page cache was busy while the message was to be written",
        "look at the disk's write latency and at memory",
        LOAD,
    ),
    Known(
        "slow-in-lock",
        "CommitLog",
        ("[NOTIFYME]putMessage in lock cost time(ms)=",),
        "appending one message took longer than half a second with the lock held: the page cache or the disk is slow",
        "look at the disk's write latency, at memory and swap, and at the GC log",
        LOAD,
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
)
