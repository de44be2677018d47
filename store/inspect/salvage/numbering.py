"""Numbers the kept messages of a queue without holes, and knows where an offset of the damaged store went.

A queue with holes cannot be read across them, so the messages behind a lost one move up. A single number that does not
fit between its neighbours is taken for damage, a run that begins again for a topic that was deleted and created anew.
"""

from __future__ import annotations

import numpy as np

from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.store.inspect.reading.scan import Column


class Numbering:
    """The numbers of one queue: `segments` are (first old, first new, count), in the order of the log."""

    __slots__ = ("next_new", "next_old", "segments")

    def __init__(self) -> None:
        self.segments: list[list[int]] = []
        self.next_old = -1
        self.next_new = -1

    def assign(self, numbers: Column, offsets: Column, following: int | None) -> tuple[Column, list[int], list[int]]:
        """New numbers for the next messages of the queue; also the indexes at which the distance between old and new
        changes, and those whose own number was damaged. `following` is the old number of the message after these, if
        known."""
        if self.segments and numbers[0] == self.next_old and (len(numbers) == 1 or bool((np.diff(numbers) == 1).all())):
            segment = self.segments[-1]
            segment[2] += len(numbers)
            self.next_old += len(numbers)
            self.next_new += len(numbers)
            return numbers - (segment[0] - segment[1]), [], []
        return self._carefully(numbers.tolist(), offsets.tolist(), following)

    def _carefully(
        self, numbers: list[int], offsets: list[int], following: int | None
    ) -> tuple[Column, list[int], list[int]]:
        new, breaks, damaged = [], [], []
        for i, number in enumerate(numbers):
            after = numbers[i + 1] if i + 1 < len(numbers) else following
            # No queue can have more messages than there is room for in the log before this one.
            possible = 0 <= number <= offsets[i] // SMALLEST_RECORD
            old = self._judge(number if possible else None, after)
            if old != number:
                damaged.append(i)
            if old is None:  # it has no place among the old numbers
                new.append(self.next_new)
                self.next_new += 1
                self._begin(self.next_old)
                breaks.append(i + 1)
                continue
            if old != self.next_old:
                if self.segments:
                    breaks.append(i)
                self._begin(old)
            new.append(self.next_new)
            self.segments[-1][2] += 1
            self.next_old, self.next_new = old + 1, self.next_new + 1
        return np.array(new, np.int64), breaks, damaged

    def _begin(self, old: int) -> None:
        if not self.segments:
            self.next_new = old
        self.segments.append([old, self.next_new, 0])
        self.next_old = old

    def _judge(self, number: int | None, after: int | None) -> int | None:
        """The old number to take for a message that says `number`; None when it fits nowhere."""
        if not self.segments:
            if number is not None and (after is None or number < after or after == 0):
                return number
            return max(0, (after if after is not None else 1) - 1)
        expected = self.next_old
        if number == expected:
            return number
        if after is not None and (number is None or after != number + 1):
            if after == expected + 1:
                return expected
            if after == expected:
                return None
            if number is not None and number > expected and expected < after <= number:
                return expected
        if number is None:
            return expected if after is None else None
        if number > expected:
            return number
        return number if after == number + 1 else None  # numbers that begin again, or one that was given already

    def exact(self, old: int) -> int | None:
        """The new number of the message that had the number `old`; None when it was lost."""
        for first, new, count in reversed(self.segments):
            if first <= old < first + count:
                return new + old - first
        return None

    def new(self, old: int) -> int:
        """Where a consumer at offset `old` of the damaged store stands in the new one: at the same message, at the
        next one when that was lost, at the end when none is left."""
        found = self.exact(old)
        if found is not None or not self.segments:
            return found or 0
        if old < self.segments[0][0] and old < min(s[0] for s in self.segments):
            return old
        later = [s for s in self.segments if s[2] and s[0] > old]
        return min(later, key=lambda s: s[0])[1] if later else self.next_new

    @property
    def moved(self) -> bool:
        """True when some message has another number than it had, or messages are missing between others."""
        return len(self.segments) > 1


class KeptNumbers:
    """The queue offsets of a batch queue in a salvaged store: all stay as they are."""

    moved = False

    def __init__(self) -> None:
        self._end = 0

    def seen(self, end: int) -> None:
        """A record reaches up to this queue offset."""
        self._end = max(self._end, end)

    def exact(self, old: int) -> int | None:
        """The new number of a message."""
        return old

    def new(self, old: int) -> int:
        """Where a consumer stands, never past the end of the queue."""
        return min(old, self._end)
