"""Writing state files without stopping the loop: the text is made on the loop, the disk is waited for in a thread.

Every file of a broker that holds a table is a `StateFile`: what changes it calls `changed`, and the controller's
`StateFileWriter` writes it. All that changed within one turn of the loop, and while an earlier version was being
written, is one write; whoever must not say "done" before it is on the disk waits for the future of that write.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rocketmq_ops.broker.state.config_table import read_object
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import load_with_backup, save_with_backup

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


T = TypeVar("T")


class StateFile:
    """A table with a JSON file of its own in the store's folder `config`.

    Sub-classes give `file_name` and `encode`, read what `document` returns, and call `changed` after each change.
    """

    file_name: ClassVar[str]

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._dirty = True

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self._controller.store_config.storePathRootDir, "config", self.file_name)

    def document(self, read: Callable[[dict[str, Any]], T]) -> T | None:
        """What `read` makes of the file's object, None when there is no file.

        The backup takes the place of a file that is missing, or that is refused with CorruptDataError by the JSON
        reader or by `read`. Raises CorruptDataError when both are.
        """
        return load_with_backup(self.path, lambda data: read(read_object(data)))

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

    def take_changes(self) -> bytes | None:
        """The file's new content, None when nothing changed since the last time."""
        if not self._dirty:
            return None
        self._dirty = False
        return self.encode(pretty=True)

    def persist(self) -> None:
        """Write the file on this thread, if anything changed. Raises RocketMQError naming it."""
        data = self.take_changes()
        if data is None:
            return
        try:
            save_with_backup(self.path, data)
        except RocketMQError:
            self._dirty = True
            raise


class _Writes:
    """The writes of one file: the one that runs, and the future of the one that comes next."""

    __slots__ = ("failing", "next", "running", "state")

    def __init__(self, state: StateFile) -> None:
        self.state = state
        self.running: asyncio.Future[None] | None = None
        self.next: asyncio.Future[None] | None = None
        self.failing = False


class StateFileWriter:
    """Writes files in the loop's default executor, each of them one after the other."""

    def __init__(self) -> None:
        self._files: dict[str, _Writes] = {}

    def save(self, state: StateFile) -> asyncio.Future[None]:
        """Write the file after this turn of the loop, or as soon as the write that is running has ended.

        The future ends when what the table holds by then is on the disk, with RocketMQError when it could not be
        written (which is logged too, and nobody need look at the future). Needs a running loop.
        """
        path = state.path
        writes = self._files.get(path)
        if writes is None:
            writes = self._files[path] = _Writes(state)
        if writes.next is None:
            loop = asyncio.get_running_loop()
            writes.next = loop.create_future()
            if writes.running is None:
                loop.call_soon(self._begin, writes)
        return writes.next

    async def wait(self) -> None:
        """Wait until nothing is being written."""
        while waiting := [
            future for writes in self._files.values() for future in (writes.running, writes.next) if future is not None
        ]:
            await asyncio.wait(waiting)

    def _begin(self, writes: _Writes) -> None:
        saved, writes.next = writes.next, None
        assert saved is not None
        try:
            data = writes.state.take_changes()
        except Exception as error:
            writes.state.changed()
            self._end(writes, saved, RocketMQError(f"cannot save {writes.state.path}: {error}"))
            return
        if data is None:
            saved.set_result(None)
            return
        writes.running = saved
        job = asyncio.get_running_loop().run_in_executor(None, save_with_backup, writes.state.path, data)
        job.add_done_callback(lambda done: self._written(writes, saved, done))

    def _written(self, writes: _Writes, saved: asyncio.Future[None], done: asyncio.Future[None]) -> None:
        writes.running = None
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            writes.state.changed()
        self._end(writes, saved, error)
        if writes.next is not None:
            self._begin(writes)

    def _end(self, writes: _Writes, saved: asyncio.Future[None], error: BaseException | None) -> None:
        if error is None:
            if writes.failing:
                writes.failing = False
                log.info("%s is saved again", writes.state.path)
            saved.set_result(None)
            return
        writes.failing = True
        log.error("%s is not saved and will be tried again: %s", writes.state.path, error)
        saved.set_exception(error if isinstance(error, Exception) else RocketMQError("the broker is stopping"))
        saved.exception()  # looked at, so that asyncio does not complain where nobody waits
