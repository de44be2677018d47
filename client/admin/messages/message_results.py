"""What message calls return and take, how a message looks in output, and which messages a tag expression lets pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tags import split_tags
from rocketmq_ops.common.topics import TOOLS_CONSUMER_GROUP

if TYPE_CHECKING:
    from rocketmq_ops.common.message import MessageExt
    from rocketmq_ops.remoting.bodies import QueryConsumeQueueResponseBody

TrackType = Literal[
    "CONSUMED", "CONSUMED_BUT_FILTERED", "NOT_CONSUME_YET", "NOT_ONLINE", "PULL", "CONSUME_BROADCASTING", "UNKNOWN"
]


#: What the index is asked for: a key, a unique key, or a tag (MessageConst.INDEX_*_TYPE).
KeyKind = Literal["K", "U", "T"]


class MessageView(msgspec.Struct, rename="camel"):
    """A message for output. Times in ms. `body` is text when it is valid in the character set asked for (then
    `body_base64` is None), else None with the bytes in `body_base64`; both are None when the body was not asked for.
    `body_error` says why the body could not be decoded: then its bytes are those that are stored."""

    topic: str
    broker_name: str | None
    queue_id: int
    queue_offset: int
    commit_log_offset: int
    store_size: int
    body_crc: int
    sys_flag: int
    flag: int
    born_timestamp: int
    born_host: str
    store_timestamp: int
    store_host: str
    reconsume_times: int
    prepared_transaction_offset: int
    msg_id: str
    offset_msg_id: str
    tags: str | None
    keys: list[str]
    properties: dict[str, str]
    body_length: int
    body: str | None = None
    body_base64: str | None = None
    body_error: str | None = None


class MessageTrack(msgspec.Struct, rename="camel"):
    """Whether a group has consumed a message; UNKNOWN says why in `detail`."""

    consumer_group: str
    track_type: TrackType
    detail: str | None = None


class FoundMessage(msgspec.Struct, rename="camel"):
    """A message and what each group did with it; `tracks` is None when that could not be asked."""

    message: MessageView
    tracks: list[MessageTrack] | None = None


class QueryReport(msgspec.Struct, rename="camel"):
    """Messages that were found, and the brokers that could not be asked."""

    messages: list[FoundMessage]
    failures: list[Failure] = []


class SkippedRange(msgspec.Struct, rename="camel"):
    """Offsets of a queue that could not be read, from `begin_offset` (with) to `end_offset` (without)."""

    begin_offset: int
    end_offset: int
    reason: str


class QueueScan(msgspec.Struct, rename="camel"):
    """What was read of one queue: offsets from `begin_offset` (with) to `end_offset` (without), but for `skipped`."""

    topic: str
    broker_name: str
    queue_id: int
    min_offset: int
    max_offset: int
    begin_offset: int
    end_offset: int
    messages: int = 0
    skipped: list[SkippedRange] = []


class ScanReport(msgspec.Struct, rename="camel"):
    """Messages of several queues. `truncated` means that the limit was reached and more are there."""

    queues: list[QueueScan]
    messages: list[MessageView]
    truncated: bool = False
    failures: list[Failure] = []


class ConsumeQueueUnit(msgspec.Struct, rename="camel"):
    """One unit of a consumequeue. `eval` is whether the group's filter lets it pass."""

    index: int
    physic_offset: int
    physic_size: int
    tags_code: int
    extend_data_json: str | None
    bit_map: str | None
    eval: bool
    msg: str | None


class ConsumeQueueReport(msgspec.Struct, rename="camel"):
    """Units of one queue, and the group's subscription and filter where a group was named."""

    broker_addr: str
    max_index: int
    min_index: int
    units: list[ConsumeQueueUnit]
    subscription: dict[str, Any] | None = None
    filter_data: str | None = None


class Pulls(msgspec.Struct):
    """How many pulls reads may still take, several of them together."""

    left: int


class ScanRequest(msgspec.Struct, kw_only=True):
    """What to read: of one queue (`broker_name` with `queue_id`), of one broker, or of the whole topic; times in ms.

    Offsets are from `begin_offset` (with) to `end_offset` (without). Where `pulls` has none left it stops: then
    `QueueScan.end_offset` says where.
    """

    topic: str
    limit: int
    group: str = TOOLS_CONSUMER_GROUP
    expression: str = "*"
    begin_timestamp: int | None = None
    end_timestamp: int | None = None
    broker_name: str | None = None
    queue_id: int | None = None
    begin_offset: int | None = None
    end_offset: int | None = None
    pulls: Pulls | None = None
    route_topic: str | None = None


def view(message: MessageExt, *, charset: str = "utf-8", with_body: bool = True) -> MessageView:
    """The message for output."""
    body: str | None = None
    encoded: str | None = None
    if with_body:
        try:
            body = message.body.decode(charset) if message.body_error is None else None
        except (UnicodeDecodeError, LookupError):
            body = None
        if body is None:
            import base64

            encoded = base64.b64encode(message.body).decode()
    return MessageView(
        topic=message.topic, broker_name=message.broker_name, queue_id=message.queue_id,
        queue_offset=message.queue_offset, commit_log_offset=message.commit_log_offset, store_size=message.store_size,
        body_crc=message.body_crc, sys_flag=message.sys_flag, flag=message.flag, born_timestamp=message.born_timestamp,
        born_host=format_address(*message.born_host), store_timestamp=message.store_timestamp,
        store_host=format_address(*message.store_host), reconsume_times=message.reconsume_times,
        prepared_transaction_offset=message.prepared_transaction_offset, msg_id=message.msg_id,
        offset_msg_id=message.offset_msg_id, tags=message.tags, keys=message.keys, properties=dict(message.properties),
        body_length=len(message.body), body=body, body_base64=encoded, body_error=message.body_error,
    )  # fmt: skip


def consume_queue_report(address: str, index: int, body: QueryConsumeQueueResponseBody) -> ConsumeQueueReport:
    """The units that a broker reported, numbered from `index`."""
    units = [
        ConsumeQueueUnit(
            index + i, u.physic_offset, u.physic_size, u.tags_code, u.extend_data_json, u.bit_map, u.eval, u.msg
        )
        for i, u in enumerate(body.queue_data or [])
    ]
    subscription = msgspec.to_builtins(body.subscription_data) if body.subscription_data is not None else None
    return ConsumeQueueReport(
        address, body.max_queue_index, body.min_queue_index, units, subscription, body.filter_data
    )


def tag_filter(expression: str) -> Callable[[MessageExt], bool]:
    """Whether a message's tag is among `A || B`; `*` takes all. Brokers compare hashes, so clients compare the text."""
    try:
        tags = split_tags(expression)
    except ValueError:
        tags = []
    if tags is None:
        return lambda message: True
    return lambda message: message.tags in tags


def key_filter(topic: str, key: str, kind: KeyKind, is_lmq: bool) -> Callable[[MessageExt], bool]:
    """Whether a message has exactly this key, unique key or tag; an index finds by hash."""
    if kind == "U":
        return lambda message: message.msg_id == key
    if kind == "T":
        return lambda message: message.tags == key and (is_lmq or message.topic == topic)
    return lambda message: key in message.keys and (is_lmq or message.topic == topic)
