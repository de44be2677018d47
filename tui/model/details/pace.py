"""When the parts of a screen are asked: each by itself, none while it is being asked, and with a key that is held down
no more often than is stated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

#: Seconds between two askings for a part by its key, from the begin of one to that of the next, at least.
LEAST: Final = 2.0
#: A part that took long to answer is asked by its key once so many times that has passed, so that it rests for as long.
REST: Final = 2.0


class Pace:
    """Of the parts of one screen, by their keys. `now`: a clock that only goes on, seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: Those that are being asked.
        self.waiting: set[str] = set()
        #: Those that are to be asked once more.
        self.wanted: set[str] = set()
        self._begun: dict[str, float] = {}
        #: When each may be asked again by its key.
        self._soonest: dict[str, float] = {}

    def begin(self, keys: Iterable[str]) -> set[str]:
        """Those of them that are asked now, as they are not being asked."""
        now, begun = self._now(), set(keys) - self.waiting
        for key in begun:
            self._begun[key], self._soonest[key] = now, now + LEAST
        self.waiting |= begun
        self.wanted -= begun
        return begun

    def done(self, key: str) -> None:
        """It has been answered, or not."""
        self.waiting.discard(key)
        begun = self._begun.get(key, 0.0)
        self._soonest[key] = begun + max(LEAST, (self._now() - begun) * REST)

    def want(self, keys: Iterable[str]) -> None:
        """Ask for these once more, as soon as that may be."""
        self.wanted |= set(keys)

    def rest(self) -> float | None:
        """In how many seconds those that are wanted may be asked, all of them at once, as parts share answers; those
        that are being asked have their turn later. None: there is none."""
        ready = self.wanted - self.waiting
        if not ready:
            return None
        return max(0.0, max(self._soonest.get(key, 0.0) for key in ready) - self._now())

    def take(self) -> set[str]:
        """Those that are wanted and not being asked, to be asked now."""
        ready = self.wanted - self.waiting
        self.wanted -= ready
        return ready

    def busy(self, key: str) -> bool:
        """Whether it is being asked, or soon."""
        return key in self.waiting or key in self.wanted

    def forget(self) -> None:
        """What they are about is another thing: none is being asked any more."""
        self.waiting.clear()
        self.wanted.clear()
