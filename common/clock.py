"""The wall clock as Apache's records and headers hold it; durations are measured with `time.monotonic` instead."""

from __future__ import annotations

import time


def now_ms() -> int:
    """ms since the epoch."""
    return time.time_ns() // 1_000_000
