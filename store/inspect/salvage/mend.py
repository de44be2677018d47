"""Finds the one damaged field that keeps a record from being read: size, magic, an inner length or the host bits of
sysFlag.

A value is taken only when with it all lengths add up to the record, the body's CRC is right, the record names its own
offset, and no other such value does. So a record is proven whole but for that field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_topic
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    BODY_LENGTH,
    MAGIC,
    MAGIC_POSITION,
    MAGIC_V1,
    MAGIC_V2,
    PHYSICAL_OFFSET,
    PHYSICAL_OFFSET_POSITION,
    PROPERTIES_LENGTH,
    SIZE,
    SIZE_AND_MAGIC,
    SIZE_POSITION,
    SMALLEST_RECORD,
    SYS_FLAG,
    SYS_FLAG_POSITION,
    TOPIC_LENGTH_V1,
    TOPIC_LENGTH_V2,
    V6_FLAGS,
    body_length_position,
)
from rocketmq_ops.common.sysflag import BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG
from rocketmq_ops.common.topics import is_legal_name

MAX_RECORD: Final = 8 << 20  # bytes that are looked at
_LENGTH: Final = PROPERTIES_LENGTH.size


@dataclass(frozen=True, slots=True)
class Mend:
    """A record with one field put right: its bytes as they were and as they must be, and the field with its new
    value."""

    before: bytes
    after: bytes
    field: str
    value: int


def mend(data: bytes, offset: int) -> Mend | None:
    """The record at the start of `data`, whose commitlog offset is `offset`; None when no single field makes it
    whole."""
    if len(data) < SMALLEST_RECORD:
        return None
    found: dict[bytes, Mend] = {}
    work = bytearray(data)
    for name, at, value in _candidates(data):
        old = work[at : at + len(value)]
        if old == value:
            continue
        work[at : at + len(value)] = value
        record = _whole(work, offset)
        if record is not None:
            after = bytes(work[: record.size])
            found[after] = Mend(data[: record.size], after, name, int.from_bytes(value, "big", signed=len(value) == 4))
        work[at : at + len(value)] = old
    leading = [m for m in found.values() if _leads_on(data, len(m.after), offset)]
    candidates = leading or list(found.values())
    return candidates[0] if len(candidates) == 1 else None


def _leads_on(data: bytes, end: int, offset: int) -> bool:
    """True when a record, a blank or nothing at all stands at `end`."""
    head = data[end : end + PHYSICAL_OFFSET_POSITION + PHYSICAL_OFFSET.size]
    if not any(head):
        return True
    if len(head) < SIZE_AND_MAGIC.size:
        return False
    (magic,) = MAGIC.unpack_from(head, MAGIC_POSITION)
    named = head[PHYSICAL_OFFSET_POSITION:] == PHYSICAL_OFFSET.pack(offset + end)
    return magic == BLANK_MAGIC or (magic in (MAGIC_V1, MAGIC_V2) and named)


def _whole(data: bytearray, offset: int) -> RecordView | None:
    try:
        record = read_record(data)
        if record is None or record.body_length == 0 or record.physical_offset != offset:
            return None
        properties = bytes(data[record.properties_at : record.properties_at + record.properties_length])
        sound = is_legal_name(record_topic(data, record)) and _well_formed(properties)
        return record if sound else None
    except BadRecordError:
        return None


def _well_formed(properties: bytes) -> bool:
    return b"\0" not in properties and all(b"\x01" in item for item in properties.split(b"\x02") if item)


def _candidates(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(field, position, bytes) of each value that may be the right one."""
    size, magic = SIZE_AND_MAGIC.unpack_from(data, SIZE_POSITION)
    (sys_flag,) = SYS_FLAG.unpack_from(data, SYS_FLAG_POSITION)
    for right in (MAGIC_V1, MAGIC_V2):
        yield "magic", MAGIC_POSITION, MAGIC.pack(right)
    for bits in (BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG, V6_FLAGS):
        yield "sysFlag", SYS_FLAG_POSITION, SYS_FLAG.pack(sys_flag ^ bits)
    length_at = body_length_position(sys_flag)
    if length_at + BODY_LENGTH.size > len(data):
        return
    yield from _sizes(data, length_at, magic)
    body_length = data[length_at : length_at + BODY_LENGTH.size]
    for i in range(4):  # any one byte of it
        for byte in range(256):
            yield "bodyLength", length_at, body_length[:i] + bytes([byte]) + body_length[i + 1 :]
    (length,) = BODY_LENGTH.unpack(body_length)
    topic_at = length_at + BODY_LENGTH.size + length
    if length < 0 or magic not in (MAGIC_V1, MAGIC_V2) or topic_at + 2 > min(size, len(data)):
        return
    width = (TOPIC_LENGTH_V1 if magic == MAGIC_V1 else TOPIC_LENGTH_V2).size
    for topic_length in range(1, 128) if width == 1 else range(128, 256):
        yield "topicLength", topic_at, topic_length.to_bytes(width, "big")
    topic_length = int.from_bytes(data[topic_at : topic_at + width], "big")
    at = topic_at + width + topic_length
    if 0 <= size - at - _LENGTH <= 0x7FFF:
        yield "propertiesLength", at, (size - at - _LENGTH).to_bytes(_LENGTH, "big")


def _sizes(data: bytes, length_at: int, magic: int) -> Iterator[tuple[str, int, bytes]]:
    """The size that the inner lengths add up to."""
    (length,) = BODY_LENGTH.unpack_from(data, length_at)
    topic_at = length_at + BODY_LENGTH.size + length
    width = (TOPIC_LENGTH_V1 if magic == MAGIC_V1 else TOPIC_LENGTH_V2).size
    if length < 0 or topic_at + width > len(data):
        return
    at = topic_at + width + int.from_bytes(data[topic_at : topic_at + width], "big")
    if at + _LENGTH <= len(data):
        size = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        yield "storeSize", SIZE_POSITION, SIZE.pack(size)
