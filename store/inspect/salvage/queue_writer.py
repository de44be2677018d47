"""Writes consumequeues and batch consumequeues from the blocks of a log.

Mirrors ConsumeQueue.putMessagePositionInfo and BatchConsumeQueue.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from rocketmq_ops.common.bounded import RecentlyUsed
from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.common.topics import is_legal_name
from rocketmq_ops.store.inspect.reading.batch_queues import UNIT_SIZE, Key, TopicMask, usual_batch_file_size
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.queue_units import UNIT_DTYPE
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.batch_consume_queue import COUNT, COUNT_POSITION, MAX_COUNT
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, PLACEHOLDER

MAX_DESCRIPTORS: Final = 200
MAX_QUEUE_ID: Final = 65535


class _QueueFiles:
    """The files of queues below a directory, each made at its full length and named by the offset (bytes) at which it
    begins. Raises OSError."""

    def __init__(self, directory: Path, size: int) -> None:
        self.size = size
        self._directory = directory
        self._made: set[Path] = set()
        self._open: RecentlyUsed[Path, int] = RecentlyUsed(MAX_DESCRIPTORS, os.close)

    def write(self, key: Key, offset: int, data: bytes) -> None:
        """Put data at an offset of a queue; files where none is yet are made."""
        while data:
            base = offset - offset % self.size
            part = data[: base + self.size - offset]
            os.pwrite(self._descriptor(self._directory / key[0] / str(key[1]) / f"{base:020d}"), part, offset - base)
            data, offset = data[len(part) :], offset + len(part)

    def _descriptor(self, path: Path) -> int:
        descriptor = self._open.get(path)
        if descriptor is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._open.put(path, descriptor)
            if path not in self._made:
                self._made.add(path)
                os.ftruncate(descriptor, self.size)
        return descriptor

    def close(self) -> None:
        """Sync and close all files, those too that were closed for others meanwhile."""
        for path in self._made:
            os.fsync(self._descriptor(path))
        self._open.clear()


class QueueWriter:
    """Writes units into consumequeue files of their full length; nothing but what holds units takes disk."""

    def __init__(self, directory: Path, size: int) -> None:
        self._files = _QueueFiles(directory, size)
        self._next: dict[Key, int] = {}
        self._legal: list[bool] = []
        self.units = 0
        self.last_time = 0
        self.last_offset = 0

    @property
    def queues(self) -> int:
        """How many queues got units."""
        return len(self._next)

    def put(self, block: Block, dispatch: DispatchColumns, wanted: Column | None = None) -> None:
        """Write the units of a block's records, of the wanted ones only where a mask is given."""
        rows = self._possible(block, dispatch)
        rows = rows if wanted is None else rows[wanted[rows]]
        if not len(rows):
            return
        self.last_time = int(block.head["store_timestamp"][rows[-1]])
        self.last_offset = int(block.offsets[rows[-1]])
        queue_ids = block.head["queue_id"][rows].astype(np.int64)
        order = np.lexsort((queue_ids, dispatch.topic_ids[rows]))
        rows, queue_ids = rows[order], queue_ids[order]
        borders = np.flatnonzero((np.diff(dispatch.topic_ids[rows]) != 0) | (np.diff(queue_ids) != 0)) + 1
        for part in np.split(rows, borders):
            key = (dispatch.topic(int(part[0])), int(block.head["queue_id"][part[0]]))
            units = np.empty(len(part), UNIT_DTYPE)
            units["offset"] = block.offsets[part]
            units["size"] = block.head["size"][part]
            units["tags_code"] = dispatch.tags_code[part]
            self._queue(key, block.head["queue_offset"][part].astype(np.int64), units)

    def _possible(self, block: Block, dispatch: DispatchColumns) -> Column:
        """The records that get a unit: not those whose damaged fields name no topic, no queue or a place that cannot
        be."""
        for name in dispatch.topics[len(self._legal) :]:
            self._legal.append(len(name) > 0 and is_legal_name(name.decode("utf-8", "replace")))
        head = block.head
        possible = np.array(self._legal, np.bool_)[dispatch.topic_ids]
        possible &= (head["queue_id"] >= 0) & (head["queue_id"] <= MAX_QUEUE_ID) & (head["queue_offset"] >= 0)
        # No queue can have more messages than the log had room for.
        possible &= head["queue_offset"] <= block.offsets // SMALLEST_RECORD
        return np.flatnonzero(dispatch.queued & possible)

    def _queue(self, key: Key, numbers: Column, units: Column) -> None:
        if key not in self._next:
            self._first(key, int(numbers[0]))
        # A unit that is there already is not put again; a gap stays blank, as a broker leaves it.
        fresh = numbers >= self._next[key]
        numbers, units = numbers[fresh], units[fresh]
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for part in np.split(np.arange(len(numbers)), breaks):
            if len(part):
                self._files.write(key, int(numbers[part[0]]) * CQ_UNIT_SIZE, units[part].tobytes())
                self._next[key] = int(numbers[part[-1]]) + 1
        self.units += len(numbers)

    def _first(self, key: Key, number: int) -> None:
        """The first unit of a queue that does not begin at 0 is preceded by filler in its file (fillPreBlank)."""
        self._next[key] = number
        offset = number * CQ_UNIT_SIZE
        base = offset - offset % self._files.size
        if offset > base:
            self._files.write(key, base, PLACEHOLDER * ((offset - base) // CQ_UNIT_SIZE))

    def close(self) -> None:
        """Sync and close all files."""
        self._files.close()


class BatchQueueWriter:
    """Writes batch units into files of their full length. Where messages are missing before a record, the unit before
    it is made to reach up to it, so that a consumer gets past the hole. Raises OSError."""

    def __init__(self, directory: Path, store: StoreDirectory, topics: frozenset[str]) -> None:
        self._files = _QueueFiles(directory, usual_batch_file_size(store))
        self._mask = TopicMask(topics)
        self._end: dict[Key, tuple[int, int, int]] = {}  # bytes written, base and end of the last unit
        self.units = 0

    @property
    def queues(self) -> int:
        """How many queues got units."""
        return len(self._end)

    def put(self, block: Block, dispatch: DispatchColumns) -> None:
        """Write the units of a block's records."""
        for key, units in self._mask.batches(block, dispatch):
            for unit in units:
                self._put(key, unit)
            self.units += len(units)

    def _put(self, key: Key, unit: Any) -> None:
        position, base, end = self._end.get(key, (0, 0, 0))
        new = int(unit["base"])
        if position and end < new <= base + MAX_COUNT:
            self._files.write(key, position - UNIT_SIZE + COUNT_POSITION, COUNT.pack(new - base))
        self._files.write(key, position, unit.tobytes())
        self._end[key] = (position + UNIT_SIZE, new, new + int(unit["count"]))

    def close(self) -> None:
        """Sync and close all files."""
        self._files.close()
