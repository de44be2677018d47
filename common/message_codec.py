"""Records to messages and back, message ids and batch bodies (Apache's MessageDecoder).

`read_record` checks structure and CRC; recovery and the inspector build on it. `decode_message` makes a MessageExt.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rocketmq_ops.common.addresses import pack_host, unpack_host
from rocketmq_ops.common.compression import decompress
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, properties_to_string, string_to_properties
from rocketmq_ops.common.record_layout import (
    BATCH_ITEM,
    BLANK_MAGIC,
    BODY_LENGTH,
    BORN_HOST_POSITION,
    HEAD,
    HEAD_V4,
    HOST_SIZE,
    HOST_V6_SIZE,
    MAGIC_V1,
    MAGIC_V2,
    MESSAGE_ID,
    PROPERTIES_LENGTH,
    RECORD,
    SIZE_AND_MAGIC,
    SMALLEST_RECORD,
    STORE_TIMESTAMP,
    TAIL,
    TOPIC_LENGTH_V1,
    TOPIC_LENGTH_V2,
    V6_FLAGS,
    body_length_position,
    store_timestamp_position,
)
from rocketmq_ops.common.sysflag import BORNHOST_V6_FLAG, COMPRESSED_FLAG, STOREHOSTADDRESS_V6_FLAG

_BATCH_HEAD = BATCH_ITEM.struct
_HEAD_V4_SIZE, _SIZE_AND_MAGIC_SIZE = HEAD_V4.size, SIZE_AND_MAGIC.size
_TAIL_AND_LENGTH = RECORD.part("reconsume_times", "body_length").struct
_PROPERTIES_LENGTH_SIZE = PROPERTIES_LENGTH.size
_MAGIC_FLAGS_AND_LENGTH = struct.Struct(">" + RECORD.only("magic", "sys_flag", "body_length"))
_ID_OFFSET = MESSAGE_ID.one("physical_offset")
_STORE_TIMESTAMP_SIZE = STORE_TIMESTAMP.size

Buffer = bytes | bytearray | memoryview


class BadRecordError(CorruptDataError):
    """The bytes at `offset` (relative to the buffer) are not a whole record; `reason` is a short stable word."""

    def __init__(self, offset: int, reason: str, detail: str) -> None:
        super().__init__(f"no valid record at {offset}: {detail}")
        self.offset = offset
        self.reason = reason
        self.detail = detail


class RecordView(NamedTuple):
    """The positions and plain fields of one record in a buffer; nothing is copied."""

    start: int
    size: int
    magic: int
    body_crc: int
    queue_id: int
    flag: int
    queue_offset: int
    physical_offset: int
    sys_flag: int
    born_timestamp: int
    store_timestamp: int
    reconsume_times: int
    prepared_transaction_offset: int
    body_at: int
    body_length: int
    topic_at: int
    topic_length: int
    properties_at: int
    properties_length: int


def read_record(buffer: Buffer, offset: int = 0, *, check_crc: bool = True) -> RecordView | None:
    """The record that starts at `offset`, or None at a blank (the rest of a commitlog file is unused).

    Raises BadRecordError whose reason is one of: `truncated`, `magic`, `size`, `lengths`, `crc`.
    """
    limit = len(buffer)
    if offset + _SIZE_AND_MAGIC_SIZE > limit:
        raise BadRecordError(offset, "truncated", f"{limit - offset} bytes left")
    size, magic = SIZE_AND_MAGIC.unpack_from(buffer, offset)
    if magic == BLANK_MAGIC:
        return None
    if magic not in (MAGIC_V1, MAGIC_V2):
        raise BadRecordError(offset, "magic", f"magic is 0x{magic & 0xFFFFFFFF:08x}")
    if size < SMALLEST_RECORD:
        raise BadRecordError(offset, "size", f"size is {size}")
    if offset + size > limit:
        raise BadRecordError(offset, "truncated", f"size is {size}, {limit - offset} bytes left")
    (
        _, _, body_crc, queue_id, flag, queue_offset, physical, sys_flag, born_ts, _, store_ts, _, reconsume, prepared,
        body_length,
    ) = HEAD_V4.unpack_from(buffer, offset)  # fmt: skip
    end = offset + size
    body_at = offset + _HEAD_V4_SIZE
    if sys_flag & V6_FLAGS:  # what follows the hosts lies further on
        body_at = offset + body_length_position(sys_flag) + BODY_LENGTH.size
        if body_at > end:
            raise BadRecordError(offset, "lengths", "hosts reach past the end of the record")
        (store_ts,) = STORE_TIMESTAMP.unpack_from(buffer, offset + store_timestamp_position(sys_flag))
        reconsume, prepared, body_length = _TAIL_AND_LENGTH.unpack_from(buffer, body_at - _TAIL_AND_LENGTH.size)
    topic_at = body_at + body_length
    if body_length < 0 or topic_at + 2 > end:
        raise BadRecordError(offset, "lengths", f"body length is {body_length} in a record of {size}")
    if magic == MAGIC_V1:
        topic_length = buffer[topic_at]
        topic_at += 1
    else:
        (topic_length,) = TOPIC_LENGTH_V2.unpack_from(buffer, topic_at)
        topic_at += 2
    properties_at = topic_at + topic_length + 2
    if topic_length < 0 or properties_at > end:
        raise BadRecordError(offset, "lengths", f"topic length is {topic_length} in a record of {size}")
    (properties_length,) = PROPERTIES_LENGTH.unpack_from(buffer, properties_at - 2)
    if properties_length < 0 or properties_at + properties_length != end:
        detail = f"properties length is {properties_length}, {end - properties_at} bytes left"
        raise BadRecordError(offset, "lengths", detail)
    if check_crc and body_length:
        crc = zlib.crc32(memoryview(buffer)[body_at : body_at + body_length]) & 0x7FFFFFFF
        if crc != body_crc:
            raise BadRecordError(offset, "crc", f"body CRC is {crc}, the record says {body_crc}")
    return RecordView(
        offset, size, magic, body_crc, queue_id, flag, queue_offset, physical, sys_flag, born_ts, store_ts, reconsume,
        prepared, body_at, body_length, topic_at, topic_length, properties_at, properties_length,
    )  # fmt: skip


def record_topic(buffer: Buffer, record: RecordView) -> str:
    """The topic of a record. Raises BadRecordError where it is not UTF-8."""
    try:
        return str(buffer[record.topic_at : record.topic_at + record.topic_length], "utf-8")
    except UnicodeDecodeError:
        raise BadRecordError(record.start, "topic", "the topic is not UTF-8") from None


def record_properties(buffer: Buffer, record: RecordView) -> dict[str, str]:
    """The properties of a record; bytes that are not UTF-8 become U+FFFD, as Java's decoder does."""
    raw = buffer[record.properties_at : record.properties_at + record.properties_length]
    return string_to_properties(str(raw, "utf-8", "replace"))


def stored_properties_at(buffer: Buffer, start: int, end: int) -> int:
    """Where the properties begin of the record at [start, end), which they end; -1 where its lengths do not fit.

    Nothing else of it is looked at: for whoever asks many records for little, a third of what `read_record` takes.
    """
    try:
        magic, sys_flag, body_length = _MAGIC_FLAGS_AND_LENGTH.unpack_from(buffer, start)
        at = start + _HEAD_V4_SIZE
        if sys_flag & V6_FLAGS:
            at = start + body_length_position(sys_flag) + BODY_LENGTH.size
            (body_length,) = BODY_LENGTH.unpack_from(buffer, at - BODY_LENGTH.size)
        if body_length < 0:
            return -1
        at += body_length
        at += 1 + buffer[at] if magic == MAGIC_V1 else 2 + TOPIC_LENGTH_V2.unpack_from(buffer, at)[0]
        (length,) = PROPERTIES_LENGTH.unpack_from(buffer, at)
    except (struct.error, IndexError):
        return -1
    at += _PROPERTIES_LENGTH_SIZE
    return at if length >= 0 and start < at and at + length == end else -1


def stored_properties_text(record: Buffer) -> str | None:
    """The properties of the one record in `record` as they are stored; None where its lengths do not fit."""
    at = stored_properties_at(record, 0, len(record))
    return None if at < 0 else str(record[at:], "utf-8", "replace")


def record_born_host(buffer: Buffer, record: RecordView) -> bytes:
    """The packed born host of a record."""
    born_at = record.start + BORN_HOST_POSITION
    return bytes(buffer[born_at : born_at + (HOST_V6_SIZE if record.sys_flag & BORNHOST_V6_FLAG else HOST_SIZE)])


def record_hosts(buffer: Buffer, record: RecordView) -> tuple[bytes, bytes]:
    """The packed born and store host of a record."""
    born = record_born_host(buffer, record)
    store_at = record.start + BORN_HOST_POSITION + len(born) + _STORE_TIMESTAMP_SIZE
    store_length = HOST_V6_SIZE if record.sys_flag & STOREHOSTADDRESS_V6_FLAG else HOST_SIZE
    return born, bytes(buffer[store_at : store_at + store_length])


def decode_message(
    buffer: Buffer,
    offset: int = 0,
    *,
    decompress_body: bool = True,
    check_crc: bool = True,
    broker_name: str | None = None,
) -> MessageExt:
    """The message of the record at `offset`; `sys_flag` loses its compressed bit when the body was decompressed.

    Raises BadRecordError; CorruptDataError when a compressed body cannot be decompressed.
    """
    record = read_record(buffer, offset, check_crc=check_crc)
    if record is None:
        raise BadRecordError(offset, "blank", "the rest of the file is unused")
    return message_of(buffer, record, decompress_body=decompress_body, broker_name=broker_name)


def message_of(
    buffer: Buffer, record: RecordView, *, decompress_body: bool = True, broker_name: str | None = None
) -> MessageExt:
    """The MessageExt of an already read record."""
    body = bytes(buffer[record.body_at : record.body_at + record.body_length])
    sys_flag = record.sys_flag
    if decompress_body and sys_flag & COMPRESSED_FLAG and body:
        body = decompress(body, sys_flag)
        sys_flag &= ~COMPRESSED_FLAG
    born, store = record_hosts(buffer, record)
    return MessageExt(
        topic=record_topic(buffer, record), queue_id=record.queue_id, queue_offset=record.queue_offset,
        commit_log_offset=record.physical_offset, store_size=record.size, body=body, body_crc=record.body_crc,
        flag=record.flag, sys_flag=sys_flag, born_timestamp=record.born_timestamp, born_host=unpack_host(born),
        store_timestamp=record.store_timestamp, store_host=unpack_host(store), reconsume_times=record.reconsume_times,
        prepared_transaction_offset=record.prepared_transaction_offset, properties=record_properties(buffer, record),
        offset_msg_id=encode_message_id(store, record.physical_offset), broker_name=broker_name,
    )  # fmt: skip


def decode_messages(
    buffer: Buffer, *, decompress_body: bool = True, broker_name: str | None = None
) -> Iterator[MessageExt]:
    """Every message of a pull answer's body (records back to back). Raises BadRecordError at the first broken one."""
    offset, limit = 0, len(buffer)
    while offset < limit:
        message = decode_message(buffer, offset, decompress_body=decompress_body, broker_name=broker_name)
        offset += message.store_size
        yield message


def encode_message_id(packed_store_host: bytes, commit_log_offset: int) -> str:
    """The offset message id: store host and commitlog offset in upper-case hex, 32 or 56 digits."""
    return (packed_store_host + _ID_OFFSET.pack(commit_log_offset)).hex().upper()


def decode_message_id(msg_id: str) -> tuple[str, int, int]:
    """(host, port, commitlog offset) of an offset message id. Raises RocketMQError for another text."""
    try:
        raw = bytes.fromhex(msg_id)
    except ValueError:
        raw = b""
    if len(raw) not in (_ID_OFFSET.size + HOST_SIZE, _ID_OFFSET.size + HOST_V6_SIZE):
        raise RocketMQError(
            f"invalid offset message id '{msg_id}': expected 32 hex digits, or 56 for an IPv6 broker",
            "give the offsetMsgId; a producer's unique id is found with queryMsgByUniqueKey",
        )
    host, port = unpack_host(raw[: -_ID_OFFSET.size])
    return host, port, _ID_OFFSET.unpack(raw[-_ID_OFFSET.size :])[0]


def encode_record(message: MessageExt) -> bytes:
    """The record of a message, its body as given (compress it first when sys_flag says so); the CRC is computed."""
    topic = message.topic.encode()
    properties = properties_to_string(message.properties).encode()
    magic, topic_length = (MAGIC_V1, TOPIC_LENGTH_V1) if len(topic) <= 127 else (MAGIC_V2, TOPIC_LENGTH_V2)
    born, store = pack_host(*message.born_host), pack_host(*message.store_host)
    sys_flag = message.sys_flag & ~V6_FLAGS
    sys_flag |= BORNHOST_V6_FLAG if len(born) == HOST_V6_SIZE else 0
    sys_flag |= STOREHOSTADDRESS_V6_FLAG if len(store) == HOST_V6_SIZE else 0
    rest = (
        born + STORE_TIMESTAMP.pack(message.store_timestamp) + store
        + TAIL.pack(message.reconsume_times, message.prepared_transaction_offset)
        + BODY_LENGTH.pack(len(message.body)) + message.body + topic_length.pack(len(topic)) + topic
        + PROPERTIES_LENGTH.pack(len(properties)) + properties
    )  # fmt: skip
    crc = zlib.crc32(message.body) & 0x7FFFFFFF
    head = HEAD.pack(
        HEAD.size + len(rest), magic, crc, message.queue_id, message.flag, message.queue_offset,
        message.commit_log_offset, sys_flag, message.born_timestamp,
    )  # fmt: skip
    return head + rest


class BatchItem(NamedTuple):
    """One message of a batch body; `body` and `properties` are views of it."""

    flag: int
    body: memoryview
    properties: memoryview


def encode_batch(messages: Iterable[Message]) -> bytes:
    """The body of a batch send: flag, body and properties of each (MessageDecoder.encodeMessages)."""
    parts: list[bytes] = []
    for message in messages:
        properties = properties_to_string(message.all_properties()).encode()
        total = _BATCH_HEAD.size + len(message.body) + 2 + len(properties)
        parts += (
            _BATCH_HEAD.pack(total, 0, 0, message.flag, len(message.body)), message.body,
            PROPERTIES_LENGTH.pack(len(properties)), properties,
        )  # fmt: skip
    return b"".join(parts)


def iter_batch(body: Buffer) -> Iterator[BatchItem]:
    """The messages of a batch body. Raises BadRecordError at the first one whose lengths do not fit."""
    view, offset = memoryview(body), 0
    while offset < len(view):
        if offset + _BATCH_HEAD.size + 2 > len(view):
            raise BadRecordError(offset, "truncated", "a batch item is cut short")
        total, _, _, flag, body_length = _BATCH_HEAD.unpack_from(view, offset)
        body_at = offset + _BATCH_HEAD.size
        end = offset + total
        if body_length < 0 or end > len(view) or body_at + body_length + 2 > end:
            raise BadRecordError(offset, "lengths", f"a batch item of {total} bytes with a body of {body_length}")
        properties_at = body_at + body_length + 2
        (properties_length,) = PROPERTIES_LENGTH.unpack_from(view, properties_at - 2)
        if properties_length < 0 or properties_at + properties_length != end:
            raise BadRecordError(offset, "lengths", f"a batch item with properties of {properties_length} bytes")
        yield BatchItem(flag, view[body_at : body_at + body_length], view[properties_at:end])
        offset = end
