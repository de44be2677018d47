"""The history's file: SQLite in WAL mode, so that several processes share it and a killed one leaves it whole.

Runs stand in segments of at most 64. A segment has a key, the columns of its first run, and every run its differences
to them (`packing.py`): any run is read from two rows, whatever was deleted before. The rows of the columns are named
by a layout, which equal segments share. What a run has beside its segment's layout stands with it in full, until a
twentieth is new and a new segment begins.

The file is bounded by age and by bytes: whole segments go, the oldest first. Age is counted from the tenth run before
the last, so that a few runs with a wrong clock let nothing go.
"""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from rocketmq_ops.common.errors import system_words
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.history.changing import Change
from rocketmq_ops.housekeeping.history.database import (
    BUSY_S,
    HistoryError,
    cannot,
    check_kind,
    check_schema,
    is_empty,
    named,
    none_yet,
    opened_to_read,
    prepare,
    transaction,
)
from rocketmq_ops.housekeeping.history.packing import column, packed, packed_floats, squeezed
from rocketmq_ops.housekeeping.history.reading import Reading
from rocketmq_ops.housekeeping.history.rows import kept, name_of, rows_of
from rocketmq_ops.housekeeping.history.runs import Run
from rocketmq_ops.housekeeping.history.segments import Rest, Segment

#: How long runs stay, and how many bytes they may take, unless it is set otherwise.
KEEP_MS: Final = 7 * 24 * 3600 * 1000
MOST_BYTES: Final = 256 << 20
#: Less than this is no history.
LEAST_BYTES: Final = 4 << 20

#: Runs that this much later than the present were written by a clock that was wrong, of two processes at once are not.
LATER_MS: Final = 5 * 60_000
#: More runs of a wrong clock than these are not taken back: it may as well be the present one that is wrong.
MOST_LATER: Final = 10
#: 1 MiB in pages of 4 KiB.
_PAGES_AT_A_TIME: Final = 256


class _Ready(msgspec.Struct):
    """A run as it is to be written. `version` is that of the file for which it was made; `mark` that of all routes."""

    version: int
    time_ms: int
    segment: Segment
    ends: bytes
    behind: bytes
    figures: bytes
    rest: bytes = b""
    mark: bytes | None = None
    routes: list[Change] = []
    texts: list[Change] = []


class History(Reading):
    """An open history. Use it as a context manager; `open` to append, `read` to look."""

    def __init__(self, path: Path, database: sqlite3.Connection, keep_ms: int, most_bytes: int) -> None:
        super().__init__(path, database)
        self._keep_ms = keep_ms
        self._most_bytes = most_bytes

    @classmethod
    def open(cls, path: Path, *, keep_ms: int = KEEP_MS, most_bytes: int = MOST_BYTES) -> History:
        """Open to append, made anew where there is none. Raises HistoryError when that cannot be."""
        if most_bytes < LEAST_BYTES:
            raise HistoryError(
                f"invalid size {most_bytes} of a history: expected at least {LEAST_BYTES} bytes", "give it more"
            )
        check_kind(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives the files beside it the permissions of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise cannot("write", path, system_words(error)) from error
        with named("write", path):
            database = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
            try:
                prepare(database, path)
            except BaseException:
                database.close()
                raise
        return cls(path, database, keep_ms, most_bytes)

    @classmethod
    def read(cls, path: Path) -> History:
        """Open to look only, also while others append. Raises HistoryError when it is not there or cannot be read."""
        check_kind(path)
        if not path.exists():
            raise none_yet(path)
        with named("read", path):
            database = opened_to_read(path)
            try:
                if is_empty(database):  # as a process leaves it that is killed before it has made the tables
                    raise none_yet(path)
                check_schema(database, path)
            except BaseException:
                database.close()
                raise
        return cls(path, database, KEEP_MS, MOST_BYTES)

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # -- appending

    def append(self, run: Run, pause: Pause = at_once) -> None:
        """Add a run, all of it or nothing, and let go of what is too old or too much. `pause` is called every few ms of
        work, and never while others wait to write. Raises HistoryError."""
        rows = rows_of(run.groups, self._segments.last_rows(), pause)
        with named("write", self.path):
            ready = self._ready(run, rows, pause)
            with transaction(self._database):
                if self._version() != ready.version:  # another process has written meanwhile
                    ready = self._ready(run, rows, at_once)
                self._write(ready)
            pause()
            self._let_go(ready.segment.id, pause)
            self._shrink(pause)

    def _version(self) -> int:
        """Another one when another process has written."""
        return self._number("data_version")

    def _ready(self, run: Run, rows: dict[str, tuple[int | None, int | None]], pause: Pause) -> _Ready:
        """All that is to be written, as the file is now."""
        version, figures = self._version(), {name_of(f.name, f.target): f.value for f in run.figures}
        segment = self._segments.for_run(rows, figures, pause)
        layout = segment.layout
        pause()
        ends = column(rows[name][0] if name in rows else None for name in layout.rows)
        pause()
        behind = column(rows[name][1] if name in rows else None for name in layout.rows)
        pause()
        fresh = segment.id == 0
        key_ends, key_behind = (ends, behind) if fresh else self._segments.keys(segment, 0, len(layout.rows))
        pause()
        packed_ends = packed(ends, key_ends)
        pause()
        packed_behind = packed(behind, key_behind)
        pause()
        rest = Rest(failures=run.failures)
        if not fresh:
            known_figures = set(layout.figures)
            if sum(name in rows for name in layout.rows) < len(rows):
                known = set(layout.rows)
                rest.rows = {name: kept(pair) for name, pair in rows.items() if name not in known}
            rest.figures = {name: value for name, value in figures.items() if name not in known_figures}
        time_ms = run.time_ms
        while self._one("SELECT 1 FROM run WHERE time_ms = ?", time_ms) is not None:
            time_ms += 1  # two at once
        floats = packed_floats([figures.get(name, math.nan) for name in layout.figures])
        ready = _Ready(version, time_ms, segment, packed_ends, packed_behind, floats)
        ready.rest = squeezed(msgspec.msgpack.encode(rest))
        pause()
        if run.routes is not None:
            ready.mark, ready.routes = self._changing.routes_to_put(time_ms, run.routes, pause)
        if run.texts is not None:
            ready.texts = self._changing.texts_to_put(time_ms, run.texts, pause)
        return ready

    def _write(self, ready: _Ready) -> None:
        segment = ready.segment
        if segment.id == 0:
            self._segments.add(segment)
        values = (ready.time_ms, segment.id, ready.ends, ready.behind, ready.figures, ready.rest, ready.mark)
        self._database.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        self._changing.put(ready.time_ms, ready.routes, ready.texts)

    def put_text(self, time_ms: int, name: str, body: str) -> None:
        """Keep one text where it is not as it was; the others stay. Raises HistoryError."""
        with named("write", self.path), transaction(self._database):
            self._changing.put_text(time_ms, name, body)

    def move_into(self) -> None:
        """Have all that was appended in the file itself, of which some is in the one beside it that ends in -wal until
        then: for who copies the file alone. Raises HistoryError."""
        with named("write", self.path):
            self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def drop_later(self, now_ms: int) -> None:
        """Take back the few runs that are later than now: by a clock that was wrong, nothing is to be judged.

        Raises HistoryError when there are too many to be a mistake.
        """
        with named("read", self.path):
            later = self._one("SELECT count(*), max(time_ms) FROM run WHERE time_ms > ?", now_ms + LATER_MS)
        if later is None or not later[0]:
            return
        count, last_ms = later
        if count > MOST_LATER:
            raise HistoryError(
                f"the clock of this machine is behind the history {self.path}: {count} runs of it are later than now, "
                f"the last by {human_span(last_ms - now_ms)}",
                "set the clock; if it is right now, move the history away",
            )
        with named("write", self.path), transaction(self._database):
            self._database.execute("DELETE FROM run WHERE time_ms > ?", (now_ms + LATER_MS,))
            self._changing.drop_later(now_ms + LATER_MS)

    def _let_go(self, current: int, pause: Pause) -> None:
        """Delete segments that are too old, then the oldest while the rest takes too much room; each by itself, so that
        whoever else writes has its turn."""
        gone = False
        while (segment := self._outworn(current)) is not None:
            with transaction(self._database):
                self._segments.delete(segment)
            gone = True
            pause()
        if gone:
            with transaction(self._database):
                self._changing.let_go()
            pause()

    def _outworn(self, current: int) -> int | None:
        """The next segment to delete: none that is still written to."""
        sure = self._one("SELECT time_ms FROM run ORDER BY time_ms DESC LIMIT 1 OFFSET ?", MOST_LATER)
        oldest_ms = 0 if sure is None else sure[0] - self._keep_ms
        oldest = self._one(
            "SELECT segment, max(time_ms) FROM run WHERE segment != ? GROUP BY segment ORDER BY 2 LIMIT 1", current
        )
        if oldest is None or (oldest[1] >= oldest_ms and self._used() <= self._most_bytes):
            return None
        return int(oldest[0])

    def _shrink(self, pause: Pause) -> None:
        """Give the system back what is free in the file, so many pages at a time."""
        while (free := self._number("freelist_count")) > 0:
            self._database.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_A_TIME})").fetchall()
            pause()
            if self._number("freelist_count") >= free:
                return

    def _number(self, pragma: str) -> int:
        found = self._one(f"PRAGMA {pragma}")
        return 0 if found is None else int(found[0])

    def _used(self) -> int:
        return (self._number("page_count") - self._number("freelist_count")) * self._number("page_size")
