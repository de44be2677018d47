"""A table's JSON file, written without stopping the loop: the text is made on the loop, a thread waits for the disk.

Every table of a server that has a file is a `StateFile`, or a `SavedState` where a change waits for the disk. Whoever
changes it calls `StateFileWriter.save`. All changes of one turn of the loop, and those that come while an earlier
version is being written, are one write; an answer that must not leave before it is on the disk waits for the future of
that write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.files import OS_FILES, SmallFiles, load_with_backup, save_with_backup

log = logging.getLogger(__name__)

T = TypeVar("T")
#: Writes content that was taken before. Raises RocketMQError naming the file.
Write = Callable[[], None]


def load_document(path: str, read: Callable[[dict[str, Any]], T]) -> T | None:
    """What `read` makes of the JSON object in a file, None when there is no file.

    The backup takes the place of a file that is missing, or that is refused with CorruptDataError by the JSON reader or
    by `read`. Raises CorruptDataError when both are.
    """
    return load_with_backup(path, lambda data: read(_read_object(data)))


def _read_object(data: bytes) -> dict[str, Any]:
    value = fastjson.loads(data)
    if not isinstance(value, dict):
        raise CorruptDataError("not a JSON object")
    return value


class SavedState(Protocol):
    """What a `StateFileWriter` writes. Its methods are called on the loop, what `take_changes` gives in a thread."""

    @property
    def path(self) -> str:
        """The file."""

    def take_changes(self) -> Write | None:
        """What writes the content of this moment, one at a time; None when nothing changed since the last call."""

    def saved(self) -> None:
        """What `take_changes` took last is on the disk."""

    def not_saved(self, error: BaseException) -> None:
        """What `take_changes` took last could not be written; the log gets a line."""


class StateFile:
    """A table that changes at once and is saved afterwards; what could not be saved is saved with the next change.

    Sub-classes give `path` and `encode`, read what `document` returns, and call `changed` after each change.
    """

    #: How it is written: OS_FILES, or PRIVATE_FILES for what holds secrets.
    files: SmallFiles = OS_FILES

    def __init__(self) -> None:
        self._dirty = True
        self._failing = False

    @property
    def path(self) -> str:
        """The file."""
        raise NotImplementedError

    def document(self, read: Callable[[dict[str, Any]], T]) -> T | None:
        """As `load_document` from `path`."""
        return load_document(self.path, read)

    def encode(self, *, pretty: bool = False) -> bytes:
        """The file's content as the table now stands; `pretty` as Apache writes it into the file."""
        raise NotImplementedError

    @property
    def is_dirty(self) -> bool:
        """True when the table is not what was last written, or is being written."""
        return self._dirty

    def changed(self) -> None:
        """The table is no longer what the file holds."""
        self._dirty = True

    def take_changes(self) -> Write | None:
        """What replaces the file by the table as it is now, None when nothing changed since the last time."""
        if not self._dirty:
            return None
        self._dirty = False
        return self.write_of_now()

    def write_of_now(self) -> Write:
        """What writes the table as it is now."""
        return partial(save_with_backup, self.path, self.encode(pretty=True), self.files)

    def saved(self) -> None:
        """The file is written."""
        if self._failing:
            self._failing = False
            log.info("%s is saved again", self.path)

    def not_saved(self, error: BaseException) -> None:
        """The file could not be written: the changes stay, to be saved with the next ones."""
        self._failing = self._dirty = True
        log.error("%s is not saved and will be tried again: %s", self.path, error)

    def persist(self) -> None:
        """Write the file on this thread, if anything changed. Raises RocketMQError naming it."""
        write = self.take_changes()
        if write is None:
            return
        try:
            write()
        except RocketMQError:
            self._dirty = True
            raise


class _Writes:
    """The writes of one file: the one that runs, and the future of the one that comes next."""

    __slots__ = ("next", "running", "state")

    def __init__(self, state: SavedState) -> None:
        self.state = state
        self.running: asyncio.Future[None] | None = None
        self.next: asyncio.Future[None] | None = None


class StateFileWriter:
    """Writes files in the loop's default executor, each of them one after the other."""

    def __init__(self) -> None:
        self._writes: dict[str, _Writes] = {}

    def save(self, state: SavedState) -> asyncio.Future[None]:
        """Write the file after this turn of the loop, or as soon as the write that is running has ended.

        The future ends when what the table holds by then is on the disk, with RocketMQError when it could not be
        written (which is logged too, so the future may be ignored). Each caller has a future of its own: whoever is
        cancelled while waiting takes nothing from the others. Needs a running loop.
        """
        path = state.path
        writes = self._writes.get(path)
        if writes is None:
            writes = self._writes[path] = _Writes(state)
        if writes.next is None:
            loop = asyncio.get_running_loop()
            writes.next = loop.create_future()
            if writes.running is None:
                loop.call_soon(self._begin, writes)
        waiter = asyncio.shield(writes.next)
        waiter.add_done_callback(_retrieved)
        return waiter

    async def wait(self) -> None:
        """Wait until nothing is being written."""
        while waiting := [
            future for writes in self._writes.values() for future in (writes.running, writes.next) if future is not None
        ]:
            await asyncio.wait(waiting)

    def _begin(self, writes: _Writes) -> None:
        saved, writes.next = writes.next, None
        assert saved is not None
        try:
            write = writes.state.take_changes()
        except Exception as error:
            self._end(writes, saved, RocketMQError(f"cannot save {writes.state.path}: {error}"))
            return
        if write is None:
            saved.set_result(None)
            return
        writes.running = saved
        job = asyncio.get_running_loop().run_in_executor(None, write)
        job.add_done_callback(lambda done: self._written(writes, saved, done))

    def _written(self, writes: _Writes, saved: asyncio.Future[None], done: asyncio.Future[None]) -> None:
        writes.running = None
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        self._end(writes, saved, error)
        if writes.next is not None:
            self._begin(writes)

    def _end(self, writes: _Writes, saved: asyncio.Future[None], error: BaseException | None) -> None:
        if error is None:
            writes.state.saved()
            saved.set_result(None)
            return
        writes.state.not_saved(error)
        saved.set_exception(error if isinstance(error, Exception) else RocketMQError("the server is stopping"))
        _retrieved(saved)


def _retrieved(future: asyncio.Future[None]) -> None:
    """So that asyncio does not complain of an error where nobody waits."""
    if not future.cancelled():
        future.exception()
