"""How a task is started. asyncio keeps only weak references to tasks: one without another reference may vanish."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


def run_later(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start a task on the running loop; it is kept alive until it ends."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


class Tasks:
    """The tasks of one owner, which ends them together."""

    def __init__(self) -> None:
        self._mine: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start a task that `stop` ends."""
        task = run_later(work, name)
        self._mine.add(task)
        task.add_done_callback(self._mine.discard)
        return task

    async def finish(self) -> None:
        """Wait for the end of what runs now; how it ended is the concern of those who have the task."""
        await asyncio.gather(*self._mine, return_exceptions=True)

    async def stop(self) -> None:
        """Cancel what still runs and wait for its end; how it ended does not matter any more."""
        ending = list(self._mine)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
