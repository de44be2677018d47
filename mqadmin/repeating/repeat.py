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
    are closed, and the exit code is that of what was written last. Of `once` alone SIGTERM and SIGHUP let it clean up,
    and then end the process, or the script of a shell. `show` writes an outcome, where `Run.emit` does not.
    """
    if interval is None:
        with _told_to_end(signal.SIGTERM, signal.SIGHUP) as told:
            try:
                return await once()
            except asyncio.CancelledError:
                if not told:
                    raise
        if running.warm is None:
            signal.raise_signal(told[0])
        raise CommandError(f"{told[0].name} ended it", "run it again", ExitCode.INTERRUPTED)
    last = Outcome(data=msgspec.Struct(), text="")
    loop = asyncio.get_running_loop()
    with _told_to_end(signal.SIGTERM) as told:
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
def _told_to_end(*signals: signal.Signals) -> Iterator[list[signal.Signals]]:
    """Meanwhile each of them that is not ignored, as by nohup, cancels the task, once; the list has it then."""
    loop, task, told = asyncio.get_running_loop(), asyncio.current_task(), list[signal.Signals]()
    assert task is not None

    def end(sent: signal.Signals) -> None:
        if not told:
            told.append(sent)
            stopping.note_sigterm()
            task.cancel()

    taken = [each for each in signals if signal.getsignal(each) is not signal.SIG_IGN]
    for each in taken:
        with contextlib.suppress(
            NotImplementedError, RuntimeError, ValueError
        ):  # not in this thread, or on this system
            loop.add_signal_handler(each, end, each)
    try:
        yield told
    finally:
        if told:
            task.uncancel()
        for each in taken:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(each)
