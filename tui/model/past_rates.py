"""Rates of a topic over time, out of a recording: by how its queues, and the offsets of its groups, moved.

They take no room there: offsets are in it anyway. Of a topic that no group consumes brokers count, which is recorded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.rows import MARK
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey
from rocketmq_ops.tui.model.derive import RATE_MS
from rocketmq_ops.tui.model.looks import WINDOW_MS
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.recording import COUNTED

IN: Final = "topic.in_rate"
OUT: Final = "topic.out_rate"
#: Groups of a topic that are read for its rates, which takes 65 ms each of 20,000 queues over half an hour; where there
#: are more, what goes out of it is not known.
MOST_GROUPS: Final = 8


def past_rates(
    history: History, topic: str, groups: Sequence[str], begin_ms: int, end_ms: int
) -> dict[tuple[str, str], Points]:
    """Both series of a topic. Raises HistoryError."""
    read = groups[:MOST_GROUPS]
    windows = [history.window(group, begin_ms - RATE_MS, end_ms) for group in read]
    counted = history.figures(begin_ms, end_ms, f"{COUNTED}{MARK}{topic}").get((COUNTED, topic), [])
    came = dict(counted) | dict(_moved(_ends(windows, topic)))
    went = _moved(_offsets(windows, topic)) if len(read) == len(groups) else []
    found = {IN: sorted(came.items()), OUT: went}
    return {(name, topic): [point for point in points if point[0] >= begin_ms] for name, points in found.items()}


#: The times of runs, and of each queue what it had at them.
_Columns = tuple[Sequence[int], list[list[int | None]]]


def _ends(windows: Iterable[GroupWindow], topic: str) -> _Columns:
    """Each queue once, whatever groups consume it: as any of them was told."""
    found: dict[QueueKey, list[int | None]] = {}
    times: Sequence[int] = ()
    for window in windows:
        times = window.times
        for key, columns in window.queues.items():
            if key.topic == topic:
                known = found.setdefault(key, [None] * len(times))
                found[key] = [mine if mine is not None else its for mine, its in zip(known, columns.ends, strict=True)]
    return times, [*found.values()]


def _offsets(windows: Iterable[GroupWindow], topic: str) -> _Columns:
    times: Sequence[int] = ()
    found: list[list[int | None]] = []
    for window in windows:
        times = window.times
        found += [columns.committed for key, columns in window.queues.items() if key.topic == topic]
    return times, found


def _moved(columns: _Columns) -> Points:
    """Messages a second over the last minute, as looks have them (`derive`), at each time at which all was known."""
    times, queues = columns
    breaks = [at for at, (before, after) in enumerate(pairwise(times), 1) if after - before > WINDOW_MS]
    points: Points = []
    for place, time_ms in enumerate(times):
        first = breaks[bisect_right(breaks, place) - 1] if breaks and breaks[0] <= place else 0
        then = max(bisect_right(times, time_ms - RATE_MS) - 1, first)
        if then >= place:
            continue
        pairs = [(queue[then], queue[place]) for queue in queues if queue[then] is not None]
        if not pairs or any(now is None for _, now in pairs):
            continue
        moved = sum(max((now or 0) - (was or 0), 0) for was, now in pairs)
        points.append((time_ms, moved / ((time_ms - times[then]) / 1000)))
    return points
