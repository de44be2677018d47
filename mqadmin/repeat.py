"""Showing something again and again: `-i SECONDS` of the commands that have it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


async def repeated(run: Run, interval: int | None, once: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """The outcome of `once`; with an interval each is written, and this goes on until it is interrupted or fails."""
    while True:
        outcome = await once()
        if interval is None:
            return outcome
        run.emit(outcome)
        await asyncio.sleep(interval)
