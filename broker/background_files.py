"""Writing state files without stopping the loop: the text is made on the loop, the disk is waited for in a thread.

Used for the files that change all the time (consumer and delay offsets). Files that change on request are written by
their managers at once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import save_with_backup

log = logging.getLogger(__name__)


class PersistentState(Protocol):
    """Something with a file of its own."""

    @property
    def path(self) -> str:
        """The file."""

    def take_changes(self) -> bytes | None:
        """The file's new content, None when nothing changed since the last time."""

    def mark_changed(self) -> None:
        """Have the next `take_changes` return the content again: it could not be written."""


def save_now(state: PersistentState) -> None:
    """Write the file on this thread, if anything changed. Raises RocketMQError."""
    data = state.take_changes()
    if data is None:
        return
    try:
        save_with_backup(state.path, data)
    except RocketMQError:
        state.mark_changed()
        raise


class BackgroundFiles:
    """Writes files in the loop's default executor, each of them one after the other."""

    def __init__(self) -> None:
        self._writing: dict[str, asyncio.Future[None]] = {}

    def save(self, state: PersistentState) -> None:
        """Begin to write the file, if anything changed and it is not being written already."""
        path = state.path
        if path in self._writing:
            return
        data = state.take_changes()
        if data is None:
            return
        future = asyncio.get_running_loop().run_in_executor(None, save_with_backup, path, data)
        self._writing[path] = future
        future.add_done_callback(lambda done: self._written(state, path, done))

    async def wait(self) -> None:
        """Wait until nothing is being written."""
        while self._writing:
            await asyncio.wait(list(self._writing.values()))
            await asyncio.sleep(0)

    def _written(self, state: PersistentState, path: str, done: asyncio.Future[None]) -> None:
        self._writing.pop(path, None)
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            state.mark_changed()
            log.error("%s is not saved, trying again: %s", path, error)
