"""What must hold before a message is stored: who may send what where, and what becomes of too many retries.

Mirrors AbstractSendMessageProcessor.msgCheck and SendMessageProcessor.handleRetryAndDLQ, the remarks included. Of the
topics that the broker alone writes to Apache's lets clients send to that of the timers: from there a message goes into
any topic that it names, those that no client may send to included.
"""

from __future__ import annotations

from random import randrange
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import delay_level
from rocketmq_ops.broker.send.put_answers import FAQ_HINT, put_answer
from rocketmq_ops.broker.send.topic_refusals import describe_topic, topic_remark
from rocketmq_ops.broker.slave.masters_only import REJECTED
from rocketmq_ops.common.message import PROPERTY_DELAY_TIME_LEVEL, PROPERTY_INNER_NUM, PROPERTY_KEYS
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, TOPIC_UNIT, TOPIC_UNIT_SUB
from rocketmq_ops.common.topics import NOT_ALLOWED_SEND_TOPICS, RETRY_GROUP_TOPIC_PREFIX, dlq_topic, is_topic_too_long
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import SendMessageRequestHeader, SendMessageRequestHeaderV2
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

DLQ_NUMS_PER_GROUP = 1
#: Ordinal of V3_4_9 in MQVersion: from it on clients say themselves how often a message may be retried.
VERSION_3_4_9 = 121

SendHeader = SendMessageRequestHeader | SendMessageRequestHeaderV2
#: Response code and remark.
Refusal = tuple[int, str | None]


class SendChecks:
    """The checks of one broker; each returns why not, or None."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def header(self, channel: Channel, header: SendHeader) -> Refusal | None:
        """The refusal of a send that may not be; creates the topic where that is allowed."""
        controller = self._controller
        if controller.is_slave:
            return REJECTED
        overload = controller.fast_failure.too_many_waiting()
        if overload is not None:
            return ResponseCode.SYSTEM_BUSY, overload
        return self.topic(channel, header)

    def topic(self, channel: Channel, header: SendHeader) -> Refusal | None:
        """Why what wants to be stored in a topic may not be, whichever request it came with (preSend and msgCheck); a
        master creates the topic where that is allowed."""
        controller, topic = self._controller, header.topic
        config = controller.config
        if controller.clock() < config.startAcceptSendRequestTimeStamp:
            remark = f"broker unable to service, until {config.startAcceptSendRequestTimeStamp} (ms since 1970)"
            return ResponseCode.SYSTEM_ERROR, remark
        if not config.brokerPermission & PERM_WRITE and controller.topics.is_order_topic(topic):
            return ResponseCode.NO_PERMISSION, f"the broker[{config.brokerIP1}] sending message is forbidden"
        problem = topic_remark(topic)
        if problem is not None:
            return ResponseCode.INVALID_PARAMETER, problem
        if topic in NOT_ALLOWED_SEND_TOPICS or topic == TIMER_TOPIC:
            remark = f"Sending message to topic[{topic}] is forbidden."
            return ResponseCode.NO_PERMISSION, remark
        found = controller.topics.get(topic)
        if found is None and not controller.is_slave:
            found = self._create_topic(channel, header)
        if found is None:
            remark = f"topic[{topic}] not exist, apply first please!{FAQ_HINT}"
            return ResponseCode.TOPIC_NOT_EXIST, remark
        if header.queue_id >= max(found.write_queue_nums, found.read_queue_nums):
            remark = (
                f"request queueId[{header.queue_id}] is illegal, {describe_topic(found)} Producer: {channel.remote}"
            )
            return ResponseCode.INVALID_PARAMETER, remark
        if header.queue_id < 0 and found.write_queue_nums <= 0:
            remark = f"topic[{topic}] has no queue to write to, {describe_topic(found)} Producer: {channel.remote}"
            return ResponseCode.INVALID_PARAMETER, remark
        if (found.attributes or {}).get("queue.type") == "BatchCQ":
            remark = f"topic[{topic}] has queue.type BatchCQ, which this broker does not support; create it as SimpleCQ"
            return ResponseCode.NO_PERMISSION, remark
        return None

    def _create_topic(self, channel: Channel, header: SendHeader) -> TopicConfig | None:
        topics, topic = self._controller.topics, header.topic
        is_retry = topic.startswith(RETRY_GROUP_TOPIC_PREFIX)
        sys_flag = (TOPIC_UNIT_SUB if is_retry else TOPIC_UNIT) if header.unit_mode else 0
        created = topics.create_in_send_message(
            topic, header.default_topic, channel.remote, header.default_topic_queue_nums, sys_flag
        )
        if created is None and is_retry:
            created = topics.create_in_send_message_back(topic, 1, PERM_READ | PERM_WRITE, sys_flag=sys_flag)
        return created

    def message(self, message: InnerMessage, config: TopicConfig) -> Refusal | None:
        """Why a message cannot be stored as what it claims to be."""
        properties = message.properties
        if (config.attributes or {}).get("cleanup.policy") == "COMPACTION" and not properties.get(PROPERTY_KEYS):
            return ResponseCode.MESSAGE_ILLEGAL, "Required message key is missing"
        inner_batch = PROPERTY_INNER_NUM in properties or message.sys_flag & INNER_BATCH_FLAG
        try:
            delay_level(properties)
        except ValueError:
            return put_answer(PutStatus.MESSAGE_ILLEGAL, self._controller.store_config)
        if inner_batch or not message.body:
            return put_answer(PutStatus.MESSAGE_ILLEGAL, self._controller.store_config)
        return None

    def dead_letter(self, request: RemotingCommand, header: SendHeader, message: InnerMessage) -> Refusal | None:
        """Turn a retry that came too often, or an orderly group's, to the dead-letter topic (handleRetryAndDLQ)."""
        if not header.topic.startswith(RETRY_GROUP_TOPIC_PREFIX):
            return None
        controller = self._controller
        group = header.topic[len(RETRY_GROUP_TOPIC_PREFIX) :]
        group_config = controller.groups.find(group)
        if group_config is None:
            remark = f"subscription group not exist, {group} {FAQ_HINT}"
            return ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark
        limit = group_config.retry_max_times
        if request.version >= VERSION_3_4_9 and header.max_reconsume_times is not None:
            limit = header.max_reconsume_times
        if message.reconsume_times > limit or not controller.locks.is_lock_all_expired(group):
            topic = dlq_topic(group)
            if is_topic_too_long(topic):
                return put_answer(PutStatus.MESSAGE_ILLEGAL, controller.store_config)
            controller.topics.create_in_send_message_back(topic, DLQ_NUMS_PER_GROUP, PERM_READ | PERM_WRITE)
            message.topic = topic
            message.queue_id = randrange(DLQ_NUMS_PER_GROUP)
            message.properties[PROPERTY_DELAY_TIME_LEVEL] = "-1"
        return None
