"""Replies of the request-reply mode: SEND_REPLY_MESSAGE (324, 325), pushed to the client that asked, and stored.

The producer that sent the request is found by the client id in the reply's REPLY_TO_CLIENT property; the answer waits
for its acknowledgement. What may be stored where is checked as of sends. Mirrors
org.apache.rocketmq.broker.processor.ReplyMessageProcessor.
"""

from __future__ import annotations

import logging
from random import randrange
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import encode_properties, schedule
from rocketmq_ops.broker.send.put_answers import STORED
from rocketmq_ops.broker.send.send_checks import SendChecks, SendHeader
from rocketmq_ops.common.message import (
    PROPERTY_MESSAGE_REPLY_TO_CLIENT,
    PROPERTY_MSG_REGION,
    PROPERTY_PUSH_REPLY_TIME,
    PROPERTY_TRACE_SWITCH,
    properties_to_string,
    string_to_properties,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers import (
    ReplyMessageRequestHeader,
    SendMessageRequestHeader,
    SendMessageRequestHeaderV2,
    SendMessageResponseHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later
from rocketmq_ops.store.inner_message import InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

PUSH_TIMEOUT_MS = 10_000


class ReplyMessageProcessor:
    """Handler of the reply codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._checks = SendChecks(controller)

    def reply(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        """One reply; answered when its receiver has it."""
        refusal = self._checks.topic(channel, header)
        if refusal is not None:
            return self._answer(request, *refusal)
        topic = self._controller.topics.table[header.topic]
        queue_id = header.queue_id if header.queue_id >= 0 else randrange(topic.write_queue_nums)
        properties = string_to_properties(header.properties or "")
        client_id = properties.get(PROPERTY_MESSAGE_REPLY_TO_CLIENT)

        async def push_and_store() -> RemotingCommand:
            if client_id is None:
                problem: str | None = f"reply message properties[{PROPERTY_MESSAGE_REPLY_TO_CLIENT}] is null"
            else:
                problem = await self._push(channel, request, header, properties, client_id)
            stored = self._store(channel, request, header, properties, queue_id)
            if problem is not None:
                log.warning("reply to %s: %s", client_id, problem)
                return self._answer(request, ResponseCode.SYSTEM_ERROR, problem)
            return self._answer(request, ResponseCode.SUCCESS, None, stored)

        return answer_later(channel, request, push_and_store())

    async def _push(
        self,
        channel: Channel,
        request: RemotingCommand,
        header: SendHeader,
        properties: dict[str, str],
        client_id: str,
    ) -> str | None:
        """Hand the reply to the client; why it did not get it, or None."""
        receiver = self._controller.producers.find_channel(client_id)
        if receiver is None:
            return f"push reply message fail, channel of <{client_id}> not found."
        now = self._controller.clock()
        properties[PROPERTY_PUSH_REPLY_TIME] = str(now)
        push = ReplyMessageRequestHeader(
            producer_group=header.producer_group,
            topic=header.topic,
            default_topic=header.default_topic,
            default_topic_queue_nums=header.default_topic_queue_nums,
            queue_id=header.queue_id,
            sys_flag=header.sys_flag,
            born_timestamp=header.born_timestamp,
            flag=header.flag,
            properties=properties_to_string(properties),
            reconsume_times=header.reconsume_times,
            unit_mode=bool(header.unit_mode),
            born_host=channel.remote,
            store_host=self._controller.address,
            store_timestamp=now,
        )
        command = RemotingCommand.of(push, request.body_bytes)
        try:
            answer = await receiver.invoke(command, PUSH_TIMEOUT_MS)
        except RemotingError as error:
            return f"push reply message to {client_id} fail: {error}"
        if answer.code != ResponseCode.SUCCESS:
            return f"push reply message to {client_id} fail: {answer.remark}"
        return None

    def _store(
        self,
        channel: Channel,
        request: RemotingCommand,
        header: SendHeader,
        properties: dict[str, str],
        queue_id: int,
    ) -> SendMessageResponseHeader:
        """Store the reply unless `storeReplyMessageEnable` is off; where it lies, zeros when it is not stored."""
        nowhere = SendMessageResponseHeader(msg_id="0", queue_id=queue_id, queue_offset=0)
        if not self._controller.config.storeReplyMessageEnable:
            return nowhere
        message = InnerMessage(
            topic=header.topic,
            queue_id=queue_id,
            body=request.body_bytes,
            properties=properties,
            properties_bytes=encode_properties(properties),
            born_host=channel.remote_host_bytes,
            born_timestamp=header.born_timestamp,
            flag=header.flag,
            reconsume_times=header.reconsume_times or 0,
        )
        # While the reply was pushed the topic may have been deleted.
        topic = self._controller.topics.get(header.topic)
        if topic is None or self._checks.message(message, topic) is not None:
            log.warning("a reply on %s was not stored: the topic or the message does not allow it", header.topic)
            return nowhere
        refused = schedule(message, self._controller)
        if refused is not None:
            log.warning("a reply on %s was not stored: %s", header.topic, refused.name)
            return nowhere
        result = self._controller.store.put_message(message)
        if result.status not in STORED:
            log.warning("a reply on %s was not stored: %s", header.topic, result.status.name)
            return nowhere
        self._controller.stats.topic_counters(message.topic).add(1, result.wrote_bytes)
        if (meters := self._controller.meters) is not None:
            meters.count_message(header.topic, properties, 1, result.wrote_bytes)
        return SendMessageResponseHeader(
            msg_id=result.offset_msg_id, queue_id=queue_id, queue_offset=result.queue_offset
        )

    def _answer(
        self, request: RemotingCommand, code: int, remark: str | None, header: SendMessageResponseHeader | None = None
    ) -> RemotingCommand:
        config = self._controller.config
        fields = {
            PROPERTY_MSG_REGION: config.regionId,
            PROPERTY_TRACE_SWITCH: "true" if config.traceOn else "false",
        }
        return request.reply(code, remark, header=header, ext_fields=fields)


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    processor = controller.processor_of(ReplyMessageProcessor)
    serve = controller.server.serve
    serve(SendMessageRequestHeader, processor.reply, RequestCode.SEND_REPLY_MESSAGE)
    serve(SendMessageRequestHeaderV2, processor.reply, RequestCode.SEND_REPLY_MESSAGE_V2)
