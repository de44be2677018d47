"""Headers. POP consumption: declared for completeness, this broker does not serve it."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, TopicQueueRequestHeader, of_request


@of_request(RequestCode.POP_MESSAGE)
class PopMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request POP_MESSAGE (200050)."""

    consumer_group: str
    topic: str
    queue_id: Int
    max_msg_nums: Int
    invisible_time: Long
    poll_time: Long
    born_time: Long
    init_mode: Int
    exp_type: str | None = None
    exp: str | None = None
    order: Bool | None = None
    attempt_id: str | None = None


class PopMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to PopMessage."""

    pop_time: Long
    invisible_time: Long
    revive_qid: Int
    rest_num: Long
    start_offset_info: str | None = None
    msg_offset_info: str | None = None
    order_count_info: str | None = None


@of_request(RequestCode.ACK_MESSAGE)
class AckMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request ACK_MESSAGE (200051)."""

    consumer_group: str
    topic: str
    queue_id: Int
    extra_info: str
    offset: Long


@of_request(RequestCode.PEEK_MESSAGE)
class PeekMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request PEEK_MESSAGE (200052)."""

    topic: str
    queue_id: Int
    max_msg_nums: Int
    consumer_group: str


@of_request(RequestCode.CHANGE_MESSAGE_INVISIBLETIME)
class ChangeInvisibleTimeRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request CHANGE_MESSAGE_INVISIBLETIME (200053)."""

    consumer_group: str
    topic: str
    queue_id: Int
    extra_info: str
    offset: Long
    invisible_time: Long


class ChangeInvisibleTimeResponseHeader(CustomHeader, kw_only=True):
    """Answer to ChangeInvisibleTime."""

    pop_time: Long
    invisible_time: Long
    revive_qid: Int


@of_request(RequestCode.NOTIFICATION)
class NotificationRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request NOTIFICATION (200054)."""

    consumer_group: str
    topic: str
    queue_id: Int
    poll_time: Long
    born_time: Long
    order: Bool | None = None
    attempt_id: str | None = None


class NotificationResponseHeader(CustomHeader, kw_only=True):
    """Answer to Notification."""

    has_msg: Bool
    polling_full: Bool = False


@of_request(RequestCode.POLLING_INFO)
class PollingInfoRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request POLLING_INFO (200055)."""

    consumer_group: str
    topic: str
    queue_id: Int


class PollingInfoResponseHeader(CustomHeader, kw_only=True):
    """Answer to PollingInfo."""

    polling_num: Int


class StatisticsMessagesRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """No request code of its own."""

    consumer_group: str
    topic: str
    queue_id: Int
    from_time: Long = 0
    to_time: Long = 0
