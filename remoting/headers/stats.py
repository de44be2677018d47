"""Headers. Progress and statistics."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool
from rocketmq_ops.remoting.headers.base import CustomHeader, TopicRequestHeader, of_request


@of_request(RequestCode.GET_CONSUME_STATS)
class GetConsumeStatsRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_CONSUME_STATS (208)."""

    consumer_group: str
    topic: str | None = None
    topic_list: str | None = None


@of_request(RequestCode.GET_BROKER_CONSUME_STATS)
class GetConsumeStatsInBrokerHeader(CustomHeader, kw_only=True):
    """Request GET_BROKER_CONSUME_STATS (317)."""

    is_order: Bool = False


@of_request(RequestCode.QUERY_CONSUME_TIME_SPAN)
class QueryConsumeTimeSpanRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_CONSUME_TIME_SPAN (303)."""

    topic: str
    group: str


@of_request(RequestCode.VIEW_BROKER_STATS_DATA)
class ViewBrokerStatsDataRequestHeader(CustomHeader, kw_only=True):
    """Request VIEW_BROKER_STATS_DATA (315)."""

    stats_name: str
    stats_key: str
