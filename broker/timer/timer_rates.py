"""How many timers a broker enqueues and delivers a second, for brokerStatus."""

from __future__ import annotations

from collections.abc import Callable

_INTERVAL_MS = 1_000


class TimerRates:
    """Counts, and what came of them within the last full interval."""

    __slots__ = ("_clock", "_sampled", "dequeue_tps", "dequeued", "enqueue_tps", "enqueued")

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: ms since the epoch."""
        self._clock = clock
        self.enqueued = self.dequeued = 0
        self.enqueue_tps = self.dequeue_tps = 0.0
        self._sampled = (clock(), 0, 0)

    def sample(self) -> None:
        """Take the rates of the time since the last sample, if that is long enough."""
        now = self._clock()
        then, enqueued, dequeued = self._sampled
        if now - then >= _INTERVAL_MS:
            seconds = (now - then) / 1000
            self.enqueue_tps = (self.enqueued - enqueued) / seconds
            self.dequeue_tps = (self.dequeued - dequeued) / seconds
            self._sampled = now, self.enqueued, self.dequeued
