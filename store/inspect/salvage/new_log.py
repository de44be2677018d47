"""Writes the commitlog of a salvaged store: records at their own offsets, filler between them, blanks at the ends of
files.

A filler is a record of a rolled-back transaction, which no broker dispatches: recovery and dispatch walk over it by
its size, no queue and no index entry leads to it. Its time and host are those of the record before it."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Final

from rocketmq_ops.common.record_layout import HEAD_V4, MAGIC_V1, PROPERTIES_LENGTH, SMALLEST_RECORD, TOPIC_LENGTH_V1
from rocketmq_ops.common.sysflag import TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.store.inspect.salvage.judge import Neighbour
from rocketmq_ops.store.layout.blank import END_FILE_MIN_BLANK, blank_of

FILLER_TOPIC: Final = b"_"  # as short as a topic can be, so that a filler fits wherever a record was
FILLER_MAX: Final = 1 << 20
_NO_HOST: Final = bytes([127, 0, 0, 1, 0, 0, 0, 0])


class LogWriter:
    """One commitlog file at a time: `open`, then `write` in the order of offsets, then `close`. Raises OSError."""

    def __init__(self, directory: Path, size: int) -> None:
        self.size = size
        self._directory = directory
        self._descriptor = -1
        self._base = 0
        self.filled = 0  # the offset up to which something is written

    def open(self, base: int) -> None:
        """Begin the file of offset `base`."""
        self._descriptor = os.open(
            self._directory / f"{base:020d}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
        )
        os.ftruncate(self._descriptor, self.size)
        self._base = self.filled = base

    def room_before(self, offset: int) -> bool:
        """True when what lies between the last write and `offset` is nothing, or large enough for a filler."""
        gap = offset - self.filled
        return gap == 0 or gap >= SMALLEST_RECORD

    def write(self, offset: int, data: bytes | memoryview, before: Neighbour) -> None:
        """Put records at their offset; a gap before them is filled with records like `before`."""
        start = self.filled
        while start < offset:
            size = min(offset - start, FILLER_MAX)
            if 0 < offset - start - size < SMALLEST_RECORD:
                size -= SMALLEST_RECORD
            self._put(start, filler(start, size, before))
            start += size
        self._put(offset, data)
        self.filled = offset + len(data)

    def blank(self) -> None:
        """End the file: what is left of it is unused."""
        left = self._base + self.size - self.filled
        if left >= END_FILE_MIN_BLANK:
            self._put(self.filled, blank_of(left))
        self.filled = self._base + self.size

    def close(self) -> None:
        """Sync and close the file; does nothing when none is open."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _put(self, offset: int, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while len(view):
            written = os.pwrite(self._descriptor, view, offset - self._base)
            view, offset = view[written:], offset + written


def filler(offset: int, size: int, like: Neighbour) -> bytes:
    """A record of `size` bytes (at least SMALLEST_RECORD) that brokers pass over."""
    host = like.host or _NO_HOST
    name = FILLER_TOPIC if size > SMALLEST_RECORD else b""
    body = bytes(size - SMALLEST_RECORD - len(name))
    crc = zlib.crc32(body) & 0x7FFFFFFF
    head = HEAD_V4.pack(
        size, MAGIC_V1, crc, 0, 0, 0, offset, TRANSACTION_ROLLBACK_TYPE, like.time, host, like.time, host, 0, 0,
        len(body),
    )  # fmt: skip
    return head + body + TOPIC_LENGTH_V1.pack(len(name)) + name + PROPERTIES_LENGTH.pack(0)
