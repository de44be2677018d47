"""A file system in memory that fails on demand, forgets what was not synced, and counts disk blocks.

What lives here: `FaultyFileSystem`, a `FileSystem` for the store; `after_kill` and `after_power_cut` give the file
system that the next process finds. What does not: what a store has to make of it (`test_crash.py`).

The model of a power cut: of each file a random part of the sectors (512 bytes) written since its last sync is on
the disk, whole pages mostly, in any order. Of the names created, renamed and removed in a folder since it was last
synced a random first part is on the disk, as a journal keeps their order; the last of them may have length 0. A
write to a page without disk blocks, which on a full disk would end a real process with SIGBUS, is found by
`check_blocks`.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections import Counter
from collections.abc import Callable

from rocketmq_ops.store.files.filesystem import DiskUsage

PAGE = 4096
SECTOR = 512


class Node:
    """The content of a file: `live` is what processes see, `durable` what is surely on the disk."""

    def __init__(self, size: int) -> None:
        self.live = bytearray(size)
        self.durable = bytes(size)
        self.synced = False
        self.blocks: set[int] = set()
        self.modified = 0

    def copy(self, content: bytes) -> Node:
        made = Node(0)
        made.live = bytearray(content)
        made.durable = bytes(content)
        made.synced = True
        made.modified = self.modified
        made.blocks = {i for i in range(0, len(content), PAGE) if any(content[i : i + PAGE])}
        return made

    def after_power_cut(self, rng: random.Random) -> bytes:
        if len(self.live) != len(self.durable):
            return self.durable if self.synced else rng.choice([b"", bytes(self.live)])
        content = bytearray(self.durable)
        kept = rng.choice([0.0, 0.5, 0.9, 1.0])
        for start in range(0, len(content), PAGE):
            page = self.live[start : start + PAGE]
            if page == content[start : start + PAGE]:
                continue
            step = SECTOR if rng.random() < 0.3 else PAGE
            for at in range(start, start + len(page), step):
                if rng.random() < kept:
                    content[at : at + step] = self.live[at : at + step]
        return bytes(content)


class Folder:
    """Names in a folder: as processes see them, as the disk has them, and the changes in between.

    A sync in the worker and changes or a look at the folder by the loop exclude each other, as a kernel's do: a
    change that falls into a sync is in it or comes after it."""

    def __init__(self) -> None:
        self.live: dict[str, Node | Folder] = {}
        self.durable: dict[str, Node | Folder] = {}
        self.changes: list[dict[str, Node | Folder | None]] = []
        self._mutex = threading.Lock()

    def change(self, **names: Node | Folder | None) -> None:
        with self._mutex:
            self.apply(self.live, names)
            self.changes.append(names)

    @staticmethod
    def apply(names: dict[str, Node | Folder], change: dict[str, Node | Folder | None]) -> None:
        for name, entry in change.items():
            if entry is None:
                names.pop(name, None)
            else:
                names[name] = entry

    def sync(self) -> None:
        with self._mutex:
            self.durable = dict(self.live)
            self.changes.clear()

    def after_kill(self) -> Folder:
        made = Folder()
        for name, entry in list(self.live.items()):
            made.live[name] = entry.after_kill() if isinstance(entry, Folder) else entry.copy(bytes(entry.live))
        # Not durable yet, should the power fail after all.
        made.durable = dict(made.live)
        return made

    def after_power_cut(self, rng: random.Random) -> Folder:
        with self._mutex:
            names, changes = dict(self.durable), list(self.changes)
        kept = rng.randint(0, len(changes)) if rng.random() < 0.7 else len(changes)
        for change in changes[:kept]:
            self.apply(names, change)
        last = set(changes[kept - 1]) if kept else set()
        made = Folder()
        for name, entry in names.items():
            if isinstance(entry, Folder):
                made.live[name] = entry.after_power_cut(rng)
            elif name in last and not entry.synced and rng.random() < 0.3:
                made.live[name] = entry.copy(b"")
            else:
                made.live[name] = entry.copy(entry.after_power_cut(rng))
        made.durable = dict(made.live)
        return made


class FaultyFile:
    """A `StoreFile` whose mapping is a bytearray."""

    def __init__(self, fs: FaultyFileSystem, path: str, node: Node, size: int) -> None:
        self._fs = fs
        self._node = node
        self._open = True
        self.path = path
        self.size = size
        self.view = memoryview(node.live)[:size]

    def reserve(self, start: int, end: int) -> None:
        if not self._open:
            return
        self._fs.event("reserve", self.path)
        wanted = set(range(start - start % PAGE, end, PAGE)) - self._node.blocks
        if len(wanted) * PAGE > self._fs.free_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._node.blocks |= wanted

    def write(self, position: int, data: bytes | memoryview) -> None:
        self.view[position : position + len(data)] = data

    def read(self, position: int, size: int) -> bytes:
        return bytes(self._node.live[position : min(position + size, self.size)])

    def hole_from(self, start: int) -> int:
        holes = (page for page in range(start - start % PAGE, self.size, PAGE) if page not in self._node.blocks)
        return max(start, next(holes, self.size))

    def prefault(self, start: int, end: int) -> None:
        assert not any(self._node.live[start:end])

    def sync(self) -> None:
        if not self._open:
            return
        content = bytes(self._node.live)
        self._fs.event("sync", self.path)
        # What is written while a sync runs may get to the disk or not: the content from before it is what counts.
        self._node.durable = content
        self._node.synced = True
        self._fs.event("synced", self.path)

    def check_there(self) -> None:
        pass

    def may_have_data_from(self, start: int) -> bool:
        return any(self._node.live[start : self.size])

    def clear_from(self, start: int) -> None:
        self._fs.event("clear", self.path)
        self._node.live[start : self.size] = bytes(max(0, self.size - start))
        self._node.blocks = {page for page in self._node.blocks if page < start}

    def close(self) -> None:
        self._open = False
        self.view = memoryview(b"")


class HeldLock:
    def __init__(self, locked: set[str], path: str) -> None:
        self._locked = locked
        self._path = path

    def release(self) -> None:
        self._locked.discard(self._path)


class FaultyFileSystem:
    """The `FileSystem`. `capacity` is in bytes of blocks; None is a disk that is never full.

    `on_event(name, path)` is called before each reserve, sync, sync_dir, remove ... and may raise."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        self.usage: DiskUsage | None = None
        self.root = Folder()
        self.now = 0
        self.counts: Counter[str] = Counter()
        self.on_event: Callable[[str, str], None] | None = None
        self._failures: dict[str, list[tuple[int, int]]] = {}
        self._locked: set[str] = set()
        self._mutex = threading.RLock()

    # -- faults

    def fail_next(self, name: str, code: int, *, after: int = 0, times: int = 1) -> None:
        """Let the next calls of a kind fail with an errno, `after` successful ones."""
        first = self.counts[name] + after
        self._failures[name] = [(first + i, code) for i in range(times)]

    def event(self, name: str, path: str) -> None:
        with self._mutex:
            number = self.counts[name]
            self.counts[name] += 1
        if self.on_event is not None:
            self.on_event(name, path)
        for at, code in self._failures.get(name, ()):
            if at == number:
                raise OSError(code, os.strerror(code), path)

    def after_kill(self) -> FaultyFileSystem:
        """What a killed process leaves: everything that was written."""
        made = FaultyFileSystem(self.capacity)
        made.root = self.root.after_kill()
        return made

    def after_power_cut(self, rng: random.Random) -> FaultyFileSystem:
        """One of the states that a power cut may leave."""
        made = FaultyFileSystem(self.capacity)
        made.root = self.root.after_power_cut(rng)
        return made

    def check_blocks(self) -> None:
        """Fail if something was written where no disk block was reserved."""
        for path, node in self.nodes():
            for start in range(0, len(node.live), PAGE):
                if start not in node.blocks and any(node.live[start : start + PAGE]):
                    raise AssertionError(f"{path}: the page at {start} was written without a disk block")

    def nodes(self, folder: Folder | None = None, prefix: str = "") -> list[tuple[str, Node]]:
        found: list[tuple[str, Node]] = []
        for name, entry in (folder or self.root).live.items():
            path = f"{prefix}/{name}"
            found += self.nodes(entry, path) if isinstance(entry, Folder) else [(path, entry)]
        return found

    def free_bytes(self) -> int:
        if self.capacity is None:
            return 1 << 60
        return self.capacity - sum(len(node.blocks) for _, node in self.nodes()) * PAGE

    # -- looking things up

    def _folder(self, path: str, *, create: bool = False) -> Folder:
        folder = self.root
        for name in path.strip("/").split("/"):
            if not name:
                continue
            entry = folder.live.get(name)
            if entry is None and create:
                entry = Folder()
                folder.change(**{name: entry})
            if not isinstance(entry, Folder):
                raise FileNotFoundError(errno.ENOENT, "no such folder", path)
            folder = entry
        return folder

    def _entry(self, path: str) -> Node | Folder | None:
        parent, _, name = path.rpartition("/")
        try:
            return self._folder(parent).live.get(name)
        except FileNotFoundError:
            return None

    def node(self, path: str) -> Node:
        entry = self._entry(path)
        if not isinstance(entry, Node):
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return entry

    # -- the protocol

    def open(self, path: str, size: int, *, create: bool) -> FaultyFile:
        self.event("open", path)
        parent, _, name = path.rpartition("/")
        node = self._entry(path)
        if create:
            folder = self._folder(parent, create=True)
            if not isinstance(node, Node):
                node = Node(size)
                folder.change(**{name: node})
            elif len(node.live) != size:
                node.live = bytearray(node.live[:size].ljust(size, b"\0"))
                node.synced = False
        node = self.node(path)
        if size > len(node.live):
            raise OSError(f"{path} has {len(node.live)} bytes, expected at least {size}")
        node.modified = max(node.modified, self.now)
        return FaultyFile(self, path, node, size)

    def exists(self, path: str) -> bool:
        return self._entry(path) is not None

    def is_dir(self, path: str) -> bool:
        return isinstance(self._entry(path), Folder)

    def size_of(self, path: str) -> int:
        return len(self.node(path).live)

    def list_dir(self, path: str) -> list[str]:
        try:
            return sorted(self._folder(path).live)
        except FileNotFoundError:
            return []

    def make_dirs(self, path: str) -> None:
        self._folder(path, create=True)

    def remove(self, path: str) -> None:
        self.event("remove", path)
        parent, _, name = path.rpartition("/")
        if self.exists(path):
            self._folder(parent).change(**{name: None})

    def remove_dir(self, path: str) -> None:
        entry = self._entry(path)
        if isinstance(entry, Folder):
            if entry.live:
                raise OSError(errno.ENOTEMPTY, "not empty", path)
            parent, _, name = path.rpartition("/")
            self._folder(parent).change(**{name: None})

    def replace(self, source: str, target: str) -> None:
        self.event("replace", source)
        parent, _, name = source.rpartition("/")
        assert target.rpartition("/")[0] == parent, "renaming within a folder is what the store does"
        self._folder(parent).change(**{target.rpartition("/")[2]: self.node(source), name: None})

    def read_bytes(self, path: str) -> bytes:
        return bytes(self.node(path).live)

    def write_bytes(self, path: str, data: bytes) -> None:
        self.event("write_bytes", path)
        parent, _, name = path.rpartition("/")
        node = self._entry(path)
        if not isinstance(node, Node):
            node = Node(0)
            self._folder(parent).change(**{name: node})
        if len(data) > self.free_bytes():
            node.live = bytearray()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        node.live = bytearray(data)
        node.blocks = set(range(0, len(data), PAGE))
        node.synced = False

    def modified_ms(self, path: str) -> int:
        return self.node(path).modified

    def lock(self, path: str, content: bytes) -> HeldLock:
        if path in self._locked:
            raise BlockingIOError(errno.EAGAIN, "locked", path)
        self.write_bytes(path, content)
        self._locked.add(path)
        return HeldLock(self._locked, path)

    def sync_dir(self, path: str) -> None:
        self.event("sync_dir", path)
        self._folder(path).sync()

    def disk_usage(self, path: str) -> DiskUsage:
        if self.usage is not None:
            return self.usage
        total = self.capacity if self.capacity is not None else 1 << 40
        free = min(total, self.free_bytes())
        return DiskUsage(total, total - free, free)
