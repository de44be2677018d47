"""The two marker files in the root of a store: `lock` (one broker at a time) and `abort` (no clean stop yet).

What lives here: taking and giving back both. What does not: what recovery does after an unclean stop
(`recovery.py`). Mirrors the lock and the temporary file of DefaultMessageStore; Apache's broker locks byte 0 of
the same file, so that the two kinds of broker exclude each other as well.
"""

from __future__ import annotations

import os

from rocketmq_ops.store.errors import StoreError
from rocketmq_ops.store.files.filesystem import FileLock, FileSystem

LOCK_NAME = "lock"
ABORT_NAME = "abort"
_LOCK_CONTENT = b"lock"


class StoreLockedError(StoreError):
    """Another broker has the store open; `by` names its process, or is empty."""

    def __init__(self, root: str, by: str) -> None:
        super().__init__(
            f"the store {root} is in use{by}",
            "stop the other broker first (mqshutdown broker), or give this one another storePathRootDir",
        )


class StoreLock:
    """The lock of one store directory. Take it before anything in the store is read or written."""

    __slots__ = ("_fs", "_held", "_root")

    def __init__(self, fs: FileSystem, root: str) -> None:
        self._fs = fs
        self._root = root
        self._held: FileLock | None = None

    def acquire(self) -> None:
        """Raises StoreLockedError when another broker, Apache's or ours, has the store; OSError."""
        if self._held is None:
            try:
                self._held = self._fs.lock(f"{self._root}/{LOCK_NAME}", _LOCK_CONTENT)
            except (BlockingIOError, PermissionError) as error:
                # EACCES means "locked" on some systems, but also "not yours to write".
                if isinstance(error, PermissionError) and not self._fs.exists(f"{self._root}/{ABORT_NAME}"):
                    raise
                from rocketmq_ops.common.processes import holder_of_file  # only for a message

                written = AbortFile(self._fs, self._root).owner()
                by = holder_of_file(f"{self._root}/{LOCK_NAME}", int(written) if written else None)
                raise StoreLockedError(self._root, by) from error

    def release(self) -> None:
        """Give the lock back; no error if it is not held."""
        if self._held is not None:
            self._held.release()
            self._held = None


class AbortFile:
    """The file that stands in a store while a broker has it open for writing and is removed by a clean stop."""

    __slots__ = ("_fs", "_path", "_root")

    def __init__(self, fs: FileSystem, root: str) -> None:
        self._fs = fs
        self._root = root
        self._path = f"{root}/{ABORT_NAME}"

    def exists(self) -> bool:
        """True when the last broker on this store was not stopped cleanly (or still runs)."""
        return self._fs.exists(self._path)

    def owner(self) -> str:
        """Process id that the file names; empty when there is none."""
        try:
            text = self._fs.read_bytes(self._path).decode("ascii", "replace").strip()
        except OSError:
            return ""
        return text if text.isdigit() else ""

    def create(self) -> None:
        """Put the file there, with the process id in it, durable before the first message. Raises OSError."""
        self._fs.write_bytes(self._path, str(os.getpid()).encode())
        self._fs.sync_dir(self._root)

    def remove(self) -> None:
        """Call it when all that was written is durable. Raises OSError."""
        self._fs.remove(self._path)
        self._fs.sync_dir(self._root)
