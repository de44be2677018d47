"""The layout of a commitlog record and of a batch's items: every field with its type, and precompiled structs.

A record is RECORD, then body, topic (length as one byte in v1, a short in v2) and properties (length as a short).
RECORD is written for hosts of 8 bytes; an IPv6 host has 20, and all behind it lies 12 bytes further on. All numbers
are big-endian. Source: MessageExtEncoder, CommitLog and MessageDecoder.
"""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Final, NamedTuple

from rocketmq_ops.common.layout import FieldType, Layout
from rocketmq_ops.common.sysflag import BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG

MAGIC_V1: Final = -626843481  # 0xDAA320A7
MAGIC_V2: Final = -626843477  # 0xDAA320AB: topic longer than 127 bytes
BLANK_MAGIC: Final = -875286124  # 0xCBD43194: the rest of the file is unused

RECORD: Final = Layout(
    FieldType("size", "i", "storeSize"),
    FieldType("magic", "i"),
    FieldType("body_crc", "I", "bodyCRC", column=">i4"),  # 31 bits; columns show a damaged one as Java's int
    FieldType("queue_id", "i", "queueId"),
    FieldType("flag", "i"),
    FieldType("queue_offset", "q", "queueOffset"),
    FieldType("physical_offset", "q", "commitLogOffset"),
    FieldType("sys_flag", "i", "sysFlag"),
    FieldType("born_timestamp", "q", "bornTimestamp"),
    FieldType("born_host", Layout(FieldType("born_ip", "I"), FieldType("born_port", "i")), "bornHost"),
    FieldType("store_timestamp", "q", "storeTimestamp"),
    FieldType("store_host", Layout(FieldType("store_ip", "I"), FieldType("store_port", "i")), "storeHost"),
    FieldType("reconsume_times", "i", "reconsumeTimes"),
    FieldType("prepared_transaction_offset", "q", "preparedTransactionOffset"),
    FieldType("body_length", "i", "bodyLength"),
)
HEAD: Final = RECORD.part("size", "born_timestamp").struct
HEAD_V4: Final = RECORD.struct
TAIL: Final = RECORD.part("reconsume_times", "prepared_transaction_offset").struct
SIZE_AND_MAGIC: Final = RECORD.part("size", "magic").struct
SIZE: Final = RECORD.one("size")
MAGIC: Final = RECORD.one("magic")
QUEUE_OFFSET: Final = RECORD.one("queue_offset")
PHYSICAL_OFFSET: Final = RECORD.one("physical_offset")
SYS_FLAG: Final = RECORD.one("sys_flag")
STORE_TIMESTAMP: Final = RECORD.one("store_timestamp")
BODY_LENGTH: Final = RECORD.one("body_length")
TOPIC_LENGTH_V1: Final = struct.Struct(">B")
TOPIC_LENGTH_V2: Final = struct.Struct(">h")
PROPERTIES_LENGTH: Final = struct.Struct(">h")

HOST_SIZE: Final = 8
HOST_V6_SIZE: Final = 20
V6_FLAGS: Final = BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG
#: A record with IPv4 hosts and an empty body, topic and properties.
SMALLEST_RECORD: Final = RECORD.size + TOPIC_LENGTH_V1.size + PROPERTIES_LENGTH.size

SIZE_POSITION: Final = RECORD.at["size"]
MAGIC_POSITION: Final = RECORD.at["magic"]
BODY_CRC_POSITION: Final = RECORD.at["body_crc"]
QUEUE_OFFSET_POSITION: Final = RECORD.at["queue_offset"]
PHYSICAL_OFFSET_POSITION: Final = RECORD.at["physical_offset"]
SYS_FLAG_POSITION: Final = RECORD.at["sys_flag"]
BORN_HOST_POSITION: Final = RECORD.at["born_host"]
_SIZES: Final = dict(zip(RECORD.labels, RECORD.sizes.values(), strict=True))
_V6_MORE: Final = HOST_V6_SIZE - HOST_SIZE
_STORE_TIMESTAMP_POSITION: Final = RECORD.at["store_timestamp"]
_BODY_LENGTH_POSITION: Final = RECORD.at["body_length"]
_STORE_TIMESTAMP_POSITION_V6: Final = _STORE_TIMESTAMP_POSITION + _V6_MORE

#: One message of a batch body (request 320); body, length of the properties as a short, and properties follow.
BATCH_ITEM: Final = Layout(
    FieldType("size", "i"),
    FieldType("magic", "i"),  # unused, as the CRC is
    FieldType("body_crc", "i"),
    FieldType("flag", "i"),
    FieldType("body_length", "i"),
)
#: An offset message id, in hex: the store host (of 8 or 20 bytes) and the commitlog offset.
MESSAGE_ID: Final = Layout(FieldType("store_host", f"{HOST_SIZE}s"), FieldType("physical_offset", "q"))


class Field(NamedTuple):
    """One field of a record: its name (as in the manifests), offset from the record's start and length in bytes."""

    name: str
    offset: int
    length: int


def store_timestamp_position(sys_flag: int) -> int:
    """Offset of the store timestamp within a record."""
    return _STORE_TIMESTAMP_POSITION_V6 if sys_flag & BORNHOST_V6_FLAG else _STORE_TIMESTAMP_POSITION


def body_length_position(sys_flag: int) -> int:
    """Offset of the body's length within a record."""
    more = (_V6_MORE if sys_flag & BORNHOST_V6_FLAG else 0) + (_V6_MORE if sys_flag & STOREHOSTADDRESS_V6_FLAG else 0)
    return _BODY_LENGTH_POSITION + more


def topic_length_size(topic_length: int) -> int:
    """Bytes of the topic's length: a topic over 127 bytes makes it a short (v2)."""
    return TOPIC_LENGTH_V1.size if topic_length <= 127 else TOPIC_LENGTH_V2.size


def record_size(sys_flag: int, body_length: int, topic_length: int, properties_length: int) -> int:
    """The bytes of a whole record."""
    fixed = body_length_position(sys_flag) + BODY_LENGTH.size + PROPERTIES_LENGTH.size
    return fixed + body_length + topic_length_size(topic_length) + topic_length + properties_length


def fields_of(record: bytes | memoryview) -> list[Field]:
    """Every field of a whole, valid record in order, for tools that show or alter single fields."""
    (magic,) = MAGIC.unpack_from(record, MAGIC_POSITION)
    (sys_flag,) = SYS_FLAG.unpack_from(record, SYS_FLAG_POSITION)
    body_at = body_length_position(sys_flag) + BODY_LENGTH.size
    topic_at = body_at + BODY_LENGTH.unpack_from(record, body_at - BODY_LENGTH.size)[0]
    topic_field = TOPIC_LENGTH_V1 if magic == MAGIC_V1 else TOPIC_LENGTH_V2
    topic_length = topic_field.unpack_from(record, topic_at)[0]
    properties_at = topic_at + topic_field.size + topic_length
    sizes = {
        **_SIZES, "body": topic_at - body_at, "topicLength": topic_field.size, "topic": topic_length,
        "propertiesLength": PROPERTIES_LENGTH.size,
        "properties": PROPERTIES_LENGTH.unpack_from(record, properties_at)[0],
    }  # fmt: skip
    if sys_flag & BORNHOST_V6_FLAG:
        sizes["bornHost"] = HOST_V6_SIZE
    if sys_flag & STOREHOSTADDRESS_V6_FLAG:
        sizes["storeHost"] = HOST_V6_SIZE
    return [Field(*field) for field in zip(sizes, accumulate(sizes.values(), initial=0), sizes.values(), strict=False)]
