"""How Python itself is set while the dashboard runs, so that nothing that it does on its own holds up a key."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rocketmq_ops.tui.model.keys_first import ANSWER_S, MOST_S, KeysFirst

#: The collector stops all threads while it goes through what is new since it did so last, which is some ms for this
#: many objects. What there are tens of thousands of (queues, rows) is left out of it; with Python's own thresholds it
#: would go through all the rest at each look. While a key is answered it does not run at all (`Quiet`).
#: Through more it goes when nobody types (`Quiet`), and by itself only where somebody always does.
_COLLECTOR: Final = (5_000, 4, 100)
#: How long nobody has typed when it goes through what has come since it did so last, and how often it does, seconds.
_QUIET_S: Final = 1.0
_EVERY_S: Final = 30.0
#: The same for all there is, which takes 50 ms and more: a key that comes just then waits for it.
_LONG_QUIET_S: Final = 10.0
_ALL_EVERY_S: Final = 600.0
#: It goes through all there is in a short pause too where there was no long one for so long, seconds: of what was there
#: when it went through what is new, and is closed since then, nothing else lets go, 0.3 MB a minute.
_ALL_AT_LAST_S: Final = 1200.0
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
    """Keeps the collector away from keys: it does not run while one is being answered, and goes through what has come,
    and now and then through all there is, when nobody types."""

    def __init__(self, keys: KeysFirst, later: Callable[[float, Callable[[], None]], object]) -> None:
        """`later` has a call made in the loop after so many seconds."""
        self._keys = keys
        self._later = later
        self._typed = self._collected = self._collected_all = time.monotonic()
        #: Since when it has been switched off here.
        self._off_since: float | None = None

    def typed(self) -> None:
        """A key has come."""
        self._typed = time.monotonic()
        if self._off_since is None and gc.isenabled():
            self._off_since = self._typed
            gc.disable()
            self._later(ANSWER_S, self._answered)

    def _answered(self) -> None:
        """Switch it on again, unless there are further keys; of keys without an end some have to wait for it."""
        if self._off_since is None:
            return
        if self._keys.answering and time.monotonic() - self._off_since < MOST_S:
            self._later(ANSWER_S, self._answered)
        else:
            self.close()

    def close(self) -> None:
        """Leave it as it was found."""
        if self._off_since is not None:
            self._off_since = None
            gc.enable()

    def passes(self) -> None:
        """To be called now and then."""
        now = time.monotonic()
        quiet = now - self._typed
        waited = now - self._collected_all
        if waited >= _ALL_EVERY_S and (quiet >= _LONG_QUIET_S or (quiet >= _QUIET_S and waited >= _ALL_AT_LAST_S)):
            gc.unfreeze()
            self._collected_all = now
        elif quiet < _QUIET_S or now - self._collected < _EVERY_S:
            return
        gc.collect()
        gc.freeze()  # the next one goes through what has come since
        self._collected = now
