"""Headers. Finding messages by id, key and queue position."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, TopicQueueRequestHeader, TopicRequestHeader, of_request


@of_request(RequestCode.QUERY_MESSAGE)
class QueryMessageRequestHeader(TopicRequestHeader, kw_only=True):
    """Request QUERY_MESSAGE (12)."""

    topic: str
    key: str
    max_num: Int
    begin_timestamp: Long
    end_timestamp: Long
    index_type: str | None = None
    last_key: str | None = None


class QueryMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to QueryMessage."""

    index_last_update_timestamp: Long
    index_last_update_phyoffset: Long


@of_request(RequestCode.VIEW_MESSAGE_BY_ID)
class ViewMessageRequestHeader(CustomHeader, kw_only=True):
    """Request VIEW_MESSAGE_BY_ID (33)."""

    topic: str | None = None
    offset: Long


class ViewMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to ViewMessage."""


@of_request(RequestCode.QUERY_CONSUME_QUEUE)
class QueryConsumeQueueRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request QUERY_CONSUME_QUEUE (321)."""

    topic: str | None = None
    queue_id: Int = 0
    index: Long = 0
    count: Int = 0
    consumer_group: str | None = None
