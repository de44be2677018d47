"""RECALL_MESSAGE (370): a message that waits for its time is not delivered.

What lives here: the checks, and the message that recalls the other one. What does not: how one takes away the other
(`broker/timer/timer_message_service.py`). Mirrors org.apache.rocketmq.broker.processor.RecallMessageProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import encode_properties, schedule
from rocketmq_ops.broker.send.put_answers import STORED
from rocketmq_ops.broker.send.stored_answers import StoredAnswers
from rocketmq_ops.broker.timer.timer_delivery import delete_key
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.javatypes import parse_long
from rocketmq_ops.common.message import (
    PROPERTY_BORN_TIMESTAMP,
    PROPERTY_MSG_REGION,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_TAGS,
    PROPERTY_TIMER_DEL_UNIQKEY,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_UNIQ_KEY,
)
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import RecallMessageRequestHeader, RecallMessageResponseHeader
from rocketmq_ops.store.inner_message import InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

_RECALL_TAG = "_RECALL_TAG_"
_UNAVAILABLE = "recall failed, broker service not available"


class RecallMessageProcessor:
    """Takes recalls."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._stored = StoredAnswers(controller)
        controller.on_configuration_changed(self._stored.configuration_changed)

    def recall(self, channel: Channel, request: RemotingCommand, header: RecallMessageRequestHeader) -> Answer:
        """Store the message that takes away the one of the handle."""
        controller = self._controller
        region = {PROPERTY_MSG_REGION: controller.config.regionId}
        refused = self._refused(header)
        if refused is not None:
            return request.reply(*refused, ext_fields=region)
        try:
            handle = RecallHandle.decode(header.recall_handle)
        except CorruptDataError:
            return request.reply(ResponseCode.ILLEGAL_OPERATION, "recall handle is invalid", ext_fields=region)
        wrong = self._mismatch(header, handle)
        if wrong is not None:
            return request.reply(ResponseCode.ILLEGAL_OPERATION, wrong, ext_fields=region)
        message = self._message(channel, header, handle)
        status = schedule(message, controller)
        result = controller.store.put_message(message) if status is None else None
        if result is None or result.status not in STORED:
            return request.reply(ResponseCode.SYSTEM_ERROR, "recall failed, execute error", ext_fields=region)
        controller.stats.topic_counters(message.topic).add(1, result.wrote_bytes)
        answer = request.reply(header=RecallMessageResponseHeader(msg_id=handle.message_id), ext_fields=region)
        return self._stored.hold(channel, request, answer, result) if self._stored.wait else answer

    def _refused(self, header: RecallMessageRequestHeader) -> tuple[int, str] | None:
        controller, config = self._controller, self._controller.config
        if not config.recallMessageEnable:
            return ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden"
        if controller.store_config.brokerRole == "SLAVE":
            return ResponseCode.SLAVE_NOT_AVAILABLE, _UNAVAILABLE
        if controller.clock() < config.startAcceptSendRequestTimeStamp:
            return ResponseCode.SERVICE_NOT_AVAILABLE, _UNAVAILABLE
        if not config.brokerPermission & PERM_WRITE and not config.allowRecallWhenBrokerNotWriteable:
            return ResponseCode.SERVICE_NOT_AVAILABLE, _UNAVAILABLE
        if controller.topics.get(header.topic) is None:
            return ResponseCode.TOPIC_NOT_EXIST, f"recall failed, the topic[{header.topic}] not exist"
        return None

    def _mismatch(self, header: RecallMessageRequestHeader, handle: RecallHandle) -> str | None:
        controller = self._controller
        if header.topic != handle.topic:
            return "recall failed, topic not match"
        if handle.broker_name != controller.config.brokerName:
            return _UNAVAILABLE
        try:
            left = parse_long(handle.timestamp) - controller.clock()
        except ValueError:
            left = 0
        if not 0 < left < controller.store_config.timerMaxDelaySec * 1000:
            return "recall failed, timestamp invalid"
        return None

    def _message(self, channel: Channel, header: RecallMessageRequestHeader, handle: RecallHandle) -> InnerMessage:
        now = self._controller.clock()
        properties = {
            PROPERTY_TAGS: _RECALL_TAG,
            PROPERTY_TIMER_DEL_UNIQKEY: delete_key(handle.topic, handle.message_id),
            PROPERTY_UNIQ_KEY: handle.message_id,
            PROPERTY_TIMER_DELIVER_MS: handle.timestamp,
            PROPERTY_BORN_TIMESTAMP: str(now),
        }
        if header.producer_group:
            properties[PROPERTY_PRODUCER_GROUP] = header.producer_group
        return InnerMessage(
            topic=handle.topic,
            queue_id=0,
            body=b"0",
            properties=properties,
            properties_bytes=encode_properties(properties),
            born_host=channel.remote_host_bytes,
            born_timestamp=now,
        )


def install(controller: BrokerController) -> None:
    """Register the code of this module."""
    processor = RecallMessageProcessor(controller)
    controller.server.serve(RecallMessageRequestHeader, processor.recall)
