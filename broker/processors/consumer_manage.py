"""Consumer offsets and members: QUERY_CONSUMER_OFFSET (14), UPDATE_CONSUMER_OFFSET (15), consumer list (38).

The tables are `offset/consumer_offset_manager.py` and `client/consumer_manager.py`.
Mirrors org.apache.rocketmq.broker.processor.ConsumerManageProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.slave.master_api import FORWARD_ONLY, FURTHER_REMARK, RESET_REMARK
from rocketmq_ops.remoting.bodies import GetConsumerListByGroupResponseBody
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    GetConsumerListByGroupRequestHeader,
    GetConsumerListByGroupResponseHeader,
    QueryConsumerOffsetRequestHeader,
    QueryConsumerOffsetResponseHeader,
    UpdateConsumerOffsetRequestHeader,
    UpdateConsumerOffsetResponseHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class ConsumerManageProcessor:
    """Handles what consumers ask about their group."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def list_consumers(
        self, channel: Channel, request: RemotingCommand, header: GetConsumerListByGroupRequestHeader
    ) -> Answer:
        """The client ids of a group, by which its members divide the queues."""
        info = self._controller.consumers.get(header.consumer_group)
        if info is None or not info.channels:
            remark = f"no consumer for this group, {header.consumer_group}"
            return request.reply(ResponseCode.SYSTEM_ERROR, remark, GetConsumerListByGroupResponseHeader())
        body = GetConsumerListByGroupResponseBody(consumer_id_list=info.client_ids).encode()
        return request.reply(header=GetConsumerListByGroupResponseHeader(), body=body)

    def update_offset(
        self, channel: Channel, request: RemotingCommand, header: UpdateConsumerOffsetRequestHeader
    ) -> Answer:
        """Commit an offset; refused quietly while a reset of it waits for the consumer."""
        controller = self._controller
        group, topic, queue_id = header.consumer_group, header.topic, header.queue_id
        answer = UpdateConsumerOffsetResponseHeader()
        if not controller.groups.contains(group):
            remark = f"Group {group} not exist!"
            return request.reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark, answer)
        if topic not in controller.topics.table:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} not exist!", answer)
        if controller.config.useServerSideResetOffset and controller.offsets.has_reset(topic, group, queue_id):
            return request.reply(0, RESET_REMARK, answer)
        offsets = controller.offsets
        if FORWARD_ONLY in request.ext_fields and offsets.query(group, topic, queue_id) > header.commit_offset:
            return request.reply(0, FURTHER_REMARK, answer)
        offsets.commit(group, topic, queue_id, header.commit_offset)
        return request.reply(header=answer)

    def query_offset(
        self, channel: Channel, request: RemotingCommand, header: QueryConsumerOffsetRequestHeader
    ) -> Answer:
        """The committed offset; for a new group 0 when the whole queue is at hand, else QUERY_NOT_FOUND."""
        topic, queue_id = header.topic, header.queue_id
        offset = self._controller.offsets.query(header.consumer_group, topic, queue_id)
        if offset >= 0:
            return request.reply(header=QueryConsumerOffsetResponseHeader(offset=offset))
        if header.set_zero_if_not_found is not None and not header.set_zero_if_not_found:
            remark = "Not found, do not set to zero, maybe this group boot first"
            return request.reply(ResponseCode.QUERY_NOT_FOUND, remark)
        if self._controller.store.min_offset(topic, queue_id) <= 0 and self._first_is_in_memory(topic, queue_id):
            return request.reply(header=QueryConsumerOffsetResponseHeader(offset=0))
        remark = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"
        return request.reply(ResponseCode.QUERY_NOT_FOUND, remark)

    def _first_is_in_memory(self, topic: str, queue_id: int) -> bool:
        """True when the queue's first message exists and is likely in memory (checkInMemByConsumeOffset)."""
        store = self._controller.store
        queue = store.consume_queue(topic, queue_id)
        unit = None if queue is None else queue.unit(0)
        if unit is None:
            return False
        return bool(store.max_phy_offset - unit[0] <= store.reader.bytes_in_memory())


def install(controller: BrokerController) -> None:
    """Register the codes of this module."""
    processor = ConsumerManageProcessor(controller)
    serve = controller.server.serve
    serve(GetConsumerListByGroupRequestHeader, processor.list_consumers)
    serve(UpdateConsumerOffsetRequestHeader, processor.update_offset)
    serve(QueryConsumerOffsetRequestHeader, processor.query_offset)
