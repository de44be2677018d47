"""Headers. Progress and statistics."""

from __future__ import annotations

from ..command import Bool
from .base import CustomHeader, TopicRequestHeader


class GetConsumeStatsRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_CONSUME_STATS (208)."""

    consumer_group: str
    topic: str | None = None
    topic_list: str | None = None


class GetConsumeStatsInBrokerHeader(CustomHeader, kw_only=True):
    """Request GET_BROKER_CONSUME_STATS (317)."""

    is_order: Bool = False


class QueryConsumeTimeSpanRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_CONSUME_TIME_SPAN (303)."""

    topic: str
    group: str


class ViewBrokerStatsDataRequestHeader(CustomHeader, kw_only=True):
    """Request VIEW_BROKER_STATS_DATA (315)."""

    stats_name: str
    stats_key: str
