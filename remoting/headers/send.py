"""Headers. Sending messages: SEND_MESSAGE and its short form, send-back, replies, recall."""

from __future__ import annotations

import msgspec

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import (
    CustomHeader,
    RpcRequestHeader,
    TopicQueueRequestHeader,
    TopicRequestHeader,
    of_request,
)


@of_request(RequestCode.SEND_MESSAGE, RequestCode.SEND_REPLY_MESSAGE)
class SendMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request SEND_MESSAGE (10), SEND_REPLY_MESSAGE (324)."""

    producer_group: str
    topic: str
    default_topic: str
    default_topic_queue_nums: Int
    queue_id: Int
    sys_flag: Int
    born_timestamp: Long
    flag: Int
    properties: str | None = None
    reconsume_times: Int | None = None
    unit_mode: Bool | None = None
    batch: Bool | None = None
    max_reconsume_times: Int | None = None


@of_request(RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2)
class SendMessageRequestHeaderV2(TopicQueueRequestHeader, kw_only=True):
    """Requests SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320), SEND_REPLY_MESSAGE_V2 (325): one-letter wire names."""

    producer_group: str = msgspec.field(name="a")
    topic: str = msgspec.field(name="b")
    default_topic: str = msgspec.field(name="c")
    default_topic_queue_nums: Int = msgspec.field(name="d")
    queue_id: Int = msgspec.field(name="e")
    sys_flag: Int = msgspec.field(name="f")
    born_timestamp: Long = msgspec.field(name="g")
    flag: Int = msgspec.field(name="h")
    properties: str | None = msgspec.field(default=None, name="i")
    reconsume_times: Int | None = msgspec.field(default=None, name="j")
    unit_mode: Bool | None = msgspec.field(default=None, name="k")
    max_reconsume_times: Int | None = msgspec.field(default=None, name="l")
    batch: Bool | None = msgspec.field(default=None, name="m")
    broker_name: str | None = msgspec.field(default=None, name="n")


class SendMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to SendMessage."""

    msg_id: str
    queue_id: Int
    queue_offset: Long
    transaction_id: str | None = None
    batch_uniq_id: str | None = None
    recall_handle: str | None = None


@of_request(RequestCode.CONSUMER_SEND_MSG_BACK)
class ConsumerSendMsgBackRequestHeader(RpcRequestHeader, kw_only=True):
    """Request CONSUMER_SEND_MSG_BACK (36)."""

    offset: Long
    group: str
    delay_level: Int
    origin_msg_id: str | None = None
    origin_topic: str | None = None
    unit_mode: Bool = False
    max_reconsume_times: Int | None = None


@of_request(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT)
class ReplyMessageRequestHeader(TopicQueueRequestHeader, kw_only=True):
    """Request PUSH_REPLY_MESSAGE_TO_CLIENT (326)."""

    producer_group: str
    topic: str
    default_topic: str
    default_topic_queue_nums: Int
    queue_id: Int
    sys_flag: Int
    born_timestamp: Long
    flag: Int
    properties: str | None = None
    reconsume_times: Int | None = None
    unit_mode: Bool = False
    born_host: str
    store_host: str
    store_timestamp: Long


@of_request(RequestCode.RECALL_MESSAGE)
class RecallMessageRequestHeader(TopicRequestHeader, kw_only=True):
    """Request RECALL_MESSAGE (370)."""

    producer_group: str | None = None
    topic: str
    recall_handle: str


class RecallMessageResponseHeader(CustomHeader, kw_only=True):
    """Answer to RecallMessage."""

    msg_id: str
