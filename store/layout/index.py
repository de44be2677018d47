"""An index file: a header, hash slots, and room for entries. Source: IndexHeader and IndexFile.

A slot holds the number of its newest entry and each entry that of the one before it in the same slot; number 0 is never
used and means "none".
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout

HEADER_FIELDS: Final = Layout(
    FieldType("begin_timestamp", "q", "beginTimestamp"),  # store timestamps, ms
    FieldType("end_timestamp", "q", "endTimestamp"),
    FieldType("begin_phy_offset", "q", "beginPhyOffset"),  # of the commitlog
    FieldType("end_phy_offset", "q", "endPhyOffset"),
    FieldType("slot_count", "i", "hashSlotCount"),  # used slots
    FieldType("count", "i", "indexCount"),  # number of the next entry
)
SLOT_FIELDS: Final = Layout(FieldType("newest", "i"))
ENTRY_FIELDS: Final = Layout(
    FieldType("hash", "i"),
    FieldType("offset", "q"),  # of the commitlog
    FieldType("seconds", "i"),  # since the begin timestamp
    FieldType("previous", "i"),  # entry of the same slot
)
HEADER: Final = HEADER_FIELDS.struct
SLOT: Final = SLOT_FIELDS.struct
ENTRY: Final = ENTRY_FIELDS.struct
ENTRY_OFFSET: Final = ENTRY_FIELDS.one("offset")
ENTRY_OFFSET_POSITION: Final = ENTRY_FIELDS.at["offset"]
HEADER_SIZE: Final = HEADER.size
SLOT_SIZE: Final = SLOT.size
ENTRY_SIZE: Final = ENTRY.size


def slot_position(slot: int) -> int:
    """Where a slot begins in its file."""
    return HEADER_SIZE + slot * SLOT_SIZE


def entry_position(slot_num: int, number: int) -> int:
    """Where an entry begins in a file with so many slots."""
    return HEADER_SIZE + slot_num * SLOT_SIZE + number * ENTRY_SIZE


def capacity_of(size: int, slot_num: int) -> int:
    """How many entries, the unused one with number 0 included, a file of `size` bytes with so many slots has room
    for."""
    return (size - HEADER_SIZE - slot_num * SLOT_SIZE) // ENTRY_SIZE


def file_size(slot_num: int, index_num: int) -> int:
    """Length in bytes of an index file with so many slots and entries."""
    return HEADER_SIZE + slot_num * SLOT_SIZE + index_num * ENTRY_SIZE
