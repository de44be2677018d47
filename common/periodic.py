"""What a server or client repeats on its event loop: a plain function, or a coroutine function that may wait.

Work that fails is logged and runs again at its next time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rocketmq_ops.common.errors import RocketMQError

log = logging.getLogger(__name__)

T = TypeVar("T")


class PeriodicJobs:
    """Timers of one event loop; `stop` cancels them all."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def __bool__(self) -> bool:
        """True while anything is repeated."""
        return bool(self._handles)

    def every(self, name: str, interval_ms: Callable[[], float], job: Callable[[], object]) -> None:
        """Run `job` after each interval; the interval is asked for each time, so configuration may change it."""

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

    def once(self, name: str, delay_ms: float, job: Callable[[], object]) -> None:
        """Run `job` one time after so long, in place of what waits under the name."""

        def run() -> None:
            del self._handles[name]
            try:
                job()
            except Exception:
                log.exception("job %s failed", name)

        self.cancel(name)
        self._handles[name] = asyncio.get_running_loop().call_later(delay_ms / 1000, run)

    def waits(self, name: str) -> bool:
        """Whether a job waits under the name."""
        return name in self._handles

    def cancel(self, name: str) -> None:
        """What waits under the name does not run."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def stop(self) -> None:
        """Cancel every job."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()


async def repeat(
    name: str,
    interval_ms: float | Callable[[], float],
    work: Callable[[], Awaitable[object]],
    *,
    at_once: asyncio.Event | None = None,
) -> None:
    """Await `work` after each interval, and as soon as `at_once` is set, until cancelled. Start it as a task.

    An interval that depends on how the work went is a function, called each time that it begins.
    """
    event = at_once or asyncio.Event()
    while True:
        wait_ms = interval_ms() if callable(interval_ms) else interval_ms
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await event.wait()
        event.clear()
        await guarded(name, work)


async def guarded(name: str, work: Callable[[], Awaitable[T]]) -> T | None:
    """What `work` returns; None when it fails, which is logged: a line for what was foreseen, else a trace."""
    try:
        return await work()
    except RocketMQError as error:
        log.warning("%s failed: %s; %s", name, error, error.next_step)
    except Exception:
        log.exception("%s failed", name)
    return None
