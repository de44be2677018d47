"""A commitlog record as the store writes it: whole, in one call, and the pieces that records of a batch share.

The fields are those of RECORD in `common/record_layout.py`. Source: MessageExtEncoder.
"""

from __future__ import annotations

import struct
from typing import Final

from rocketmq_ops.common.record_layout import PROPERTIES_LENGTH, RECORD, SIZE_AND_MAGIC

#: From the size to the record's own offset.
PLACE: Final = RECORD.part("size", "physical_offset").struct
#: Between there and the body's length: the same in all records of a batch.
MIDDLE: Final = RECORD.part("sys_flag", "prepared_transaction_offset").struct
#: What is read of each record of a run that a slave dispatches.
HEAD_OF_RUN: Final = struct.Struct(
    ">"
    + RECORD.only(
        "size", "magic", "queue_id", "queue_offset", "physical_offset", "sys_flag", "store_timestamp", "body_length"
    )
)
#: A record with IPv4 hosts without body, topic, and properties.
FIXED_SIZE: Final = RECORD.size + PROPERTIES_LENGTH.size
#: numpy's type of a host of 8 bytes as one number.
HOST_NUMBER: Final = ">u8"
_LENGTH: Final = "H"  # of the properties: more than a short holds is refused where they are put, not here
_BATCH_PLACE: Final = f"{SIZE_AND_MAGIC.size}s" + RECORD.part("body_crc", "physical_offset").codes
_BATCH_MIDDLE: Final = f"{MIDDLE.size + RECORD.sizes['body_length']}s"


def whole_record(body_length: int, topic_field: int, properties_length: int) -> struct.Struct:
    """The struct of a whole record: the fields of RECORD, body, topic with its length, length of the properties, and
    these. `topic_field` is the topic's bytes with their length."""
    return struct.Struct(f">{RECORD.codes}{body_length}s{topic_field}s{_LENGTH}{properties_length}s")


def batch_record(body_length: int, topic_field: int, own: int, tail: int) -> str:
    """The codes of a record of a batch, with all that is the same in a batch as bytes: size and magic; CRC to offset;
    MIDDLE with the body's length; body; topic with its length, and the length of the properties; the item's own
    properties; those of the batch."""
    return f"{_BATCH_PLACE}{_BATCH_MIDDLE}{body_length}s{topic_field + PROPERTIES_LENGTH.size}s{own}s{tail}s"
