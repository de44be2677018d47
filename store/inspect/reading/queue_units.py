"""Reads the units of consumequeues: single ones, runs of them as columns, and which are in use or lead into the log.

Batch queues have units of another kind: `batch_queues.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from rocketmq_ops.store.inspect.reading.scan import Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, usual_size
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE, PLACEHOLDER_SIZE, UNIT

UNIT_DTYPE: Final = UNIT.dtype
DEFAULT_QUEUE_FILE: Final = 6_000_000  # bytes: 300,000 units


def usual_file_size(store: StoreDirectory) -> int:
    """mappedFileSizeConsumeQueue in bytes: what most of the store's queue files should have, else Apache's default."""
    chains = store.queues.values()
    return usual_size(chains, CQ_UNIT_SIZE) or usual_size(chains, 1) or DEFAULT_QUEUE_FILE


def read_units(chain: FileChain, first: int, count: int) -> Column:
    """Up to `count` units from queue offset `first` as a structured array; fewer where the files end."""
    if first < 0:
        return np.zeros(0, UNIT_DTYPE)
    data = chain.read(first * CQ_UNIT_SIZE, count * CQ_UNIT_SIZE)
    return np.frombuffer(data[: len(data) - len(data) % CQ_UNIT_SIZE], UNIT_DTYPE)


def used_units(chain: FileChain) -> int:
    """The max offset of a queue: one more than its last unit in use. Units are put in order, so bisection finds it."""
    low, high = chain.min_offset // CQ_UNIT_SIZE, chain.max_offset // CQ_UNIT_SIZE
    while low < high:
        middle = (low + high) // 2
        if chain.read(middle * CQ_UNIT_SIZE, CQ_UNIT_SIZE).strip(b"\0"):
            low = middle + 1
        else:
            high = middle
    return int(low)


def units_in_log(chain: FileChain, log_start: int) -> tuple[int, int]:
    """The queue offsets [first, end) of the units in use that point at or behind `log_start`."""
    low, high = chain.min_offset // CQ_UNIT_SIZE, used_units(chain)
    end = high
    while low < high:
        middle = (low + high) // 2
        data = chain.read(middle * CQ_UNIT_SIZE, CQ_UNIT_SIZE)
        unit = np.frombuffer(data, UNIT_DTYPE)[0] if len(data) == CQ_UNIT_SIZE else None
        if unit is None or int(unit["offset"]) < log_start or int(unit["size"]) == PLACEHOLDER_SIZE:
            low = middle + 1
        else:
            high = middle
    return low, end


class Unit(NamedTuple):
    """One consumequeue unit. `pre_blank` marks the filler of a queue that does not begin at 0."""

    topic: str
    queue_id: int
    queue_offset: int
    offset: int
    size: int
    tags_code: int

    @property
    def pre_blank(self) -> bool:
        """True for filler, which points at no record."""
        return self.offset == 0 and self.size == PLACEHOLDER_SIZE


def queue_bounds(chain: FileChain) -> tuple[int, int]:
    """The first queue offset that the files of a queue can hold, and the one after the last unit in use."""
    return chain.min_offset // CQ_UNIT_SIZE, used_units(chain)


def units_of(
    topic: str, queue_id: int, chain: FileChain, begin: int = 0, end: int = 1 << 62, batch: int = 4096
) -> Iterator[Unit]:
    """The units [begin, end) of a queue, in order."""
    low, high = queue_bounds(chain)
    number, high = max(low, begin), min(high, end)
    while number < high:
        data = chain.read(number * CQ_UNIT_SIZE, min(batch, high - number) * CQ_UNIT_SIZE)
        whole = len(data) - len(data) % CQ_UNIT_SIZE
        if not whole:
            # A file of the queue is missing: go on in the next one.
            following = [f.base for f in chain.files if f.base > number * CQ_UNIT_SIZE]
            if not following:
                return
            number = following[0] // CQ_UNIT_SIZE
            continue
        for offset, size, code in CQ_UNIT.iter_unpack(data[:whole]):
            yield Unit(topic, queue_id, number, offset, size, code)
            number += 1
