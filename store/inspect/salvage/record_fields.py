"""Changes single fields of a whole record, keeping its size, and what covers them: the body's CRC and the CRC over the
record.

Which fields are changed, and why, is decided in `judge.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from rocketmq_ops.common.record_layout import BODY_CRC_POSITION, RECORD, Field, fields_of
from rocketmq_ops.store.layout.record_crc import CRC_LENGTH, crc_property, has_record_crc

Value = int | bytes
_NUMBERS: Final = {  # a host is bytes, and so is the body's CRC
    field.label or field.name: RECORD.one(field.name) for field in RECORD.fields if field.code in ("i", "q")
}
_BODY_CRC: Final = RECORD.one("body_crc")
_LENGTHS: Final = {"topicLength", "propertiesLength"}


def read_field(record: bytes, name: str, layout: bytes | None = None) -> Value:
    """A field's value: a number, or the bytes of a host, topic, body or properties; `layout` as for `with_fields`."""
    return _read(record, next(f for f in fields_of(layout or record) if f.name == name))


def _read(record: bytes, field: Field) -> Value:
    data = record[field.offset : field.offset + field.length]
    if field.name in _LENGTHS:
        return int.from_bytes(data, "big")
    number = _NUMBERS.get(field.name)
    return int(number.unpack(data)[0]) if number is not None else data


def with_fields(record: bytes, values: Mapping[str, Value], layout: bytes | None = None) -> bytes:
    """The record with other values in these fields, by their names in a manifest. A body's CRC follows the body, the
    CRC over the record follows them all. The fields are where `layout`, a whole record, has them: by default the
    record. Raises ValueError when a value has another length than the one it replaces."""
    changed = bytearray(record)
    fields = {f.name: f for f in fields_of(layout or record)}
    for name, value in values.items():
        field = fields[name]
        data = value.to_bytes(field.length, "big", signed=value < 0) if isinstance(value, int) else value
        if len(data) != field.length:
            raise ValueError(f"{name} has {field.length} bytes, the new value has {len(data)}")
        changed[field.offset : field.offset + field.length] = data
        if name == "body":
            _BODY_CRC.pack_into(changed, BODY_CRC_POSITION, zlib.crc32(data) & 0x7FFFFFFF)
    properties = fields["properties"]
    if has_record_crc(record[properties.offset :]):
        changed[-CRC_LENGTH:] = crc_property(bytes(changed[:-CRC_LENGTH]))
    return bytes(changed)
