"""Rates of a topic over time, out of a recording: by how its queues, and the offsets of its groups, moved.

They take no room there: offsets are in it anyway. Of a topic that no group consumes brokers count, which is recorded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.rows import MARK
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey
from rocketmq_ops.tui.model.choosing import WINDOW_MS
from rocketmq_ops.tui.model.derive import RATE_MS
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.recording import COUNTED, UNKNOWN

IN: Final = "topic.in_rate"
OUT: Final = "topic.out_rate"
#: Groups of a topic that are read for its rates, which takes 65 ms each of 20,000 queues over half an hour; where there
#: are more, what goes out of it is not known.
MOST_GROUPS: Final = 8
#: By the names of brokers, at which times they did not tell of their groups (ms since 1970).
Silent: TypeAlias = Mapping[str, Collection[int]]


def past_rates(
    history: History, topic: str, groups: Sequence[str], begin_ms: int, end_ms: int
) -> dict[tuple[str, str], Points]:
    """Both series of a topic. Raises HistoryError."""
    read = groups[:MOST_GROUPS]
    windows = [history.window(group, begin_ms - RATE_MS, end_ms) for group in read]
    silent: dict[str, set[int]] = {}
    for (_, broker), points in history.figures(begin_ms - RATE_MS, end_ms, UNKNOWN).items():
        silent[broker] = {time_ms for time_ms, _ in points}
    counted = history.figures(begin_ms, end_ms, f"{COUNTED}{MARK}{topic}").get((COUNTED, topic), [])
    came = dict(incoming(windows, topic, silent)) | dict(counted)
    went = outgoing(windows, topic, silent) if len(read) == len(groups) else []
    found = {IN: sorted(came.items()), OUT: went}
    return {(name, topic): [point for point in points if point[0] >= begin_ms] for name, points in found.items()}


def incoming(windows: Sequence[GroupWindow], topic: str, silent: Silent) -> Points:
    """Messages a second into a topic, by its queues: each once, whatever groups consume it."""
    ends = _ends(windows, topic, told=True)
    gaps = _gaps(windows, topic, silent)
    for key, values in _ends(windows, topic, told=False).items():
        # What has no group with an offset was asked for at another time than that of the look.
        gaps |= {at for at, end in enumerate(values) if end is not None and ends[key][at] is None}
    return _moved(windows, [*ends.values()], gaps, every=True)


def outgoing(windows: Sequence[GroupWindow], topic: str, silent: Silent) -> Points:
    """Messages a second out of a topic, by the offsets of its groups."""
    offsets = [columns.committed for window in windows for key, columns in window.queues.items() if key.topic == topic]
    return _moved(windows, offsets, _gaps(windows, topic, silent))


def _ends(windows: Sequence[GroupWindow], topic: str, *, told: bool) -> dict[QueueKey, list[int | None]]:
    """Where each queue ended at the times of the windows, as any group was told; `told`: any that had an offset on the
    broker, of which brokers tell by themselves (`derive`)."""
    found: dict[QueueKey, list[int | None]] = {}
    for window in windows:
        mine = {key: columns for key, columns in window.queues.items() if key.topic == topic}
        saved = {
            broker: [
                any(offset is not None for offset in offsets)
                for offsets in zip(*(each.committed for key, each in mine.items() if key.broker == broker), strict=True)
            ]
            for broker in {key.broker for key in mine}
        }
        for key, columns in mine.items():
            values = found.setdefault(key, [None] * len(window.times))
            for at, end in enumerate(columns.ends):
                if values[at] is None and (not told or saved[key.broker][at]):
                    values[at] = end
    return found


def _gaps(windows: Sequence[GroupWindow], topic: str, silent: Silent) -> set[int]:
    """The places of the times at which a part of a topic was not known: of a queue that is known before and after, or
    on a broker that was silent."""
    found: set[int] = set()
    for key, ends in _ends(windows, topic, told=False).items():
        known = [at for at, end in enumerate(ends) if end is not None]
        if not known:
            continue
        found.update(at for at in range(known[0], known[-1]) if ends[at] is None)
        times = silent.get(key.broker)
        if times:
            found.update(at for at, time_ms in enumerate(windows[0].times) if ends[at] is None and time_ms in times)
    return found


def _moved(
    windows: Sequence[GroupWindow],
    queues: Sequence[Sequence[int | None]],
    gaps: Collection[int],
    *,
    every: bool = False,
) -> Points:
    """Messages a second over the last minute, as looks have them (`derive`), at each time at which all was known, then
    and a minute ago; `every`: also of queues that were not there then."""
    times = windows[-1].times if windows else []
    breaks = [at for at, (before, after) in enumerate(pairwise(times), 1) if after - before > WINDOW_MS]
    points: Points = []
    for place, time_ms in enumerate(times):
        first = breaks[bisect_right(breaks, place) - 1] if breaks and breaks[0] <= place else 0
        then = max(bisect_right(times, time_ms - RATE_MS) - 1, first)
        if then >= place or then in gaps or place in gaps:
            continue
        pairs = [
            (queue[then], queue[place])
            for queue in queues
            if queue[then] is not None or (every and queue[place] is not None)
        ]
        if not pairs or any(None in pair for pair in pairs):
            continue
        moved = sum(max((now or 0) - (was or 0), 0) for was, now in pairs)
        points.append((time_ms, moved / ((time_ms - times[then]) / 1000)))
    return points
