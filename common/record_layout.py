"""The layout of a commitlog record and of a consumequeue unit: every field with its type, and precompiled structs.

A record is HEAD, born host (8 or 20 bytes), store timestamp, store host (8 or 20), TAIL, then body (length as int),
topic (length as one byte in v1, a short in v2) and properties (short). All numbers are big-endian.
Source: MessageExtEncoder and CommitLog.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from .sysflag import BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG

MAGIC_V1: Final = -626843481  # 0xDAA320A7
MAGIC_V2: Final = -626843477  # 0xDAA320AB: topic longer than 127 bytes
BLANK_MAGIC: Final = -875286124  # 0xCBD43194: the rest of the file is unused
END_FILE_MIN_BLANK: Final = 8  # a file always keeps room for the size and magic of its blank

# totalSize, magic, bodyCRC, queueId, flag, queueOffset, physicalOffset, sysFlag, bornTimestamp
HEAD: Final = struct.Struct(">iiIiiqqiq")
HEAD_V4: Final = struct.Struct(">iiIiiqqiq8sq8siqi")  # HEAD, hosts of 8 bytes each, TAIL and the body length
TAIL: Final = struct.Struct(">iq")  # reconsumeTimes, preparedTransactionOffset
CQ_UNIT: Final = struct.Struct(">qiq")  # commitlog offset, size, tag hash (or deliver time)
CQ_UNIT_SIZE: Final = 20
SIZE_AND_MAGIC: Final = struct.Struct(">ii")

TOTAL_SIZE_POSITION: Final = 0
MAGIC_POSITION: Final = 4
BODY_CRC_POSITION: Final = 8
QUEUE_ID_POSITION: Final = 12
FLAG_POSITION: Final = 16
QUEUE_OFFSET_POSITION: Final = 20
PHYSICAL_OFFSET_POSITION: Final = 28
SYS_FLAG_POSITION: Final = 36
BORN_TIMESTAMP_POSITION: Final = 40
BORN_HOST_POSITION: Final = 48


class Field(NamedTuple):
    """One field of a record: its name (as in the manifests), offset from the record's start and length in bytes."""

    name: str
    offset: int
    length: int


def store_timestamp_position(sys_flag: int) -> int:
    """Offset of the store timestamp within a record."""
    return 68 if sys_flag & BORNHOST_V6_FLAG else 56


def body_length_position(sys_flag: int) -> int:
    """Offset of the body's length within a record: 84 when both hosts are IPv4."""
    return 84 + (12 if sys_flag & BORNHOST_V6_FLAG else 0) + (12 if sys_flag & STOREHOSTADDRESS_V6_FLAG else 0)


def record_size(sys_flag: int, body_length: int, topic_length: int, properties_length: int) -> int:
    """The bytes of a whole record; a topic over 127 bytes takes a two-byte length (v2)."""
    topic_field = 1 if topic_length <= 127 else 2
    return body_length_position(sys_flag) + 4 + body_length + topic_field + topic_length + 2 + properties_length


def fields_of(record: bytes | memoryview) -> list[Field]:
    """Every field of a whole, valid record in order, for tools that show or alter single fields."""
    (magic,) = struct.unpack_from(">i", record, MAGIC_POSITION)
    (sys_flag,) = struct.unpack_from(">i", record, SYS_FLAG_POSITION)
    born = 20 if sys_flag & BORNHOST_V6_FLAG else 8
    store = 20 if sys_flag & STOREHOSTADDRESS_V6_FLAG else 8
    body_at = body_length_position(sys_flag)
    (body_length,) = struct.unpack_from(">i", record, body_at)
    topic_at = body_at + 4 + body_length
    topic_field = 1 if magic == MAGIC_V1 else 2
    topic_length = record[topic_at] if topic_field == 1 else struct.unpack_from(">h", record, topic_at)[0]
    properties_at = topic_at + topic_field + topic_length
    (properties_length,) = struct.unpack_from(">h", record, properties_at)
    sizes = [
        ("storeSize", 4), ("magic", 4), ("bodyCRC", 4), ("queueId", 4), ("flag", 4), ("queueOffset", 8),
        ("commitLogOffset", 8), ("sysFlag", 4), ("bornTimestamp", 8), ("bornHost", born), ("storeTimestamp", 8),
        ("storeHost", store), ("reconsumeTimes", 4), ("preparedTransactionOffset", 8), ("bodyLength", 4),
        ("body", body_length), ("topicLength", topic_field), ("topic", topic_length), ("propertiesLength", 2),
        ("properties", properties_length),
    ]  # fmt: skip
    fields, offset = [], 0
    for name, length in sizes:
        fields.append(Field(name, offset, length))
        offset += length
    return fields
