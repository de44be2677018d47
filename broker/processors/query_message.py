"""Looking messages up: QUERY_MESSAGE (12) by key or unique key, VIEW_MESSAGE_BY_ID (33) by commitlog offset.

The lookup is the store's; records leave as views of the mapped files.
Mirrors org.apache.rocketmq.broker.processor.QueryMessageProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.processors.slices import rest_of
from rocketmq_ops.common.message_codec import BadRecordError, read_record, record_topic
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    QueryMessageRequestHeader,
    QueryMessageResponseHeader,
    ViewMessageRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later
from rocketmq_ops.remoting.signature import UNIQUE_KEY_QUERY
from rocketmq_ops.store.get_result import QueryMessageResult

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class QueryMessageProcessor:
    """Handles lookups."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def query(self, channel: Channel, request: RemotingCommand, header: QueryMessageRequestHeader) -> Answer:
        """The records of a topic with a key, stored between two times (ms); a long chain is followed in slices."""
        controller = self._controller
        max_num = header.max_num
        unique = request.ext_fields.get(UNIQUE_KEY_QUERY) == "true"
        if unique:  # matches are few: the broker's own limit counts
            max_num = controller.store_config.defaultQueryMaxNum
        steps = controller.store.query_steps(
            header.topic, header.key, max_num, header.begin_timestamp, header.end_timestamp
        )
        try:
            next(steps)
        except StopIteration as end:
            return self._answer(request, header.topic, end.value)

        async def follow() -> RemotingCommand:
            return self._answer(request, header.topic, await rest_of(steps))

        return answer_later(channel, request, follow())

    @staticmethod
    def _answer(request: RemotingCommand, topic: str, result: QueryMessageResult) -> RemotingCommand:
        """The index knows 32 bits of topic and key, so that a key can be chosen by which it finds another topic's."""
        views = [view for view in result.views if _is_of(view, topic)]
        answer = QueryMessageResponseHeader(
            index_last_update_timestamp=result.index_last_update_timestamp,
            index_last_update_phyoffset=result.index_last_update_phyoffset,
        )
        if not views:
            remark = "can not find message, maybe time range not correct"
            return request.reply(ResponseCode.QUERY_NOT_FOUND, remark, answer)
        return request.reply(header=answer, body=list(views))

    def view(self, channel: Channel, request: RemotingCommand, header: ViewMessageRequestHeader) -> Answer:
        """The record at a commitlog offset (bytes)."""
        record = self._controller.store.message_at(header.offset)
        if record is None:
            remark = f"can not find message by the offset, {header.offset}"
            return request.reply(ResponseCode.SYSTEM_ERROR, remark)
        return request.reply(body=[record])


def _is_of(view: memoryview, topic: str) -> bool:
    try:
        record = read_record(view, check_crc=False)
        return record is not None and record_topic(view, record) == topic
    except BadRecordError:
        return False


def install(controller: BrokerController) -> None:
    """Register the codes of this module."""
    processor = QueryMessageProcessor(controller)
    controller.server.serve(QueryMessageRequestHeader, processor.query)
    controller.server.serve(ViewMessageRequestHeader, processor.view)
