"""Reads index files: headers, entries, and how many slots a file has. What is wrong with them is for `check/index.py`.

Layout: IndexFile and IndexHeader, in `store/layout/index.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rocketmq_ops.store.inspect.reading.scan import Column
from rocketmq_ops.store.inspect.reading.store_files import StoreFile
from rocketmq_ops.store.layout.index import (
    ENTRY_FIELDS,
    ENTRY_SIZE,
    HEADER,
    HEADER_SIZE,
    SLOT_FIELDS,
    SLOT_SIZE,
    entry_position,
)

ENTRY_DTYPE: Final = ENTRY_FIELDS.dtype
SLOT_DTYPE: Final = SLOT_FIELDS.column("newest")


@dataclass(slots=True)
class IndexHeaderView:
    """The header's fields: timestamps in ms, offsets in the commitlog; `count` is one more than the entries there
    are."""

    begin_timestamp: int
    end_timestamp: int
    begin_phy_offset: int
    end_phy_offset: int
    slot_count: int
    count: int


def read_header(file: StoreFile) -> IndexHeaderView | None:
    """The header of an index file, None when the file is shorter than one."""
    data = file.read(0, HEADER_SIZE)
    return IndexHeaderView(*HEADER.unpack(data)) if len(data) == HEADER_SIZE else None


def slots_of(size: int, slots: int | None = None, entries: int | None = None) -> int | None:
    """The number of hash slots of an index file of `size` bytes. The file does not say; the usual ratio of 1 slot to 4
    entries is assumed unless maxHashSlotNum or maxIndexNum is given. None when no number fits."""
    body = size - HEADER_SIZE
    if slots is not None:
        rest = body - slots * SLOT_SIZE
        return slots if rest >= 0 and rest % ENTRY_SIZE == 0 else None
    if entries is not None:
        rest = body - entries * ENTRY_SIZE
        return rest // SLOT_SIZE if rest > 0 and rest % SLOT_SIZE == 0 else None
    unit = SLOT_SIZE + 4 * ENTRY_SIZE
    return body // unit if body > 0 and body % unit == 0 else None


def read_entries(file: StoreFile, slots: int, first: int, count: int) -> Column:
    """Up to `count` entries from number `first` (the first one ever put is 1) as a structured array."""
    start = entry_position(slots, first)
    data = file.read(start, count * ENTRY_SIZE)
    return np.frombuffer(data[: len(data) - len(data) % ENTRY_SIZE], ENTRY_DTYPE)


def index_name(file: StoreFile) -> str:
    """The name of an index file below the store directory."""
    return f"index/{file.path.name}"
