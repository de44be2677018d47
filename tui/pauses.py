"""How Python itself is set while the dashboard runs, so that nothing that it does on its own holds up a key."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: The collector stops all threads while it goes through what is new since it did so last, which is some ms for this
#: many objects. What there are tens of thousands of (queues, rows) is left out of it; with Python's own thresholds it
#: would go through all the rest at each look.
#: Through all there is it goes when nobody types (`Quiet`), and by itself only where somebody always does.
_COLLECTOR: Final = (5_000, 4, 100)
#: How long nobody has typed then, and how often it is done, seconds.
_QUIET_S: Final = 1.0
_EVERY_S: Final = 30.0
#: For how long a thread that works goes on before another one has its turn, seconds. A key goes through three threads
#: (of the terminal's input, of the loop, of its output), and each of them waits for so long while a look is worked out;
#: Python's own 5 ms, several times, can be seen.
_TURN_S: Final = 0.001


@contextmanager
def short_pauses() -> Iterator[None]:
    """Within it pauses are short; what was imported before is looked at by the collector no more."""
    threshold, turn = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR)
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*threshold)
        gc.unfreeze()


class Quiet:
    """Has the collector go through all there is, which takes 50 ms and more, when no key waits for that."""

    def __init__(self) -> None:
        self._typed = self._collected = time.monotonic()

    def typed(self) -> None:
        """A key has come."""
        self._typed = time.monotonic()

    def passes(self) -> None:
        """To be called now and then."""
        now = time.monotonic()
        if now - self._typed >= _QUIET_S and now - self._collected >= _EVERY_S:
            gc.collect()
            self._collected = now
