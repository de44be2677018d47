"""Offsets over the wire: of queues and by time, of groups, their reset, copy and correction.

Committing and querying a consumer's own offsets is `consumer_manage.py`. Mirrors the offset part of
AdminBrokerProcessor and Broker2Client.resetOffset.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.broker.offset.queue_progress import message_queue
from rocketmq_ops.broker.processors.slices import answer_in_slices, queues_of
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.topics import group_problem
from rocketmq_ops.remoting.bodies import (
    MessageQueueForC,
    QueryCorrectionOffsetBody,
    ResetOffsetBody,
    ResetOffsetBodyForC,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import LanguageCode, RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    CloneGroupOffsetRequestHeader,
    GetEarliestMsgStoretimeRequestHeader,
    GetEarliestMsgStoretimeResponseHeader,
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    GetMinOffsetResponseHeader,
    QueryCorrectionOffsetHeader,
    ResetOffsetRequestHeader,
    SearchOffsetRequestHeader,
    SearchOffsetResponseHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.store.queue.offset_by_time import Boundary

log = logging.getLogger(__name__)

_CPP = ("CPP", int(LanguageCode.CPP))


class OffsetAdminProcessor:
    """Handlers of the offset codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    # -- offsets of queues --------------------------------------------------------------------------------------

    def search_by_timestamp(
        self, _channel: Channel, request: RemotingCommand, header: SearchOffsetRequestHeader
    ) -> Answer:
        """29: the first offset stored at or after a time; with `boundaryType` UPPER the last at or before it."""
        boundary: Boundary = "upper" if (header.boundary_type or "").lower() == "upper" else "lower"
        offset = self._controller.store.offset_by_time(header.topic, header.queue_id, header.timestamp, boundary)
        return request.reply(header=SearchOffsetResponseHeader(offset=offset))

    def max_offset(self, _channel: Channel, request: RemotingCommand, header: GetMaxOffsetRequestHeader) -> Answer:
        """30: the offset that the next message of a queue gets."""
        return request.reply(
            header=GetMaxOffsetResponseHeader(offset=self._controller.store.max_offset(header.topic, header.queue_id))
        )

    def min_offset(self, _channel: Channel, request: RemotingCommand, header: GetMinOffsetRequestHeader) -> Answer:
        """31: the offset of the oldest message of a queue."""
        return request.reply(
            header=GetMinOffsetResponseHeader(offset=self._controller.store.min_offset(header.topic, header.queue_id))
        )

    def earliest_store_time(
        self, _channel: Channel, request: RemotingCommand, header: GetEarliestMsgStoretimeRequestHeader
    ) -> Answer:
        """32: when the oldest message of a queue was stored; -1 for an empty one."""
        timestamp = self._controller.store.earliest_store_time(header.topic, header.queue_id)
        return request.reply(header=GetEarliestMsgStoretimeResponseHeader(timestamp=timestamp))

    # -- offsets of groups --------------------------------------------------------------------------------------

    def all_consumer_offsets(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """43: every committed offset, as in consumerOffset.json."""
        return request.reply(body=self._controller.offsets.encode())

    def all_delay_offsets(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """45: the progress of the delay levels, as in delayOffset.json."""
        return request.reply(body=self._controller.delay.encode())

    def clone_group_offset(
        self, channel: Channel, request: RemotingCommand, header: CloneGroupOffsetRequestHeader
    ) -> Answer:
        """314: give a group the offsets of another, on one topic or on all."""
        controller, group = self._controller, header.src_group
        if (problem := group_problem(header.dest_group)) is not None:
            return request.reply(ResponseCode.INVALID_PARAMETER, problem)
        topic = (header.topic or "").strip()
        for name in sorted({topic} if topic else controller.offsets.topics_of_group(group)):
            if controller.topics.get(name) is None:
                continue
            info = controller.consumers.get(group)
            subscribed = controller.consumers.find_subscription(group, name) is not None
            if not header.offline and info is not None and info.subscriptions and not subscribed:
                continue
            controller.offsets.clone(group, header.dest_group, name)
            log.info("offsets of %s on %s given to %s by %s", group, name, header.dest_group, channel.remote)
        return request.reply()

    def correction_offset(
        self, _channel: Channel, request: RemotingCommand, header: QueryCorrectionOffsetHeader
    ) -> Answer:
        """308: per queue the least offset of all groups but `filterGroups`; LONG_MAX where `compareGroup` is behind it.

        Apache's broker forgets the offsets of the filtered groups at this request; here they are only left out.
        """
        offsets, store, topic = self._controller.offsets, self._controller.store, header.topic
        left_out = set((header.filter_groups or "").split(","))
        least: dict[int, int] = {}
        for group in offsets.groups_of_topic(topic) - left_out:
            for queue_id, offset in (offsets.query_all(group, topic) or {}).items():
                if offset >= store.min_offset(topic, queue_id):
                    least[queue_id] = min(offset, least.get(queue_id, LONG_MAX))
        for queue_id, offset in (offsets.query_all(header.compare_group, topic) or {}).items():
            if least.get(queue_id, LONG_MAX) > offset:
                least[queue_id] = LONG_MAX
        return request.reply(body=QueryCorrectionOffsetBody(correction_offsets=least).encode())

    # -- reset --------------------------------------------------------------------------------------------------

    def reset_offset(self, channel: Channel, request: RemotingCommand, header: ResetOffsetRequestHeader) -> Answer:
        """222: move a group on a topic to a time or an offset.

        With `useServerSideResetOffset` (5.x) this broker does it, online or not; without, the connected consumers
        are asked to, as brokers of 4.x do.
        """
        log.info(
            "reset of %s on %s to time %d, offset %s, queue %d asked for by %s",
            header.group,
            header.topic,
            header.timestamp,
            header.offset,
            header.queue_id,
            channel.remote,
        )
        if self._controller.config.useServerSideResetOffset:
            return self._reset_here(channel, request, header)
        return self._reset_by_clients(request, header)

    def _reset_here(self, channel: Channel, request: RemotingCommand, header: ResetOffsetRequestHeader) -> Answer:
        controller, topic, group = self._controller, header.topic, header.group
        config = controller.topics.get(topic)
        if controller.is_slave:
            return request.reply(ResponseCode.SYSTEM_ERROR, "Can not reset offset in slave broker")
        if config is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} does not exist")
        if not controller.groups.contains(group):
            return request.reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} does not exist")
        targets: dict[int, int] = {}
        queues: Collection[int]
        if header.queue_id >= 0 and header.offset is not None and header.offset != -1:
            low = controller.store.min_offset(topic, header.queue_id)
            high = controller.store.max_offset(topic, header.queue_id)
            if (low >= 0 and header.offset < low) or header.offset > high + 1:
                return request.reply(
                    ResponseCode.SYSTEM_ERROR,
                    f"Target offset {header.offset} not in consume queue range [{low}-{high}]",
                )
            targets[header.queue_id] = header.offset
            queues = ()
        else:
            every = queues_of(controller, topic, config.read_queue_nums)
            queues = [header.queue_id] if header.queue_id >= 0 else every
            if not queues:
                return request.reply(ResponseCode.SYSTEM_ERROR, "No queues to reset.")

        def find(queue_id: int) -> None:
            targets[queue_id] = self._offset_at(topic, queue_id, header.timestamp)

        def reset() -> bytes:
            for queue_id, offset in targets.items():
                controller.offsets.assign_reset(topic, group, queue_id, offset)
            table = {message_queue(controller, topic, queue_id): offset for queue_id, offset in targets.items()}
            return ResetOffsetBody(offset_table=table).encode()

        return answer_in_slices(channel, request, queues, find, reset, in_thread=False)

    def _offset_at(self, topic: str, queue_id: int, timestamp: int) -> int:
        """The offset of a time; a negative one means the end of the queue."""
        store = self._controller.store
        if timestamp < 0:
            end: int = store.max_offset(topic, queue_id)
            return end
        offset: int = store.offset_by_time(topic, queue_id, timestamp)
        return offset

    def _reset_by_clients(self, request: RemotingCommand, header: ResetOffsetRequestHeader) -> RemotingCommand:
        controller, topic, group = self._controller, header.topic, header.group
        config = controller.topics.get(topic)
        if config is None:
            return request.reply(
                ResponseCode.TOPIC_NOT_EXIST,
                f"[reset-offset] reset offset failed, no topic in this broker. topic={topic}",
            )
        table: dict[MessageQueue, int] = {}
        for queue_id in queues_of(controller, topic, config.write_queue_nums):
            consumed = controller.offsets.query(group, topic, queue_id)
            if consumed == -1:
                return request.reply(ResponseCode.SYSTEM_ERROR, f"THe consumer group <{group}> not exist")
            target = max(0, self._offset_at(topic, queue_id, header.timestamp))
            table[message_queue(controller, topic, queue_id)] = target if header.is_force else min(target, consumed)
        info = controller.consumers.get(group)
        if info is None or not info.channels:
            return request.reply(
                ResponseCode.CONSUMER_NOT_ONLINE,
                f"Consumer not online, so can not reset offset, Group: {group} Topic: {topic} "
                f"Timestamp: {header.timestamp}",
            )
        command = self._reset_command(header, table, for_cpp=request.language in _CPP)
        for channel in info.channels:
            channel.send_oneway(msgspec.structs.replace(command))
        return request.reply(body=ResetOffsetBody(offset_table=table).encode())

    @staticmethod
    def _reset_command(
        header: ResetOffsetRequestHeader, table: dict[MessageQueue, int], *, for_cpp: bool
    ) -> RemotingCommand:
        """220 for a client; C++ clients want a list in place of objects as keys."""
        body = ResetOffsetBody(offset_table=table).encode()
        if for_cpp:
            queues = [
                MessageQueueForC(topic=mq.topic, broker_name=mq.broker_name, queue_id=mq.queue_id, offset=offset)
                for mq, offset in table.items()
            ]
            body = ResetOffsetBodyForC(offset_table=queues).encode()
        to_client = ResetOffsetRequestHeader(
            group=header.group, topic=header.topic, timestamp=header.timestamp, is_force=False
        )
        return RemotingCommand.of(to_client, body)


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = OffsetAdminProcessor(controller)
    serve = controller.server.serve
    register = controller.server.register
    serve(SearchOffsetRequestHeader, admin.search_by_timestamp)
    serve(GetMaxOffsetRequestHeader, admin.max_offset)
    serve(GetMinOffsetRequestHeader, admin.min_offset)
    serve(GetEarliestMsgStoretimeRequestHeader, admin.earliest_store_time)
    register(RequestCode.GET_ALL_CONSUMER_OFFSET, None, admin.all_consumer_offsets)
    register(RequestCode.GET_ALL_DELAY_OFFSET, None, admin.all_delay_offsets)
    serve(CloneGroupOffsetRequestHeader, admin.clone_group_offset)
    serve(QueryCorrectionOffsetHeader, admin.correction_offset)
    serve(ResetOffsetRequestHeader, admin.reset_offset, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)
