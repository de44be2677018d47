"""The history's file: SQLite in WAL mode, so that several processes share it and a killed one leaves it whole.

Runs stand in segments of at most 64. A segment has a key, the columns of its first run, and every run its differences
to them (`packing.py`): any run is read from two rows, whatever was deleted before. The rows of the columns are named
by a layout, which equal segments share. What a run has beside its segment's layout stands with it in full, until a
twentieth is new and a new segment begins.

The file is bounded by age and by bytes: whole segments go, the oldest first. Age is counted from the tenth run before
the last, so that a few runs with a wrong clock let nothing go.
"""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec
import zstandard

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.errors import Failure, system_words
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.database import (
    BUSY_S,
    HistoryError,
    cannot,
    check_kind,
    check_schema,
    damaged,
    has_texts,
    is_empty,
    named,
    none_yet,
    opened_to_read,
    prepare,
    transaction,
)
from rocketmq_ops.housekeeping.history.packing import (
    ABSENT,
    column,
    packed,
    packed_floats,
    unpacked,
    unpacked_floats,
)
from rocketmq_ops.housekeeping.history.runs import (
    GroupOffsets,
    GroupWindow,
    QueueKey,
    QueueOffsets,
    QueueWindow,
    Run,
    Span,
)

#: How long runs stay, and how many bytes they may take, unless it is set otherwise.
KEEP_MS: Final = 7 * 24 * 3600 * 1000
MOST_BYTES: Final = 256 << 20
#: Less than this is no history.
LEAST_BYTES: Final = 4 << 20

#: Runs that this much later than the present were written by a clock that was wrong, of two processes at once are not.
LATER_MS: Final = 5 * 60_000
#: More runs of a wrong clock than these are not taken back: it may as well be the present one that is wrong.
MOST_LATER: Final = 10

_RUNS_OF_SEGMENT: Final = 64
#: Between the names of a row; no topic, group or broker has it in its name.
_MARK: Final = "\x1f"
_AFTER_MARK: Final = "\x20"
#: Groups that are gone through between two pauses.
_AT_A_TIME: Final = 100


def _at_once() -> None:
    """In place of a pause."""


class _Rest(msgspec.Struct, array_like=True):
    """What a run has beside its columns: rows and figures that the layout lacks, and what could not be read."""

    rows: dict[str, tuple[int, int]] = {}
    figures: dict[str, float] = {}
    failures: list[Failure] = []


#: Segments, and layouts, that were read last and are held: of a large cluster one takes some MB.
_READ: Final = 8


class _Layout(msgspec.Struct):
    """The names of a segment's rows and figures, sorted."""

    rows: list[str]
    figures: list[str]


class _Segment(msgspec.Struct):
    id: int
    layout: _Layout
    ends: bytes
    behind: bytes


class History:
    """An open history. Use it as a context manager; `open` to append, `read` to look."""

    def __init__(self, path: Path, database: sqlite3.Connection, keep_ms: int, most_bytes: int) -> None:
        self.path = path
        self._database = database
        self._keep_ms = keep_ms
        self._most_bytes = most_bytes
        self._layouts: Bounded[int, _Layout] = Bounded(_READ)
        self._segments: Bounded[int, _Segment] = Bounded(_READ)

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

    def append(self, run: Run, pause: Callable[[], None] = _at_once) -> None:
        """Add a run, all of it or nothing, and let go of what is too old or too much. `pause` is called now and then
        before anything is written. Raises HistoryError."""
        rows = _rows_of(run.groups, self._last_rows(), pause)
        figures = {_name(f.name, f.target): f.value for f in run.figures}
        with named("write", self.path), transaction(self._database):
            segment, fresh = self._segment_for(rows, figures)
            layout = segment.layout
            ends = column(rows[name][0] if name in rows else None for name in layout.rows)
            behind = column(rows[name][1] if name in rows else None for name in layout.rows)
            key_ends, key_behind = (ends, behind) if fresh else self._keys(segment, 0, len(layout.rows))
            rest = _Rest(failures=run.failures)
            if not fresh:
                known_figures = set(layout.figures)
                if sum(name in rows for name in layout.rows) < len(rows):
                    known = set(layout.rows)
                    rest.rows = {name: _kept(pair) for name, pair in rows.items() if name not in known}
                rest.figures = {name: value for name, value in figures.items() if name not in known_figures}
            time_ms = run.time_ms
            while self._one("SELECT 1 FROM run WHERE time_ms = ?", time_ms) is not None:
                time_ms += 1  # two at once
            self._database.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    time_ms,
                    segment.id,
                    packed(ends, key_ends),
                    packed(behind, key_behind),
                    packed_floats([figures.get(name, math.nan) for name in layout.figures]),
                    _squeezed(msgspec.msgpack.encode(rest)),
                    None if run.routes is None else self._put_routes(time_ms, run.routes),
                ),
            )
            if run.texts is not None:
                self._put_texts(time_ms, run.texts)
            self._let_go(segment.id)
        with named("write", self.path):
            self._database.execute("PRAGMA incremental_vacuum").fetchall()

    def _segment_for(
        self, rows: dict[str, tuple[int | None, int | None]], figures: dict[str, float]
    ) -> tuple[_Segment, bool]:
        """The segment that a run with these rows goes into, and whether it begins with it."""
        last = self._one(
            "SELECT id, (SELECT count(*) FROM run WHERE segment = segment.id) FROM segment ORDER BY id DESC"
        )
        if last is not None and last[1] < _RUNS_OF_SEGMENT:
            segment = self._segment(last[0])
            # Counted, not made sets of: a layout may have as many rows as all groups have queues.
            known = sum(name in rows for name in segment.layout.rows)
            new = len(rows) - known + len(figures.keys() - set(segment.layout.figures))
            if new * 20 <= len(segment.layout.rows) + len(segment.layout.figures):
                return segment, False
        layout = _Layout(sorted(rows), sorted(figures))
        ends = packed(column(rows[name][0] for name in layout.rows))
        behind = packed(column(rows[name][1] for name in layout.rows))
        added = self._database.execute(
            "INSERT INTO segment(layout, ends, behind) VALUES (?, ?, ?)", (self._put_layout(layout), ends, behind)
        )
        assert added.lastrowid is not None
        return _Segment(added.lastrowid, layout, ends, behind), True

    def _last_rows(self) -> list[str]:
        """The names of the rows of the last segment."""
        last = self._one("SELECT layout FROM segment ORDER BY id DESC")
        return [] if last is None else self._layout(last[0]).rows

    def _put_layout(self, layout: _Layout) -> int:
        texts = ["\n".join(names).encode("utf-8", "surrogatepass") for names in (layout.rows, layout.figures)]
        mark = hashlib.sha256(b"\n\n".join(texts)).digest()
        known = self._one("SELECT id FROM layout WHERE hash = ?", mark)
        if known is not None:
            return int(known[0])
        added = self._database.execute(
            "INSERT INTO layout(hash, rows, figures) VALUES (?, ?, ?)", (mark, *map(_squeezed, texts))
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def _put_routes(self, time_ms: int, routes: dict[str, str]) -> bytes:
        """Keep what is not as it was; what marks all of them."""
        mark = hashlib.sha256(msgspec.json.encode(sorted(routes.items()))).digest()[:16]
        last = self._one("SELECT routes FROM run WHERE routes IS NOT NULL ORDER BY time_ms DESC")
        if last is None or last[0] != mark:
            was = self._routes_at(time_ms)
            changed: list[tuple[str, str | None]] = [
                (topic, body) for topic, body in routes.items() if was.get(topic) != body
            ]
            changed += [(topic, None) for topic in was.keys() - routes.keys()]
            self._database.executemany(
                "INSERT OR REPLACE INTO route VALUES (?, ?, ?)",
                ((topic, time_ms, None if body is None else _squeezed(body.encode())) for topic, body in changed),
            )
        return mark

    def _put_texts(self, time_ms: int, texts: dict[str, str]) -> None:
        """Keep what is not as it was."""
        was = self._texts_at(time_ms)
        changed: list[tuple[str, str | None]] = [(name, body) for name, body in texts.items() if was.get(name) != body]
        changed += [(name, None) for name in was.keys() - texts.keys()]
        self._database.executemany(
            "INSERT OR REPLACE INTO text VALUES (?, ?, ?)",
            ((name, time_ms, None if body is None else _squeezed(body.encode())) for name, body in changed),
        )

    def put_text(self, time_ms: int, name: str, body: str) -> None:
        """Keep one text where it is not as it was; the others stay. Raises HistoryError."""
        with named("write", self.path), transaction(self._database):
            if self._texts_at(time_ms).get(name) != body:
                self._database.execute(
                    "INSERT OR REPLACE INTO text VALUES (?, ?, ?)", (name, time_ms, _squeezed(body.encode()))
                )

    def text_between(self, name: str, begin_ms: int, end_ms: int) -> list[tuple[int, str]]:
        """A text as it was at the first time, and as it changed until the second, the oldest first."""
        with named("read", self.path):
            if not has_texts(self._database):
                return []
            rows = self._database.execute(
                "SELECT since_ms, body FROM text WHERE name = ?1 AND since_ms <= ?3 AND since_ms >= coalesce("
                "(SELECT max(since_ms) FROM text WHERE name = ?1 AND since_ms <= ?2), ?2) ORDER BY since_ms",
                (name, begin_ms, end_ms),
            )
            return [(time_ms, _spread(body).decode()) for time_ms, body in rows if body is not None]

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
            self._database.execute("DELETE FROM route WHERE since_ms > ?", (now_ms + LATER_MS,))
            self._database.execute("DELETE FROM text WHERE since_ms > ?", (now_ms + LATER_MS,))

    def _let_go(self, current: int) -> None:
        """Delete segments that are too old, then the oldest while the rest takes too much room."""
        sure = self._one("SELECT time_ms FROM run ORDER BY time_ms DESC LIMIT 1 OFFSET ?", MOST_LATER)
        oldest_ms = 0 if sure is None else sure[0] - self._keep_ms
        ages = self._database.execute("SELECT segment, max(time_ms) FROM run GROUP BY segment ORDER BY 2").fetchall()
        old = [segment for segment, newest in ages if segment != current]
        expired = {segment for segment, newest in ages if newest < oldest_ms}
        gone = False
        for segment in old:
            if segment not in expired and self._used() <= self._most_bytes:
                break
            self._database.execute("DELETE FROM run WHERE segment = ?", (segment,))
            self._database.execute("DELETE FROM segment WHERE id = ?", (segment,))
            self._database.execute("DELETE FROM layout WHERE id NOT IN (SELECT layout FROM segment)")
            self._segments.pop(segment, None)
            gone = True
        if gone:
            self._database.execute(
                "DELETE FROM route WHERE since_ms < (SELECT max(r.since_ms) FROM route r WHERE r.topic = route.topic"
                " AND r.since_ms <= (SELECT min(time_ms) FROM run))"
            )
            self._database.execute(
                "DELETE FROM text WHERE since_ms < (SELECT max(t.since_ms) FROM text t WHERE t.name = text.name"
                " AND t.since_ms <= (SELECT min(time_ms) FROM run))"
            )

    def _used(self) -> int:
        pages = self._one("PRAGMA page_count"), self._one("PRAGMA freelist_count"), self._one("PRAGMA page_size")
        count, free, size = (int(page[0]) for page in pages if page is not None)
        return (count - free) * size

    # -- reading

    def span(self) -> Span | None:
        """What is there; None while there is no run."""
        with named("read", self.path):
            found = self._one("SELECT min(time_ms), max(time_ms), count(*) FROM run")
        return None if found is None or found[0] is None else Span(*found)

    def times(self, begin_ms: int, end_ms: int) -> list[int]:
        """The times of the runs from `begin_ms` to `end_ms`, both counted."""
        with named("read", self.path):
            found = self._database.execute(
                "SELECT time_ms FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms", (begin_ms, end_ms)
            ).fetchall()
        return [time_ms for (time_ms,) in found]

    def last_time(self, at_ms: int) -> int | None:
        """The time of the last run at `at_ms` or before; None when all are later."""
        with named("read", self.path):
            found = self._one("SELECT max(time_ms) FROM run WHERE time_ms <= ?", at_ms)
        return None if found is None else found[0]

    def last_times(self, count: int) -> list[int]:
        """The times of the last runs, the oldest first."""
        with named("read", self.path):
            found = self._database.execute("SELECT time_ms FROM run ORDER BY time_ms DESC LIMIT ?", (count,)).fetchall()
        return [time_ms for (time_ms,) in reversed(found)]

    def window(self, group: str, begin_ms: int, end_ms: int) -> GroupWindow:
        """One group at every run from `begin_ms` to `end_ms`; without queues when none of them saw it."""
        found = self._windows(begin_ms, end_ms, group)
        if group in found:
            return found[group]
        times = self.times(begin_ms, end_ms)
        return GroupWindow(group, times, [None] * len(times), {})

    def windows(self, begin_ms: int, end_ms: int, most: int | None = None) -> dict[str, GroupWindow]:
        """Every group at every run from `begin_ms` to `end_ms`; of more than `most` runs at as many, the last and those
        at equal distances before it."""
        times = self.times(begin_ms, end_ms)
        chosen = None
        if most is not None and len(times) > most:
            chosen = {times[len(times) - 1 - place * len(times) // most] for place in range(most)}
        return self._windows(begin_ms, end_ms, None, chosen)

    def last_windows(self, count: int, wanted: Container[str] | None = None) -> dict[str, GroupWindow]:
        """All groups, or those that are wanted, at the last runs, in one reading; of others nothing is held."""
        times = self.last_times(count)
        return self._windows(times[0], times[-1], None, wanted=wanted) if times else {}

    def _windows(
        self,
        begin_ms: int,
        end_ms: int,
        group: str | None,
        chosen: set[int] | None = None,
        wanted: Container[str] | None = None,
    ) -> dict[str, GroupWindow]:
        found: dict[str, GroupWindow] = {}
        times: list[int] = []
        with named("read", self.path):
            found_runs = self._database.execute(
                "SELECT time_ms, segment, ends, behind, rest FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms",
                (begin_ms, end_ms),
            )
            runs = [run for run in found_runs if chosen is None or run[0] in chosen]
            times = [run[0] for run in runs]
            count = len(times)
            for place, (_, segment_id, ends, behind, rest) in enumerate(runs):
                for name, end, back in self._rows_at(segment_id, ends, behind, rest, group):
                    owner, topic, broker, number = name.split(_MARK)
                    if wanted is not None and owner not in wanted:
                        continue
                    window = found.get(owner)
                    if window is None:
                        window = found[owner] = GroupWindow(owner, times, [None] * count, {})
                    if not topic:
                        window.members[place] = end
                        continue
                    queue = QueueKey(topic, broker, int(number))
                    columns = window.queues.get(queue)
                    if columns is None:
                        columns = window.queues[queue] = QueueWindow([None] * count, [None] * count)
                    columns.ends[place] = end
                    columns.committed[place] = back if end is None or back is None else end - back
        for window in found.values():
            window.queues = dict(sorted(window.queues.items(), key=lambda item: item[0]))
        return found

    def offsets_with_unknown(self, time_ms: int, brokers: Container[str]) -> list[GroupOffsets]:
        """As `offsets_at`, also with queues of these brokers of which the run knew nothing."""
        found: dict[str, GroupOffsets] = {}
        said: dict[str, str] = {}  # each topic and broker once, however many queues they have
        with named("read", self.path):
            run = self._one("SELECT segment, ends, behind, rest FROM run WHERE time_ms = ?", time_ms)
            if run is None:
                return []
            segment_id, ends, behind, rest = run
            for name, end, back in self._rows_at(segment_id, ends, behind, rest, None, brokers):
                owner, topic, broker, number = name.split(_MARK)
                group = found.setdefault(owner, GroupOffsets(group=owner, queues=[]))
                if topic:
                    committed = back if end is None or back is None else end - back
                    key = QueueKey(said.setdefault(topic, topic), said.setdefault(broker, broker), int(number))
                    group.queues.append(QueueOffsets(key, end, committed))
                else:
                    group.members = end
        return list(found.values())

    def offsets_at(self, time_ms: int, group: str | None = None) -> list[GroupOffsets]:
        """The groups as the run at exactly `time_ms` saw them, of all or of one."""
        return [
            GroupOffsets(
                group=window.group,
                members=window.members[0] if window.members else None,
                queues=[QueueOffsets(queue, c.ends[0], c.committed[0]) for queue, c in window.queues.items()],
            )
            for window in self._windows(time_ms, time_ms, group).values()
        ]

    def ends_at(self, time_ms: int) -> Iterator[tuple[str, str, int | None]]:
        """Group, topic and end of each queue as the run at exactly `time_ms` saw them, without holding all of them."""
        with named("read", self.path):
            run = self._one("SELECT segment, ends, behind, rest FROM run WHERE time_ms = ?", time_ms)
            if run is None:
                return
            segment_id, ends, behind, rest = run
            for name, end, _ in self._rows_at(segment_id, ends, behind, rest, None):
                group, topic, _ = name.split(_MARK, 2)
                if topic:
                    yield group, topic, end

    def figures(self, begin_ms: int, end_ms: int, prefix: str = "") -> dict[tuple[str, str], list[tuple[int, float]]]:
        """(name, target) -> (time, value) of each run that had it, of the names that begin with `prefix`."""
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        with named("read", self.path):
            for time_ms, segment_id, data, rest in self._database.execute(
                "SELECT time_ms, segment, figures, rest FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms",
                (begin_ms, end_ms),
            ).fetchall():
                names = self._segment(segment_id).layout.figures
                pairs = [*zip(names, unpacked_floats(data, 0, len(names)), strict=True), *_rest(rest).figures.items()]
                for key, value in pairs:
                    if key.startswith(prefix) and not math.isnan(value):
                        name, _, target = key.partition(_MARK)
                        found.setdefault((name, target), []).append((time_ms, value))
        return found

    def failures(self, begin_ms: int, end_ms: int) -> dict[int, list[Failure]]:
        """What the runs of this time could not read, by their times; runs that could read all are left out."""
        with named("read", self.path):
            found = self._database.execute(
                "SELECT time_ms, rest FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms", (begin_ms, end_ms)
            ).fetchall()
            return {time_ms: failures for time_ms, rest in found if (failures := _rest(rest).failures)}

    def routes_at(self, time_ms: int) -> dict[str, str]:
        """Each topic's route as the last run that read them at `time_ms` or before saw it."""
        with named("read", self.path):
            return self._routes_at(time_ms)

    def _routes_at(self, time_ms: int) -> dict[str, str]:
        found = self._database.execute(
            "SELECT topic, max(since_ms), body FROM route WHERE since_ms <= ? GROUP BY topic", (time_ms,)
        )
        return {topic: _spread(body).decode() for topic, _, body in found if body is not None}

    def texts_at(self, time_ms: int) -> dict[str, str]:
        """The texts as the last run that had them at `time_ms` or before gave them."""
        with named("read", self.path):
            return self._texts_at(time_ms)

    def _texts_at(self, time_ms: int) -> dict[str, str]:
        if not has_texts(self._database):
            return {}
        found = self._database.execute(
            "SELECT name, max(since_ms), body FROM text WHERE since_ms <= ? GROUP BY name", (time_ms,)
        )
        return {name: _spread(body).decode() for name, _, body in found if body is not None}

    def _rows_at(
        self,
        segment_id: int,
        ends: bytes,
        behind: bytes,
        rest: bytes,
        group: str | None,
        unknown_of: Container[str] = (),
    ) -> Iterator[tuple[str, int | None, int | None]]:
        segment = self._segment(segment_id)
        names = segment.layout.rows
        begin, end = 0, len(names)
        if group is not None:
            begin, end = bisect_left(names, group + _MARK), bisect_left(names, group + _AFTER_MARK)
        key_ends, key_behind = self._keys(segment, begin, end)
        columns = unpacked(ends, begin, end, key_ends), unpacked(behind, begin, end, key_behind)
        for name, last, back in zip(names[begin:end], *columns, strict=True):
            if last != ABSENT or back != ABSENT or (unknown_of and _broker_of(name) in unknown_of):
                yield name, _known(last), _known(back)
        for name, (last, back) in _rest(rest).rows.items():
            if group is None or name.startswith(group + _MARK):
                yield name, _known(last), _known(back)

    def _keys(self, segment: _Segment, begin: int, end: int) -> tuple[array[int], array[int]]:
        return unpacked(segment.ends, begin, end), unpacked(segment.behind, begin, end)

    def _segment(self, segment_id: int) -> _Segment:
        known = self._segments.get(segment_id)
        if known is None:
            found = self._one("SELECT layout, ends, behind FROM segment WHERE id = ?", segment_id)
            if found is None:
                raise damaged(self.path, f"segment {segment_id} is missing")
            known = self._segments[segment_id] = _Segment(segment_id, self._layout(found[0]), found[1], found[2])
        return known

    def _layout(self, layout_id: int) -> _Layout:
        known = self._layouts.get(layout_id)
        if known is None:
            found = self._one("SELECT rows, figures FROM layout WHERE id = ?", layout_id)
            if found is None:
                raise damaged(self.path, f"layout {layout_id} is missing")
            rows, figures = (_spread(data).decode("utf-8", "surrogatepass") for data in found)
            names = rows.split("\n") if rows else []
            # Mostly it is figures that come and go: the names of the queues are held once.
            names = next((each.rows for each in self._layouts.values() if each.rows == names), names)
            known = self._layouts[layout_id] = _Layout(names, figures.split("\n") if figures else [])
        return known

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        return found


def _rows_of(
    groups: Iterable[GroupOffsets], known: list[str], pause: Callable[[], None]
) -> dict[str, tuple[int | None, int | None]]:
    """Row -> (end, how far the group is behind it), of an unknown end the offset itself in place of the latter; the row
    of the group itself has its members for an end. A name that is among the sorted `known` ones is that very object:
    there may be as many as all groups have queues."""
    rows: dict[str, tuple[int | None, int | None]] = {}
    for number, group in enumerate(groups):
        if number % _AT_A_TIME == 0:
            pause()
        rows[_name(group.group, "", "", "")] = (group.members, None)
        for each in group.queues:
            queue, end, committed = each.queue, each.end, each.committed
            behind = committed if end is None or committed is None else end - committed
            name = _name(group.group, queue.topic, queue.broker, str(queue.queue_id))
            place = bisect_left(known, name)
            if place < len(known) and known[place] == name:
                name = known[place]
            rows[name] = (end, behind)
    return rows


def _broker_of(name: str) -> str:
    return name.split(_MARK)[2]


def _name(*parts: str) -> str:
    """The parts as one name, without what would be taken for an end of one or of a line."""
    name = _MARK.join(parts)
    if "\n" in name or name.count(_MARK) != len(parts) - 1:
        return _MARK.join(part.replace(_MARK, "?").replace("\n", "?") for part in parts)
    return name


def _kept(pair: tuple[int | None, int | None]) -> tuple[int, int]:
    end, behind = column(pair)
    return end, behind


def _known(value: int) -> int | None:
    return None if value == ABSENT else value


def _rest(data: bytes) -> _Rest:
    return msgspec.msgpack.decode(_spread(data), type=_Rest)


def _squeezed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def _spread(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)
