"""What a request asks to be allowed: actions on resources, by the kind of the request.

Mirrors DefaultAuthorizationContextBuilder and the annotations of Apache's request headers, for what brokers serve. What
Apache asks nothing for is open to every user, but for lite pulls, for replies, and for what changes what others use
(`_CHANGES`). A message that a request names by its place in the commitlog counts with its own topic (`_OF_MESSAGES`),
where Apache asks for the topic that the request names, if it does. A retry topic stands for the group in its name,
whatever group the request names besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from rocketmq_ops.broker.access.facts import Facts
from rocketmq_ops.broker.auth.resource import CLUSTER, GROUP, TOPIC
from rocketmq_ops.common.topics import RETRY_GROUP_TOPIC_PREFIX, TRANS_HALF_TOPIC, is_retry_topic
from rocketmq_ops.remoting.bodies import HeartbeatData, LockBatchRequestBody, UnlockBatchRequestBody
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

Actions = tuple[str, ...]

_PUB: Final = ("Pub",)
_SUB: Final = ("Sub",)
_GET: Final = ("Get",)
_CREATE: Final = ("Create",)
_UPDATE: Final = ("Update",)
_DELETE: Final = ("Delete",)
_SUB_GET: Final = ("Sub", "Get")
_SUB_UPDATE: Final = ("Sub", "Update")


class Context(NamedTuple):
    """One of `actions` on a resource; `name` None for one that the request does not name."""

    kind: str
    name: str | None
    actions: Actions


def contexts(request: RemotingCommand, facts: Facts) -> Iterable[Context]:
    """Everything that must be allowed. Raises RemotingProtocolError for a body that cannot be read, and
    NoMessageThereError."""
    if facts.is_open_to_all(request):
        return ()
    special = _SPECIAL.get(request.code)
    declared = _DECLARED.get(request.code)
    wanted: Iterable[Context] = () if declared is None else _declared(request, *declared, facts.cluster)
    if special is not None:
        wanted = special(request)
    actions = _OF_MESSAGES.get(request.code)
    topic = None if actions is None else facts.topic_named(request)
    return wanted if actions is None or topic is None else chain(wanted, (_topic(topic, actions),))


def _topic(name: str | None, actions: Actions) -> Context:
    """A topic; a retry topic stands for its group."""
    return _group(name, actions) if name is not None and is_retry_topic(name) else Context(TOPIC, name, actions)


def _group(name: str | None, actions: Actions) -> Context:
    if name is not None and is_retry_topic(name):
        name = name.removeprefix(RETRY_GROUP_TOPIC_PREFIX)
    return Context(GROUP, name, actions)


def _topic_and_group(topic: str | None, group: str | None, actions: Actions) -> Iterator[Context]:
    yield _topic(topic, actions)
    yield _group(group, actions)


# -- requests that need more than their header's fields ---------------------------------------------------------


def sending(topic: str | None) -> Context:
    """What must be allowed to send to a topic."""
    if topic is not None and is_retry_topic(topic):
        return _group(topic, _SUB)
    return Context(TOPIC, topic, _PUB)


def _send(topic_field: str) -> Callable[[RemotingCommand], Iterable[Context]]:
    return lambda request: (sending(request.ext_fields.get(topic_field)),)


def _end_transaction(request: RemotingCommand) -> Iterable[Context]:
    topic = request.ext_fields.get("topic")
    # Clients of 5.x that were asked name what the question named, the topic of half messages, which is nobody's to send
    # to. The message's own is asked for besides.
    if not topic or not topic.strip() or topic == TRANS_HALF_TOPIC:
        return ()
    return (Context(TOPIC, topic, _PUB),)


def _send_back(request: RemotingCommand) -> Iterable[Context]:
    return (_group(request.ext_fields.get("group"), _SUB),)


def _of_topic_and_group(actions: Actions) -> Callable[[RemotingCommand], Iterable[Context]]:
    def asked(request: RemotingCommand) -> Iterable[Context]:
        return _topic_and_group(request.ext_fields.get("topic"), request.ext_fields.get("consumerGroup"), actions)

    return asked


def _query(request: RemotingCommand) -> Iterable[Context]:
    return (Context(TOPIC, request.ext_fields.get("topic"), _SUB_GET),)


def _heartbeat(request: RemotingCommand) -> Iterator[Context]:
    for consumer in HeartbeatData.decode(request.body_bytes).consumer_data_set:
        yield _group(consumer.group_name, _SUB)
        for data in consumer.subscription_data_set:
            yield _topic(data.topic, _SUB)


def _unregister(request: RemotingCommand) -> Iterable[Context]:
    group = request.ext_fields.get("consumerGroup")
    return (_group(group, _SUB),) if group and group.strip() else ()


def _consumers(request: RemotingCommand) -> Iterable[Context]:
    return (_group(request.ext_fields.get("consumerGroup"), _SUB_GET),)


def _locks(
    body_class: type[LockBatchRequestBody | UnlockBatchRequestBody],
) -> Callable[[RemotingCommand], Iterator[Context]]:
    def asked(request: RemotingCommand) -> Iterator[Context]:
        body = body_class.decode(request.body_bytes)
        yield _group(body.consumer_group, _SUB)
        for queue in body.mq_set:
            yield _topic(queue.topic, _SUB)

    return asked


_SPECIAL: Final[dict[int, Callable[[RemotingCommand], Iterable[Context]]]] = {
    RequestCode.SEND_MESSAGE: _send("topic"),
    RequestCode.SEND_MESSAGE_V2: _send("b"),
    RequestCode.SEND_BATCH_MESSAGE: _send("b"),
    RequestCode.SEND_REPLY_MESSAGE: _send("topic"),
    RequestCode.SEND_REPLY_MESSAGE_V2: _send("b"),
    RequestCode.END_TRANSACTION: _end_transaction,
    RequestCode.CONSUMER_SEND_MSG_BACK: _send_back,
    RequestCode.PULL_MESSAGE: _of_topic_and_group(_SUB),
    RequestCode.LITE_PULL_MESSAGE: _of_topic_and_group(_SUB),
    RequestCode.QUERY_MESSAGE: _query,
    RequestCode.HEART_BEAT: _heartbeat,
    RequestCode.UNREGISTER_CLIENT: _unregister,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: _consumers,
    RequestCode.QUERY_CONSUMER_OFFSET: _of_topic_and_group(_SUB_GET),
    RequestCode.UPDATE_CONSUMER_OFFSET: _of_topic_and_group(_SUB_UPDATE),
    RequestCode.LOCK_BATCH_MQ: _locks(LockBatchRequestBody),
    RequestCode.UNLOCK_BATCH_MQ: _locks(UnlockBatchRequestBody),
}

# -- requests that name a message by its place in the commitlog: what else they ask for --------------------------

_OF_MESSAGES: Final[dict[int, Actions]] = {
    RequestCode.VIEW_MESSAGE_BY_ID: _GET,
    RequestCode.CONSUMER_SEND_MSG_BACK: _SUB,
    RequestCode.END_TRANSACTION: _PUB,
    RequestCode.CONSUME_MESSAGE_DIRECTLY: _SUB,
    RequestCode.RESUME_CHECK_HALF_MESSAGE: _UPDATE,
}

# -- requests whose header's fields name the resources --------------------------------------------------------


def _declared(request: RemotingCommand, actions: Actions, fields: tuple[str, ...], cluster: str) -> Iterator[Context]:
    """`fields`: `Topic name` or `Group name`, of a list with what separates it; none of them is the cluster."""
    if not fields:
        yield Context(CLUSTER, cluster, actions)
    for field in fields:
        kind, name, *separator = field.split(" ")
        value = request.ext_fields.get(name)
        if value is None:
            continue
        names = [item for item in value.split(separator[0]) if item] if separator else [value]
        for each in names:
            yield _topic(each, actions) if kind == TOPIC else Context(GROUP, each, actions)


_BOTH: Final = ("Group consumerGroup", "Topic topic")
_THE_CLUSTER: Final[tuple[str, ...]] = ()
_ONE_TOPIC: Final = ("Topic topic",)

_APACHES: Final[dict[int, tuple[Actions, tuple[str, ...]]]] = {
    RequestCode.UPDATE_AND_CREATE_TOPIC: (_CREATE, _ONE_TOPIC),
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: (_GET, _ONE_TOPIC),
    RequestCode.GET_MAX_OFFSET: (_GET, _ONE_TOPIC),
    RequestCode.GET_MIN_OFFSET: (_GET, _ONE_TOPIC),
    RequestCode.GET_EARLIEST_MSG_STORETIME: (_GET, _ONE_TOPIC),
    RequestCode.VIEW_MESSAGE_BY_ID: (_GET, _ONE_TOPIC),
    RequestCode.GET_TOPIC_STATS_INFO: (_GET, _ONE_TOPIC),
    RequestCode.GET_CONSUMER_CONNECTION_LIST: (_GET, ("Group consumerGroup",)),
    RequestCode.GET_PRODUCER_CONNECTION_LIST: (_GET, _THE_CLUSTER),
    RequestCode.DELETE_SUBSCRIPTIONGROUP: (_DELETE, ("Group groupName",)),
    RequestCode.GET_CONSUME_STATS: (_GET, ("Group consumerGroup", "Topic topic", "Topic topicList ;")),
    RequestCode.DELETE_TOPIC_IN_BROKER: (_DELETE, _ONE_TOPIC),
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: (_UPDATE, ("Group group", "Topic topic")),
    RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS: (_GET, ("Topic topic", "Group group")),
    RequestCode.QUERY_TOPIC_CONSUME_BY_WHO: (_GET, _ONE_TOPIC),
    RequestCode.QUERY_CONSUME_TIME_SPAN: (_GET, ("Topic topic", "Group group")),
    RequestCode.GET_CONSUMER_RUNNING_INFO: (_GET, ("Group consumerGroup",)),
    RequestCode.QUERY_CORRECTION_OFFSET: (_GET, ("Group filterGroups ,", "Group compareGroup", "Topic topic")),
    RequestCode.CONSUME_MESSAGE_DIRECTLY: (_SUB, _BOTH),
    RequestCode.CLONE_GROUP_OFFSET: (_UPDATE, ("Group destGroup", "Topic topic")),
    RequestCode.VIEW_BROKER_STATS_DATA: (_GET, _THE_CLUSTER),
    RequestCode.GET_BROKER_CONSUME_STATS: (_GET, _THE_CLUSTER),
    RequestCode.QUERY_CONSUME_QUEUE: (_GET, ("Topic topic", "Group consumerGroup")),
    RequestCode.RESUME_CHECK_HALF_MESSAGE: (_UPDATE, _ONE_TOPIC),
    RequestCode.GET_ALL_PRODUCER_INFO: (_GET, _THE_CLUSTER),
    RequestCode.QUERY_TOPICS_BY_CONSUMER: (_GET, ("Group group",)),
    RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER: (_GET, ("Group group", "Topic topic")),
    RequestCode.GET_TOPIC_CONFIG: (_GET, _ONE_TOPIC),
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG: (_GET, ("Group group",)),
    RequestCode.RECALL_MESSAGE: (_PUB, _ONE_TOPIC),
    RequestCode.EXCHANGE_BROKER_HA_INFO: (_UPDATE, _THE_CLUSTER),
    RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE: (_UPDATE, _THE_CLUSTER),
    RequestCode.RESET_MASTER_FLUSH_OFFSET: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_CREATE_USER: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_UPDATE_USER: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_DELETE_USER: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_GET_USER: (_GET, _THE_CLUSTER),
    RequestCode.AUTH_LIST_USER: (_GET, _THE_CLUSTER),
    RequestCode.AUTH_CREATE_ACL: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_UPDATE_ACL: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_DELETE_ACL: (_UPDATE, _THE_CLUSTER),
    RequestCode.AUTH_GET_ACL: (_GET, _THE_CLUSTER),
    RequestCode.AUTH_LIST_ACL: (_GET, _THE_CLUSTER),
}

#: What Apache's 5.3.3 lets every user do, with which one could take over the broker, or what others use: to change the
#: configuration, create and change topics and groups by other codes, forbid groups, delete files and what is expired,
#: and name a server that consumers get their messages from.
_CHANGES: Final[dict[int, tuple[Actions, tuple[str, ...]]]] = {
    RequestCode.UPDATE_BROKER_CONFIG: (_UPDATE, _THE_CLUSTER),
    RequestCode.UPDATE_AND_CREATE_TOPIC_LIST: (_UPDATE, _THE_CLUSTER),
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: (_UPDATE, _THE_CLUSTER),
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: (_UPDATE, _THE_CLUSTER),
    RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN: (_UPDATE, _THE_CLUSTER),
    RequestCode.SET_MESSAGE_REQUEST_MODE: (_UPDATE, _THE_CLUSTER),
    RequestCode.REGISTER_FILTER_SERVER: (_UPDATE, _THE_CLUSTER),
    RequestCode.TRIGGER_DELETE_FILES: (_UPDATE, _THE_CLUSTER),
    RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE: (_UPDATE, _THE_CLUSTER),
    RequestCode.CLEAN_UNUSED_TOPIC: (_UPDATE, _THE_CLUSTER),
    RequestCode.DELETE_EXPIRED_COMMITLOG: (_UPDATE, _THE_CLUSTER),
}

_DECLARED: Final = _APACHES | _CHANGES
