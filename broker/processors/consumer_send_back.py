"""CONSUMER_SEND_MSG_BACK (36): a consumer gives a message back for another try, or for the dead-letter topic.

The retry is delayed by `broker/schedule/schedule_message_service.py`.
Mirrors org.apache.rocketmq.broker.processor.AbstractSendMessageProcessor.consumerSendMsgBack.
"""

from __future__ import annotations

import logging
from random import randrange
from typing import TYPE_CHECKING

from rocketmq_ops.broker.processors.slices import MAX_QUEUE_NUMS
from rocketmq_ops.broker.send.inner_messages import copy_of, schedule
from rocketmq_ops.broker.send.put_answers import FAQ_HINT
from rocketmq_ops.broker.send.send_checks import DLQ_NUMS_PER_GROUP, VERSION_3_4_9
from rocketmq_ops.broker.state.changes import after_changes
from rocketmq_ops.broker.stats.event_stats import SNDBCK2DLQ_TIMES
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_RETRY_TOPIC,
    MessageExt,
)
from rocketmq_ops.common.message_codec import BadRecordError, decode_message
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.sysflag import TOPIC_UNIT_SUB
from rocketmq_ops.common.topics import dlq_topic, is_topic_too_long, retry_topic
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import ConsumerSendMsgBackRequestHeader
from rocketmq_ops.store.inner_message import PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Delay level of the first retry when the consumer leaves it to the broker.
FIRST_RETRY_LEVEL = 3
#: The kind of what is sent back (StatsType) in keys of statistics.
SENT_TO_DLQ = "SEND_BACK_TO_DLQ"
#: A remark that every send-back of a group may get is logged this often.
LOG_INTERVAL_MS = 60_000


class ConsumerSendBackProcessor:
    """Handles messages that are sent back."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._refusals = LogRate(LOG_INTERVAL_MS)

    def send_back(self, channel: Channel, request: RemotingCommand, header: ConsumerSendMsgBackRequestHeader) -> Answer:
        """Store the message again in the group's retry or dead-letter topic."""
        controller = self._controller
        if controller.is_slave:
            remark = f"no master available along with {controller.config.brokerIP1}"
            return request.reply(ResponseCode.SYSTEM_ERROR, remark)
        group_config = controller.groups.find(header.group)
        if group_config is None:
            remark = f"subscription group not exist, {header.group} {FAQ_HINT}"
            return request.reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
        if not controller.config.brokerPermission & PERM_WRITE:
            remark = f"the broker[{controller.config.brokerIP1}] sending message is forbidden"
            return request.reply(ResponseCode.NO_PERMISSION, remark)
        record = controller.store.message_at(header.offset)
        try:
            message = None if record is None else decode_message(record, decompress_body=False)
        except BadRecordError:
            message = None
        if message is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"look message by offset failed, {header.offset}")
        limit = group_config.retry_max_times
        if request.version >= VERSION_3_4_9 and header.max_reconsume_times is not None:
            limit = header.max_reconsume_times
        is_dead = message.reconsume_times >= limit or header.delay_level < 0
        topic = dlq_topic(header.group) if is_dead else retry_topic(header.group)
        queue_nums = DLQ_NUMS_PER_GROUP if is_dead else group_config.retry_queue_nums
        if queue_nums <= 0:
            return request.reply(ResponseCode.SYSTEM_ERROR, self._no_retry_queue(header.group))
        if is_topic_too_long(topic):
            return request.reply(ResponseCode.SYSTEM_ERROR, PutStatus.MESSAGE_ILLEGAL.name)
        topic_config = controller.topics.create_in_send_message_back(
            topic,
            queue_nums,
            PERM_READ | PERM_WRITE,
            sys_flag=TOPIC_UNIT_SUB if header.unit_mode and not is_dead else 0,
        )
        if not is_dead and not topic_config.perm & PERM_WRITE:
            return request.reply(ResponseCode.NO_PERMISSION, f"the topic[{topic}] sending message is forbidden")
        level = 0 if is_dead else header.delay_level or FIRST_RETRY_LEVEL + message.reconsume_times
        result = self._store(message, topic, randrange(min(queue_nums, MAX_QUEUE_NUMS)), level)
        if result.status is not PutStatus.PUT_OK:
            return request.reply(ResponseCode.SYSTEM_ERROR, result.status.name)
        controller.stats.add_send_back(header.group, message.properties[PROPERTY_RETRY_TOPIC])
        if is_dead:
            key = "@".join(
                (request.ext_fields.get("Owner", "null"), str(header.origin_topic), header.group, SENT_TO_DLQ)
            )
            controller.stats.events.add(SNDBCK2DLQ_TIMES, key)
        if controller.stored_answers.wait:
            return controller.stored_answers.hold(channel, request, request.reply(), result, as_error=True)
        return request.reply()

    def _no_retry_queue(self, group: str) -> str:
        """Why a message is not taken back; logged too, at intervals.

        Apache's broker answers that it has the message, and drops it.
        """
        remark = (
            f"group {group} has retryQueueNums 0, so there is no queue for its retries: the message is not taken back; "
            "set retryQueueNums to 1 or more with updateSubGroup"
        )
        if self._refusals.due(self._controller.clock()):
            log.warning("%s", remark)
        return remark

    def _store(self, message: MessageExt, topic: str, queue_id: int, level: int) -> PutMessageResult:
        controller, properties = self._controller, message.properties
        properties.setdefault(PROPERTY_RETRY_TOPIC, message.topic)
        properties[PROPERTY_DELAY_TIME_LEVEL] = str(level)
        if not properties.get(PROPERTY_ORIGIN_MESSAGE_ID):
            properties[PROPERTY_ORIGIN_MESSAGE_ID] = message.offset_msg_id
        inner = copy_of(message, topic, queue_id, properties)
        inner.reconsume_times = message.reconsume_times + 1
        status = schedule(inner, controller)
        if status is not None:
            return PutMessageResult(status)
        result = controller.store.put_message(inner)
        if result.status is PutStatus.PUT_OK:
            controller.stats.count_put(inner.topic, inner.queue_id, 1, result.wrote_bytes)
        return result


def install(controller: BrokerController) -> None:
    """Register the code of this module."""
    processor = controller.processor_of(ConsumerSendBackProcessor)
    send_back = after_changes(controller, processor.send_back)
    controller.server.serve(ConsumerSendMsgBackRequestHeader, send_back)
