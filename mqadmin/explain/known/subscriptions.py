"""Texts about topics, groups, subscriptions and offsets."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import CLIENTS, ROUTE, Known

KNOWN: Final[tuple[Known, ...]] = (
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
        CLIENTS,
    ),
    Known(
        "subscription-not-latest",
        "PullMessageProcessor",
        ("the consumer's subscription not latest", "The broker's subscription is not latest"),
        "the broker has an older subscription than the client: normal for a moment after a change; lasting, the "
        "clients of the group subscribe differently",
        "give all clients of a group the same subscriptions and tags",
        CLIENTS,
    ),
    Known(
        "group-info-not-exist",
        "PullMessageProcessor",
        ("the consumer's group info not exist",),
        "the broker got no heartbeat of this group yet, or dropped its clients as silent",
        "normal for a moment after a start or restart; lasting, see why heartbeats do not arrive",
        CLIENTS,
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
        "filter-data",
        "PullMessageProcessor",
        (
            "The broker's consumer filter data is not exist!Your expression may be wrong!",
            "the consumer's consumer filter data not latest",
        ),
        "the broker has no SQL92 expression of this group for the topic, an older one, or one that it cannot read",
        "try the expression by printMsg --where 'sql92: …'; after a change it takes a heartbeat, 30 s at most",
        ("queryCq -t TOPIC -q QUEUE -i 0 -g GROUP",),
    ),
    Known(
        "get-consumer-ids",
        "RebalanceImpl",
        ("get consumer id list failed",),
        "no broker of the topic knows the clients of the group, so that queues cannot be shared out",
        "see that the topic's brokers are reachable and get the group's heartbeats",
        CLIENTS,
    ),
    Known(
        "rebalance-no-topic",
        "RebalanceImpl",
        ("doRebalance, …, but the topic[…] not exist.",),
        "the consumer subscribes to a topic that has no route",
        "create the topic, or remove the subscription; a group's retry topic comes with its first retry",
        ROUTE,
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
        CLIENTS,
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
)
