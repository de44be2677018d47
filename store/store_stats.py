"""Counters of the store and the rates made from them (mirrors StoreStatsService).

What lives here: plain counters that the hot paths add to, samples of them once a second, and the texts of
brokerStatus. What does not: statistics by topic and group (the broker's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from rocketmq_ops.store.put_times import PutTimes

_WINDOWS_S = (10, 60, 600)
_TURN_MS = 60_000


class _Sample(NamedTuple):
    at_ms: int
    put: int
    found: int
    missed: int
    transferred: int


class StoreStats:
    """Counters since the start of the store."""

    __slots__ = (
        "_samples", "_steady", "_turned_at", "boot_timestamp", "clock", "get_found", "get_longest_ms", "get_missed",
        "put_bytes", "put_failed", "put_messages", "put_times", "transferred_messages",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], int], steady: Callable[[], int]) -> None:
        """`clock`: ms since the epoch; `steady`: ms that nobody sets."""
        self.clock = clock
        self._steady = steady
        self.boot_timestamp = clock()
        self._turned_at = steady()
        self.put_messages = 0
        self.put_bytes = 0
        self.put_failed = 0
        self.get_found = 0
        self.get_missed = 0
        self.get_longest_ms = 0  # of a queue that has messages (setGetMessageEntireTimeMax)
        self.transferred_messages = 0
        self.put_times = PutTimes()
        self._samples: deque[_Sample] = deque(maxlen=_WINDOWS_S[-1] + 1)

    def sample(self) -> None:
        """Take a sample for the rates, and once a minute the times of puts; call it once a second."""
        now = self._steady()
        if now - self._turned_at > _TURN_MS:
            self._turned_at = now
            self.put_times.turn(self.put_messages)
        self._samples.append(
            _Sample(now, self.put_messages, self.get_found, self.get_missed, self.transferred_messages)
        )

    def _rates(self, field: str) -> str:
        """The rates a second over the last 10, 60 and 600 s, apart by one blank; empty where there are no samples yet.

        Java's mqadmin splits at the blank and reads the first: it fails on an empty text, but not on two blanks.
        """
        rates = []
        samples = self._samples
        for window in _WINDOWS_S:
            if len(samples) > window:
                first, last = samples[-window - 1], samples[-1]
                elapsed = max(1, last.at_ms - first.at_ms)
                rates.append(f"{(getattr(last, field) - getattr(first, field)) * 1000 / elapsed}")
            else:
                rates.append("")
        return " ".join(rates)

    def _total_rates(self) -> str:
        found, missed = self._rates("found").split(" "), self._rates("missed").split(" ")
        return " ".join(str(float(a or 0) + float(b or 0)) for a, b in zip(found, missed, strict=True))

    def runtime_info(self) -> dict[str, str]:
        """Keys and texts of brokerStatus."""
        times = max(1, self.put_messages)
        return {
            "bootTimestamp": str(self.boot_timestamp),
            "runtime": _readable(self.clock() - self.boot_timestamp),
            "putMessageTimesTotal": str(times),
            "putMessageFailedTimes": str(self.put_failed),
            "putMessageSizeTotal": str(self.put_bytes),
            "putMessageAverageSize": str(self.put_bytes / times),
            "dispatchMaxBuffer": "0",
            "putMessageEntireTimeMax": str(self.put_times.longest_ms),
            "putMessageDistributeTime": self.put_times.distribution(),
            "getMessageEntireTimeMax": str(self.get_longest_ms),
            "putLatency99": f"{self.put_times.percentile(0.99):.2f}",
            "putLatency999": f"{self.put_times.percentile(0.999):.2f}",
            "putTps": self._rates("put"),
            "getFoundTps": self._rates("found"),
            "getMissTps": self._rates("missed"),
            "getTotalTps": self._total_rates(),
            "getTransferredTps": self._rates("transferred"),
            "getTransferedTps": self._rates("transferred"),  # as 4.9.x spells it and its mqadmin reads it
        }


def _readable(ms: int) -> str:
    """A duration as Apache writes it: `[ 0 days, 1 hours, 2 minutes, 3 seconds ]`."""
    seconds = max(0, ms) // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    return f"[ {days} days, {hours % 24} hours, {minutes % 60} minutes, {seconds % 60} seconds ]"
