"""The `checkpoint` file: up to which store timestamp commitlog, consumequeue and index are durable.

What lives here: the open file with Apache's six fields (mirrors StoreCheckpoint), and notes of our own about the index
file that is being filled and about the queues there were at a clean stop. What does not: where they lie
(`layout/checkpoint.py`), who sets the fields (the flush of each kind of file, after its sync) and what recovery makes
of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from rocketmq_ops.common.layout import Layout
from rocketmq_ops.store.files.filesystem import FileSystem, StoreFile
from rocketmq_ops.store.layout.checkpoint import (
    CHECKPOINT,
    FIELDS,
    FILE_SIZE,
    NOTE,
    NOTE_CRC,
    NOTE_MAGIC,
    NOTE_POSITION,
    QUEUES_NOTE,
    QUEUES_NOTE_MAGIC,
    QUEUES_NOTE_POSITION,
)

#: Recovery begins this much before the older of the two timestamps, as their clock ticks between messages.
SAFETY_MS = 3000
_values = attrgetter(*CHECKPOINT.names)


class IndexNote(NamedTuple):
    """What was durable of the index: the last file's name as a number, 0 without any, and its header of 40 bytes
    at that time; messages up to the commitlog offset `done` were indexed."""

    file_name: int
    header: bytes
    done: int


class QueuesNote(NamedTuple):
    """Which queues there were when the store was stopped cleanly: the timestamps that the checkpoint had then (whoever
    wrote to the store since has changed them), how many queues, and a CRC of their names."""

    physic_msg_timestamp: int
    logics_msg_timestamp: int
    queues: int
    crc: int


def without_notes(data: bytes) -> bytes:
    """The bytes of a checkpoint file with our whole notes zeroed."""
    data = data.ljust(FILE_SIZE, b"\0")
    for position, magic, layout in (
        (NOTE_POSITION, NOTE_MAGIC, NOTE),
        (QUEUES_NOTE_POSITION, QUEUES_NOTE_MAGIC, QUEUES_NOTE),
    ):
        if _note_at(data, position, magic, layout) is not None:
            end = position + layout.size + NOTE_CRC.size
            data = data[:position] + bytes(end - position) + data[end:]
    return data


def _note_at(data: bytes | memoryview, position: int, magic: bytes, layout: Layout) -> tuple[Any, ...] | None:
    """The fields of a note behind its magic, None when it is not there or not whole."""
    fields = layout.struct.unpack_from(data, position)
    (crc,) = NOTE_CRC.unpack_from(data, position + layout.size)
    whole = fields[0] == magic and crc == zlib.crc32(data[position : position + layout.size])
    return fields[1:] if whole else None


def _put_note(view: memoryview, position: int, note: bytes) -> None:
    view[position : position + len(note) + NOTE_CRC.size] = note + NOTE_CRC.pack(zlib.crc32(note))


class StoreCheckpoint:
    """The checkpoint file. Timestamps are store timestamps, ms since the epoch; 0 = nothing is known."""

    __slots__ = (
        "_file", "_fs", "_name_durable", "_path", "confirm_phy_offset", "index_msg_timestamp", "index_note",
        "logics_msg_timestamp", "logics_physical_offset", "master_flushed_offset", "physic_msg_timestamp",
        "queues_note", "was_missing",
    )  # fmt: skip

    def __init__(self, fs: FileSystem, path: str) -> None:
        """Nothing is known until `load`."""
        self._fs = fs
        self._path = path
        self._file: StoreFile | None = None
        self._name_durable = False
        #: There was no file, or an empty one.
        self.was_missing = False
        self.physic_msg_timestamp = 0
        self.logics_msg_timestamp = 0
        self.index_msg_timestamp = 0
        self.master_flushed_offset = 0
        self.confirm_phy_offset = 0
        self.logics_physical_offset = 0
        self.index_note: IndexNote | None = None
        self.queues_note: QueuesNote | None = None

    def load(self) -> None:
        """Open or create the file; a missing, short or zeroed one says "nothing is known". Raises OSError."""
        fs, path = self._fs, self._path
        self.was_missing = not fs.exists(path) or fs.size_of(path) == 0
        self._name_durable = not self.was_missing and fs.size_of(path) == FILE_SIZE
        file = self._file = fs.open(path, FILE_SIZE, create=True)
        file.reserve(0, FILE_SIZE)
        view = file.view
        for name, value in zip(CHECKPOINT.names, FIELDS.unpack_from(view, 0), strict=True):
            setattr(self, name, value)
        found = _note_at(view, NOTE_POSITION, NOTE_MAGIC, NOTE)
        self.index_note = IndexNote(*found) if found is not None else None
        found = _note_at(view, QUEUES_NOTE_POSITION, QUEUES_NOTE_MAGIC, QUEUES_NOTE)
        self.queues_note = QueuesNote(*found) if found is not None else None

    def note_queues(self, names: Iterable[str]) -> None:
        """Take note of the queues that have files, by names that are theirs alone and say where each begins; `write`
        has to follow."""
        self.queues_note = self._queues(names)

    def knows_queues(self) -> bool:
        """Whether there is a note of the queues from the last time that anything was written to the store."""
        note = self.queues_note
        return note is not None and note[:2] == (self.physic_msg_timestamp, self.logics_msg_timestamp)

    def queues_are(self, names: Iterable[str]) -> bool:
        """Whether these are the queues of the note."""
        return self.queues_note == self._queues(names)

    def _queues(self, names: Iterable[str]) -> QueuesNote:
        ordered = sorted(names)
        crc = zlib.crc32("\n".join(ordered).encode())
        return QueuesNote(self.physic_msg_timestamp, self.logics_msg_timestamp, len(ordered), crc)

    def min_timestamp(self) -> int:
        """Every message stored before this time (ms) is durable in commitlog and consumequeue."""
        return max(0, min(self.physic_msg_timestamp, self.logics_msg_timestamp) - SAFETY_MS)

    def min_timestamp_index(self) -> int:
        """As `min_timestamp`, and in the full index files too (ms)."""
        return min(self.min_timestamp(), self.index_msg_timestamp)

    def write(self) -> None:
        """Put the fields into the mapping; `sync` makes them durable."""
        assert self._file is not None, "load() comes first"
        view = self._file.view
        FIELDS.pack_into(view, 0, *_values(self))
        if self.index_note is not None:
            _put_note(view, NOTE_POSITION, NOTE.struct.pack(NOTE_MAGIC, *self.index_note))
        if self.queues_note is not None:
            _put_note(view, QUEUES_NOTE_POSITION, QUEUES_NOTE.struct.pack(QUEUES_NOTE_MAGIC, *self.queues_note))

    def sync(self) -> None:
        """Make what `write` has written durable. May run in a worker thread. Raises OSError."""
        assert self._file is not None, "load() comes first"
        self._file.sync()
        if not self._name_durable:
            self._fs.sync_dir(self._path.rpartition("/")[0])
            self._name_durable = True

    def flush(self) -> None:
        """`write` and `sync`, in this thread. Raises OSError."""
        self.write()
        self.sync()

    def close(self) -> None:
        """Let go of the file, if there is one. Does not flush."""
        if self._file is not None:
            self._file.close()
