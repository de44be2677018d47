"""One statistic: snapshots of a counter over the last minute, hour and day, and the rates between them.

Which statistics there are, and who counts them, is in `broker/stats/broker_stats.py` and `broker/stats/event_stats.py`.
Mirrors StatsItem of org.apache.rocketmq.common.stats.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SAMPLE_INTERVAL_MS = 10_000
MINUTES_INTERVAL_MS = 600_000
HOUR_INTERVAL_MS = 3_600_000
_MINUTE_SAMPLES, _HOUR_SAMPLES, _DAY_SAMPLES = 7, 7, 25


class Snapshot(NamedTuple):
    """Counter values at a time (ms by a clock that nobody sets): how often it was added to, number and bytes so far."""

    timestamp: int
    times: int
    nums: int
    size: int


class Rate(NamedTuple):
    """What happened within a window: the sum, its rate per second and the average per call."""

    sum: int = 0
    tps: float = 0.0
    avgpt: float = 0.0
    times: int = 0


class StatsItem:
    """Snapshots of one counter: 10 s apart for the minute, 10 min for the hour, 1 h for the day.

    `changed_at` is when a sample last saw the counter grow (ms); 0 before the first.
    """

    __slots__ = ("changed_at", "day", "hour", "minute")

    def __init__(self) -> None:
        self.changed_at = 0
        self.minute: deque[Snapshot] = deque(maxlen=_MINUTE_SAMPLES)
        self.hour: deque[Snapshot] = deque(maxlen=_HOUR_SAMPLES)
        self.day: deque[Snapshot] = deque(maxlen=_DAY_SAMPLES)

    def current(self) -> tuple[int, int, int]:
        """(times, nums, size) so far."""
        raise NotImplementedError

    def sample(self, now_ms: int, *, minutes: bool, hour: bool) -> None:
        """Append a snapshot to the minute, and to the hour and the day where their time has come."""
        snapshot = Snapshot(now_ms, *self.current())
        if not self.minute or self.minute[-1].nums != snapshot.nums:
            self.changed_at = now_ms
        _append(self.minute, snapshot, SAMPLE_INTERVAL_MS)
        if minutes:
            _append(self.hour, snapshot, MINUTES_INTERVAL_MS)
        if hour:
            _append(self.day, snapshot, HOUR_INTERVAL_MS)


def _append(window: deque[Snapshot], snapshot: Snapshot, interval_ms: int) -> None:
    if not window:
        window.append(Snapshot(snapshot.timestamp - interval_ms, 0, 0, 0))
    window.append(snapshot)


def compute_rate(window: deque[Snapshot], *, of_size: bool = False) -> Rate:
    """Rate between the oldest and the newest snapshot; zero when nothing was sampled yet."""
    if not window:
        return Rate()
    first, last = window[0], window[-1]
    total = last.size - first.size if of_size else last.nums - first.nums
    times = last.times - first.times
    elapsed = last.timestamp - first.timestamp
    return Rate(total, total * 1000.0 / elapsed if elapsed else 0.0, total / times if times > 0 else 0.0, times)


class CountedItem(StatsItem):
    """A counter of its own: `add` is called with each event."""

    __slots__ = ("times", "value")

    def __init__(self) -> None:
        super().__init__()
        self.value = 0
        self.times = 0

    def current(self) -> tuple[int, int, int]:
        return self.times, self.value, self.value

    def add(self, value: int, times: int = 1) -> None:
        """Count `times` events that together make up `value`."""
        self.value += value
        self.times += times
