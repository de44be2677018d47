"""Batch consumequeues of Apache's 5.x (topics with the attribute queue.type=BatchCQ): which topics have them, their
units against the records, and their writing.

Mirrors BatchConsumeQueue and CommitLog.setBatchSizeIfNeeded. They lie in `batchconsumequeue`; a unit
stands for a record, which is one message or a batch of `INNER_NUM` messages from the queue offset `INNER_BASE` on.
Units stand one behind the other in the order of the log: their place says nothing of the queue offset.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rocketmq_ops.store.inspect.reading.broker_config import load_table
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.property_bytes import property_of
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, usual_size
from rocketmq_ops.store.layout.batch_consume_queue import MAX_COUNT, NO_COMPACTED, UNIT

FOLDER: Final = "batchconsumequeue"
UNIT_DTYPE: Final = UNIT.dtype
UNIT_SIZE: Final = UNIT.size
DEFAULT_FILE: Final = 300_000 * UNIT_SIZE

Key = tuple[str, int]


def batch_topics(store: StoreDirectory) -> frozenset[str]:
    """The topics that have batch queues, by their configuration or by what lies on the disk."""
    table = load_table(store, "topics.json", "5.3").entries
    return frozenset(str(name) for name in table if is_batch(table[name])) | {topic for topic, _ in store.batch_queues}


def is_batch(config: Any) -> bool:
    """True when a topic's configuration says that its queues are batch queues."""
    attributes = config.get("attributes") if isinstance(config, dict) else None
    return isinstance(attributes, dict) and attributes.get("queue.type") == "BatchCQ"


def wrong_types(store: StoreDirectory) -> list[tuple[str, str]]:
    """Topics whose queues lie in the folder of the other type, and where: Apache's 5.x then refuses to start."""
    loaded = load_table(store, "topics.json", "5.3").entries
    batch = {str(name) for name in loaded if is_batch(loaded[name])}
    found = {(topic, FOLDER) for topic, _ in store.batch_queues if topic not in batch}
    return sorted(found | {(topic, "consumequeue") for topic, _ in store.queues if topic in batch})


def usual_batch_file_size(store: StoreDirectory) -> int:
    """mapperFileSizeBatchConsumeQueue in bytes: what most of the store's batch queue files should have, else Apache's
    default."""
    return usual_size(store.batch_queues.values(), UNIT_SIZE) or DEFAULT_FILE


class TopicMask:
    """Finds the records of a block that belong to topics with batch queues; remembers topics from block to block."""

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics
        self._known: list[bool] = []

    def of(self, dispatch: DispatchColumns) -> Column | None:
        """A mask over the records, None in a store without such topics."""
        if not self._topics:
            return None
        for name in dispatch.topics[len(self._known) :]:
            self._known.append(name.decode("utf-8", "replace") in self._topics)
        return np.array(self._known, np.bool_)[dispatch.topic_ids]

    def simple(self, dispatch: DispatchColumns) -> Column:
        """Which queued records go to ordinary queues."""
        mask = self.of(dispatch)
        return dispatch.queued if mask is None else dispatch.queued & ~mask

    def batches(self, block: Block, dispatch: DispatchColumns) -> list[tuple[Key, Column]]:
        """The units that the block's records of such topics should have, by queue."""
        mask = self.of(dispatch)
        rows = np.flatnonzero(dispatch.queued & mask) if mask is not None else np.zeros(0, np.int64)
        found: dict[Key, list[int]] = {}
        for row in rows.tolist():
            found.setdefault((dispatch.topic(row), int(block.head["queue_id"][row])), []).append(row)
        return [(key, units_of_records(block, dispatch, np.array(mine))) for key, mine in found.items()]


def units_of_records(block: Block, dispatch: DispatchColumns, rows: Column) -> Column:
    """The units that a broker puts for records."""
    units = np.zeros(len(rows), UNIT_DTYPE)
    units["offset"], units["size"] = block.offsets[rows], block.head["size"][rows]
    units["tags_code"], units["time"] = dispatch.tags_code[rows], block.head["store_timestamp"][rows]
    units["base"], units["count"] = block.head["queue_offset"][rows], 1
    units["compacted"] = NO_COMPACTED
    for i, row in enumerate(rows.tolist()):
        number, base = (_number(dispatch.properties[row], name) for name in (b"INNER_NUM", b"INNER_BASE"))
        if number is not None and base is not None and 0 < number <= MAX_COUNT:
            units["base"][i], units["count"][i] = base, number
    return units


def _number(properties: bytes, name: bytes) -> int | None:
    value = property_of(properties, name)
    return int(value) if value is not None and value.isdigit() and len(value) < 19 else None


def read_batch_units(chain: FileChain, first: int, count: int) -> Column:
    """Up to `count` units in use from unit number `first` of the files; files need not begin at a unit's multiple of
    0, since units never lie across two of them."""
    data = chain.read(chain.min_offset + first * UNIT_SIZE, count * UNIT_SIZE)
    units = np.frombuffer(data[: len(data) - len(data) % UNIT_SIZE], UNIT_DTYPE)
    unused = np.flatnonzero(units["size"] <= 0)
    return units[: int(unused[0])] if len(unused) else units


def find_batch_unit(chain: FileChain, offset: int) -> int:
    """The number of the first unit that points at or behind a commitlog offset, or that is not in use."""
    low, high = 0, (chain.max_offset - chain.min_offset) // UNIT_SIZE
    while low < high:
        middle = (low + high) // 2
        units = read_batch_units(chain, middle, 1)
        if len(units) and int(units["offset"][0]) < offset:
            low = middle + 1
        else:
            high = middle
    return low


def batch_bounds(chain: FileChain, log_start: int = 0, log_end: int = 1 << 62) -> tuple[int, int]:
    """The queue offsets [first, end) of the units that point into a range of the log."""
    first, last = read_batch_units(chain, find_batch_unit(chain, log_start), 1), find_batch_unit(chain, log_end)
    before = read_batch_units(chain, last - 1, 1) if last else first[:0]
    end = int(before["base"][0]) + int(before["count"][0]) if len(before) else 0
    return (int(first["base"][0]) if len(first) else end, end)


def newest_offset(chain: FileChain) -> int:
    """The commitlog offset that the last unit points at, -1 without units."""
    last = find_batch_unit(chain, 1 << 62)
    return int(read_batch_units(chain, last - 1, 1)["offset"][0]) if last else -1
