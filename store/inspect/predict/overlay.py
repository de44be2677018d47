"""A file system for the store that reads the files of a directory and keeps every change in memory.

The broker's own code can so be run on a store directory without changing a byte of it. Files are mapped privately: what
is written to them stays in this process.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

from rocketmq_ops.store.files.filesystem import DiskUsage, FileLock, StoreFile
from rocketmq_ops.store.inspect.reading.running import is_locked


class OverlayFile:
    """One mapped file of fixed length; changes stay in memory."""

    __slots__ = ("_anonymous", "path", "size", "view")

    def __init__(self, path: str, size: int, *, exists: bool) -> None:
        self.path = path
        self.size = size
        length = Path(path).stat().st_size if exists else 0
        self._anonymous = length < size
        if self._anonymous:
            self.view = memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
            if length:
                data = Path(path).read_bytes()
                self.view[: len(data)] = data
            return
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.view = memoryview(mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE))
        finally:
            os.close(fd)

    def reserve(self, start: int, end: int) -> None:
        """Memory needs no reservation."""

    def write(self, position: int, data: bytes | memoryview) -> None:
        """Into the copy in memory."""
        self.view[position : position + len(data)] = data

    def read(self, position: int, size: int) -> bytes:
        """From the copy in memory."""
        return bytes(self.view[position : position + size])

    def hole_from(self, start: int) -> int:
        """Memory has no holes."""
        return self.size

    def prefault(self, start: int, end: int) -> None:
        """Memory needs no preparation."""

    def sync(self) -> None:
        """Nothing is ever durable here."""

    def check_there(self) -> None:
        """Memory is there."""

    def may_have_data_from(self, start: int) -> bool:
        """True unless all bytes are zero."""
        return any(any(self.view[a:b]) for a, b in self._extents(start))

    def clear_from(self, start: int) -> None:
        """Zero the rest; holes of the file below are left alone, so that they cost no memory."""
        for a, b in self._extents(start):
            self.view[a:b] = bytes(b - a)

    def _extents(self, start: int) -> list[tuple[int, int]]:
        """The ranges from `start` on that may hold something, in pieces of at most 1 MiB."""
        step = 1 << 20
        if self._anonymous:
            return [(a, min(a + step, self.size)) for a in range(start, self.size, step)]
        found: list[tuple[int, int]] = []
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            position = start
            while position < self.size:
                try:
                    a = os.lseek(fd, position, os.SEEK_DATA)
                    b = min(os.lseek(fd, a, os.SEEK_HOLE), self.size)
                except OSError:
                    break
                found += [(x, min(x + step, b)) for x in range(a, b, step)]
                position = b
        finally:
            os.close(fd)
        return found

    def close(self) -> None:
        """The mapping goes with its last view."""
        self.view = memoryview(b"")


class _NoLock:
    def release(self) -> None:
        """Nothing was taken."""


class OverlayFileSystem:
    """A `FileSystem` whose changes are forgotten."""

    def __init__(self) -> None:
        self._removed: set[str] = set()
        self._written: dict[str, bytes] = {}
        self._mapped: dict[str, int] = {}  # files that were made: their size

    def open(self, path: str, size: int, *, create: bool) -> StoreFile:
        """Map a file, or make one in memory."""
        there = self._on_disk(path)
        if not there and not create:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if not there:
            self._mapped[path] = size
            self._removed.discard(path)
        return OverlayFile(path, size, exists=there)

    def _on_disk(self, path: str) -> bool:
        return path not in self._removed and path not in self._mapped and Path(path).is_file()

    def exists(self, path: str) -> bool:
        if path in self._written or path in self._mapped:
            return True
        return path not in self._removed and Path(path).exists()

    def is_dir(self, path: str) -> bool:
        return Path(path).is_dir()

    def size_of(self, path: str) -> int:
        if path in self._mapped:
            return self._mapped[path]
        return len(self._written[path]) if path in self._written else Path(path).stat().st_size

    def list_dir(self, path: str) -> list[str]:
        try:
            names = {entry.name for entry in Path(path).iterdir() if str(entry) not in self._removed}
        except (FileNotFoundError, NotADirectoryError):
            names = set()
        for made in (*self._mapped, *self._written):
            folder, _, name = made.rpartition("/")
            if folder == path:
                names.add(name)
        return sorted(names)

    def make_dirs(self, path: str) -> None:
        """Folders come with the files in them."""

    def remove(self, path: str) -> None:
        self._removed.add(path)
        self._mapped.pop(path, None)
        self._written.pop(path, None)

    def remove_dir(self, path: str) -> None:
        """An empty folder does no harm."""

    def replace(self, source: str, target: str) -> None:
        self._written[target] = self.read_bytes(source)
        self.remove(source)

    def read_bytes(self, path: str) -> bytes:
        if path in self._written:
            return self._written[path]
        if path in self._removed:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return Path(path).read_bytes()

    def write_bytes(self, path: str, data: bytes) -> None:
        self._written[path] = data
        self._removed.discard(path)

    def modified_ms(self, path: str) -> int:
        return 0 if path in self._mapped or path in self._written else os.stat(path).st_mtime_ns // 1_000_000

    def lock(self, path: str, content: bytes) -> FileLock:
        """Raises BlockingIOError when another process holds the lock; takes none."""
        if is_locked(Path(path)):
            raise BlockingIOError(errno.EAGAIN, "locked by another process", path)
        return _NoLock()

    def sync_dir(self, path: str) -> None:
        """Nothing is ever durable here."""

    def disk_usage(self, path: str) -> DiskUsage:
        return DiskUsage(1 << 50, 0, 1 << 50)
