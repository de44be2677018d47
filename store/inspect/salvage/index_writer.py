"""Writes index files from the blocks of a log.

Mirrors IndexService.buildIndex.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns, block_keys, index_hashes
from rocketmq_ops.store.inspect.reading.index_files import ENTRY_DTYPE, SLOT_DTYPE
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.layout.index import HEADER, entry_position, file_size, slot_position

SLOTS_AT_A_TIME: Final = 1 << 18


class IndexWriter:
    """Writes index files entry by entry in order; one file's slots are kept in memory (4 bytes a slot) and written
    last."""

    def __init__(self, directory: Path, slots: int, entries: int, names: list[str], *, tags: bool = False) -> None:
        self._directory = directory
        self._slots = slots
        self._capacity = entries
        self._names = names
        self._tags = tags
        self._descriptor = -1
        self._last = np.zeros(0, np.int32)
        self._header = [0, 0, 0, 0, 0, 1]
        self.files = 0
        self.entries = 0
        self.full_until = 0  # ms: end of the last full file, which is what a checkpoint says of the index

    def put(self, block: Block, dispatch: DispatchColumns) -> None:
        """Write the entries of a block's records."""
        keys, rows = block_keys(dispatch, tags=self._tags)
        if not keys:
            return
        hashes, offsets = index_hashes(keys), block.offsets[rows]
        times = block.head["store_timestamp"][rows].astype(np.int64)
        start = 0
        while start < len(keys):
            if self._descriptor < 0 or self._header[5] >= self._capacity:
                self._next_file(int(times[start]))
            end = min(len(keys), start + self._capacity - self._header[5])
            self._append(hashes[start:end], offsets[start:end], times[start:end])
            start = end

    def _next_file(self, now: int) -> None:
        end_offset, end_time = (self._header[3], self._header[1]) if self.files else (0, 0)
        self.full_until = end_time
        self._finish()
        name = datetime.fromtimestamp(now / 1000).strftime("%Y%m%d%H%M%S") + f"{now % 1000:03d}"
        if self.files < len(self._names):
            name = self._names[self.files]
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / name
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._descriptor, file_size(self._slots, self._capacity))
        self._last = np.zeros(self._slots, np.int32)
        # A new file begins with the end of the one before, until its first entry is put.
        self._header = [end_time, end_time, end_offset, end_offset, 0, 1]
        self.files += 1

    def _append(self, hashes: Column, offsets: Column, times: Column) -> None:
        header, count = self._header, len(hashes)
        first = header[5]
        begin = np.full(count, header[0])
        if first == 1:
            begin[1:] = int(times[0])
            header[0], header[2] = int(times[0]), int(offsets[0])
        entries = np.empty(count, ENTRY_DTYPE)
        entries["hash"], entries["offset"] = hashes, offsets
        entries["seconds"] = np.where(begin > 0, np.clip((times - begin) // 1000, 0, 0x7FFFFFFF), 0)
        slot = hashes % self._slots
        order = np.argsort(slot, kind="stable")
        slots, numbers = slot[order], np.arange(first, first + count, dtype=np.int32)[order]
        same = np.concatenate(([False], slots[1:] == slots[:-1]))
        before = np.concatenate((numbers[:1], numbers[:-1]))
        entries["previous"][order] = np.where(same, before, self._last[slots])
        header[4] += int(np.count_nonzero(~same & (self._last[slots] == 0)))
        self._last[slots] = numbers
        os.pwrite(self._descriptor, entries.tobytes(), entry_position(self._slots, first))
        header[1], header[3], header[5] = int(times[-1]), int(offsets[-1]), first + count
        self.entries += count

    def _finish(self) -> None:
        if self._descriptor < 0:
            return
        os.pwrite(self._descriptor, HEADER.pack(*self._header), 0)
        used = self._last != 0
        if used.any():
            low, high = int(np.argmax(used)), self._slots - int(np.argmax(used[::-1]))
            for start in range(low, high, SLOTS_AT_A_TIME):
                part = self._last[start : min(start + SLOTS_AT_A_TIME, high)].astype(SLOT_DTYPE).tobytes()
                os.pwrite(self._descriptor, part, slot_position(start))
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1

    def close(self) -> None:
        """Write header and slots of the last file, sync and close it."""
        self._finish()
