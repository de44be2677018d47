"""The files of a store directory, opened read-only: which there are, what ranges they claim, and bounded reads from
them.

Everything is read with `pread` from descriptors opened O_RDONLY, never mapped: a file that a live broker truncates or
deletes then gives a short read instead of a signal, and memory stays flat. What the bytes mean is decided elsewhere.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rocketmq_ops.common.bounded import RecentlyUsed
from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError

WINDOW = 8 << 20  # bytes read at a time
MAX_OPEN = 200  # descriptors kept open over all files; a store may have more queues than a process may have descriptors
_open_files: RecentlyUsed[StoreFile, int] = RecentlyUsed(MAX_OPEN, os.close)


class StoreFile:
    """One file: its path, the offset that its name claims (0 when the name is not a number) and its size in bytes."""

    def __init__(self, path: Path, base: int = 0) -> None:
        self.path = path
        self.base = base
        status = path.stat()
        self.size = status.st_size
        self.allocated = status.st_blocks * 512
        self.modified_ms = status.st_mtime_ns // 1_000_000

    @property
    def end(self) -> int:
        """The offset after the last byte that the file can hold."""
        return self.base + self.size

    def read(self, position: int, length: int) -> bytes:
        """Up to `length` bytes from `position` of the file; fewer at its end. Raises RocketMQError when it cannot be
        read."""
        descriptor = self._open()
        try:
            return os.pread(descriptor, length, position)
        except OSError as error:
            raise self._unreadable(error) from error

    def _open(self) -> int:
        descriptor = _open_files.get(self)
        if descriptor is None:
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise self._unreadable(error) from error
            _open_files.put(self, descriptor)
        return descriptor

    def _unreadable(self, error: OSError) -> RocketMQError:
        return RocketMQError(
            f"cannot read {self.path}: {error.strerror or error}", "check permissions and the disk (dmesg, smartctl)"
        )

    def data_extents(self) -> Iterator[tuple[int, int]]:
        """The ranges (start, end) of the file that are not holes; the whole file where the system does not know."""
        position = 0
        while position < self.size:
            descriptor = self._open()
            try:
                start = os.lseek(descriptor, position, os.SEEK_DATA)
                end = os.lseek(descriptor, start, os.SEEK_HOLE)
            except OSError:
                if position == 0 and self.allocated:
                    yield 0, self.size
                return
            yield start, end
            position = end

    def close(self) -> None:
        """Give the descriptor back; a later read opens the file again."""
        _open_files.drop(self)


@dataclass(frozen=True)
class FileChain:
    """Files whose names are offsets, in order, and the names in the directory that do not belong."""

    directory: Path
    files: list[StoreFile] = field(default_factory=list)
    strangers: list[Path] = field(default_factory=list)

    @property
    def min_offset(self) -> int:
        """The offset where the first file begins, 0 without files."""
        return self.files[0].base if self.files else 0

    @property
    def max_offset(self) -> int:
        """The offset where the last file ends."""
        return self.files[-1].end if self.files else 0

    @cached_property
    def file_size(self) -> int:
        """The size in bytes that the files should have: the distance of most names, else the first file's size."""
        distances = [b.base - a.base for a, b in zip(self.files, self.files[1:], strict=False)]
        sizes = [f.size for f in self.files]
        candidates = [d for d in distances if d > 0] + sizes
        return max(set(candidates), key=lambda c: (candidates.count(c), -c)) if candidates else 0

    def gaps(self) -> list[tuple[int, int]]:
        """The missing ranges (start, end) between the files."""
        pairs = zip(self.files, self.files[1:], strict=False)
        return [(a.base + self.file_size, b.base) for a, b in pairs if b.base > a.base + self.file_size]

    def cut(self) -> list[tuple[int, int]]:
        """The missing ranges (start, end) at the end of files that are too short and have others behind them."""
        pairs = zip(self.files, self.files[1:], strict=False)
        ends = [(a.end, min(a.base + self.file_size, b.base)) for a, b in pairs]
        return [(low, high) for low, high in ends if high > low]

    def at(self, offset: int) -> tuple[StoreFile, int] | None:
        """The file that holds `offset` and the position in it, or None."""
        low, high = 0, len(self.files)
        while low < high:
            middle = (low + high) // 2
            if self.files[middle].base <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return None
        file = self.files[low - 1]
        return (file, offset - file.base) if offset < file.end else None

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from `offset`, across files where they join; short or empty where nothing is there."""
        parts: list[bytes] = []
        while length > 0 and (place := self.at(offset)) is not None:
            part = place[0].read(place[1], min(length, place[0].size - place[1]))
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close every file's descriptor."""
        for file in self.files:
            file.close()


def read_chain(directory: Path) -> FileChain:
    """The chain of a directory; empty when the directory is not there. A 20-digit name is an offset, others are
    strangers."""
    files: list[StoreFile] = []
    strangers: list[Path] = []
    for path in entries_of(directory):
        if len(path.name) == 20 and path.name.isascii() and path.name.isdigit() and path.is_file():
            try:
                files.append(StoreFile(path, int(path.name)))
            except FileNotFoundError:
                continue  # a running broker has removed it meanwhile
        else:
            strangers.append(path)
    files.sort(key=lambda f: f.base)
    return FileChain(directory, files, strangers)


def usual_size(chains: Iterable[FileChain], unit_size: int) -> int | None:
    """The size in bytes that most files of some chains should have, of those that are a multiple of a unit's size; None
    without such files."""
    sizes = Counter[int]()
    for chain in chains:
        if chain.file_size % unit_size == 0:
            sizes[chain.file_size] += len(chain.files)
    return sizes.most_common(1)[0][0] if sizes.total() else None


def _is_index_file(path: Path) -> bool:
    return len(path.name) == 17 and path.name.isascii() and path.name.isdigit() and path.is_file()


def entries_of(directory: Path) -> list[Path]:
    """What is in a directory, by name; nothing for a missing one. Raises RocketMQError when it cannot be listed."""
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RocketMQError(
            f"cannot list {directory}: {error.strerror or error}", "run as the user that owns the store"
        ) from error


def _queues_in(folder: Path) -> dict[tuple[str, int], FileChain]:
    found: dict[tuple[str, int], FileChain] = {}
    for topic in entries_of(folder):
        if not topic.is_dir():
            continue
        numbers = [q for q in entries_of(topic) if q.name.isascii() and q.name.isdigit() and q.is_dir()]
        for queue in sorted(numbers, key=lambda q: int(q.name)):
            found[topic.name, int(queue.name)] = read_chain(queue)
    return found


class StoreDirectory:
    """A store directory (storePathRootDir). Raises RocketMQError when the directory is not a store."""

    def __init__(self, root: str | Path, commitlog: str | Path | None = None) -> None:
        self.root = Path(root)
        self.commitlog_path = Path(commitlog) if commitlog else self.root / "commitlog"
        if not self.root.is_dir():
            raise NoSuchPathError(f"{self.root} is not a directory", "name the broker's storePathRootDir")
        known = ("commitlog", "consumequeue", "index", "config", "checkpoint")
        if not self.commitlog_path.is_dir() and not any((self.root / name).exists() for name in known):
            raise NoSuchPathError(
                f"{self.root} is not a store directory: it has none of {', '.join(known)}",
                "name the broker's storePathRootDir",
            )

    @cached_property
    def commitlog(self) -> FileChain:
        """The commitlog's files."""
        return read_chain(self.commitlog_path)

    @cached_property
    def queues(self) -> dict[tuple[str, int], FileChain]:
        """Every consumequeue by (topic, queue id), ordered by topic and number."""
        return _queues_in(self.root / "consumequeue")

    @cached_property
    def queues_in_rocksdb(self) -> bool:
        """True when the broker keeps its queues in a RocksDB database alone (storeType=defaultRocksDB)."""
        places = (self.root / "consumequeue" / "CURRENT", self.root / "consumequeue_rocksdb" / "CURRENT")
        return not self.queues and any(place.is_file() for place in places)

    @cached_property
    def batch_queues(self) -> dict[tuple[str, int], FileChain]:
        """Every batch consumequeue (5.x) by (topic, queue id)."""
        return _queues_in(self.root / "batchconsumequeue")

    @cached_property
    def index_files(self) -> list[StoreFile]:
        """The index files, oldest first; a name is the time of creation as yyyyMMddHHmmssSSS."""
        return [StoreFile(path, int(path.name)) for path in entries_of(self.root / "index") if _is_index_file(path)]

    @cached_property
    def index_strangers(self) -> list[Path]:
        """What else is in the folder of the index files."""
        return [path for path in entries_of(self.root / "index") if not _is_index_file(path)]

    def small_file(self, name: str) -> bytes | None:
        """A small file's content by its path below the root, None when it is not there; at most 64 MiB are read."""
        path = self.root / name
        if not path.is_file():
            return None
        file = StoreFile(path)
        try:
            return file.read(0, min(file.size, 64 << 20))
        finally:
            file.close()

    def close(self) -> None:
        """Close all descriptors."""
        for chain in [self.commitlog, *self.queues.values(), *self.batch_queues.values()]:
            chain.close()
        for file in self.index_files:
            file.close()
