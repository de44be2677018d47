"""Headers. Offsets: of queues, by time, and of consumer groups."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import (
    CustomHeader,
    RpcRequestHeader,
    TopicQueueRequestHeader,
    TopicRequestHeader,
    of_request,
)


@of_request(RequestCode.GET_MAX_OFFSET)
class GetMaxOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request GET_MAX_OFFSET (30)."""

    topic: str
    queue_id: Int
    committed: Bool = True


class GetMaxOffsetResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetMaxOffset."""

    offset: Long


@of_request(RequestCode.GET_MIN_OFFSET)
class GetMinOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request GET_MIN_OFFSET (31)."""

    topic: str
    queue_id: Int


class GetMinOffsetResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetMinOffset."""

    offset: Long


@of_request(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP)
class SearchOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request SEARCH_OFFSET_BY_TIMESTAMP (29)."""

    topic: str
    queue_id: Int
    timestamp: Long
    boundary_type: str | None = None


class SearchOffsetResponseHeader(CustomHeader, kw_only=True):
    """Answer to SearchOffset."""

    offset: Long


@of_request(RequestCode.GET_EARLIEST_MSG_STORETIME)
class GetEarliestMsgStoretimeRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request GET_EARLIEST_MSG_STORETIME (32)."""

    topic: str
    queue_id: Int


class GetEarliestMsgStoretimeResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetEarliestMsgStoretime."""

    timestamp: Long


@of_request(RequestCode.QUERY_CONSUMER_OFFSET)
class QueryConsumerOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request QUERY_CONSUMER_OFFSET (14)."""

    consumer_group: str
    topic: str
    queue_id: Int
    set_zero_if_not_found: Bool | None = None


class QueryConsumerOffsetResponseHeader(CustomHeader, kw_only=True):
    """Answer to QueryConsumerOffset."""

    offset: Long


@of_request(RequestCode.UPDATE_CONSUMER_OFFSET)
class UpdateConsumerOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request UPDATE_CONSUMER_OFFSET (15)."""

    consumer_group: str
    topic: str
    queue_id: Int
    commit_offset: Long


class UpdateConsumerOffsetResponseHeader(CustomHeader, kw_only=True):
    """Answer to UpdateConsumerOffset."""


@of_request(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)
class ResetOffsetRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request RESET_CONSUMER_CLIENT_OFFSET (220), INVOKE_BROKER_TO_RESET_OFFSET (222)."""

    group: str
    topic: str
    queue_id: Int = -1
    offset: Long | None = None
    timestamp: Long
    is_force: Bool = False


class InitConsumerOffsetRequestHeader(TopicRequestHeader, kw_only=True):
    """No request code of its own."""

    topic: str | None = None
    init_mode: Int = 0


@of_request(RequestCode.CLONE_GROUP_OFFSET)
class CloneGroupOffsetRequestHeader(RpcRequestHeader, kw_only=True):
    """Request CLONE_GROUP_OFFSET (314)."""

    src_group: str
    dest_group: str
    topic: str | None = None
    offline: Bool = False


@of_request(RequestCode.QUERY_CORRECTION_OFFSET)
class QueryCorrectionOffsetHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_CORRECTION_OFFSET (308)."""

    filter_groups: str | None = None
    compare_group: str
    topic: str
