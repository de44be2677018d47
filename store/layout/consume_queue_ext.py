"""A unit of a consumequeue's extension, written by Apache's with enableConsumeQueueExt. Source: ConsumeQueueExt.

The last field of the queue's unit then says where it lies. Brokers of ours write none, and take what it says out of the
record; Apache's do the same where it is missing.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout

#: What a unit begins with; the bits of the filters that its message meets follow.
UNIT: Final = Layout(
    FieldType("size", "h"),
    FieldType("tags_code", "q", "tagsCode"),
    FieldType("time", "q"),  # store timestamp, ms
    FieldType("bits_size", "h"),
)
#: The folder of the extensions, beside that of the queues.
FOLDER: Final = "consumequeue_ext"
#: Codes below are addresses: no hash of tags is so low, and no time.
MIN_CODE: Final = -(1 << 31)
#: The address of the first byte.
FIRST_ADDRESS: Final = -(1 << 63)


def is_address(code: int) -> bool:
    """Whether the last field of a queue's unit leads into the extension (isExtAddr)."""
    return code < MIN_CODE
