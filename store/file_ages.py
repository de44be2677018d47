"""Whether a commitlog file is old enough to be deleted, whatever was done to the clock and to the dates of files.

Apache's broker compares the file's date with the clock. Here the time of the records counts where the date says
something else, as after a copy or a `touch`; a step of the clock counts only after a day, so that a wrong one can be
set right before everything is deleted; and a file that seems to come from the future, whose time would never come,
expires by how long it was seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from rocketmq_ops.store.clock_doubt import ClockDoubtFile, Doubt

log = logging.getLogger(__name__)

_HOUR_MS: Final = 3_600_000
#: How far a file's date may be from the time of its records, and the clock from what it should be, ms.
TOLERANCE_MS: Final = _HOUR_MS
#: How long a step of the clock is not believed, ms.
DOUBT_MS: Final = 24 * _HOUR_MS


class FileAges:
    """The ages of one store's files."""

    def __init__(
        self, clock: Callable[[], int], steady: Callable[[], int], modified: Callable[[str], int],
        store_time: Callable[[int], int], kept: ClockDoubtFile,
    ) -> None:  # fmt: skip
        """`clock`: ms since the epoch; `steady`: ms that nobody sets; `modified`: a file's date, ms, which raises
        FileNotFoundError; `store_time`: the time of the record at a commitlog offset, ms, -1 without one;
        `kept` keeps a doubt over a restart."""
        self._clock = clock
        self._steady = steady
        self._modified = modified
        self._store_time = store_time
        self._last = (clock(), steady())
        #: ms by which the clock was set, while that is in doubt, and until when it is.
        self._doubted = 0
        self._doubt_until = 0
        self._kept = kept
        if (doubt := kept.load(TOLERANCE_MS)) is not None:
            self._doubted, left = doubt.step_ms, min(doubt.left_ms, DOUBT_MS)
            self._doubt_until = self._last[1] + left
            log.warning(
                "the clock was set %s by %d s before this start: for %d min the age of files is counted without it",
                "forward" if doubt.step_ms > 0 else "back", abs(doubt.step_ms) // 1000, left // 60_000,
            )  # fmt: skip
        self._ahead_since: dict[str, int] = {}

    def look_at_clock(self) -> None:
        """Notice a step of the clock since the last call; call it in each round of the cleaning at least."""
        now, steady = self._clock(), self._steady()
        step = now - self._last[0] - (steady - self._last[1])
        self._last = now, steady
        if self._doubted and steady >= self._doubt_until:
            self._doubted = 0
            self._kept.remove()
            log.info("the time of the clock counts again for the age of files")
        if abs(step) > TOLERANCE_MS:
            self._doubted += step
            if abs(self._doubted) <= TOLERANCE_MS:
                self._doubted = 0
                self._kept.remove()
                return
            self._doubt_until = steady + DOUBT_MS
            self._kept.save(Doubt(self._doubted, DOUBT_MS))
            log.warning(
                "the clock was set %s by %d s: for a day the age of files is counted without it",
                "forward" if step > 0 else "back", abs(step) // 1000,
            )  # fmt: skip

    def doubted_ms(self) -> int:
        """By how many ms the clock was set and is not believed yet."""
        self.look_at_clock()
        return self._doubted

    def is_over(self, path: str, end: int, reserved_ms: int) -> bool:
        """Whether a file is older than `reserved_ms`; `end` is the commitlog offset behind it, where the next begins.

        One that was removed by hand is."""
        try:
            date = self._modified(path)
        except FileNotFoundError:
            return True
        recorded = self._store_time(end)
        if recorded > 0 and abs(recorded - date) > TOLERANCE_MS:
            date = recorded
        age = self._clock() - self._doubted - date
        if age >= -TOLERANCE_MS:
            self._ahead_since.pop(path, None)
            return age >= reserved_ms
        steady = self._steady()
        return steady - self._ahead_since.setdefault(path, steady) >= reserved_ms

    def forget(self, path: str) -> None:
        """The file is gone."""
        self._ahead_since.pop(path, None)
