"""The search for the queue offset of a point in time (mirrors ConsumeQueue.getOffsetInQueueByTime).

What does not live here: reading store timestamps (`log/commit_log.py`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Literal

from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

Boundary = Literal["lower", "upper"]


class _StoreTimes:
    """The store timestamps of a queue's messages as a sequence for bisection."""

    __slots__ = ("_first", "_length", "_queue", "_store_time")

    def __init__(self, queue: ConsumeQueue, store_time: Callable[[int, int], int]) -> None:
        self._queue = queue
        self._store_time = store_time
        self._first = queue.min_offset
        self._length = max(0, queue.max_offset - queue.min_offset)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> int:
        unit = self._queue.raw_unit(self._first + index)
        return self._store_time(unit[0], unit[1]) if unit is not None else -1


def offset_by_time(
    queue: ConsumeQueue, store_time: Callable[[int, int], int], timestamp: int, boundary: Boundary
) -> int:
    """Queue offset for a time (ms); `store_time` gives that of a record by its commitlog offset and size.

    `lower`: the first message stored at or after it, the queue's end when there is none. `upper`: the last
    message stored at or before it, the queue's beginning when there is none."""
    times = _StoreTimes(queue, store_time)
    if not len(times):
        return queue.min_offset
    if boundary == "lower":
        return queue.min_offset + bisect_left(times, timestamp)
    return queue.min_offset + max(0, bisect_right(times, timestamp) - 1)
