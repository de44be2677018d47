"""Checks index files each by itself: header, slots and chains; reads headers and entries.

What the entries say of the records is compared in `keys.py`. Layout: IndexFile and IndexHeader.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.reading.index_files import (
    SLOT_DTYPE,
    IndexHeaderView,
    index_name,
    read_entries,
    read_header,
    slots_of,
)
from rocketmq_ops.store.inspect.reading.scan import Column
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.layout.index import (
    ENTRY_SIZE,
    HEADER_FIELDS,
    SLOT_SIZE,
    capacity_of,
    entry_position,
    slot_position,
)

CHUNK: Final = 200_000
SETTLE_TRIES: Final = 20
SETTLE_SECONDS: Final = 0.01


@dataclass(slots=True)
class IndexFileView:
    """One index file that can be read: its slots, header, and the offsets of its first and last entry (-1 without
    any)."""

    file: StoreFile
    slots: int
    header: IndexHeaderView
    first_offset: int = -1
    last_offset: int = -1


class IndexCheck:
    """`files()` checks every file by itself. `live`: a broker may be writing the newest one meanwhile."""

    def __init__(
        self, store: StoreDirectory, report: Report, *, slots: int | None = None, entries: int | None = None,
        live: bool = False,
    ) -> None:  # fmt: skip
        self.report = report
        self._store = store
        self._slots, self._entries = slots, entries
        self._live = live

    def files(self) -> list[IndexFileView]:
        """Check header, slots and chains of every file; those that can be read are returned, oldest first."""
        for path in self._store.index_strangers:
            self.report.add("IX-STRANGER", "the name is not that of an index file", file=f"index/{path.name}")
        found: list[IndexFileView] = []
        for file in self._store.index_files:
            if self._live and file.size == 0 and file is self._store.index_files[-1]:
                continue  # it is just being made
            slots = slots_of(file.size, self._slots, self._entries)
            header = self._header(file, slots)
            if header is None or not slots:
                self.report.add(
                    "IX-LENGTH", f"{file.size} bytes cannot be the size of an index file" +
                    ("" if self._slots else " with 1 slot to 4 entries (use --maxHashSlotNum)"), file=index_name(file),
                    actual=file.size,
                )  # fmt: skip
                continue
            capacity = capacity_of(file.size, slots)
            if not 1 <= header.count <= capacity:
                if header.count != 0 or header.end_phy_offset != 0:
                    self.report.add(
                        "IX-HEADER",
                        f"the entry count {header.count - 1} does not fit the file ({capacity - 1} at most)",
                        file=index_name(file), position=HEADER_FIELDS.at["count"], field="indexCount",
                        actual=header.count,
                    )  # fmt: skip
                header.count = self._count_entries(file, slots, capacity)
            view = IndexFileView(file, slots, header)
            self._one(view, capacity, judge=not (self._live and file is self._store.index_files[-1]))
            found.append(view)
        return found

    def _header(self, file: StoreFile, slots: int | None) -> IndexHeaderView | None:
        """The header. A running broker may be writing that of the newest file, so one that does not fit is read again
        until it is the same twice."""
        header = read_header(file)
        if not self._live or not slots or file is not self._store.index_files[-1]:
            return header
        capacity = capacity_of(file.size, slots)
        for _ in range(SETTLE_TRIES):
            if header is None or 1 <= header.count <= capacity:
                break
            time.sleep(SETTLE_SECONDS)
            before, header = header, read_header(file)
            if header == before:
                break
        return header

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

    def _one(self, view: IndexFileView, capacity: int, *, judge: bool) -> None:
        file, slots, header = view.file, view.slots, view.header
        last_in_slot = np.zeros(slots, np.int32)
        for first in range(1, header.count, CHUNK):
            entries = read_entries(file, slots, first, min(CHUNK, header.count - first))
            if not len(entries):
                break
            self.report.count("indexEntries", len(entries))
            self._chain(file, slots, entries, first, last_in_slot)
            if view.first_offset < 0:
                view.first_offset = int(entries["offset"][0])
            view.last_offset = int(entries["offset"][-1])
        unused = file.read(entry_position(slots, 0), ENTRY_SIZE)
        if any(unused):
            self.report.add(
                "IX-ENTRY", "entry 0 must be unused, but has content", file=index_name(file),
                position=entry_position(slots, 0), entry=0,
            )  # fmt: skip
        if judge:
            self._check_slots(file, slots, last_in_slot)
            self._check_header(view, capacity, int(np.count_nonzero(last_in_slot)))

    def _check_header(self, view: IndexFileView, capacity: int, used: int) -> None:
        header, name = view.header, index_name(view.file)
        if header.count <= 1:
            return
        facts = (
            ("slot_count", used, header.slot_count),
            ("begin_phy_offset", view.first_offset, header.begin_phy_offset),
            ("end_phy_offset", view.last_offset, header.end_phy_offset),
        )
        for header_field, expected, actual in facts:
            field = HEADER_FIELDS.label(header_field)
            if expected != actual:
                self.report.add(
                    "IX-HEADER", f"{field} is {actual}, the entries give {expected}", file=name,
                    position=HEADER_FIELDS.at[header_field], field=field, expected=expected, actual=actual,
                )  # fmt: skip
        after = read_entries(view.file, view.slots, header.count, 1)
        if header.count < capacity and len(after) and (after["hash"][0] or after["offset"][0]):
            self.report.add(
                "IX-HEADER", f"indexCount is {header.count}, but there is an entry "
                f"{header.count}", file=name, position=HEADER_FIELDS.at["count"],
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
        self._each(
            file, slots, first, wrong, "IX-CHAIN", "it does not lead to the previous entry of its slot", expected
        )
        last_in_slot[sorted_slot] = numbers[order]  # with equal slots, numpy keeps the last

    def _each(
        self,
        file: StoreFile,
        slots: int,
        first: int,
        places: Column,
        kind: str,
        what: str,
        expected: Column | None = None,
    ) -> None:
        shown = self.report.left(kind)
        for place in places[:shown].tolist():
            self.report.add(
                kind, f"entry {first + place}: {what}", file=index_name(file),
                position=entry_position(slots, first + place), entry=first + place,
                expected=None if expected is None else int(expected[place]),
            )  # fmt: skip
        self.report.add_uncounted(kind, len(places) - shown)

    def _check_slots(self, file: StoreFile, slots: int, expected: Column) -> None:
        for start in range(0, slots, CHUNK * 4):
            count = min(CHUNK * 4, slots - start)
            actual = np.frombuffer(file.read(slot_position(start), count * SLOT_SIZE), SLOT_DTYPE)
            wrong = np.flatnonzero(actual != expected[start : start + len(actual)])
            shown = self.report.left("IX-SLOT")
            for i in wrong[:shown].tolist():
                self.report.add(
                    "IX-SLOT", f"slot {start + i} leads to entry {int(actual[i])}, its last entry is "
                    f"{int(expected[start + i])}",
                    file=index_name(file), position=slot_position(start + i), slot=start + i,
                    expected=int(expected[start + i]), actual=int(actual[i]),
                )  # fmt: skip
            self.report.add_uncounted("IX-SLOT", len(wrong) - shown)
