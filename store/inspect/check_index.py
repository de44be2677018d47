"""Checks index files: each by itself (header, slots, chains, entries), and all together against the keys of the records.

Entries were put in the order of dispatch, so the keys of the records and the entries run side by side; where they part, the
block is compared as sets. Layout: IndexFile and IndexHeader.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..index_file import ENTRY_SIZE, HEADER, HEADER_SIZE, SLOT_SIZE
from .columns import Dispatch, index_hashes, index_keys
from .findings import Report, Severity
from .scan import Block, Column
from .source import StoreDirectory, StoreFile

ENTRY_DTYPE: Final = np.dtype([("hash", ">i4"), ("offset", ">i8"), ("seconds", ">i4"), ("previous", ">i4")])
# Entries read ahead, with the begin timestamp that was valid when they were put, and their place.
PENDING_DTYPE: Final = np.dtype(
    [("hash", "i8"), ("offset", "i8"), ("seconds", "i8"), ("begin", "i8"), ("file", "i4"), ("entry", "i4")]
)
CHUNK: Final = 400_000
MAX_KEPT: Final = 20_000
DEFAULT_SLOTS: Final = 5_000_000
DEFAULT_ENTRIES: Final = 20_000_000


@dataclass(slots=True)
class IndexHeaderView:
    """The header's fields: timestamps in ms, offsets in the commitlog; `count` is one more than the entries there are."""

    begin_timestamp: int
    end_timestamp: int
    begin_offset: int
    end_offset: int
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
    start = HEADER_SIZE + slots * SLOT_SIZE + first * ENTRY_SIZE
    data = file.read(start, count * ENTRY_SIZE)
    return np.frombuffer(data[: len(data) - len(data) % ENTRY_SIZE], ENTRY_DTYPE)


class IndexCheck:
    """`files()` checks every file by itself; feed `block()` with every block, then call `finish()`."""

    def __init__(
        self,
        store: StoreDirectory,
        report: Report,
        *,
        slots: int | None = None,
        entries: int | None = None,
        start: int = 0,
    ):
        self.report = report
        self._start = start
        self._files: list[tuple[StoreFile, int, IndexHeaderView]] = []
        self._all = store.index_files
        self._slots, self._entries = slots, entries
        self._cursor = (0, 1)  # file, entry
        self._pending = np.zeros(0, PENDING_DTYPE)
        self._covered_from: int | None = None
        self._behind = 0
        self._behind_from: int | None = None
        self._missing: list[tuple[int, str]] = []

    @staticmethod
    def _name(file: StoreFile) -> str:
        return f"index/{file.path.name}"

    def files(self) -> None:
        """Check header, slots and chains of every file."""
        for file in self._all:
            header = read_header(file)
            slots = slots_of(file.size, self._slots, self._entries)
            if header is None or slots is None:
                self.report.add(
                    "IX-LENGTH", f"{file.size} bytes is no size of an index file" +
                    ("" if self._slots else " with 1 slot to 4 entries (give --max-hash-slot-num)"), file=self._name(file),
                    actual=file.size,
                )  # fmt: skip
                continue
            capacity = (file.size - HEADER_SIZE - slots * SLOT_SIZE) // ENTRY_SIZE
            if not 1 <= header.count <= capacity:
                empty = header.count == 0 and header.end_offset == 0
                if not empty:
                    self.report.add(
                        "IX-HEADER", f"the entry count {header.count - 1} does not fit the file ({capacity - 1} at most)",
                        file=self._name(file), position=36, field="indexCount", actual=header.count,
                    )  # fmt: skip
                header.count = self._count_entries(file, slots, capacity)
            self._files.append((file, slots, header))
            self._one(file, slots, header, capacity)
        first = self._files[0] if self._files else None
        if first is not None and first[2].count > 1:
            entry = read_entries(first[0], first[1], 1, 1)
            self._covered_from = int(entry["offset"][0]) if len(entry) else None

    @staticmethod
    def _count_entries(file: StoreFile, slots: int, capacity: int) -> int:
        """One more than the last entry that is not all zero, for a header that cannot be believed."""
        last = 0
        for first in range(1, capacity, CHUNK):
            entries = read_entries(file, slots, first, min(CHUNK, capacity - first))
            used = np.flatnonzero((entries["hash"] != 0) | (entries["offset"] != 0))
            if len(used):
                last = first + int(used[-1])
        return last + 1

    def _one(self, file: StoreFile, slots: int, header: IndexHeaderView, capacity: int) -> None:
        name = self._name(file)
        last_in_slot = np.zeros(slots, np.int32)
        begin_offset = end_offset = -1
        for first in range(1, header.count, CHUNK):
            entries = read_entries(file, slots, first, min(CHUNK, header.count - first))
            if not len(entries):
                break
            self.report.count("indexEntries", len(entries))
            self._chain(file, slots, entries, first, last_in_slot)
            if begin_offset < 0:
                begin_offset = int(entries["offset"][0])
            end_offset = int(entries["offset"][-1])
        self._check_slots(file, slots, last_in_slot)
        if header.count <= 1:
            return
        used = int(np.count_nonzero(last_in_slot))
        facts = (
            ("hashSlotCount", 32, used, header.slot_count),
            ("beginPhyOffset", 16, begin_offset, header.begin_offset),
            ("endPhyOffset", 24, end_offset, header.end_offset),
        )
        for field, position, expected, actual in facts:
            if expected != actual:
                self.report.add(
                    "IX-HEADER", f"{field} is {actual}, the entries say {expected}", file=name, position=position,
                    field=field, expected=expected, actual=actual,
                )  # fmt: skip
        after = read_entries(file, slots, header.count, 1)
        if header.count < capacity and len(after) and (after["hash"][0] or after["offset"][0]):
            self.report.add(
                "IX-HEADER", f"indexCount is {header.count}, but there is an entry {header.count}", file=name, position=36,
                field="indexCount", actual=header.count,
            )  # fmt: skip

    def _chain(self, file: StoreFile, slots: int, entries: Column, first: int, last_in_slot: Column) -> None:
        """Compare each entry's `previous` with the entry that came before it in the same slot."""
        hashes = entries["hash"].astype(np.int64)
        self._each(file, slots, first, np.flatnonzero(hashes < 0), "IX-ENTRY", "negative key hash")
        self._each(file, slots, first, np.flatnonzero(entries["seconds"] < 0), "IX-ENTRY", "negative time")
        slot = np.where(hashes < 0, 0, hashes) % slots
        order = np.argsort(slot, kind="stable")
        sorted_slot = slot[order]
        numbers = np.arange(first, first + len(entries), dtype=np.int32)
        same = np.concatenate(([False], sorted_slot[1:] == sorted_slot[:-1]))
        expected = np.empty(len(entries), np.int32)
        before = np.concatenate((numbers[:1], numbers[order][:-1]))
        expected[order] = np.where(same, before, last_in_slot[sorted_slot])
        wrong = np.flatnonzero(expected != entries["previous"])
        self._each(file, slots, first, wrong, "IX-CHAIN", "the previous entry of its slot is another", expected)
        last_in_slot[sorted_slot] = numbers[order]  # with equal slots, numpy keeps the last

    def _each(
        self,
        file: StoreFile,
        slots: int,
        first: int,
        rows: Column,
        kind: str,
        what: str,
        expected: Column | None = None,
    ) -> None:
        for row in rows.tolist():
            self.report.add(
                kind, f"entry {first + row}: {what}", file=self._name(file),
                position=HEADER_SIZE + slots * SLOT_SIZE + (first + row) * ENTRY_SIZE, entry=first + row,
                expected=None if expected is None else int(expected[row]),
            )  # fmt: skip

    def _check_slots(self, file: StoreFile, slots: int, expected: Column) -> None:
        for start in range(0, slots, CHUNK * 4):
            count = min(CHUNK * 4, slots - start)
            actual = np.frombuffer(file.read(HEADER_SIZE + start * SLOT_SIZE, count * SLOT_SIZE), ">i4")
            for i in np.flatnonzero(actual != expected[start : start + len(actual)]).tolist():
                self.report.add(
                    "IX-SLOT", f"slot {start + i} leads to entry {int(actual[i])}, its last entry is {int(expected[start + i])}",
                    file=self._name(file), position=HEADER_SIZE + (start + i) * SLOT_SIZE, slot=start + i,
                    expected=int(expected[start + i]), actual=int(actual[i]),
                )  # fmt: skip

    def block(self, block: Block, dispatch: Dispatch) -> None:
        """Compare the keys of one block's records with the entries that should follow."""
        if self._covered_from is None and not self._files:
            return
        keys: list[bytes] = []
        owners: list[int] = []
        for i in range(block.count):
            found = index_keys(dispatch, i)
            keys += found
            owners += [i] * len(found)
        if not keys:
            return
        rows = np.array(owners)
        offsets, times = block.offsets[rows], block.head["store_timestamp"][rows].astype(np.int64)
        if self._covered_from is not None:
            keep = offsets >= self._covered_from  # what is older was in files that have expired
            offsets, times = offsets[keep], times[keep]
            keys = [key for key, kept in zip(keys, keep.tolist(), strict=True) if kept]
        hashes = index_hashes(keys)
        self._fill(len(keys))
        actual = self._pending[: len(keys)]
        begin = actual["begin"]
        seconds = np.where(begin > 0, np.clip((times[: len(actual)] - begin) // 1000, 0, 0x7FFFFFFF), 0)
        if (
            len(actual) == len(keys)
            and bool((actual["hash"] == hashes).all())
            and bool((actual["offset"] == offsets).all())
            and bool((actual["seconds"] == seconds).all())
        ):
            self._take(len(keys))
            return
        self._as_sets(keys, hashes, offsets, times)

    def _fill(self, wanted: int) -> None:
        """Read entries ahead until `wanted` are pending or there are no more."""
        while len(self._pending) < wanted and self._cursor[0] < len(self._files):
            number, entry = self._cursor
            file, slots, header = self._files[number]
            count = min(CHUNK, header.count - entry)
            entries = read_entries(file, slots, entry, count) if count > 0 else np.zeros(0, ENTRY_DTYPE)
            if not len(entries):
                self._cursor = (number + 1, 1)
                continue
            pending = np.empty(len(entries), PENDING_DTYPE)
            for name in ("hash", "offset", "seconds"):
                pending[name] = entries[name]
            pending["begin"] = header.begin_timestamp
            if entry == 1:
                # The first entry is put while the header still says when the file before it ended.
                pending["begin"][0] = self._files[number - 1][2].end_timestamp if number else 0
            pending["file"] = number
            pending["entry"] = np.arange(entry, entry + len(entries))
            if self._start:
                pending = pending[pending["offset"] >= self._start]
            self._pending = np.concatenate((self._pending, pending))
            self._cursor = (number, entry + len(entries))

    def _take(self, count: int) -> Column:
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken

    def _share(self, wanted: int, end: int) -> int:
        """How many pending entries belong to a block of `wanted` keys whose last record is at `end`."""
        offsets = self._pending["offset"]
        if len(offsets) >= wanted and (len(offsets) == wanted or offsets[wanted] > end):
            return wanted
        inside = np.flatnonzero(offsets <= end)
        return min(int(inside[-1]) + 1 if len(inside) else 0, wanted + 16)

    def _as_sets(self, keys: list[bytes], hashes: Column, offsets: Column, times: Column) -> None:
        """Compare a block entry by entry: by offset and hash, then report what is over on either side."""
        actual = self._take(self._share(len(keys), int(offsets[-1])))
        count = len(actual)
        wanted = Counter(zip(offsets.tolist(), hashes.tolist(), strict=True))
        names = {(o, h): k for o, h, k in zip(offsets.tolist(), hashes.tolist(), keys, strict=True)}
        time_of = dict(zip(offsets.tolist(), times.tolist(), strict=True))
        extra: list[tuple[int, int, int, int]] = []
        for h, offset, seconds, begin, file, entry in actual.tolist():
            if wanted[offset, h] <= 0:
                extra.append((file, entry, offset, h))
                continue
            wanted[offset, h] -= 1
            expected = min(max((time_of[offset] - begin) // 1000, 0), 0x7FFFFFFF) if begin > 0 else 0
            if seconds != expected:
                self.report.add(
                    "IX-TIME", f"entry {entry} for the record at {offset} says {seconds} s, the record gives {expected} s",
                    file=self._name(self._files[file][0]), offset=offset, entry=entry, expected=expected, actual=seconds,
                )  # fmt: skip
        missing = {(o, h): names[o, h].decode("utf-8", "replace") for (o, h), n in wanted.items() if n > 0}
        self._pair(missing, extra)
        ended = not len(self._pending) and self._cursor[0] >= len(self._files)
        last = int(actual["offset"][-1]) if count else -1
        for (offset, _), key in missing.items():
            if ended and offset > last:
                self._behind += 1
                self._behind_from = offset if self._behind_from is None else self._behind_from
            elif len(self._missing) < MAX_KEPT:
                self._missing.append((offset, key))

    def _pair(self, missing: dict[tuple[int, int], str], extra: list[tuple[int, int, int, int]]) -> None:
        """An entry too many and a key too few that agree in offset or hash are one damaged entry (or one damaged key)."""
        by_offset = {o: h for o, h in missing}
        by_hash = {h: o for o, h in missing}
        for file_number, entry, offset, h in extra:
            file, slots, _ = self._files[file_number]
            name, position = self._name(file), HEADER_SIZE + slots * SLOT_SIZE + entry * ENTRY_SIZE
            if offset in by_offset and (key := missing.pop((offset, by_offset[offset]), None)) is not None:
                self.report.add(
                    "IX-ENTRY", f"entry {entry} holds hash {h}, key {key!r} of the record at {offset} gives {by_offset[offset]}",
                    offset=offset, file=name, position=position, entry=entry, expected=by_offset[offset], actual=h,
                )  # fmt: skip
            elif h in by_hash and (key := missing.pop((by_hash[h], h), None)) is not None:
                self.report.add(
                    "IX-ENTRY", f"entry {entry} points at {offset}, the record with key {key!r} is at {by_hash[h]}",
                    offset=by_hash[h], file=name, position=position, entry=entry, expected=by_hash[h], actual=offset,
                )  # fmt: skip
            else:
                self.report.add(
                    "IX-ORPHAN", f"entry {entry} (hash {h}) points at {offset}, where no record has such a key",
                    offset=offset, file=name, position=position, entry=entry, hash=h,
                )  # fmt: skip

    def finish(self, log_end: int, *, live: bool = False) -> None:
        """Report keys without an entry, and entries past the end of the log."""
        for offset, key in self._missing:
            self.report.add(
                "IX-MISSING", f"key {key!r} of the record at {offset} has no entry", file="index", offset=offset
            )
        if self._behind:
            self.report.add(
                "IX-BEHIND", f"{self._behind} key(s) of records from {self._behind_from} on are not in the index",
                file="index", offset=self._behind_from, severity=Severity.INFO if live else None, keys=self._behind,
            )  # fmt: skip
        beyond = 0
        first: int | None = None
        while True:
            self._fill(CHUNK)
            if not len(self._pending):
                break
            rest = self._take(CHUNK)
            over = rest["offset"][rest["offset"] >= log_end]
            beyond += len(over)
            first = int(over[0]) if first is None and len(over) else first
        if beyond:
            self.report.add(
                "IX-BEYOND", f"{beyond} entries point past the end of the log at {log_end}", file="index", offset=first,
                entries=beyond,
            )  # fmt: skip
