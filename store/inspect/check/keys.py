"""Compares the entries of all index files with the keys of the records, both ways.

Entries were put in the order of dispatch, so the keys of the records and the entries run side by side; where they part,
the entries of a block's range of offsets are compared as sets. What is over on either side is kept, bounded, and judged
at the end, when the damaged ranges of the commitlog are known. The files by themselves are checked in `index.py`.

A broker since 5.4 puts one more entry for a message with tags. A store that several versions have written has them for
some messages only, so a missing one is not reported, and one that is there is expected. Newer brokers may put
more that is not known here: an entry in its place, at the start of a whole record that has its other entries, with that
record's time, and with a hash that nothing in the record explains, is not called damage.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.check.index import IndexFileView
from rocketmq_ops.store.inspect.reading.damage import Damage, damage_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import (
    DispatchColumns,
    block_keys,
    hashes_of_properties,
    index_hashes,
    tag_keys,
)
from rocketmq_ops.store.inspect.reading.index_files import ENTRY_DTYPE, index_name, read_entries
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.layout.index import HEADER_FIELDS, entry_position

# Entries read ahead, with the begin timestamp that was valid when they were put (-1: not known), and their place.
PENDING_DTYPE: Final = np.dtype(
    [("hash", "i8"), ("offset", "i8"), ("seconds", "i8"), ("begin", "i8"), ("file", "i4"), ("entry", "i4")]
)
CHUNK: Final = 100_000
MAX_KEPT: Final = 20_000
_MAX_SECONDS: Final = 0x7FFFFFFF


class Key(NamedTuple):
    """A key of a record: the record's offset, the key's hash, and `topic#key`."""

    offset: int
    hash: int
    text: bytes


class Extra(NamedTuple):
    """An entry that fits no key: what it holds and where it stands. `sound` if nothing but its hash is strange."""

    offset: int
    hash: int
    file: int
    entry: int
    sound: bool


class Expected(NamedTuple):
    """The keys that a block's records should have, and for each its hash, the record's offset and store time."""

    keys: list[bytes]
    hashes: Column
    offsets: Column
    times: Column


class KeyCheck:
    """Feed `block()` with every block, then call `finish()`. `start` is where the walk of the log begins, `log_start`
    where the log does, and `damages` the growing list of its damaged ranges."""

    def __init__(
        self, report: Report, files: list[IndexFileView], damages: list[Damage], *, start: int = 0, log_start: int = 0
    ) -> None:
        self.report = report
        self._files = files
        self._damages = damages
        self._start = max(start, log_start)
        self._log_start = log_start
        self._cursor = (0, 1)  # file, entry
        self._pending = np.zeros(0, PENDING_DTYPE)
        self._covered_from = _first_offset(files)
        self._uncovered = 0
        self._behind = 0
        self._behind_from: int | None = None
        self._missing: list[Key] = []
        self._no_tag: list[Key] = []  # tags without an entry, among others that have one
        self._with_tags = False  # whether the block before had entries for its tags
        self._extra: list[Extra] = []
        self._lost: Counter[int] = Counter()
        # First and last offset of a file -> the time that its header must hold for it.
        self._bounds: dict[int, list[tuple[int, str]]] = {}
        for number, view in enumerate(files):
            if view.first_offset >= 0:
                self._bounds.setdefault(view.first_offset, []).append((number, "beginTimestamp"))
                self._bounds.setdefault(view.last_offset, []).append((number, "endTimestamp"))
        self._bound_offsets = np.array(sorted(self._bounds), np.int64)

    def block(self, block: Block, dispatch: DispatchColumns) -> None:
        """Compare the keys of one block's records with the entries that should follow."""
        if not self._files:
            self._uncovered += len(block_keys(dispatch)[0])
            return
        self._check_header_times(block)
        first = self._expected(block, *block_keys(dispatch, tags=self._with_tags))
        actual = self._entries_up_to(int(block.offsets[0]), int(block.offsets[-1]), len(first.keys))
        if self._covered_from is not None and block.offsets[0] < self._covered_from:
            self._uncovered += len(block_keys(dispatch)[0]) - self._count_known(block, dispatch)
        if _agree(actual, first):
            return
        other = self._expected(block, *block_keys(dispatch, tags=not self._with_tags))
        if _agree(actual, other):
            self._with_tags = not self._with_tags
            return
        plain = other if self._with_tags else first
        self._as_sets(actual, plain, self._expected(block, *tag_keys(dispatch)), block, dispatch)

    def _expected(self, block: Block, keys: list[bytes], rows: Column) -> Expected:
        """What should follow for these keys of a block's records (`rows`), as far as the index covers them."""
        offsets, times = block.offsets[rows], block.head["store_timestamp"][rows].astype(np.int64)
        if self._covered_from is not None and len(keys) and offsets[0] < self._covered_from:
            keep = offsets >= self._covered_from
            offsets, times = offsets[keep], times[keep]
            keys = [key for key, kept in zip(keys, keep.tolist(), strict=True) if kept]
        return Expected(keys, index_hashes(keys), offsets, times)

    def _count_known(self, block: Block, dispatch: DispatchColumns) -> int:
        return len(self._expected(block, *block_keys(dispatch)).keys)

    # -- the entries in order

    def _entries_up_to(self, low: int, high: int, wanted: int) -> Column:
        """Take the entries for records from offset `low` to `high`. Single entries with wild offsets do not mislead
        them."""
        while True:
            self._fill(wanted + 3)
            offsets = self._pending["offset"]
            earlier = offsets < low
            skip = len(offsets) if earlier.all() else int(np.argmin(earlier))
            if skip:
                self._sort_out(self._pending[:skip])
                self._pending = self._pending[skip:]
                continue
            over = np.concatenate((offsets > high, [True, True]))
            ends = np.flatnonzero(over[:-2] & over[1:-1] & over[2:])
            count = int(ends[0]) if len(ends) else len(offsets)
            # Where only the padding ends it, the next entries must be seen first.
            if count + 3 > len(offsets) and self._fill(len(offsets) + CHUNK):
                continue
            taken, self._pending = self._pending[:count], self._pending[count:]
            return taken

    def _fill(self, wanted: int) -> bool:
        """Read entries ahead until `wanted` are pending or there are no more; True when some were read."""
        before = len(self._pending)
        while len(self._pending) < wanted and self._cursor[0] < len(self._files):
            number, entry = self._cursor
            view = self._files[number]
            count = min(CHUNK, view.header.count - entry)
            entries = read_entries(view.file, view.slots, entry, count) if count > 0 else np.zeros(0, ENTRY_DTYPE)
            if not len(entries):
                self._cursor = (number + 1, 1)
                continue
            pending = np.empty(len(entries), PENDING_DTYPE)
            for name in ("hash", "offset", "seconds"):
                pending[name] = entries[name]
            pending["begin"] = view.header.begin_timestamp
            if entry == 1:
                # The first entry is put while the header still says when the file before it ended.
                older = -1 if self._log_start else 0
                pending["begin"][0] = self._files[number - 1].header.end_timestamp if number else older
            pending["file"] = number
            pending["entry"] = np.arange(entry, entry + len(entries))
            if self._start > self._log_start:
                pending = pending[pending["offset"] >= self._start]
            self._pending = np.concatenate((self._pending, pending))
            self._cursor = (number, entry + len(entries))
        return len(self._pending) > before

    def _sort_out(self, entries: Column) -> None:
        """Keep entries that fit no record: those of expired records are normal, those of damaged ranges are counted."""
        offsets = entries["offset"]
        expired = (offsets >= 0) & (offsets < self._log_start)
        if expired.any():
            self.report.count("entriesOfExpiredRecords", int(expired.sum()))
        entries = entries[~expired]
        room = max(0, MAX_KEPT - len(self._extra))
        if not self._damages and len(entries) > room:
            self.report.count("entriesNotJudged", len(entries) - room)
            entries = entries[:room]
        for entry in entries.tolist():
            damage = damage_of(self._damages, entry[1])
            if damage is not None:
                self._lost[damage.start] += 1
            else:
                self._keep(entry[1], entry[0], entry[4], entry[5])

    def _keep(self, offset: int, hash_: int, file: int, entry: int, *, sound: bool = False) -> None:
        if len(self._extra) < MAX_KEPT:
            self._extra.append(Extra(offset, hash_, file, entry, sound))
        else:
            self.report.count("entriesNotJudged")

    # -- comparing

    def _as_sets(
        self, actual: Column, plain: Expected, tags: Expected, block: Block, dispatch: DispatchColumns
    ) -> None:
        """Compare a block entry by entry: by offset and hash; what is over on either side is kept."""
        wanted = Counter(zip(plain.offsets.tolist(), plain.hashes.tolist(), strict=True))
        welcome = Counter(zip(tags.offsets.tolist(), tags.hashes.tolist(), strict=True))
        names: dict[tuple[int, int], bytes] = {}
        for side in (plain, tags):
            names.update(zip(zip(side.offsets.tolist(), side.hashes.tolist(), strict=True), side.keys, strict=True))
        time_of = dict(zip(block.offsets.tolist(), block.head["store_timestamp"].tolist(), strict=True))
        row_of = {offset: row for row, offset in enumerate(block.offsets.tolist())}
        tagged = False
        for (h, offset, seconds, begin, file, entry), in_place in zip(actual.tolist(), _in_place(actual), strict=True):
            key = (offset, h)
            expected = -1 if offset not in time_of else seconds if begin < 0 else _span(time_of[offset], begin)
            if wanted[key] > 0:
                wanted[key] -= 1
            elif welcome[key] > 0:
                welcome[key] -= 1
                tagged = True
            elif key in names and in_place and seconds == expected:
                # Recovery after a crash puts the keys of the last record that was indexed once more.
                self.report.count("entriesPutTwice")
            else:
                whole = offset in row_of and in_place and seconds == expected
                sound = whole and h not in hashes_of_properties(dispatch, row_of[offset])
                self._keep(offset, h, file, entry, sound=sound)
                continue
            if seconds != expected:
                self.report.add(
                    "IX-TIME",
                    f"entry {entry} for the record at {offset} has {seconds} s, the record gives {expected} s",
                    file=self._name(file), position=self._position(file, entry), offset=offset, entry=entry,
                    expected=expected, actual=seconds,
                )  # fmt: skip
        self._with_tags = tagged
        if tagged:
            room = max(0, MAX_KEPT - len(self._no_tag))
            self._no_tag += [Key(o, h, names[o, h]) for (o, h), count in welcome.items() if count > 0][:room]
        ended = not len(self._pending) and self._cursor[0] >= len(self._files)
        last = int(actual["offset"][-1]) if len(actual) else -1
        for (offset, h), count in wanted.items():
            if count <= 0:
                continue
            if ended and offset > last:
                self._behind += 1
                self._behind_from = offset if self._behind_from is None else min(offset, self._behind_from)
            elif len(self._missing) < MAX_KEPT:
                self._missing.append(Key(offset, h, names[offset, h]))
            else:
                self.report.count("keysNotJudged")

    def _check_header_times(self, block: Block) -> None:
        """The header's times are those of the records of the first and the last entry; a wrong one is not used
        further."""
        low, high = np.searchsorted(self._bound_offsets, (block.offsets[0], block.offsets[-1] + 1))
        for offset in self._bound_offsets[low:high].tolist():
            i = int(np.searchsorted(block.offsets, offset))
            if i >= block.count or int(block.offsets[i]) != offset:
                continue
            time = int(block.head["store_timestamp"][i])
            for number, field in self._bounds[offset]:
                self._header_time(number, field, time)

    def _header_time(self, number: int, field: str, time: int) -> None:
        header = self._files[number].header
        begins = field == "beginTimestamp"
        actual = header.begin_timestamp if begins else header.end_timestamp
        if actual == time:
            return
        self.report.add(
            "IX-HEADER", f"{field} is {actual}, the record's store time is {time}", file=self._name(number),
            position=HEADER_FIELDS.at["begin_timestamp" if begins else "end_timestamp"], field=field,
            expected=time, actual=actual,
        )  # fmt: skip
        mine = self._pending["file"] == number
        if begins:
            header.begin_timestamp = time
            self._pending["begin"] = np.where(mine & (self._pending["entry"] > 1), time, self._pending["begin"])
        else:
            header.end_timestamp = time

    # -- the end

    def finish(self, log_end: int, *, live: bool = False) -> None:
        """Judge what is over. `log_end` is where the readable log ends; `live`: records may be newer than the entries
        read."""
        beyond, first = 0, 0
        while self._fill(CHUNK) or len(self._pending):
            over = self._pending["offset"] >= log_end
            first = int(self._pending["offset"][over][0]) if over.any() and not beyond else first
            beyond += int(over.sum())
            self._sort_out(self._pending[~over])
            self._pending = self._pending[:0]
        self._extra, kept = [], self._extra
        for extra in kept:
            damage = damage_of(self._damages, extra.offset)
            if damage is not None:
                self._lost[damage.start] += 1
            else:
                self._extra.append(extra)
        self._pair()
        beyond += self._report_extra(log_end)
        for key in self._missing:
            self.report.add(
                "IX-MISSING", f"key {_text(key.text)!r} of the record at {key.offset} has no entry", file="index",
                offset=key.offset,
            )  # fmt: skip
        for start, count in self._lost.items():
            self.report.add(
                "IX-LOST", f"{plural(count, 'entry points', 'entries point')} into the damaged range at {start}",
                file="index", offset=start, entries=count,
            )  # fmt: skip
        if beyond and not live:
            self.report.add(
                "IX-BEYOND",
                f"{plural(beyond, 'entry points', 'entries point')} past the end of the log at {log_end}",
                file="index", offset=first or None, entries=beyond,
            )  # fmt: skip
        self._report_uncovered(live)

    def _report_uncovered(self, live: bool) -> None:
        if self._behind and live:
            self.report.count("keysNotIndexedYet", self._behind)
        elif self._behind:
            self.report.add(
                "IX-BEHIND",
                f"the index lacks {plural(self._behind, 'key', 'keys')} of records from {self._behind_from} on",
                file="index", offset=self._behind_from, keys=self._behind,
            )  # fmt: skip
        if self._uncovered:
            where = "the store has no index" if not self._files else f"the index begins at offset {self._covered_from}"
            self.report.add(
                "IX-NONE", f"{plural(self._uncovered, 'key is', 'keys are')} not indexed: {where}",
                file="index", keys=self._uncovered,
                severity=Severity.INFO if live else None,
            )  # fmt: skip

    def _pair(self) -> None:
        """An entry too many and a key too few that agree in hash or offset are one damaged entry (or one damaged
        key)."""
        self._missing = self._paired(self._missing)
        self._paired(self._no_tag)
        # Entries without a trace of what they were, among entries that fit, stand where the missing keys belong.
        blank = [e for e in self._extra if e[0] == 0 and e[1] == 0]
        if blank and len(blank) == len(self._missing):
            for extra, key in zip(blank, sorted(self._missing), strict=True):
                self._report_entry(extra, key)
            self._extra = [e for e in self._extra if not (e[0] == 0 and e[1] == 0)]
            self._missing = []
        self._missing.sort()

    def _paired(self, missing: list[Key]) -> list[Key]:
        """Report the entries over that agree with one of these keys; the keys that no entry agrees with are left."""
        for agree in ("hash", "offset"):
            keys: dict[int, list[Key]] = {}
            for key in missing:
                keys.setdefault(key.hash if agree == "hash" else key.offset, []).append(key)
            rest = []
            for extra in self._extra:
                found = keys.get(extra.hash if agree == "hash" else extra.offset)
                if found:
                    self._report_entry(extra, found.pop())
                else:
                    rest.append(extra)
            self._extra = rest
            missing = [key for found in keys.values() for key in found]
        return missing

    def _report_entry(self, extra: Extra, key: Key) -> None:
        offset, h, file, entry, _ = extra
        self.report.add(
            "IX-ENTRY",
            f"entry {entry} holds hash {h} and offset {offset}; key {_text(key.text)!r} of the record at {key.offset} "
            f"gives hash {key.hash}",
            offset=key.offset, file=self._name(file), position=self._position(file, entry), entry=entry,
            expected=[key.hash, key.offset], actual=[h, offset],
        )  # fmt: skip

    def _report_extra(self, log_end: int) -> int:
        beyond = 0
        unknown: list[Extra] = []
        for extra in self._extra:
            if extra.offset >= log_end:
                beyond += 1
            elif extra.sound:
                unknown.append(extra)
            else:
                self.report.add(
                    "IX-ORPHAN", f"entry {extra.entry} (hash {extra.hash}) points at {extra.offset}, where no record "
                    f"has such a key", offset=extra.offset, file=self._name(extra.file),
                    position=self._position(extra.file, extra.entry), entry=extra.entry, hash=extra.hash,
                )  # fmt: skip
        if unknown:
            first = unknown[0]
            self.report.add(
                "IX-UNKNOWN",
                f"{plural(len(unknown), 'entry is', 'entries are')} of a kind unknown to this version, the first for "
                f"the record at {first.offset}", offset=first.offset, file=self._name(first.file),
                position=self._position(first.file, first.entry), entry=first.entry, entries=len(unknown),
            )  # fmt: skip
        return beyond

    def _name(self, file: int) -> str:
        return index_name(self._files[file].file)

    def _position(self, file: int, entry: int) -> int:
        return entry_position(self._files[file].slots, entry)


def _first_offset(files: list[IndexFileView]) -> int | None:
    """Where the index begins, from the first entries and the header, of which one may be damaged."""
    view = next((v for v in files if v.first_offset >= 0), None)
    if view is None:
        return None
    second = read_entries(view.file, view.slots, 2, 1)
    following = int(second["offset"][0]) if view.header.count > 2 and len(second) else view.first_offset
    if view.first_offset == view.header.begin_phy_offset or view.first_offset <= following:
        return view.first_offset
    return min(view.header.begin_phy_offset, following)


def _span(time: int, begin: int) -> int:
    return min(max((time - begin) // 1000, 0), _MAX_SECONDS) if begin > 0 else 0


def _seconds(times: Column, begin: Column, actual: Column) -> Column:
    """The seconds that entries should hold; what they do hold where the begin is unknown."""
    expected = np.where(begin > 0, np.clip((times - begin) // 1000, 0, _MAX_SECONDS), 0)
    return np.where(begin < 0, actual, expected)


def _agree(actual: Column, expected: Expected) -> bool:
    """True when the entries are these, in this order."""
    return (
        len(actual) == len(expected.keys)
        and bool((actual["hash"] == expected.hashes).all())
        and bool((actual["offset"] == expected.offsets).all())
        and bool((actual["seconds"] == _seconds(expected.times, actual["begin"], actual["seconds"])).all())
    )


def _in_place(actual: Column) -> list[bool]:
    """Which entries stand between those of records before and after theirs, as entries are put in that order."""
    offsets = actual["offset"]
    rises = offsets[1:] >= offsets[:-1]
    return (np.concatenate(([True], rises)) & np.concatenate((rises, [True]))).tolist() if len(offsets) else []


def _text(key: bytes) -> str:
    return key.decode("utf-8", "replace")
