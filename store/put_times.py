"""How long puts took, for brokerStatus: Apache's steps and percentiles of a minute, and the longest since the start.

A put counts from its time of storing until it is in its queue; one whose sender waits for the disk or for slaves until
that is over (`broker/send/stored_answers.py`). Most take less than a ms: those are not counted one by one, but are what
is left of the number of messages. A batch has one time: its other messages are among those.

Mirrors StoreStatsService.setPutMessageEntireTimeMax, which counts a batch once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, repeat

#: Name of a step -> the first ms that is not of it, as Apache writes them.
_STEPS = {
    "[<=0ms]": 1, "[0~10ms]": 10, "[10~50ms]": 50, "[50~100ms]": 100, "[100~200ms]": 200, "[200~500ms]": 500,
    "[500ms~1s]": 1_000, "[1~2s]": 2_000, "[2~3s]": 3_000, "[3~4s]": 4_000, "[4~5s]": 5_000, "[5~10s]": 10_000,
}  # fmt: skip
_ABOVE = "[10s~]"
_STEP_ENDS = list(_STEPS.values())
#: The last ms of each bucket of the percentiles: so many buckets, so many ms wide; the next has all above.
_WIDTHS = ((20, 1), (15, 2), (10, 5), (10, 10), (6, 50), (5, 100), (9, 1_000))
_BUCKET_ENDS = list(accumulate(width for count, width in _WIDTHS for width in repeat(width, count)))


class PutTimes:
    """The times of one store."""

    __slots__ = ("_buckets", "_last_buckets", "_last_steps", "_puts_before", "_steps", "longest_ms")

    def __init__(self) -> None:
        self.longest_ms = 0
        self._puts_before = 0
        self._steps, self._buckets = self._fresh()
        self._last_steps: list[int] | None = None
        self._last_buckets: list[int] = []

    @staticmethod
    def _fresh() -> tuple[list[int], list[int]]:
        return [0] * (len(_STEP_ENDS) + 1), [0] * (len(_BUCKET_ENDS) + 1)

    def took(self, ms: int) -> None:
        """One put has taken so long; one of 0 ms need not be told."""
        if ms <= 0:
            return
        self._steps[bisect_right(_STEP_ENDS, ms)] += 1
        self._buckets[bisect_left(_BUCKET_ENDS, ms)] += 1
        self.longest_ms = max(self.longest_ms, ms)

    def turn(self, puts: int) -> None:
        """Show from now on what has come since the last turn; `puts` is how many there were since the start."""
        at_once = max(0, puts - self._puts_before - sum(self._steps))
        self._puts_before = puts
        self._steps[0] += at_once
        self._buckets[0] += at_once
        self._last_steps, self._last_buckets = self._steps, self._buckets
        self._steps, self._buckets = self._fresh()

    def distribution(self) -> str:
        """`[<=0ms]:9 [0~10ms]:1 ...`, with a blank at its end; "null" before the first turn, as Apache's."""
        if self._last_steps is None:
            return "null"
        return "".join(f"{name}:{count} " for name, count in zip([*_STEPS, _ABOVE], self._last_steps, strict=True))

    def percentile(self, share: float) -> float:
        """The ms that this share of the puts took at most, in proportion within a bucket; 0 without puts."""
        wanted, passed = int(sum(self._last_buckets) * share), 0
        for index, count in enumerate(self._last_buckets):
            if wanted <= passed + count:
                begin = _BUCKET_ENDS[index - 1] if index else 0
                end = _BUCKET_ENDS[index] if index < len(_BUCKET_ENDS) else max(begin, self.longest_ms)
                return begin + (end - begin) * (wanted - passed) / count if count else float(begin)
            passed += count
        return 0.0
