"""Jobs that a server or client repeats on its event loop: a plain function every so many milliseconds.

A job that fails is logged and runs again at its next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class PeriodicJobs:
    """Timers of one event loop; `stop` cancels them all."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def __bool__(self) -> bool:
        """True while anything is repeated."""
        return bool(self._handles)

    def every(self, name: str, interval_ms: Callable[[], float], job: Callable[[], object]) -> None:
        """Run `job` after each interval; the interval is asked anew each time, so configuration may change it."""

        def run() -> None:
            try:
                job()
            except Exception:
                log.exception("periodic job %s failed; it runs again in %d ms", name, interval_ms())
            if name in self._handles:  # not stopped by the job itself
                schedule()

        def schedule() -> None:
            self._handles[name] = asyncio.get_running_loop().call_later(interval_ms() / 1000, run)

        schedule()

    def stop(self) -> None:
        """Cancel every job."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
