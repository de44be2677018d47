"""Showing something again and again: `-i SECONDS` of the commands that have it, and the rounds of startMonitoring."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

import msgspec

from rocketmq_ops.common import stopping
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


async def repeated(
    run: Run,
    interval: int | None,
    once: Callable[[], Awaitable[Outcome]],
    *,
    rounds: int | None = None,
    show: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """The outcome of `once`; with an interval (seconds, from begin to begin) each is written, for so many rounds.

    Without `rounds` it goes on until it is interrupted or fails. SIGTERM ends it as its last round does: connections
    are closed, and the exit code is that of what was written last. `show` writes an outcome, where `Run.emit` does not.
    """
    if interval is None:
        return await once()
    last = Outcome(data=msgspec.Struct(), text="")
    loop, task, ended = asyncio.get_running_loop(), asyncio.current_task(), False
    assert task is not None

    def end() -> None:
        nonlocal ended
        ended = True
        stopping.note_sigterm()
        task.cancel()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in this thread, or on this system
        loop.add_signal_handler(signal.SIGTERM, end)
    try:
        while True:
            begun = loop.time()
            outcome = await once()
            if rounds is not None:
                rounds -= 1
                if not rounds:
                    return outcome
            (show or run.emit)(outcome)
            last = Outcome(data=outcome.data, text="", exit_code=outcome.exit)
            await asyncio.sleep(max(begun + interval - loop.time(), 0))
    except asyncio.CancelledError:
        if not ended:
            raise
        task.uncancel()
        return last
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)
