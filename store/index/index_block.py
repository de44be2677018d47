"""Many keys into an index file at once: the same bytes as key by key, at a fraction of the cost.

What lives here: hashing a block of keys and putting their entries with numpy. What does not: which keys wait and
when they are put (`index_service.py`), the layout of a file and putting one message (`index_file.py`).

Importing this module imports numpy, which takes a tenth of a second and 12 MB: a broker does it under load only.
"""

from __future__ import annotations

import os
from typing import Final

# Before numpy is imported: its threads for floating point would only take memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from rocketmq_ops.common.java_hash import POWERS_OF_31, hash_onto
from rocketmq_ops.store.index.index_file import IndexFile, index_hash
from rocketmq_ops.store.layout.index import ENTRY_FIELDS, ENTRY_SIZE, HEADER_SIZE, SLOT_FIELDS, SLOT_SIZE

_INT_MAX: Final = 0x7FFFFFFF
_ENTRY: Final = ENTRY_FIELDS.dtype
_SLOT: Final = SLOT_FIELDS.column("newest")
#: Longer keys are hashed one by one.
_WIDEST: Final = 512
#: 31 ** (_WIDEST - 1) ... 31 ** 0, modulo 2 ** 32.
_POWERS: Final = np.array(POWERS_OF_31[_WIDEST - 1 :: -1], np.uint32)


def key_hashes(keys: list[str]) -> NDArray[np.int64]:
    """The hashes that index entries hold (IndexFile.indexKeyHashMethod) of `topic#key` strings; at least one."""
    width = max(map(len, keys))
    if 0 < width <= _WIDEST:
        text = "".join(keys)
        if len(text) < width * len(keys):
            # Characters 0 in front change nothing in a polynomial, so all keys can be of one length.
            text = "".join([key.rjust(width, "\0") for key in keys])
        if text.isascii():
            units = np.frombuffer(text.encode(), np.uint8).reshape(len(keys), width)
            hashes: NDArray[np.int64] = (units.astype(np.uint32) @ _POWERS[-width:]).astype(np.int64)
            return np.where(hashes > _INT_MAX, (0x100000000 - hashes) & _INT_MAX, hashes)
    return np.array([index_hash(hash_onto(key)) for key in keys], np.int64)


def put_block(
    file: IndexFile, hashes: NDArray[np.int64], offsets: NDArray[np.int64], timestamps: NDArray[np.int64]
) -> None:
    """Append an entry for each key; the file must have room for all. Timestamps in ms, offsets of the commitlog.

    Raises OSError (ENOSPC); then nothing was put."""
    count, first = len(hashes), file.count
    slot = hashes % file.slot_num
    file.reserve_block(count, HEADER_SIZE + slot * SLOT_SIZE)
    order = np.argsort(slot, kind="stable")
    numbers = order + first
    sorted_slots = slot[order]
    slots = np.frombuffer(file.view, _SLOT, file.slot_num, HEADER_SIZE)
    previous = slots[sorted_slots].astype(np.int64)
    previous[(previous < 0) | (previous >= first)] = 0
    same = np.flatnonzero(sorted_slots[1:] == sorted_slots[:-1])
    previous[same + 1] = numbers[same]
    entries = np.frombuffer(file.view, _ENTRY, count, file.entries_at + first * ENTRY_SIZE)
    entries["hash"] = hashes
    entries["offset"] = offsets
    entries["seconds"] = _seconds(file, timestamps)
    entries["previous"][order] = previous
    slots[sorted_slots] = numbers  # of equal slots the last one, the newest entry, stays
    if first == 1:
        file.begin_timestamp, file.begin_phy_offset = int(timestamps[0]), int(offsets[0])
    file.note_block(count, int(np.count_nonzero(previous == 0)), int(offsets[-1]), int(timestamps[-1]))


def _seconds(file: IndexFile, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Seconds since the begin timestamp; the first entry of a file counts them from the end of the file before."""
    begin = int(timestamps[0]) if file.count == 1 else file.begin_timestamp
    seconds = np.clip((timestamps - begin) // 1000, 0, _INT_MAX) if begin > 0 else np.zeros(len(timestamps), np.int64)
    if file.count == 1:
        old = file.begin_timestamp
        seconds[0] = min(max((int(timestamps[0]) - old) // 1000, 0), _INT_MAX) if old > 0 else 0
    return seconds
