"""A unit of a consumequeue. Source: ConsumeQueue."""

from __future__ import annotations

import struct
from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout

UNIT: Final = Layout(
    FieldType("offset", "q", "commitLogOffset"),
    FieldType("size", "i"),
    FieldType("tags_code", "q", "tagsCode"),  # hash of the tag; in the delay topic the time of delivery, ms
)
CQ_UNIT: Final = UNIT.struct
CQ_UNIT_SIZE: Final = UNIT.size
#: Codes that read offset and size only.
OFFSET_AND_SIZE: Final = UNIT.only("offset", "size")
OFFSET: Final = UNIT.one("offset")
#: Offset and size of a unit, and the offset of the next one.
FIRST_TWO: Final = struct.Struct(f">{OFFSET_AND_SIZE}{UNIT.part('offset', 'offset').codes}")
#: Size in a unit that leads to no record; before the first message of a queue its offset is 0 (fillPreBlank).
PLACEHOLDER_SIZE: Final = 0x7FFFFFFF
PLACEHOLDER: Final = CQ_UNIT.pack(0, PLACEHOLDER_SIZE, 0)
