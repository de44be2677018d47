"""From a message to a send request: checks, unique ids, compression, batches. Mirrors sendKernelImpl and Validators."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Final

import msgspec

from rocketmq_ops.client.api.send import Outgoing
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.namespace import Namespace
from rocketmq_ops.client.producer.requests import REPLY_TYPE
from rocketmq_ops.common.compression import compress
from rocketmq_ops.common.message import (
    PROPERTIES_MAX_LENGTH,
    PROPERTY_INSTANCE_ID,
    PROPERTY_MAX_RECONSUME_TIMES,
    PROPERTY_MESSAGE_TYPE,
    PROPERTY_RECONSUME_TIME,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
    PROPERTY_WAIT_STORE_MSG_OK,
    Message,
    properties_to_string,
)
from rocketmq_ops.common.message_codec import encode_batch
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, COMPRESSION_ZLIB_TYPE, TRANSACTION_PREPARED_TYPE
from rocketmq_ops.common.topics import (
    AUTO_CREATE_TOPIC,
    NOT_ALLOWED_SEND_TOPICS,
    TRACE_TOPIC,
    is_retry_topic,
    topic_problem,
)
from rocketmq_ops.remoting.codes import RequestCode


class SendSettings(msgspec.Struct, kw_only=True):
    """How a producer sends; Apache's defaults. Sizes in bytes, times in ms."""

    send_timeout_ms: int = 3_000
    retry_times: int = 2
    retry_another_broker_when_not_store_ok: bool = False
    compress_over: int = 4096
    compress_level: int = 5
    compress_type: int = COMPRESSION_ZLIB_TYPE
    max_message_size: int = 4 * 1024 * 1024
    default_topic_queue_nums: int = 4
    create_topic_key: str = AUTO_CREATE_TOPIC
    max_in_flight: int = 1024
    #: Message traces: what was sent is written to `trace_topic`, which has to exist.
    trace: bool = False
    trace_topic: str = TRACE_TOPIC


def check_message(message: Message, settings: SendSettings) -> None:
    """Raises ClientError for a message that every broker would refuse."""
    problem = topic_problem(message.topic)
    if problem is None and message.topic in NOT_ALLOWED_SEND_TOPICS:
        problem = "the broker keeps this topic for itself"
    if problem:
        raise ClientError(f"topic '{message.topic}': {problem}", "choose another topic name")
    if not message.body:
        raise ClientError("the message has an empty body", "give it at least one byte")
    if len(message.body) > settings.max_message_size:
        raise ClientError(
            f"the body has {len(message.body)} bytes, over the limit of {settings.max_message_size}",
            "send less, or raise max_message_size here and maxMessageSize on the broker",
        )


_WHOLE: Final = (int, Integral)  # `int` first: it is asked in an eighth of the time
#: Of the fields of a message, and what to give where one has another.
_TYPES: Final[tuple[tuple[str, Any, str], ...]] = (
    ("body", (bytes, bytearray, memoryview), "give bytes"),
    ("topic", str, "give text"),
    ("tags", (str, type(None)), "give text"),
    ("keys", (str, type(None)), "give text, keys separated by blanks"),
    ("flag", _WHOLE, "give a whole number"),
    ("delay_time_level", _WHOLE, "give a whole number"),
    ("delay_time_ms", _WHOLE, "give a whole number"),
    ("deliver_time_ms", _WHOLE, "give a whole number"),
    ("properties", dict, "give a dict of text"),
)


def check_types(message: Message) -> None:
    """Raises ClientError for what cannot be written to a connection or a spool: Python lets a Message hold anything."""
    if not isinstance(message, Message):
        raise ClientError(f"invalid message: expected a Message, not {type(message).__name__}", "give a Message")
    for name, types, hint in _TYPES:
        value = getattr(message, name)
        if not isinstance(value, types):
            raise ClientError(f"the message's {name} is of type {type(value).__name__}", hint)
    for key, text in message.properties.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise ClientError(f"property {key!r} is {text!r}", "give text")


def in_namespace(message: Message, namespace: Namespace) -> Message:
    """A copy of the message as it is sent with a namespace; a reply's topic is the cluster's own, in no namespace."""
    is_reply = message.properties.get(PROPERTY_MESSAGE_TYPE) == REPLY_TYPE
    return msgspec.structs.replace(
        message,
        topic=message.topic if is_reply else namespace.wrap(message.topic),
        properties=message.properties | {PROPERTY_INSTANCE_ID: namespace.name},
    )


def prepare(message: Message, msg_id: str, settings: SendSettings) -> Outgoing:
    """Work out properties and body of one message; a body over `compress_over` bytes is compressed."""
    properties = message.all_properties()
    msg_id = properties.setdefault(PROPERTY_UNIQ_KEY, msg_id)
    body, sys_flag = message.body, 0
    if len(body) >= settings.compress_over:
        body = compress(body, settings.compress_type, settings.compress_level)
        sys_flag |= COMPRESSED_FLAG | settings.compress_type
    if properties.get(PROPERTY_TRANSACTION_PREPARED) == "true":
        sys_flag |= TRANSACTION_PREPARED_TYPE
    is_reply = properties.get(PROPERTY_MESSAGE_TYPE) == REPLY_TYPE
    reconsume_times, max_reconsume_times = 0, None
    if is_retry_topic(message.topic):
        reconsume_times = int(properties.pop(PROPERTY_RECONSUME_TIME, "0"))
        if limit := properties.pop(PROPERTY_MAX_RECONSUME_TIMES, None):
            max_reconsume_times = int(limit)
    return Outgoing(
        topic=message.topic,
        code=RequestCode.SEND_REPLY_MESSAGE_V2 if is_reply else RequestCode.SEND_MESSAGE_V2,
        body=body,
        flag=message.flag,
        sys_flag=sys_flag,
        properties=_properties_text(properties),
        msg_id=msg_id,
        reconsume_times=reconsume_times,
        max_reconsume_times=max_reconsume_times,
    )


def prepare_batch(messages: Sequence[Message], msg_ids: Sequence[str], settings: SendSettings) -> Outgoing:
    """One request of several messages. Raises ClientError where they differ in topic or waiting, or are delayed."""
    if not messages:
        raise ClientError("a batch without messages", "give at least one message")
    first = messages[0]
    stamped: list[Message] = []
    ids: list[str] = []
    for message, msg_id in zip(messages, msg_ids, strict=True):
        properties = message.all_properties()
        if message.waits or is_retry_topic(message.topic):
            raise ClientError("a batch cannot hold delayed or retried messages", "send them one by one")
        if (message.topic, message.wait_store_msg_ok) != (first.topic, first.wait_store_msg_ok):
            raise ClientError("a batch is of one topic and one way of waiting", "make one batch for each")
        ids.append(properties.setdefault(PROPERTY_UNIQ_KEY, msg_id))
        stamped.append(Message(message.topic, message.body, flag=message.flag, properties=properties))
    body = encode_batch(stamped)
    if len(body) > settings.max_message_size:
        raise ClientError(
            f"the batch has {len(body)} bytes, over the limit of {settings.max_message_size}", "make smaller batches"
        )
    waiting = {PROPERTY_WAIT_STORE_MSG_OK: "true" if first.wait_store_msg_ok else "false"}
    return Outgoing(
        topic=first.topic,
        code=RequestCode.SEND_BATCH_MESSAGE,
        body=body,
        flag=0,
        sys_flag=0,
        properties=properties_to_string(waiting),
        msg_id=",".join(ids),
        batch=True,
    )


def _properties_text(properties: dict[str, str]) -> str:
    """The wire form. Raises ClientError for properties that would split, or that a record cannot hold."""
    for name, value in properties.items():
        if not value or any(c in text for text in (name, value) for c in "\x01\x02"):
            raise ClientError(f"property '{name}' is empty or holds a separator", "use text without \\x01 and \\x02")
    text = properties_to_string(properties)
    if len(text.encode()) > PROPERTIES_MAX_LENGTH:
        raise ClientError(f"the properties have over {PROPERTIES_MAX_LENGTH} bytes", "put less into properties")
    return text
