"""The file `config/timercheck`: how far timers were read, enqueued and written, as of the last flush.

What lives here: the open file with Apache's fields (mirrors TimerCheckpoint), their form on the wire, and a note of our
own. What does not: what a start makes of them (`timer_recovery.py`).
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.store.files.filesystem import FileSystem, StoreFile
from rocketmq_ops.store.layout.timer import (
    CHECKPOINT,
    CHECKPOINT_FILE_SIZE,
    CHECKPOINT_VERSION,
    NOTE,
    NOTE_CRC,
    NOTE_MAGIC,
    NOTE_POSITION,
)


class TimerNote(NamedTuple):
    """What Apache's fields do not say, as of the same moment: no message that still waited had been delivered by a
    record before the commitlog offset `delivered_behind`; so many were `waiting` in the wheel, of this `precision`."""

    delivered_behind: int
    waiting: int
    precision: int


class TimerCheckpoint:
    """Times are ms, offsets those of the timer topic's queue, positions those of the timerlog."""

    __slots__ = (
        "_file", "_fs", "_name_durable", "_path", "last_read_time", "last_timer_log_flush_position",
        "last_timer_queue_offset", "master_timer_queue_offset", "note", "version",
    )  # fmt: skip

    def __init__(self, fs: FileSystem, path: str) -> None:
        """Nothing is known until `load`."""
        self._fs = fs
        self._path = path
        self._file: StoreFile | None = None
        self._name_durable = False
        self.last_read_time = 0
        self.last_timer_log_flush_position = 0
        self.last_timer_queue_offset = 0
        self.master_timer_queue_offset = 0
        self.version = DataVersion()
        #: None where there is none, or somebody who does not know it has changed the fields since.
        self.note: TimerNote | None = None

    def load(self) -> None:
        """Open or create the file; of a missing one everything is 0. Raises OSError."""
        fs, path = self._fs, self._path
        self._name_durable = fs.exists(path) and fs.size_of(path) == CHECKPOINT_FILE_SIZE
        self._file = fs.open(path, CHECKPOINT_FILE_SIZE, create=True)
        self._file.reserve(0, CHECKPOINT_FILE_SIZE)
        view = self._file.view
        self.take(bytes(view[: CHECKPOINT.size + CHECKPOINT_VERSION.size]))
        magic, fields, before, *values = NOTE.struct.unpack_from(view, NOTE_POSITION)
        (crc,) = NOTE_CRC.struct.unpack_from(view, NOTE_POSITION + NOTE.size)
        whole = magic == NOTE_MAGIC and crc == zlib.crc32(view[NOTE_POSITION : NOTE_POSITION + NOTE.size])
        if whole and self._fields() in (fields, before):
            self.take(fields)
            self.note = TimerNote(*values)

    def take(self, data: bytes) -> None:
        """Take over the fields as they are in the file and on the wire; before 5.0.1 they have no version."""
        data = data.ljust(CHECKPOINT.size + CHECKPOINT_VERSION.size, b"\0")
        (
            self.last_read_time,
            self.last_timer_log_flush_position,
            self.last_timer_queue_offset,
            self.master_timer_queue_offset,
        ) = CHECKPOINT.struct.unpack_from(data)
        self.version = DataVersion(*CHECKPOINT_VERSION.struct.unpack_from(data, CHECKPOINT.size))

    def encode(self) -> bytes:
        """The fields as they are in the file and on the wire (GET_TIMER_CHECK_POINT)."""
        version = self.version
        return self._fields() + CHECKPOINT_VERSION.struct.pack(
            version.state_version, version.timestamp, version.counter
        )

    def _fields(self) -> bytes:
        return CHECKPOINT.struct.pack(
            self.last_read_time,
            self.last_timer_log_flush_position,
            self.last_timer_queue_offset,
            self.master_timer_queue_offset,
        )

    def image(self, note: TimerNote | None) -> tuple[bytes, bytes]:
        """Fields and note as `write` takes them."""
        if note is None:
            return self.encode(), bytes(NOTE.size + NOTE_CRC.size)
        assert self._file is not None
        before = bytes(self._file.view[: CHECKPOINT.size])
        data = NOTE.struct.pack(NOTE_MAGIC, self._fields(), before, *note)
        return self.encode(), data + NOTE_CRC.struct.pack(zlib.crc32(data))

    def write(self, image: tuple[bytes, bytes]) -> None:
        """Write an image and make it durable; may run in a worker thread. Raises OSError.

        The note goes first: until the fields have followed it is known by those before them. So one of both moments is
        on the disk, whole, and not something of each."""
        file = self._file
        assert file is not None
        fields, note = image
        file.view[NOTE_POSITION : NOTE_POSITION + len(note)] = note
        file.sync()
        file.view[: len(fields)] = fields
        file.sync()
        if not self._name_durable:
            self._fs.sync_dir(self._path.rpartition("/")[0])
            self._name_durable = True

    def close(self) -> None:
        """Let go of the file. Does not write."""
        if self._file is not None:
            self._file.close()
            self._file = None
