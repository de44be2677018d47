"""What a request needs of an account: permissions on topics and groups, by the kind of the request.

A group stands for its retry topic, as in Apache's table of an account. Mirrors PlainAccessValidator of 4.9.7; a batch
of messages and a reply need what one message does, a lite pull what a pull does, and to set a group's offsets or to
lock its queues what the group itself does, which 4.9 does not ask, as it asks nothing of the messages that requests
name by their place in the commitlog (`_OF_MESSAGES`). A message to a retry topic needs what its group does, whatever
group the request names besides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rocketmq_ops.broker.access.facts import Facts
from rocketmq_ops.broker.acl.permission import PUB, SUB
from rocketmq_ops.common.topics import is_retry_topic, retry_topic
from rocketmq_ops.remoting.bodies import HeartbeatData, LockBatchRequestBody, UnlockBatchRequestBody
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerListByGroupRequestHeader,
    UnregisterClientRequestHeader,
    UpdateConsumerOffsetRequestHeader,
)

#: Topics, and groups as their retry topics, with the permission that is needed.
Needs = dict[str, int]


def needs(request: RemotingCommand, facts: Facts) -> Needs:
    """What the request needs, by topic. Raises RemotingProtocolError for fields or a body that cannot be read, and
    NoMessageThereError."""
    if facts.is_open_to_all(request):
        return {}
    of, of_message = _NEEDS.get(request.code), _OF_MESSAGES.get(request.code)
    wanted = {} if of is None else of(request)
    return wanted if of_message is None else wanted | of_message(facts.topic_named(request))


def sending(topic: str) -> Needs:
    """What a message to a topic needs."""
    return {topic: SUB if is_retry_topic(topic) else PUB}


def _send(topic: str | None) -> Needs:
    return {} if topic is None else sending(topic)


def _group(group: str | None) -> Needs:
    return {} if group is None else {retry_topic(group): SUB}


def _topic(topic: str | None) -> Needs:
    return {} if topic is None else {topic: SUB}


def _send_message(request: RemotingCommand) -> Needs:
    return _send(request.ext_fields.get("topic"))


def _send_message_v2(request: RemotingCommand) -> Needs:
    return _send(request.ext_fields.get("b"))


def _send_back(request: RemotingCommand) -> Needs:
    return _group(request.ext_fields.get("group"))


def _pull(request: RemotingCommand) -> Needs:
    fields = request.ext_fields
    return _topic(fields.get("topic")) | _group(fields.get("consumerGroup"))


def _query(request: RemotingCommand) -> Needs:
    return _topic(request.ext_fields.get("topic"))


def _heartbeat(request: RemotingCommand) -> Needs:
    found: Needs = {}
    for consumer in HeartbeatData.decode(request.body_bytes).consumer_data_set:
        found[retry_topic(consumer.group_name)] = SUB
        found.update(dict.fromkeys((data.topic for data in consumer.subscription_data_set), SUB))
    return found


def _unregister(request: RemotingCommand) -> Needs:
    return _group(request.decode_header(UnregisterClientRequestHeader).consumer_group)


def _consumers(request: RemotingCommand) -> Needs:
    return _group(request.decode_header(GetConsumerListByGroupRequestHeader).consumer_group)


def _offset(request: RemotingCommand) -> Needs:
    header = request.decode_header(UpdateConsumerOffsetRequestHeader)
    return _group(header.consumer_group) | _topic(header.topic)


def _reset_offset(request: RemotingCommand) -> Needs:
    """What the group needs to set its own offset."""
    fields = request.ext_fields
    return _group(fields.get("group")) | _topic(fields.get("topic"))


def _clone_offset(request: RemotingCommand) -> Needs:
    fields = request.ext_fields
    return _group(fields.get("destGroup")) | _topic(fields.get("topic"))


def _locks(body_class: type[LockBatchRequestBody | UnlockBatchRequestBody]) -> Callable[[RemotingCommand], Needs]:
    def needed(request: RemotingCommand) -> Needs:
        body = body_class.decode(request.body_bytes)
        return _group(body.consumer_group) | dict.fromkeys((queue.topic for queue in body.mq_set), SUB)

    return needed


def _consume_directly(request: RemotingCommand) -> Needs:
    return _group(request.decode_header(ConsumeMessageDirectlyResultRequestHeader).consumer_group)


#: What requests need that name a message by its place in the commitlog, besides what they need otherwise.
_OF_MESSAGES: Final[dict[int, Callable[[str | None], Needs]]] = {
    RequestCode.VIEW_MESSAGE_BY_ID: _topic,
    RequestCode.CONSUMER_SEND_MSG_BACK: _topic,
    RequestCode.END_TRANSACTION: _send,
    RequestCode.CONSUME_MESSAGE_DIRECTLY: _topic,
}

_NEEDS: Final[dict[int, Callable[[RemotingCommand], Needs]]] = {
    RequestCode.CONSUME_MESSAGE_DIRECTLY: _consume_directly,
    RequestCode.SEND_MESSAGE: _send_message,
    RequestCode.SEND_MESSAGE_V2: _send_message_v2,
    RequestCode.SEND_BATCH_MESSAGE: _send_message_v2,
    RequestCode.SEND_REPLY_MESSAGE: _send_message,
    RequestCode.SEND_REPLY_MESSAGE_V2: _send_message_v2,
    RequestCode.CONSUMER_SEND_MSG_BACK: _send_back,
    RequestCode.PULL_MESSAGE: _pull,
    RequestCode.LITE_PULL_MESSAGE: _pull,
    RequestCode.QUERY_MESSAGE: _query,
    RequestCode.HEART_BEAT: _heartbeat,
    RequestCode.UNREGISTER_CLIENT: _unregister,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: _consumers,
    RequestCode.UPDATE_CONSUMER_OFFSET: _offset,
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: _reset_offset,
    RequestCode.CLONE_GROUP_OFFSET: _clone_offset,
    RequestCode.LOCK_BATCH_MQ: _locks(LockBatchRequestBody),
    RequestCode.UNLOCK_BATCH_MQ: _locks(UnlockBatchRequestBody),
    RequestCode.RECALL_MESSAGE: _send_message,
}
