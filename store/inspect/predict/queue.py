"""One consumequeue as Apache's broker would hold it while it recovers: which units it keeps, adds and cuts, on paper
only.

Mirrors ConsumeQueue (recover, truncateDirtyLogicFiles, putMessagePositionInfo, correctMinOffset) and what it uses of
MappedFileQueue, with their oddities: units that come twice are skipped, units with a gap before them are put all the
same.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np

from rocketmq_ops.store.inspect.reading.queue_units import UNIT_DTYPE
from rocketmq_ops.store.inspect.reading.scan import Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreFile
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE, PLACEHOLDER_SIZE

_LAST_FILES: Final = 3


class ApacheQueue:
    """`chain` is None for a queue that is made; `size` is mappedFileSizeConsumeQueue in bytes."""

    def __init__(self, chain: FileChain | None, size: int) -> None:
        self.size = size
        self._files: dict[int, StoreFile] = {f.base: f for f in chain.files} if chain else {}
        self._bases = sorted(self._files)
        self._wrote = size  # of the last file; those before it are full
        self.max_physic = -1
        self.min_logic = 0
        self.added = 0
        self._first_made = -1
        self._fillers = 0
        # Units that were put: they stand one behind the other from `_new_at` on.
        self._new_at = 0
        self._new_offsets = array("q")
        self._new_sizes = array("i")

    @property
    def max_offset(self) -> int:
        """The queue's max offset in units."""
        return (self._bases[-1] + self._wrote) // CQ_UNIT_SIZE if self._bases else 0

    @property
    def min_offset(self) -> int:
        """The queue's min offset in units."""
        return self.min_logic // CQ_UNIT_SIZE

    @property
    def first_message(self) -> int:
        """The queue offset of the first unit that is a message's: what was put before it is filler."""
        return max(self.min_offset, self._new_at // CQ_UNIT_SIZE + self._fillers if self._fillers else 0)

    def recover(self) -> None:
        """Read the last three files up to the first invalid unit, and cut there."""
        if not self._bases:
            return
        index = max(0, len(self._bases) - _LAST_FILES)
        end = self._bases[index]
        while index < len(self._bases):
            units = self._content(self._bases[index])
            invalid = np.flatnonzero((units["offset"] < 0) | (units["size"] <= 0))
            count = int(invalid[0]) if len(invalid) else len(units)
            if count:
                last = units[count - 1]
                self.max_physic = int(last["offset"]) + int(last["size"])
            end = self._bases[index] + count * CQ_UNIT_SIZE
            if count < self.size // CQ_UNIT_SIZE:
                break
            index += 1
        self._cut_files(end)

    def _cut_files(self, offset: int) -> None:
        kept = []
        for base in self._bases:
            if base + self.size <= offset:
                kept.append(base)
            elif base <= offset:
                kept.append(base)
                self._wrote = offset % self.size
        self._bases = kept

    def _content(self, base: int) -> Column:
        """All units of a file: what is on disk, with what was put over it."""
        file = self._files.get(base)
        data = file.read(0, self.size) if file else b""
        units = np.frombuffer(data.ljust(self.size // CQ_UNIT_SIZE * CQ_UNIT_SIZE, b"\0"), UNIT_DTYPE)
        first = max(base, self._new_at)
        last = min(base + self.size, self._new_at + len(self._new_offsets) * CQ_UNIT_SIZE)
        if first >= last:
            return units
        units = units.copy()
        here = slice((first - base) // CQ_UNIT_SIZE, (last - base) // CQ_UNIT_SIZE)
        there = slice((first - self._new_at) // CQ_UNIT_SIZE, (last - self._new_at) // CQ_UNIT_SIZE)
        units["offset"][here] = self._new_offsets[there]
        units["size"][here] = self._new_sizes[there]
        return units

    def _offset_at(self, position: int) -> int:
        """The commitlog offset in the unit at a byte position of the queue."""
        number = (position - self._new_at) // CQ_UNIT_SIZE
        if 0 <= number < len(self._new_offsets):
            return self._new_offsets[number]
        base = position - position % self.size
        file = self._files.get(base)
        data = file.read(position - base, CQ_UNIT_SIZE) if file else b""
        return int(CQ_UNIT.unpack(data)[0]) if len(data) == CQ_UNIT_SIZE else 0

    def put(self, physical: int, size: int, number: int) -> None:
        """A record is dispatched to the queue."""
        if physical + size <= self.max_physic or number < 0:
            return
        expected = number * CQ_UNIT_SIZE
        if not self._bases:
            self._first_made = expected - expected % self.size
            self._bases.append(self._first_made)
            self._wrote = 0
        elif self._wrote >= self.size:
            self._bases.append(self._bases[-1] + self.size)
            self._wrote = 0
        if number and self._wrote == 0 and self._bases[-1] == self._first_made:
            self.min_logic = expected
            for _ in range(expected % self.size // CQ_UNIT_SIZE):
                self._append(0, PLACEHOLDER_SIZE)
                self._fillers += 1
        if number and expected < self._bases[-1] + self._wrote:
            return
        self.max_physic = physical + size
        self._append(physical, size)
        self.added += 1

    def _append(self, offset: int, size: int) -> None:
        if not self._new_offsets:
            self._new_at = self._bases[-1] + self._wrote
        self._new_offsets.append(offset)
        self._new_sizes.append(size)
        self._wrote += CQ_UNIT_SIZE

    def truncate_dirty(self, log_end: int) -> None:
        """Cut the units of records from the commitlog offset `log_end` on."""
        self.max_physic = log_end
        while self._bases:
            units = self._content(self._bases[-1])
            offsets = units["offset"]
            if int(offsets[0]) >= log_end:
                self._bases.pop()
                self._wrote = self.size
                continue
            # The first unit counts whatever its size says.
            ends = np.flatnonzero((offsets[1:] < 0) | (units["size"][1:] <= 0) | (offsets[1:] >= log_end))
            count = int(ends[0]) + 1 if len(ends) else len(units)
            self._wrote = count * CQ_UNIT_SIZE
            last = units[count - 1]
            self.max_physic = int(last["offset"]) + int(last["size"])
            return

    def destroy(self) -> None:
        """The commitlog is empty: the queue's files are removed."""
        self._bases = []

    def correct_min_5(self, log_start: int) -> None:
        """As 5.x finds the first unit whose record is there."""
        if not self._bases or self.min_logic >= self._bases[-1] + self._wrote:
            return
        end = self._bases[-1] + self._wrote
        if self._wrote and self._offset_at(end - CQ_UNIT_SIZE) < log_start:
            self.min_logic = end
            return
        first = self._bases[0]
        readable = self._wrote if len(self._bases) == 1 else self.size
        start = self.min_logic - first
        intact = start >= 0
        start = max(start, 0)
        if start >= readable or (intact and self._offset_at(first + start) >= log_start):
            return
        low, high = 0, readable - start - CQ_UNIT_SIZE
        while high - low > CQ_UNIT_SIZE:
            middle = (low + high) // 2 // CQ_UNIT_SIZE * CQ_UNIT_SIZE
            offset = self._offset_at(first + start + middle)
            if offset > log_start:
                high = middle
            elif offset == log_start:
                low = high = middle
            else:
                low = middle
        for at in range(low, high + 1, CQ_UNIT_SIZE):
            if self._offset_at(first + start + at) >= log_start:
                self.min_logic = first + start + at
                return

    def correct_min_4(self, log_start: int) -> None:
        """As 4.9 does: the first unit of the first file that points at or behind the commitlog's start."""
        if not self._bases:
            return
        readable = self._wrote if len(self._bases) == 1 else self.size
        found = np.flatnonzero(self._content(self._bases[0])["offset"][: readable // CQ_UNIT_SIZE] >= log_start)
        if len(found):
            self.min_logic = self._bases[0] + int(found[0]) * CQ_UNIT_SIZE
