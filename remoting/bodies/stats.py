"""Bodies. Progress and statistics."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class OffsetWrapper(RemotingSerializable, kw_only=True):
    """One queue's progress in messages; `last_timestamp` in ms, of the last consumed message."""

    broker_offset: int = 0
    consumer_offset: int = 0
    last_timestamp: int = 0
    pull_offset: int = 0


class ConsumeStats(RemotingSerializable, kw_only=True):
    """A group's progress: answer to GET_CONSUME_STATS."""

    consume_tps: float = 0.0
    offset_table: dict[MessageQueue, OffsetWrapper] = {}


class ConsumeStatsList(RemotingSerializable, kw_only=True):
    """All groups' progress: answer to GET_BROKER_CONSUME_STATS."""

    broker_addr: str | None = None
    consume_stats_list: list[dict[str, list[ConsumeStats]]] = []
    total_diff: int = 0
    total_inflight_diff: int = 0


class RollbackStats(RemotingSerializable, kw_only=True):
    """What a reset of one queue's offset did."""

    broker_name: str = ""
    broker_offset: int = 0
    consumer_offset: int = 0
    queue_id: int = 0
    rollback_offset: int = 0
    timestamp_offset: int = 0


class BrokerStatsItem(RemotingSerializable, kw_only=True):
    """Sum, per second and average per time of one period."""

    avgpt: float = 0.0
    sum: int = 0
    tps: float = 0.0


class BrokerStatsData(RemotingSerializable, kw_only=True):
    """Answer to VIEW_BROKER_STATS_DATA."""

    stats_day: BrokerStatsItem = msgspec.field(default_factory=BrokerStatsItem)
    stats_hour: BrokerStatsItem = msgspec.field(default_factory=BrokerStatsItem)
    stats_minute: BrokerStatsItem = msgspec.field(default_factory=BrokerStatsItem)


class QueueTimeSpan(RemotingSerializable, kw_only=True):
    """Store times in ms of a queue; `delay_time` in ms."""

    consume_time_stamp: int = 0
    delay_time: int = 0
    max_time_stamp: int = 0
    message_queue: MessageQueue
    min_time_stamp: int = 0


class QueryConsumeTimeSpanBody(RemotingSerializable, kw_only=True):
    """Answer to QUERY_CONSUME_TIME_SPAN."""

    consume_time_span_set: list[QueueTimeSpan] = []
