"""A part of a history as bytes, which a bundle carries along: its last runs, in the form of a history file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, Run
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS

#: How many runs a slice has at most: two hours of one a minute.
MOST_RUNS: Final = 120
#: And how many offsets of queues, but the runs that groups are judged by: they are written anew, some 80,000 a second.
MOST_OFFSETS: Final = 1_000_000


def slice_of(history: History, clean: Callable[[str], str]) -> bytes | None:
    """The last runs of a history; None where it has none. `clean` takes secrets out of the causes of failures."""
    times = history.last_times(MOST_RUNS)
    if not times:
        return None
    queues = sum(len(group.queues) for group in history.offsets_at(times[-1]))
    times = times[-max(WINDOW_RUNS, MOST_OFFSETS // max(queues, 1)) :]
    figures = history.figures(times[0], times[-1])
    failures = history.failures(times[0], times[-1])
    at: dict[int, list[Figure]] = {}
    for (name, target), points in figures.items():
        for time_ms, value in points:
            at.setdefault(time_ms, []).append(Figure(name, target, value))
    return bytes_of(
        Run(
            time_ms=time_ms,
            groups=history.offsets_at(time_ms),
            figures=at.get(time_ms, []),
            failures=[Failure(f.target, clean(f.cause), f.next_step) for f in failures.get(time_ms, [])],
        )
        for time_ms in times
    )


def bytes_of(runs: Iterator[Run]) -> bytes:
    """These runs, in ascending order, as a history file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        with History.open(path) as made:
            for run in runs:
                made.append(run)
        return path.read_bytes()


@contextmanager
def history_of(data: bytes) -> Iterator[History]:
    """The history that these bytes are. Raises HistoryError where they are none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path.write_bytes(data)
        with History.read(path) as history:
            yield history
