"""Moments that wait until a file has taken those before them."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import Pause
from rocketmq_ops.tui.model.recording import Kept

#: Moments that wait at most: on a large cluster each takes 1 MB, and a disk may hang.
MOST: Final = 6


class ToKeep:
    """In their order, each with what is called every few ms while it is written. Where there are too many, the oldest
    is left out, as if there had been no look at that time."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Kept, Pause]] = deque()

    def put(self, kept: Kept, pause: Pause) -> Kept | None:
        """One more; which is left out for that, if any is."""
        self._waiting.append((kept, pause))
        if len(self._waiting) <= MOST:
            return None
        gone, _ = self._waiting.popleft()
        after, its_pause = self._waiting[0]
        # Of what went back since the look before, the next look tells as well.
        went_back = after.went_back | gone.went_back
        self._waiting[0] = msgspec.structs.replace(after, went_back=went_back), its_pause
        return gone

    def take(self) -> tuple[Kept, Pause] | None:
        """The next one; None while there is none."""
        return self._waiting.popleft() if self._waiting else None
