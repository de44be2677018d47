"""The files of `timerlog`: a unit of 52 bytes for each message that waits for its time.

What lives here: appending and reading units, and deleting files whose messages have expired (mirrors TimerLog, and
deleteExpiredFileByOffsetForTimerLog of MappedFileQueue). What does not: when a unit is due (`timer_wheel.py`).

The units of one moment are a chain: each has the position of the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.files.mapped_file_queue import MappedFileQueue
from rocketmq_ops.store.layout.timer import LOG_BLANK, LOG_BLANK_MAGIC, LOG_UNIT

#: Bits of a unit's `magic`.
DEFAULT, ROLL, DELETE = 1, 2, 4
_KNOWN_BITS = 0xF
_SIZE = LOG_UNIT.size
#: A file keeps room for the blank that ends it.
_LEAST_ROOM = _SIZE + LOG_BLANK.size
_STEP = 256 * 1024
_PREVIOUS = LOG_UNIT.one("previous")


class TimerUnit(NamedTuple):
    """One unit: the message of `message_size` bytes at `physical_offset` is due at `time` (ms).

    `write_time` is when the unit was written, by the wheel's clock."""

    position: int
    previous: int
    magic: int
    write_time: int
    time: int
    physical_offset: int
    message_size: int

    @property
    def rolls(self) -> bool:
        """Whether the message has to wait on then."""
        return bool(self.magic & ROLL)

    @property
    def deletes(self) -> bool:
        """Whether the message recalls another one."""
        return bool(self.magic & DELETE)

    @property
    def counts(self) -> int:
        """What it adds to the messages of its slot."""
        return -1 if self.deletes else 1


class TimerLog:
    """The units of one store. Positions are bytes from the log's beginning."""

    __slots__ = ("_file", "_view", "file_queue")

    def __init__(self, fs: FileSystem, folder: str, file_size: int) -> None:
        self.file_queue = MappedFileQueue(fs, folder, file_size, "mappedFileSizeTimerLog", parents=1)
        self._file: MappedFile | None = None
        self._view = memoryview(b"")

    @property
    def end(self) -> int:
        """The position behind the last unit."""
        return self.file_queue.max_offset

    def append(
        self, previous: int, magic: int, write_time: int, time: int, physical_offset: int, size: int, topic_hash: int
    ) -> int:
        """Append a unit; its position. Raises OSError."""
        file = self._file
        if file is None or file.size - file.wrote < _LEAST_ROOM:
            file = self._next_file()
        at = file.wrote
        if file.reserved < at + _SIZE:
            file.reserve(at + _SIZE, _STEP)
        LOG_UNIT.struct.pack_into(
            self._view, at, _SIZE, previous, magic, write_time, time - write_time, physical_offset, size, topic_hash, 0
        )
        file.wrote = at + _SIZE
        return file.base + at

    def _next_file(self) -> MappedFile:
        file = self._file
        if file is not None and file.wrote < file.size:
            file.reserve(file.wrote + LOG_BLANK.size, _STEP)
            LOG_BLANK.struct.pack_into(self._view, file.wrote, file.size - file.wrote, 0, LOG_BLANK_MAGIC)
            file.wrote = file.size
        return self._use(self.file_queue.create_next())

    def _use(self, file: MappedFile) -> MappedFile:
        self._file, self._view = file, file.view
        return file

    def unit(self, position: int) -> TimerUnit | None:
        """The unit at a position, None when there is none (its file has expired)."""
        file = self.file_queue.find(position)
        if file is None or not 0 <= position - file.base <= file.wrote - _SIZE:
            return None
        return _unit_at(file, position - file.base)

    def set_previous(self, position: int, previous: int) -> None:
        """Put a unit into another chain."""
        file = self.file_queue.find(position)
        assert file is not None
        at = position - file.base
        _PREVIOUS.pack_into(file.view, at + LOG_UNIT.at["previous"], previous)
        file.flushed = min(file.flushed, at)
        self.file_queue.flushed_where = min(self.file_queue.flushed_where, position)

    # -- opening, cutting, cleaning

    def load(self) -> None:
        """Map the files; `cut` has to follow. Raises MissingFileError, FileLengthError, ForeignFileError, OSError."""
        self.file_queue.load()

    def units(self) -> Iterator[TimerUnit]:
        """All units, up to the first that is none: for a log of which nobody has said where it ends. Raises OSError."""
        for file in self.file_queue.files:
            for at in range(0, file.size - _SIZE + 1, _SIZE):
                if at + _SIZE > file.filled and not file.readable(at, at + _SIZE):
                    return
                unit = _unit_at(file, at)
                if unit is None:
                    (_, _, magic) = LOG_BLANK.struct.unpack_from(file.view, at)
                    if magic != LOG_BLANK_MAGIC:
                        return
                    break
                yield unit

    def cut(self, end: int) -> None:
        """Forget all behind a position, and go on there. Raises OSError."""
        self.file_queue.truncate(end)
        files = self.file_queue.files
        self._file, self._view = (files[-1], files[-1].view) if files else (None, memoryview(b""))

    def delete_expired(self, min_physical_offset: int) -> int:
        """Remove files, never the last, whose last message lies before a commitlog offset; how many."""
        count = 0
        for file in self.file_queue.files[:-1]:
            last = _unit_at(file, (file.size - _LEAST_ROOM) // _SIZE * _SIZE)
            if last is None or last.physical_offset >= min_physical_offset:
                break
            count += 1
        self.file_queue.remove_first(count)
        return count

    def close(self) -> None:
        """Let go of all files. Does not flush."""
        self.file_queue.close()
        self._file, self._view = None, memoryview(b"")


def _unit_at(file: MappedFile, at: int) -> TimerUnit | None:
    """The unit at a position of a file, None where there is something else."""
    size, previous, magic, written, delay, physical, message_size, _, _ = LOG_UNIT.struct.unpack_from(file.view, at)
    if size != _SIZE or magic | _KNOWN_BITS != _KNOWN_BITS:
        return None
    return TimerUnit(file.base + at, previous, magic, written, written + delay, physical, message_size)
