"""Segments of a history and the names of their columns, as an open database has them.

A segment has a key, the columns of its first run, and every run its differences to them. The rows of the columns are
named by a layout, which equal segments share.
"""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause
from rocketmq_ops.housekeeping.history.database import damaged
from rocketmq_ops.housekeeping.history.packing import ABSENT, column, packed, spread, squeezed, unpacked
from rocketmq_ops.housekeeping.history.rows import AFTER_MARK, MARK, broker_of

_RUNS_OF_SEGMENT: Final = 64
#: Segments, and layouts, that were read last and are held: of a large cluster one takes some MB. What is looked at of
#: ten minutes before is in three at most.
_READ: Final = 4


class Rest(msgspec.Struct, array_like=True):
    """What a run has beside its columns: rows and figures that the layout lacks, and what could not be read."""

    rows: dict[str, tuple[int, int]] = {}
    figures: dict[str, float] = {}
    failures: list[Failure] = []


class Layout(msgspec.Struct):
    """The names of a segment's rows and figures, sorted."""

    rows: list[str]
    figures: list[str]


class Segment(msgspec.Struct):
    """A segment: the columns of its first run, packed. `id` is 0 of one that is not in the file yet."""

    id: int
    layout: Layout
    ends: bytes
    behind: bytes
    #: Of one that is not in the file yet: the mark of its layout, and the names of rows and figures, compressed.
    names: tuple[bytes, bytes, bytes] | None = None


class Segments:
    """Those of one open database; `path` is its file, for errors. Who calls is in a transaction where something is
    added, and names the file in what SQLite raises."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database = database
        self._path = path
        self._layouts: Bounded[int, Layout] = Bounded(_READ)
        self._segments: Bounded[int, Segment] = Bounded(_READ)

    def for_run(
        self, rows: dict[str, tuple[int | None, int | None]], figures: dict[str, float], pause: Pause
    ) -> Segment:
        """The segment that a run with these rows goes into; one to `add` where it begins with it."""
        last = self._one(
            "SELECT id, (SELECT count(*) FROM run WHERE segment = segment.id) FROM segment ORDER BY id DESC"
        )
        if last is not None and last[1] < _RUNS_OF_SEGMENT:
            segment = self.get(last[0])
            # Counted, not made sets of: a layout may have as many rows as all groups have queues.
            known = sum(name in rows for name in segment.layout.rows)
            new = len(rows) - known + len(figures.keys() - set(segment.layout.figures))
            if new * 20 <= len(segment.layout.rows) + len(segment.layout.figures):
                return segment
        pause()
        layout = Layout(sorted(rows), sorted(figures))
        pause()
        ends = packed(column(rows[name][0] for name in layout.rows))
        pause()
        behind = packed(column(rows[name][1] for name in layout.rows))
        pause()
        texts = ["\n".join(names).encode("utf-8", "surrogatepass") for names in (layout.rows, layout.figures)]
        mark = hashlib.sha256(b"\n\n".join(texts)).digest()
        return Segment(0, layout, ends, behind, (mark, squeezed(texts[0]), squeezed(texts[1])))

    def add(self, segment: Segment) -> None:
        """Write one that is not in the file yet."""
        assert segment.names is not None
        known = self._one("SELECT id FROM layout WHERE hash = ?", segment.names[0])
        layout = known[0] if known else self._insert("INSERT INTO layout(hash, rows, figures)", segment.names)
        columns = (layout, segment.ends, segment.behind)
        segment.id = self._insert("INSERT INTO segment(layout, ends, behind)", columns)

    def _insert(self, statement: str, values: tuple[Any, Any, Any]) -> int:
        added = self._database.execute(f"{statement} VALUES (?, ?, ?)", values).lastrowid
        assert added is not None
        return added

    def last_rows(self) -> list[str]:
        """The names of the rows of the last segment."""
        last = self._one("SELECT layout FROM segment ORDER BY id DESC")
        return [] if last is None else self._layout(last[0]).rows

    def get(self, segment_id: int) -> Segment:
        """One of them. Raises HistoryError where it is not there."""
        known = self._segments.get(segment_id)
        if known is None:
            found = self._one("SELECT layout, ends, behind FROM segment WHERE id = ?", segment_id)
            if found is None:
                raise damaged(self._path, f"segment {segment_id} is missing")
            known = self._segments[segment_id] = Segment(segment_id, self._layout(found[0]), found[1], found[2])
        return known

    def keys(self, segment: Segment, begin: int, end: int) -> tuple[array[int], array[int]]:
        """The columns of its first run, from one row to another."""
        return unpacked(segment.ends, begin, end), unpacked(segment.behind, begin, end)

    def rows_at(
        self,
        segment_id: int,
        ends: bytes,
        behind: bytes,
        rest: bytes,
        group: str | None,
        unknown_of: Container[str] = (),
    ) -> Iterator[tuple[str, int | None, int | None]]:
        """Name, end and how far behind of each row of a run, or of those of one group; of rows of these brokers also
        where nothing is known."""
        segment = self.get(segment_id)
        names = segment.layout.rows
        begin, end = 0, len(names)
        if group is not None:
            begin, end = bisect_left(names, group + MARK), bisect_left(names, group + AFTER_MARK)
        key_ends, key_behind = self.keys(segment, begin, end)
        columns = unpacked(ends, begin, end, key_ends), unpacked(behind, begin, end, key_behind)
        for name, last, back in zip(names[begin:end], *columns, strict=True):
            if last != ABSENT or back != ABSENT or (unknown_of and broker_of(name) in unknown_of):
                yield name, _known(last), _known(back)
        for name, (last, back) in rest_of(rest).rows.items():
            if group is None or name.startswith(group + MARK):
                yield name, _known(last), _known(back)

    def delete(self, segment_id: int) -> None:
        """Delete one with its runs, and the layouts that none has any more."""
        self._database.execute("DELETE FROM run WHERE segment = ?", (segment_id,))
        self._database.execute("DELETE FROM segment WHERE id = ?", (segment_id,))
        self._database.execute("DELETE FROM layout WHERE id NOT IN (SELECT layout FROM segment)")
        self._segments.pop(segment_id, None)

    def _layout(self, layout_id: int) -> Layout:
        known = self._layouts.get(layout_id)
        if known is None:
            found = self._one("SELECT rows, figures FROM layout WHERE id = ?", layout_id)
            if found is None:
                raise damaged(self._path, f"layout {layout_id} is missing")
            rows, figures = (spread(data).decode("utf-8", "surrogatepass") for data in found)
            names = rows.split("\n") if rows else []
            # Mostly it is figures that come and go: the names of the queues are held once.
            names = next((each.rows for each in self._layouts.values() if each.rows == names), names)
            known = self._layouts[layout_id] = Layout(names, figures.split("\n") if figures else [])
        return known

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        return found


def _known(value: int) -> int | None:
    return None if value == ABSENT else value


def rest_of(data: bytes) -> Rest:
    """What a run has beside its columns, out of what the file has of it."""
    return msgspec.msgpack.decode(spread(data), type=Rest)
