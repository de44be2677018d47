"""File access of the store behind one small protocol, so that tests can put faults under it.

What lives here: the `FileSystem` and `StoreFile` protocols and the implementation on the operating system
(one shared mapping a file). What does not: what the bytes mean, when to sync, which file is next.

Every store file has a fixed length from its creation (`ftruncate`, so it is sparse) and is accessed through
`StoreFile.view`. Before bytes are written to the mapping their blocks are reserved with
`StoreFile.reserve`, which raises `OSError` (ENOSPC) where the disk is full: writing to an unreserved page
of a mapping would end the process with SIGBUS instead. On tmpfs so does reading one. Who does not know that there is
data therefore asks `StoreFile.hole_from` first, and looks behind it with `StoreFile.read`.

Every `OSError` names its path.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import shutil
import threading
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from rocketmq_ops.common.files import naming
from rocketmq_ops.store.errors import LostFileError

#: Linux 5.14; older ones answer EINVAL, then pages are made ready one by one as they are written to.
_MADV_POPULATE_WRITE = 23
_ZEROS = memoryview(bytes(256 * 1024))


class DiskUsage(NamedTuple):
    """Space of the partition that holds a path, in bytes; `free` is what an unprivileged writer may use."""

    total: int
    used: int
    free: int


class StoreFile(Protocol):
    """One mapped file of fixed length."""

    @property
    def path(self) -> str:
        """Path of the file."""

    @property
    def size(self) -> int:
        """Length in bytes, fixed."""

    @property
    def view(self) -> memoryview:
        """Writable view (unsigned bytes) of the whole file; stays readable after removal."""

    def reserve(self, start: int, end: int) -> None:
        """Make sure that the bytes [start, end) have disk blocks. Contents are kept.

        Raises `OSError` (ENOSPC, EDQUOT) when there is no room."""

    def write(self, position: int, data: bytes | memoryview) -> None:
        """Put bytes at a position that is reserved, as writing to `view` does, but cheaper for more than a few.

        Raises `OSError`; some of the bytes may be there then."""

    def read(self, position: int, size: int) -> bytes:
        """A copy of `size` bytes, fewer at the end of the file; takes no disk blocks. Raises `OSError`."""

    def hole_from(self, start: int) -> int:
        """Up to where every byte from `start` on surely has its block, so that it may be read through `view`.

        Only a hint: what lies behind may be zero, or have blocks all the same. Raises `OSError`."""

    def prefault(self, start: int, end: int) -> None:
        """Have the bytes [start, end), which are reserved and zero, in memory for writing; never raises.

        A page that is first written to costs several times more than one of many that are made ready together."""

    def sync(self) -> None:
        """Make durable all that was written to `view` before the call. May run in a worker thread.

        Raises `OSError`; the data then counts as not durable. LostFileError is one: the path leads to the file no more,
        and what is written to `view` will be gone with the process."""

    def check_there(self) -> None:
        """Raises LostFileError where the path leads to the file no more, or to a part of it. May run in a thread."""

    def may_have_data_from(self, start: int) -> bool:
        """False only when every byte from `start` to the end is surely zero."""

    def clear_from(self, start: int) -> None:
        """Make all bytes from `start` to the end zero and give their blocks back."""

    def close(self) -> None:
        """Drop the mapping as soon as nobody holds a view of it. Does not sync; a later `sync` does nothing."""


class FileLock(Protocol):
    """A held lock."""

    def release(self) -> None:
        """Give the lock back; no error if that was done before."""


class FileSystem(Protocol):
    """What the store needs of a file system. Paths are strings; errors are `OSError` as os raises them."""

    def open(self, path: str, size: int, *, create: bool) -> StoreFile:
        """Map the file. With `create` it is created, or brought to `size` bytes, sparse; missing parent
        folders are made. Without it the file must exist and `size` must not exceed its length."""

    def exists(self, path: str) -> bool: ...

    def is_dir(self, path: str) -> bool: ...

    def size_of(self, path: str) -> int:
        """Length of a file in bytes."""

    def list_dir(self, path: str) -> list[str]:
        """Names in a folder, sorted; empty if there is no such folder."""

    def make_dirs(self, path: str) -> None:
        """Create a folder and its parents; no error if it is there."""

    def remove(self, path: str) -> None:
        """Remove a file; views of it stay readable. No error if it is gone."""

    def remove_dir(self, path: str) -> None:
        """Remove an empty folder. `OSError` if it is not empty; no error if it is gone."""

    def replace(self, source: str, target: str) -> None:
        """Rename a file over another, atomically."""

    def read_bytes(self, path: str) -> bytes: ...

    def write_bytes(self, path: str, data: bytes) -> None:
        """Create or overwrite a small file (`abort`, `lock`)."""

    def modified_ms(self, path: str) -> int:
        """Time of the last modification, ms since the epoch. Raises FileNotFoundError."""

    def lock(self, path: str, content: bytes) -> FileLock:
        """Take the exclusive lock on byte 0 of a file, held until `release`; the file then has this content.

        It excludes every other process that locks the same way (Java's `FileChannel.tryLock` does) and a
        second holder in this process; opening the file by other means in this process may drop it.
        Raises BlockingIOError when somebody holds it."""

    def sync_dir(self, path: str) -> None:
        """Make created, renamed and removed names of a folder durable."""

    def disk_usage(self, path: str) -> DiskUsage:
        """Space of the partition holding `path` or its nearest existing parent."""


class OsStoreFile:
    """A `StoreFile` on the operating system: a shared mapping, synced with `fdatasync`.

    On Linux `fdatasync` writes back the dirty pages of the file whoever dirtied them, those of mappings
    included, and it releases the GIL, which `mmap.flush` does not. Besides the one inside the mapping a descriptor is
    kept only of a file that `write` was used on, for a broker may have tens of thousands of files open."""

    __slots__ = ("_closed", "_fd", "_inode", "path", "size", "view")
    #: Held while a file is short because its end is made zero.
    _clearing: ClassVar = threading.Lock()

    def __init__(self, path: str, size: int, fd: int) -> None:
        self.path = path
        found = os.fstat(fd)
        self._inode = found.st_dev, found.st_ino
        self.size = size
        self.view = memoryview(mmap.mmap(fd, size))
        self._closed = False
        self._fd = -1

    def _open_again(self, flags: int) -> int:
        """A descriptor of the file. Raises LostFileError when its path is gone, or leads to another file by now, or the
        file is shorter than it was.

        What would be done to that one would say nothing of the mapped bytes, which are gone with the process; and so
        are those behind the end of a file."""
        try:
            fd = os.open(self.path, flags | os.O_CLOEXEC)
        except FileNotFoundError:
            raise LostFileError(self.path, "was deleted") from None
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) != self._inode:
            os.close(fd)
            raise LostFileError(self.path, "was replaced by another file")
        if found.st_size < self.size:
            with self._clearing:
                is_short = os.fstat(fd).st_size < self.size
            if is_short:
                os.close(fd)
                raise LostFileError(self.path, "was cut short")
        return fd

    def reserve(self, start: int, end: int) -> None:
        fd = self._open_again(os.O_RDWR)
        try:
            os.posix_fallocate(fd, start, end - start)
        except OSError as error:
            raise naming(error, self.path) from None
        finally:
            os.close(fd)

    def write(self, position: int, data: bytes | memoryview) -> None:
        if self._fd < 0:
            self._fd = self._open_again(os.O_RDWR)
        try:
            written = os.pwrite(self._fd, data, position)
        except OSError as error:
            raise naming(error, self.path) from None
        if written < len(data):
            self.view[position + written : position + len(data)] = data[written:]

    def read(self, position: int, size: int) -> bytes:
        fd = self._open_again(os.O_RDONLY)
        try:
            return os.pread(fd, size, position)
        except OSError as error:
            raise naming(error, self.path) from None
        finally:
            os.close(fd)

    def hole_from(self, start: int) -> int:
        fd = self._open_again(os.O_RDONLY)
        try:
            return min(os.lseek(fd, start, os.SEEK_HOLE), self.size)
        except OSError:
            return start
        finally:
            os.close(fd)

    def prefault(self, start: int, end: int) -> None:
        first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        mapping = self.view.obj
        if last <= first or not isinstance(mapping, mmap.mmap):
            return
        with contextlib.suppress(OSError):
            fd = self._open_again(os.O_RDWR)
            try:
                for position in range(first, last, len(_ZEROS)):
                    os.pwrite(fd, _ZEROS[: last - position], position)
            finally:
                os.close(fd)
            # Reading ahead would fill the cache with zeros of what is only reserved yet.
            mapping.madvise(mmap.MADV_RANDOM, first, last - first)
            try:
                mapping.madvise(_MADV_POPULATE_WRITE, first, last - first)
            finally:
                mapping.madvise(mmap.MADV_NORMAL, first, last - first)

    def check_there(self) -> None:
        try:
            os.close(self._open_again(os.O_RDONLY))
        except LostFileError:
            if not self._closed:
                raise

    def sync(self) -> None:
        try:
            fd = self._open_again(os.O_RDWR)
        except LostFileError:
            if self._closed:  # removed while this sync waited for its turn
                return
            raise
        try:
            os.fdatasync(fd)
        except OSError as error:
            raise naming(error, self.path) from None
        finally:
            os.close(fd)

    def may_have_data_from(self, start: int) -> bool:
        edge = min(self.size, -(-start // mmap.PAGESIZE) * mmap.PAGESIZE)
        if any(self.read(start, edge - start)):
            return True
        if edge == self.size:
            return False
        fd = self._open_again(os.O_RDONLY)
        try:
            return os.lseek(fd, edge, os.SEEK_DATA) < self.size
        except OSError as error:
            return error.errno != errno.ENXIO
        finally:
            os.close(fd)

    def clear_from(self, start: int) -> None:
        fd = self._open_again(os.O_RDWR)
        try:
            # Shortening drops the pages of live mappings too; after growing again they read as zeros.
            with self._clearing:
                os.ftruncate(fd, start)
                os.ftruncate(fd, self.size)
        finally:
            os.close(fd)

    def close(self) -> None:
        self._closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.view = memoryview(b"")


class OsFileLock:
    """A POSIX record lock on byte 0 of a file.

    The kernel drops such a lock when the process closes any descriptor of the file, and never refuses it to the
    process that has it; so the process's own locks are kept in a table and the file is opened once."""

    __slots__ = ("_fd", "_key")
    _held: ClassVar[set[tuple[int, int]]] = set()

    def __init__(self, path: str, content: bytes) -> None:
        if Path(path).exists():
            found = os.stat(path)
            if (found.st_dev, found.st_ino) in self._held:
                raise BlockingIOError(errno.EAGAIN, "locked by this very process", path)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
            os.pwrite(self._fd, content, 0)
        except BaseException as error:
            os.close(self._fd)
            if isinstance(error, OSError):
                naming(error, path)
            raise
        made = os.fstat(self._fd)
        self._key = (made.st_dev, made.st_ino)
        self._held.add(self._key)

    def release(self) -> None:
        if self._fd >= 0:
            self._held.discard(self._key)
            os.close(self._fd)
            self._fd = -1


class OsFileSystem:
    """The `FileSystem` on the operating system."""

    __slots__ = ()

    def open(self, path: str, size: int, *, create: bool) -> StoreFile:
        if create:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644)
        try:
            length = os.fstat(fd).st_size
            if create and length != size:
                os.ftruncate(fd, size)
            elif size > length:
                raise OSError(f"{path} has {length} bytes, expected at least {size}")
            return OsStoreFile(path, size, fd)
        except OSError as error:
            raise naming(error, path) from None
        finally:
            os.close(fd)

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def is_dir(self, path: str) -> bool:
        return Path(path).is_dir()

    def size_of(self, path: str) -> int:
        return Path(path).stat().st_size

    def list_dir(self, path: str) -> list[str]:
        try:
            return sorted(entry.name for entry in Path(path).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def make_dirs(self, path: str) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def remove_dir(self, path: str) -> None:
        try:
            Path(path).rmdir()
        except FileNotFoundError:
            return

    def replace(self, source: str, target: str) -> None:
        Path(source).replace(target)

    def read_bytes(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def write_bytes(self, path: str, data: bytes) -> None:
        try:
            Path(path).write_bytes(data)
        except OSError as error:
            raise naming(error, path) from None

    def modified_ms(self, path: str) -> int:
        return os.stat(path).st_mtime_ns // 1_000_000

    def lock(self, path: str, content: bytes) -> FileLock:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return OsFileLock(path, content)

    def sync_dir(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            raise naming(error, path) from None
        finally:
            os.close(fd)

    def disk_usage(self, path: str) -> DiskUsage:
        probe = Path(path)
        while not probe.exists() and probe != probe.parent:
            probe = probe.parent
        return DiskUsage(*shutil.disk_usage(probe))
