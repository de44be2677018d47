"""Showing something again and again: `-i SECONDS` of the commands that have it, and the rounds of startMonitoring."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator

import msgspec

from rocketmq_ops.common import stopping
from rocketmq_ops.mqadmin import run as running
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
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
    are closed, and the exit code is that of what was written last. Of `once` alone SIGTERM lets it clean up, and then
    ends the process, or the script of a shell. `show` writes an outcome, where `Run.emit` does not.
    """
    if interval is None:
        with _told_to_end() as told:
            try:
                return await once()
            except asyncio.CancelledError:
                if not told:
                    raise
        if running.warm is None:
            signal.raise_signal(signal.SIGTERM)
        raise CommandError("SIGTERM ended it", "run it again", ExitCode.INTERRUPTED)
    last = Outcome(data=msgspec.Struct(), text="")
    loop = asyncio.get_running_loop()
    with _told_to_end() as told:
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
            if not told:
                raise
            return last


@contextlib.contextmanager
def _told_to_end() -> Iterator[list[signal.Signals]]:
    """Meanwhile SIGTERM cancels the task, once; the list has it then."""
    loop, task, told = asyncio.get_running_loop(), asyncio.current_task(), list[signal.Signals]()
    assert task is not None

    def end() -> None:
        if not told:
            told.append(signal.SIGTERM)
            stopping.note_sigterm()
            task.cancel()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in this thread, or on this system
        loop.add_signal_handler(signal.SIGTERM, end)
    try:
        yield told
    finally:
        if told:
            task.uncancel()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)
