"""Headers. Pulling messages."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, TopicQueueRequestHeader, of_request


@of_request(RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE)
class PullMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request PULL_MESSAGE (11), LITE_PULL_MESSAGE (361)."""

    consumer_group: str
    topic: str
    queue_id: Int
    queue_offset: Long
    max_msg_nums: Int
    sys_flag: Int
    commit_offset: Long
    suspend_timeout_millis: Long
    subscription: str | None = None
    sub_version: Long
    expression_type: str | None = None
    max_msg_bytes: Int | None = None
    request_source: Int | None = None
    proxy_froward_client_id: str | None = None


class PullMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to PullMessage."""

    suggest_which_broker_id: Long
    next_begin_offset: Long
    min_offset: Long
    max_offset: Long
    offset_delta: Long | None = None
    topic_sys_flag: Int | None = None
    group_sys_flag: Int | None = None
    forbidden_type: Int | None = None
