"""Keys before everything else: what is worked out in the loop, or in a thread beside it, stands still while one is
being answered. Python runs one thread at a time, so that a thread that works takes half of the loop's time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

#: For so long after a key its answer is being worked out, seconds: longer than that takes.
ANSWER_S: Final = 0.1
#: For how long one piece of work stands still in all, seconds: keys may come without an end.
MOST_S: Final = 2.0
#: How often what stands still looks whether it may go on, seconds.
_EVERY_S: Final = 0.005


class KeysFirst:
    """Knows when the last key came. `monotonic` and `sleep` are those of `time`, but for tests."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._monotonic = monotonic
        self.sleep = sleep
        self._until = 0.0
        #: No picture has been begun since the last one came.
        self.unseen = False

    def came(self) -> None:
        """There is a key to be answered."""
        self._until = self._monotonic() + ANSWER_S
        self.unseen = True

    @property
    def answering(self) -> bool:
        """Whether a key is being answered."""
        return self._monotonic() < self._until

    def work(self) -> Work:
        """A piece of work that lets keys go first."""
        return Work(self)


class Work:
    """Says of its own accord, every few ms, where it may stand still; `stood` is for how long it has, seconds."""

    def __init__(self, keys: KeysFirst) -> None:
        self._keys = keys
        self.stood = 0.0

    def pause(self) -> None:
        """In a thread: while a key is being answered."""
        while self._keys.answering and self.stood < MOST_S:
            self._keys.sleep(_EVERY_S)
            self.stood += _EVERY_S

    async def turn(self) -> None:
        """In the loop: the others have their turn, and keys as many as they need."""
        await asyncio.sleep(0)
        while self._keys.answering and self.stood < MOST_S:
            await asyncio.sleep(_EVERY_S)
            self.stood += _EVERY_S
