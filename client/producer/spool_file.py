"""The file of a send spool: messages in the order in which they were kept, behind a head with the next one's number.

What a process that was killed has written of its last record is no record, and is cut off: nobody was told that it is
kept. The bytes of records are in `spool_records`; nothing here is asynchronous.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import zlib
from pathlib import Path
from typing import Final

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.producer.spool_records import (
    FILE,
    FILE_MAGIC,
    HEAD,
    RECORD,
    RECORD_MAGIC,
    Note,
    Record,
    SpoolState,
    head_bytes,
    note_bytes,
    record_at,
)
from rocketmq_ops.common.errors import CorruptDataError, system_words

log = logging.getLogger(__name__)

NAME: Final = "messages.spool"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class SpoolFullError(ClientError):
    """A message was not kept: the spool, or its disk, has no room for it."""


class SpoolFile:
    """The file in a folder of its own, which one process has at a time; at most `max_bytes` large."""

    def __init__(self, folder: str | Path, max_bytes: int) -> None:
        self.path = Path(folder) / NAME
        self.max_bytes = max_bytes
        self.records: list[Record] = []
        self._folder_fd = self._fd = -1
        #: Whether its name is not known to be on the disk: after a power cut it may be that of the file before.
        self._renamed = False
        self._size = 0
        self._next_number = 1

    # --- life -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Make the folder and the file, or read what is there.

        Raises ClientError for a folder that cannot be used, or that another process uses, CorruptDataError for a file
        that is no spool.
        """
        self.records = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._folder_fd = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._folder_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self.path.exists():
                self._replace([])
            else:
                self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
                self._read()
        except BlockingIOError:
            self.close()
            raise ClientError(
                f"the spool {self.path.parent} is used by another process", "give each process a folder of its own"
            ) from None
        except OSError as error:
            self.close()
            raise ClientError(
                f"{self.path.parent} cannot be used as a spool: {system_words(error)}", "name another folder"
            ) from error
        except CorruptDataError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        for fd in (self._fd, self._folder_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._folder_fd = -1

    # --- messages -------------------------------------------------------------------------------------------------

    def append(self, payload: bytes, note: Note) -> Record:
        """Keep a payload: when this returns it is on the disk. Raises SpoolFullError, ClientError; then it is not."""
        record = Record(self._next_number, 0, len(payload), zlib.crc32(payload), note)
        data = head_bytes(record) + note_bytes(note) + payload
        self._make_room(len(data))
        record.at = self._size
        try:
            self._sync_name()
            _write_all(self._fd, data, self._size)
            os.fdatasync(self._fd)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise self._not_kept(error) from error
        self._size = record.end
        self._next_number += 1
        self.records.append(record)
        return record

    def payload(self, record: Record) -> bytes:
        """The payload of a record. Raises CorruptDataError when it is not what was kept."""
        payload = os.pread(self._fd, record.payload_size, record.at + HEAD)
        if len(payload) < record.payload_size or zlib.crc32(payload) != record.payload_crc:
            raise CorruptDataError(
                f"message {record.number} of {self.path} at byte {record.at} is not what was kept: its CRC is wrong",
                "check the disk; the message cannot be sent from here",
            )
        return payload

    def note(self, records: list[Record], *, durable: bool) -> None:
        """Write the notes of records in their places; `durable` waits for the disk. Raises OSError."""
        for record in records:
            if record.at < 0:  # sent, and gone since
                continue
            os.pwrite(self._fd, note_bytes(record.note), record.at + RECORD.size)
        if durable:
            os.fdatasync(self._fd)

    def forget(self) -> int:
        """Take out what is settled, and give its room back: how many there were. Raises ClientError."""
        kept = [record for record in self.records if not record.note.settled]
        gone = len(self.records) - len(kept)
        try:
            self._replace(kept)
        except OSError as error:
            raise self._not_kept(error) from error
        return gone

    # --- room -----------------------------------------------------------------------------------------------------

    def _make_room(self, need: int) -> None:
        if self._size + need <= self.max_bytes:
            return
        sent = sum(record.end - record.at for record in self.records if record.note.state is SpoolState.SENT)
        # What is sent goes when there is much of it: else each message would write the whole file anew.
        if self._size - sent + need > self.max_bytes or sent < min(self.max_bytes // 8, self._size - FILE.size):
            raise SpoolFullError(
                f"the spool {self.path.parent} has no room for {need} bytes: it has {self._size} of {self.max_bytes}",
                "the message is not kept: send it again later, or make max_bytes larger",
            )
        try:
            self._replace([record for record in self.records if record.note.state is not SpoolState.SENT])
        except OSError as error:
            raise self._not_kept(error) from error

    def _not_kept(self, error: OSError) -> ClientError:
        kind = SpoolFullError if error.errno in _NO_ROOM else ClientError
        return kind(
            f"{self.path} cannot be written: {system_words(error)}",
            "the message is not kept: make room on the disk, then send it again",
        )

    def _replace(self, kept: list[Record]) -> None:
        """A new file with these records alone, in one step."""
        new = self.path.with_suffix(".new")
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        places: list[int] = []
        try:
            head = FILE.struct.pack(FILE_MAGIC, self._next_number, 0)[: FILE.at["crc"]]
            size = _write_all(fd, head + zlib.crc32(head).to_bytes(4), 0)
            for record in kept:
                places.append(size)
                size += _write_all(fd, os.pread(self._fd, record.end - record.at, record.at), size)
            os.fsync(fd)
            os.rename(new, self.path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size = fd, size
        for record in self.records:
            record.at = -1
        for record, place in zip(kept, places, strict=True):
            record.at = place
        self.records = kept
        self._renamed = True
        self._sync_name()

    def _sync_name(self) -> None:
        """Have the file's name on the disk. Raises OSError; it is tried again then, before a message is kept."""
        if self._renamed:
            os.fsync(self._folder_fd)
            self._renamed = False

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        data = self.path.read_bytes()
        magic, next_number, crc = FILE.struct.unpack_from(data.ljust(FILE.size, b"\0"))
        if magic != FILE_MAGIC and RECORD_MAGIC not in data:
            raise CorruptDataError(f"{self.path} is no send spool", "name another folder")
        if crc != zlib.crc32(data[: FILE.at["crc"]]):
            log.error("the first bytes of %s are damaged; its messages are read all the same", self.path)
            next_number = 1
        at = FILE.size
        while at < len(data):
            record = record_at(data, at)
            if record is None and len(data) - at >= HEAD:
                record = self._damaged_from(data, at)
            if record is None or record.end > len(data):
                log.warning("%s ends within a message that nobody was told is kept: it is cut off", self.path)
                os.ftruncate(self._fd, at)
                break
            self.records.append(record)
            at = record.end
        self._size = at
        self._next_number = max([next_number, *(record.number + 1 for record in self.records)])

    def _damaged_from(self, data: bytes, at: int) -> Record:
        following = data.find(RECORD_MAGIC, at + 1)
        while following >= 0 and record_at(data, following) is None:
            following = data.find(RECORD_MAGIC, following + 1)
        end = following if following >= 0 else len(data)
        log.error("bytes %d to %d of %s are damaged: what was kept there cannot be sent", at, end - 1, self.path)
        note = Note(state=SpoolState.DAMAGED, reason=f"bytes {at} to {end - 1} are damaged")
        return Record(0, at, end - at - HEAD, 0, note)


def _write_all(fd: int, data: bytes, at: int) -> int:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, at)
        view, at = view[written:], at + written
    return len(data)
