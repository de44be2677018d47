"""What a history says of the time that it was kept in: windows of groups, offsets, figures, routes, texts."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.changing import Changing
from rocketmq_ops.housekeeping.history.database import named
from rocketmq_ops.housekeeping.history.packing import unpacked_floats
from rocketmq_ops.housekeeping.history.rows import MARK
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, GroupWindow, QueueKey, QueueOffsets, QueueWindow, Span
from rocketmq_ops.housekeeping.history.segments import Segments, rest_of


class Reading:
    """An open database, to be asked. All methods raise HistoryError where the file fails."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._segments = Segments(database, path)
        self._changing = Changing(database)

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
                for name, end, back in self._segments.rows_at(segment_id, ends, behind, rest, group):
                    owner, topic, broker, number = name.split(MARK)
                    if wanted is not None and owner not in wanted:
                        continue
                    window = found.get(owner)
                    if window is None:
                        window = found[owner] = GroupWindow(owner, times, [None] * count, {})
                    if not topic:
                        window.members[place] = end
                        if end:
                            window.pulling = back is not None
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
            for name, end, back in self._segments.rows_at(segment_id, ends, behind, rest, None, brokers):
                owner, topic, broker, number = name.split(MARK)
                group = found.setdefault(owner, GroupOffsets(group=owner, queues=[]))
                if topic:
                    committed = back if end is None or back is None else end - back
                    key = QueueKey(said.setdefault(topic, topic), said.setdefault(broker, broker), int(number))
                    group.queues.append(QueueOffsets(key, end, committed))
                else:
                    group.members, group.pulling = end, back is not None
        return list(found.values())

    def offsets_at(self, time_ms: int, group: str | None = None) -> list[GroupOffsets]:
        """The groups as the run at exactly `time_ms` saw them, of all or of one."""
        return [
            GroupOffsets(
                group=window.group,
                members=window.members[0] if window.members else None,
                pulling=window.pulling,
                queues=[QueueOffsets(queue, c.ends[0], c.committed[0]) for queue, c in window.queues.items()],
            )
            for window in self._windows(time_ms, time_ms, group).values()
        ]

    def ends_at(self, time_ms: int) -> Iterator[tuple[str, str, int | None, bool]]:
        """Group, topic and end of each queue as the run at exactly `time_ms` saw them, and whether the group had an
        offset of it, without holding all of them."""
        with named("read", self.path):
            run = self._one("SELECT segment, ends, behind, rest FROM run WHERE time_ms = ?", time_ms)
            if run is None:
                return
            segment_id, ends, behind, rest = run
            for name, end, back in self._segments.rows_at(segment_id, ends, behind, rest, None):
                group, topic, _ = name.split(MARK, 2)
                if topic:
                    yield group, topic, end, back is not None

    def figures(self, begin_ms: int, end_ms: int, prefix: str = "") -> dict[tuple[str, str], list[tuple[int, float]]]:
        """(name, target) -> (time, value) of each run that had it, of the names that begin with `prefix`."""
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        with named("read", self.path):
            for time_ms, segment_id, data, rest in self._database.execute(
                "SELECT time_ms, segment, figures, rest FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms",
                (begin_ms, end_ms),
            ).fetchall():
                names = self._segments.get(segment_id).layout.figures
                pairs = [*zip(names, unpacked_floats(data, 0, len(names)), strict=True), *rest_of(rest).figures.items()]
                for key, value in pairs:
                    if key.startswith(prefix) and not math.isnan(value):
                        name, _, target = key.partition(MARK)
                        found.setdefault((name, target), []).append((time_ms, value))
        return found

    def failures(self, begin_ms: int, end_ms: int) -> dict[int, list[Failure]]:
        """What the runs of this time could not read, by their times; runs that could read all are left out."""
        with named("read", self.path):
            found = self._database.execute(
                "SELECT time_ms, rest FROM run WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms", (begin_ms, end_ms)
            ).fetchall()
            return {time_ms: failures for time_ms, rest in found if (failures := rest_of(rest).failures)}

    def routes_at(self, time_ms: int) -> dict[str, str]:
        """Each topic's route as the last run that read them at `time_ms` or before saw it."""
        with named("read", self.path):
            return self._changing.routes_at(time_ms)

    def texts_at(self, time_ms: int) -> dict[str, str]:
        """The texts as the last run that had them at `time_ms` or before gave them."""
        with named("read", self.path):
            return self._changing.texts_at(time_ms)

    def text_between(self, name: str, begin_ms: int, end_ms: int) -> list[tuple[int, str]]:
        """A text as it was at the first time, and as it changed until the second, the oldest first."""
        with named("read", self.path):
            return self._changing.text_between(name, begin_ms, end_ms)

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        return found
