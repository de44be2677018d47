"""Single messages and queue units over the wire: the consumequeue as it stands, and checking a transaction again.

Reading messages by id, key or offset is `query_message.py`. Mirrors AdminBrokerProcessor.queryConsumeQueue and
resumeCheckHalfMessage.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import copy_of
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import PROPERTY_TRANSACTION_CHECK_TIMES
from rocketmq_ops.common.message_codec import decode_message_id, message_of, read_record
from rocketmq_ops.common.topics import TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC
from rocketmq_ops.remoting.bodies import ConsumeQueueData, QueryConsumeQueueResponseBody
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import QueryConsumeQueueRequestHeader, ResumeCheckHalfMessageRequestHeader
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.layout.consume_queue_ext import is_address

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Where half messages are while they are asked about, and when that was given up. Apache's broker puts back any
#: message, which its end then stores in whatever topic its properties name.
_OPEN_TRANSACTIONS = frozenset({TRANS_HALF_TOPIC, TRANS_CHECK_MAX_TIME_TOPIC})
#: More units than this are never sent in one answer.
MAX_UNITS = 10_000


class MessageAdminProcessor:
    """Handlers of the codes that look at single messages."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def query_consume_queue(
        self, _channel: Channel, request: RemotingCommand, header: QueryConsumeQueueRequestHeader
    ) -> Answer:
        """321: `count` units of a queue from `index` on; with a group also how it subscribes the topic."""
        topic = header.topic or ""
        queue = self._controller.store.consume_queue(topic, header.queue_id)
        if queue is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"{header.queue_id}@{topic} is not exist!")
        body = QueryConsumeQueueResponseBody(
            max_queue_index=queue.max_offset, min_queue_index=queue.min_offset, queue_data=[]
        )
        if header.consumer_group is not None:
            subscription = self._controller.consumers.find_subscription(header.consumer_group, topic)
            body.subscription_data = subscription
            if subscription is None:
                body.filter_data = f"{header.consumer_group}@{topic} is not online!"
            else:
                body.filter_data = self._controller.filters.text_of(topic, header.consumer_group)
        if not queue.min_offset <= header.index < queue.max_offset:
            return request.reply(remark=f"Index {header.index} of {header.queue_id}@{topic} is not exist!")
        end = min(header.index + min(header.count, MAX_UNITS), queue.max_offset)
        for index in range(header.index, end):
            unit = queue.unit(index)
            if unit is None:
                break
            physical_offset, size, tags_code = unit
            data = ConsumeQueueData(physic_offset=physical_offset, physic_size=size, tags_code=tags_code)
            if is_address(tags_code):
                data.msg = f"Cq extend not exist!addr: {tags_code}"
            body.queue_data.append(data)
        return request.reply(body=body.encode())

    def resume_check_half_message(
        self, channel: Channel, request: RemotingCommand, header: ResumeCheckHalfMessageRequestHeader
    ) -> Answer:
        """323: put a half message back, its number of checks at zero, so that its producer is asked again."""
        failed = "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed."
        not_half = f"{failed} {header.msg_id} is not a half message."
        store = self._controller.store
        try:
            _, _, offset = decode_message_id(header.msg_id or "")
            record = store.message_at(offset)
            if record is None:
                return request.reply(ResponseCode.SYSTEM_ERROR, f"{failed} No message has the id {header.msg_id}.")
            view = read_record(record)
            if view is None:
                return request.reply(ResponseCode.SYSTEM_ERROR, not_half)
            message = message_of(record, view, decompress_body=False)
        except RocketMQError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"{failed} {error}")
        if message.topic not in _OPEN_TRANSACTIONS or not store.is_queued(offset, view, message.topic):
            return request.reply(ResponseCode.SYSTEM_ERROR, not_half)
        properties = dict(message.properties)
        properties[PROPERTY_TRANSACTION_CHECK_TIMES] = "0"
        result = store.put_message(copy_of(message, TRANS_HALF_TOPIC, 0, properties))
        if result.status != PutStatus.PUT_OK:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"{failed} {result.status.name}")
        log.info("half message %s put back for another check by %s", header.msg_id, channel.remote)
        return request.reply()


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = MessageAdminProcessor(controller)
    controller.server.serve(QueryConsumeQueueRequestHeader, admin.query_consume_queue)
    controller.server.serve(ResumeCheckHalfMessageRequestHeader, admin.resume_check_half_message)
