"""Rates of a consumer over the last minute, and failures of the last hour, as GET_CONSUMER_RUNNING_INFO reports them.

Mirrors ConsumerStatsManager.
"""

from __future__ import annotations

import time

from rocketmq_ops.remoting.bodies.running_info import ConsumeStatus

MINUTE, HOUR = 60, 3600
SLOTS = 6


class _Window:
    """Counts of the last `seconds` in six slots: sum of values, times."""

    __slots__ = ("_slot_seconds", "_slots", "seconds")

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._slot_seconds = seconds // SLOTS
        self._slots: dict[int, list[float]] = {}

    def _slot(self) -> int:
        return int(time.monotonic()) // self._slot_seconds

    def add(self, value: float) -> None:
        slot = self._slot()
        entry = self._slots.get(slot)
        if entry is None:
            self._slots = {k: v for k, v in self._slots.items() if k > slot - SLOTS}
            entry = self._slots[slot] = [0.0, 0]
        entry[0] += value
        entry[1] += 1

    def sums(self) -> tuple[float, float]:
        """(sum, times)."""
        oldest = self._slot() - SLOTS
        live = [v for k, v in self._slots.items() if k > oldest]
        return sum(v[0] for v in live), sum(v[1] for v in live)

    def per_second(self) -> float:
        return self.sums()[0] / self.seconds

    def average(self) -> float:
        value, times = self.sums()
        return value / times if times else 0.0


class ConsumeStats:
    """Counters by topic."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, int], _Window] = {}

    def _window(self, topic: str, name: str, seconds: int = MINUTE) -> _Window:
        key = topic, name, seconds
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(seconds)
        return window

    def pulled(self, topic: str, count: int, seconds: float) -> None:
        """One pull that found messages, of which `count` are for this consumer; those that find none do not count."""
        self._window(topic, "pull_rt").add(seconds * 1000)
        if count:
            self._window(topic, "pull").add(count)

    def consumed(self, topic: str, ok: int, failed: int, seconds: float) -> None:
        """One call of the listener."""
        for window in (MINUTE, HOUR):
            self._window(topic, "consume_rt", window).add(seconds * 1000)
        if ok:
            self._window(topic, "ok").add(ok)
        if failed:
            for window in (MINUTE, HOUR):
                self._window(topic, "failed", window).add(failed)

    def status(self, topic: str) -> ConsumeStatus:
        """RT in ms, that of the listener over the hour where the minute had no call; TPS a second; failures of the
        last hour."""
        consume_rt = self._window(topic, "consume_rt").average()
        return ConsumeStatus(
            pull_rt=self._window(topic, "pull_rt").average(),
            pull_tps=self._window(topic, "pull").per_second(),
            consume_rt=consume_rt or self._window(topic, "consume_rt", HOUR).average(),
            consume_ok_tps=self._window(topic, "ok").per_second(),
            consume_failed_tps=self._window(topic, "failed").per_second(),
            consume_failed_msgs=int(self._window(topic, "failed", HOUR).sums()[0]),
        )
