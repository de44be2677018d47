"""The wall clock as Apache's records and headers hold it, and one that nobody sets, by which durations are measured."""

from __future__ import annotations

import time


def now_ms() -> int:
    """ms since the epoch."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """ms since some moment; time goes on while the machine sleeps, where the system knows of it, and is never set."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


def awake_ms() -> int:
    """ms that the machine has been awake since some moment of its start: the same in all its processes, never set."""
    return time.monotonic_ns() // 1_000_000
