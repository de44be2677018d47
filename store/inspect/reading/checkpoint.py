"""Reads the checkpoint of a store. What its values should be is for `check/checkpoint.py`."""

from __future__ import annotations

from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.checkpoint import CHECKPOINT, FIELDS


def read_checkpoint(store: StoreDirectory) -> dict[str, int] | None:
    """The checkpoint's fields (ms, and offsets), None when the file is missing or too short."""
    data = store.small_file("checkpoint")
    if data is None or len(data) < FIELDS.size:
        return None
    return dict(zip(CHECKPOINT.labels, FIELDS.unpack_from(data), strict=True))
