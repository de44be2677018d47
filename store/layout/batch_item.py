"""An item of a batch body (request 320) as the store takes it apart: many in one go.

The fields are those of BATCH_ITEM in `common/record_layout.py`. Source: MessageDecoder.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.record_layout import BATCH_ITEM, PROPERTIES_LENGTH

#: An item without body and properties.
LEAST_SIZE: Final = BATCH_ITEM.size + PROPERTIES_LENGTH.size
_NUMBERS: Final = BATCH_ITEM.only("size", "flag", "body_length")


def whole_item(body_length: int, properties_length: int) -> str:
    """The codes of an item: size, flag, length of the body; body; length of the properties; these."""
    return f"{_NUMBERS}{body_length}sH{properties_length}s"
