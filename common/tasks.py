"""How a task is started, and where work in a thread stands still. asyncio keeps only weak references to tasks: one
without another reference may vanish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Every task that runs, and its owner.
_running: dict[asyncio.Task[Any], Tasks | None] = {}


def run_later(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start a task on the running loop; it is kept alive until it ends."""
    return _start(work, name, None)


def _start(work: Coroutine[Any, Any, T], name: str, owner: Tasks | None) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running[task] = owner
    task.add_done_callback(_running.pop)
    return task


class Tasks:
    """The tasks of one owner, which waits for them or ends them together."""

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start a task that `stop` ends."""
        return _start(work, name, self)

    async def finish(self) -> None:
        """Wait for the end of what runs now; how it ended is for whoever has the task."""
        await asyncio.gather(*self._mine(), return_exceptions=True)

    async def stop(self) -> None:
        """Cancel what still runs and wait for its end; how it ended is nobody's matter any more."""
        ending = self._mine()
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _mine(self) -> list[asyncio.Task[Any]]:
        return [task for task, owner in list(_running.items()) if owner is self]


#: What work in a thread calls every few ms, so that a loop beside it has its turn; it returns when the work may go on.
Pause = Callable[[], None]


def at_once() -> None:
    """In place of a pause, where nobody has to be let go first."""
