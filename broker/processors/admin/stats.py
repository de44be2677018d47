"""Statistics over the wire: offsets of a topic, progress of groups, counters of the last minute, hour and day.

What is counted lives in `broker/stats/broker_stats.py`, where queues stand in `broker/offset/queue_progress.py`.
Mirrors the statistics part of AdminBrokerProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.offset.queue_progress import (
    message_queue,
    progress,
    subscribed_topics,
    time_span,
    topic_offset,
)
from rocketmq_ops.broker.processors.slices import answer_in_slices, queues_of
from rocketmq_ops.broker.stats.stats_item import Rate
from rocketmq_ops.remoting.bodies import (
    BrokerStatsData,
    BrokerStatsItem,
    ConsumeStats,
    ConsumeStatsList,
    QueryConsumeTimeSpanBody,
    TopicStatsTable,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    GetConsumeStatsInBrokerHeader,
    GetConsumeStatsRequestHeader,
    GetTopicStatsInfoRequestHeader,
    QueryConsumeTimeSpanRequestHeader,
    ViewBrokerStatsDataRequestHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: Most queues of groups that one answer reports, of some hundred bytes each.
MAX_REPORTED_QUEUES = 200_000
_TOO_MANY_QUEUES = "the answer would list more than {} queues; ask for one {} at a time"


class StatsAdminProcessor:
    """Handlers of the statistics codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def topic_stats(self, channel: Channel, request: RemotingCommand, header: GetTopicStatsInfoRequestHeader) -> Answer:
        """202: offsets and last store time of every queue of a topic, and its rate of puts."""
        controller, topic = self._controller, header.topic
        config = controller.topics.get(topic)
        if config is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
        table = TopicStatsTable(offset_table={}, topic_put_tps=controller.stats.topic_put_tps(topic))

        def add(queue_id: int) -> None:
            table.offset_table[message_queue(controller, topic, queue_id)] = topic_offset(controller, topic, queue_id)

        queues = queues_of(controller, topic, max(config.write_queue_nums, config.read_queue_nums))
        return answer_in_slices(channel, request, queues, add, table.encode)

    def consume_stats(self, channel: Channel, request: RemotingCommand, header: GetConsumeStatsRequestHeader) -> Answer:
        """208: the progress of a group on one topic, on those of `topicList`, or on all it has offsets of."""
        controller, group = self._controller, header.consumer_group
        if header.topic_list:
            # A list that was given is taken as it is, without asking what the group subscribes.
            topics = sorted({topic for topic in header.topic_list.split(";") if topic})
        else:
            wanted = {header.topic} if (header.topic or "").strip() else controller.offsets.topics_of_group(group)
            topics = subscribed_topics(controller, group, {topic for topic in wanted if topic})
        stats = ConsumeStats(offset_table={}, consume_tps=0.0)
        queues: list[tuple[str, int]] = []
        for topic in topics:
            config = controller.topics.get(topic)
            if config is not None:
                queues += [(topic, queue_id) for queue_id in queues_of(controller, topic, config.read_queue_nums)]
                stats.consume_tps += controller.stats.group_get_tps(group, topic)

        def add(queue: tuple[str, int]) -> None:
            stats.offset_table[message_queue(controller, *queue)] = progress(controller, group, *queue, pulled=True)

        if len(queues) > MAX_REPORTED_QUEUES:
            return request.reply(ResponseCode.SYSTEM_ERROR, _TOO_MANY_QUEUES.format(len(queues), "topic"))
        return answer_in_slices(channel, request, queues, add, stats.encode)

    def broker_consume_stats(
        self, channel: Channel, request: RemotingCommand, header: GetConsumeStatsInBrokerHeader
    ) -> Answer:
        """317: the progress of every group on every topic of this broker; of ordered topics only, when asked so."""
        controller = self._controller
        per_group: list[dict[str, list[ConsumeStats]]] = []
        body = ConsumeStatsList(
            consume_stats_list=per_group, broker_addr=controller.address, total_diff=0, total_inflight_diff=0
        )
        queues: list[tuple[ConsumeStats, str, str, int]] = []
        group_topics = controller.offsets.group_topics()
        for group in controller.groups.table:
            found: list[ConsumeStats] = []
            for topic in subscribed_topics(controller, group, group_topics.get(group, set())):
                config = controller.topics.get(topic)
                if config is None or (header.is_order and not config.order):
                    continue
                stats = ConsumeStats(offset_table={}, consume_tps=controller.stats.group_get_tps(group, topic))
                found.append(stats)
                ids = queues_of(controller, topic, config.write_queue_nums)
                queues += [(stats, group, topic, queue_id) for queue_id in ids]
                if len(queues) > MAX_REPORTED_QUEUES:
                    return request.reply(ResponseCode.SYSTEM_ERROR, _TOO_MANY_QUEUES.format(len(queues), "group"))
            per_group.append({group: found})

        def add(queue: tuple[ConsumeStats, str, str, int]) -> None:
            stats, group, topic, queue_id = queue
            wrapper = progress(controller, group, topic, queue_id, pulled=False)
            stats.offset_table[message_queue(controller, topic, queue_id)] = wrapper
            body.total_diff += wrapper.broker_offset - wrapper.consumer_offset
            body.total_inflight_diff += wrapper.pull_offset - wrapper.consumer_offset

        return answer_in_slices(channel, request, queues, add, body.encode)

    def consume_time_span(
        self, channel: Channel, request: RemotingCommand, header: QueryConsumeTimeSpanRequestHeader
    ) -> Answer:
        """303: how far a group lies behind on a topic, in time."""
        controller, topic = self._controller, header.topic
        config = controller.topics.get(topic)
        if config is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
        body = QueryConsumeTimeSpanBody(consume_time_span_set=[])

        def add(queue_id: int) -> None:
            body.consume_time_span_set.append(time_span(controller, header.group, topic, queue_id))

        queues = queues_of(controller, topic, config.write_queue_nums)
        return answer_in_slices(channel, request, queues, add, body.encode)

    def view_stats(
        self, _channel: Channel, request: RemotingCommand, header: ViewBrokerStatsDataRequestHeader
    ) -> Answer:
        """315: sum, rate and average of one counter within the last minute, hour and day."""
        rates = self._controller.stats.rates(header.stats_name, header.stats_key)
        if rates is None:
            return request.reply(
                ResponseCode.SYSTEM_ERROR, f"The stats <{header.stats_name}> <{header.stats_key}> not exist"
            )
        minute, hour, day = map(_stats_item, rates)
        data = BrokerStatsData(stats_minute=minute, stats_hour=hour, stats_day=day)
        return request.reply(body=data.encode())


def _stats_item(rate: Rate) -> BrokerStatsItem:
    return BrokerStatsItem(sum=rate.sum, tps=rate.tps, avgpt=rate.avgpt)


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = StatsAdminProcessor(controller)
    serve = controller.server.serve
    serve(GetTopicStatsInfoRequestHeader, admin.topic_stats)
    serve(GetConsumeStatsRequestHeader, admin.consume_stats)
    serve(GetConsumeStatsInBrokerHeader, admin.broker_consume_stats)
    serve(QueryConsumeTimeSpanRequestHeader, admin.consume_time_span)
    serve(ViewBrokerStatsDataRequestHeader, admin.view_stats)
