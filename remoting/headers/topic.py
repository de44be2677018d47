"""Headers. Topics on a broker."""

from __future__ import annotations

from ..bodies.enums import TopicFilterType
from ..command import Bool, Int
from .base import CustomHeader, RpcRequestHeader, TopicRequestHeader


class CreateTopicRequestHeader(TopicRequestHeader, kw_only=True):
    """Request UPDATE_AND_CREATE_TOPIC (17)."""

    topic: str
    default_topic: str
    read_queue_nums: Int
    write_queue_nums: Int
    perm: Int
    topic_filter_type: TopicFilterType
    topic_sys_flag: Int | None = None
    order: Bool = False
    attributes: str | None = None
    force: Bool | None = False


class CreateTopicListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UPDATE_AND_CREATE_TOPIC_LIST (18)."""


class DeleteTopicRequestHeader(TopicRequestHeader, kw_only=True):
    """Request DELETE_TOPIC_IN_BROKER (215)."""

    topic: str


class GetTopicConfigRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_TOPIC_CONFIG (351)."""

    topic: str


class GetTopicStatsInfoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_TOPIC_STATS_INFO (202)."""

    topic: str


class GetAllTopicConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetAllTopicConfig."""


class QueryTopicConsumeByWhoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_TOPIC_CONSUME_BY_WHO (300)."""

    topic: str


class QueryTopicsByConsumerRequestHeader(RpcRequestHeader, kw_only=True):
    """Request QUERY_TOPICS_BY_CONSUMER (343)."""

    group: str


class QuerySubscriptionByConsumerRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_SUBSCRIPTION_BY_CONSUMER (345)."""

    group: str
    topic: str | None = None
