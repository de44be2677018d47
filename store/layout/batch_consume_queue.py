"""A unit of a batch consumequeue, of Apache's 5.x. Source: BatchConsumeQueue."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout

UNIT: Final = Layout(
    FieldType("offset", "q", "commitLogOffset"),
    FieldType("size", "i"),
    FieldType("tags_code", "q", "tagsCode"),
    FieldType("time", "q"),  # store timestamp, ms
    FieldType("base", "q", "queueOffset"),  # of the first message
    FieldType("count", "h", "messages"),
    FieldType("compacted", "i"),
    FieldType("reserved", "i"),
)
COUNT: Final = UNIT.one("count")
COUNT_POSITION: Final = UNIT.at["count"]
MAX_COUNT: Final = 32767
NO_COMPACTED: Final = -1
