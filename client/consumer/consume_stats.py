"""Rates of a consumer over the last minute, as GET_CONSUMER_RUNNING_INFO reports them. Mirrors ConsumerStatsManager."""

from __future__ import annotations

import time

from rocketmq_ops.remoting.bodies.running_info import ConsumeStatus

SLOT_SECONDS = 10
SLOTS = 6


class _Window:
    """Counts of the last minute in slots of ten seconds: sum of values, times, sum over all time."""

    __slots__ = ("_slots", "total")

    def __init__(self) -> None:
        self._slots: dict[int, list[float]] = {}
        self.total = 0.0

    def add(self, value: float) -> None:
        slot = int(time.monotonic()) // SLOT_SECONDS
        entry = self._slots.get(slot)
        if entry is None:
            self._slots = {k: v for k, v in self._slots.items() if k > slot - SLOTS}
            entry = self._slots[slot] = [0.0, 0]
        entry[0] += value
        entry[1] += 1
        self.total += value

    def sums(self) -> tuple[float, float]:
        """(sum, times) of the last minute."""
        oldest = int(time.monotonic()) // SLOT_SECONDS - SLOTS
        live = [v for k, v in self._slots.items() if k > oldest]
        return sum(v[0] for v in live), sum(v[1] for v in live)

    def per_second(self) -> float:
        return self.sums()[0] / (SLOT_SECONDS * SLOTS)

    def average(self) -> float:
        value, times = self.sums()
        return value / times if times else 0.0


class ConsumeStats:
    """Counters by topic."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def _window(self, topic: str, name: str) -> _Window:
        return self._windows.setdefault((topic, name), _Window())

    def pulled(self, topic: str, count: int, seconds: float) -> None:
        """One pull that found `count` messages."""
        self._window(topic, "pull_rt").add(seconds * 1000)
        if count:
            self._window(topic, "pull").add(count)

    def consumed(self, topic: str, ok: int, failed: int, seconds: float) -> None:
        """One call of the listener."""
        self._window(topic, "consume_rt").add(seconds * 1000)
        if ok:
            self._window(topic, "ok").add(ok)
        if failed:
            self._window(topic, "failed").add(failed)

    def status(self, topic: str) -> ConsumeStatus:
        """RT in ms, TPS a second, failures since the start."""
        return ConsumeStatus(
            pull_rt=self._window(topic, "pull_rt").average(),
            pull_tps=self._window(topic, "pull").per_second(),
            consume_rt=self._window(topic, "consume_rt").average(),
            consume_ok_tps=self._window(topic, "ok").per_second(),
            consume_failed_tps=self._window(topic, "failed").per_second(),
            consume_failed_msgs=int(self._window(topic, "failed").total),
        )
