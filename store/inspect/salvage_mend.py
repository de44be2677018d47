"""Finds the one damaged field that keeps a record from being read: size, magic, an inner length or the host bits of
sysFlag.

A value is taken only when with it all lengths add up to the record, the body's CRC is right, the record names its own
offset, and no other such value does. So a record is proven whole but for that field."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...common.message_codec import BadRecordError, RecordView, read_record, record_topic
from ...common.record_layout import (
    BLANK_MAGIC,
    MAGIC_POSITION,
    MAGIC_V1,
    MAGIC_V2,
    PHYSICAL_OFFSET_POSITION,
    SYS_FLAG_POSITION,
    TOTAL_SIZE_POSITION,
    body_length_position,
)
from ...common.topics import is_legal_name
from .scan import SMALLEST_RECORD, V6_FLAGS

MAX_RECORD: Final = 8 << 20  # bytes that are looked at
_INT: Final = struct.Struct(">i")


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
    head = data[end : end + PHYSICAL_OFFSET_POSITION + 8]
    if not any(head):
        return True
    if len(head) < 8:
        return False
    (magic,) = _INT.unpack_from(head, MAGIC_POSITION)
    named = head[PHYSICAL_OFFSET_POSITION:] == (offset + end).to_bytes(8, "big")
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
    (size,), (magic,) = _INT.unpack_from(data, TOTAL_SIZE_POSITION), _INT.unpack_from(data, MAGIC_POSITION)
    (sys_flag,) = _INT.unpack_from(data, SYS_FLAG_POSITION)
    for right in (MAGIC_V1, MAGIC_V2):
        yield "magic", MAGIC_POSITION, _INT.pack(right)
    for bits in (0x10, 0x20, V6_FLAGS):
        yield "sysFlag", SYS_FLAG_POSITION, _INT.pack(sys_flag ^ bits)
    length_at = body_length_position(sys_flag)
    if length_at + 4 > len(data):
        return
    yield from _sizes(data, length_at, magic)
    body_length = data[length_at : length_at + 4]
    for i in range(4):  # any one byte of it
        for byte in range(256):
            yield "bodyLength", length_at, body_length[:i] + bytes([byte]) + body_length[i + 1 :]
    (length,) = _INT.unpack(body_length)
    topic_at = length_at + 4 + length
    if length < 0 or magic not in (MAGIC_V1, MAGIC_V2) or topic_at + 2 > min(size, len(data)):
        return
    width = 1 if magic == MAGIC_V1 else 2
    for topic_length in range(1, 128) if width == 1 else range(128, 256):
        yield "topicLength", topic_at, topic_length.to_bytes(width, "big")
    topic_length = int.from_bytes(data[topic_at : topic_at + width], "big")
    at = topic_at + width + topic_length
    if 0 <= size - at - 2 <= 0x7FFF:
        yield "propertiesLength", at, (size - at - 2).to_bytes(2, "big")


def _sizes(data: bytes, length_at: int, magic: int) -> Iterator[tuple[str, int, bytes]]:
    """The size that the inner lengths add up to."""
    (length,) = _INT.unpack_from(data, length_at)
    topic_at = length_at + 4 + length
    width = 1 if magic == MAGIC_V1 else 2
    if length < 0 or topic_at + width > len(data):
        return
    at = topic_at + width + int.from_bytes(data[topic_at : topic_at + width], "big")
    if at + 2 <= len(data):
        size = at + 2 + int.from_bytes(data[at : at + 2], "big")
        yield "storeSize", TOTAL_SIZE_POSITION, _INT.pack(size)
