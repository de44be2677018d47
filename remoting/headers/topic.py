"""Headers. Topics on a broker."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.enums import TopicFilterType
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int
from rocketmq_ops.remoting.headers.base import CustomHeader, RpcRequestHeader, TopicRequestHeader, of_request


@of_request(RequestCode.UPDATE_AND_CREATE_TOPIC)
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


@of_request(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST)
class CreateTopicListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UPDATE_AND_CREATE_TOPIC_LIST (18)."""


@of_request(RequestCode.DELETE_TOPIC_IN_BROKER)
class DeleteTopicRequestHeader(TopicRequestHeader, kw_only=True):
    """Request DELETE_TOPIC_IN_BROKER (215)."""

    topic: str


@of_request(RequestCode.GET_TOPIC_CONFIG)
class GetTopicConfigRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_TOPIC_CONFIG (351)."""

    topic: str


@of_request(RequestCode.GET_TOPIC_STATS_INFO)
class GetTopicStatsInfoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_TOPIC_STATS_INFO (202)."""

    topic: str


class GetAllTopicConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetAllTopicConfig."""


@of_request(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO)
class QueryTopicConsumeByWhoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_TOPIC_CONSUME_BY_WHO (300)."""

    topic: str


@of_request(RequestCode.QUERY_TOPICS_BY_CONSUMER)
class QueryTopicsByConsumerRequestHeader(RpcRequestHeader, kw_only=True):
    """Request QUERY_TOPICS_BY_CONSUMER (343)."""

    group: str


@of_request(RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER)
class QuerySubscriptionByConsumerRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_SUBSCRIPTION_BY_CONSUMER (345)."""

    group: str
    topic: str | None = None
