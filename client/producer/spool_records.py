"""The records of a send spool's file: a message, with room for a note of what became of it. No I/O.

    RECORD, NOTE_BYTES for the note, and the payload.

A note (NOTE, then JSON) is written over the room that its record has had from the start, so that it needs no place on
a full disk. Every part has a CRC, the note one of all its room.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Final

import msgspec

from rocketmq_ops.common.layout import FieldType, Layout

FILE: Final = Layout(FieldType("magic", "4s"), FieldType("next_number", "Q"), FieldType("crc", "I"))
RECORD: Final = Layout(
    FieldType("magic", "4s"),
    FieldType("number", "Q"),
    FieldType("payload_size", "I"),
    FieldType("payload_crc", "I"),
    FieldType("crc", "I"),
)
NOTE: Final = Layout(FieldType("crc", "I"), FieldType("size", "H"))
NOTE_BYTES: Final = 512
FILE_MAGIC, RECORD_MAGIC = b"RSPF", b"RSPR"
#: Bytes of a record before its payload.
HEAD: Final = RECORD.size + NOTE_BYTES


class SpoolState(StrEnum):
    """What became of a message of a spool."""

    WAITING = "WAITING"
    SENT = "SENT"
    #: A broker refused it, and would again.
    REFUSED = "REFUSED"
    #: Its bytes are not those that were kept: it cannot be sent.
    DAMAGED = "DAMAGED"


class SpoolOutcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of a message. `tries` are those that are noted, `settled_ms` is since the epoch.

    `maybe_twice`: a try before the last one ended without an answer, so that its message may be stored as well, under
    the same unique id. Where it was stored is known of one that is SENT.
    """

    state: SpoolState = SpoolState.WAITING
    tries: int = 0
    maybe_twice: bool = False
    settled_ms: int = 0
    broker_name: str = ""
    queue_id: int = -1
    queue_offset: int = -1
    offset_msg_id: str = ""
    status: str = ""
    reason: str = ""


class Note(SpoolOutcome, kw_only=True, omit_defaults=True):
    """What is noted of a message in the file."""

    #: A try is under way, or ended without an answer.
    open_try: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing more will be done about it."""
        return self.state is not SpoolState.WAITING


class Record(msgspec.Struct, eq=False):
    """A record of the file: where it begins, and its note.

    `number` is 0 where it cannot be read any more, `at` -1 when it is not in the file any more.
    """

    number: int
    at: int
    payload_size: int
    payload_crc: int
    note: Note

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.at + HEAD + self.payload_size


def reason_of(error: Exception) -> str:
    """An error as a note has it, for which there is room."""
    return str(error)[:150]


def head_bytes(record: Record) -> bytes:
    """RECORD of a record."""
    head = RECORD.struct.pack(RECORD_MAGIC, record.number, record.payload_size, record.payload_crc, 0)
    head = head[: RECORD.at["crc"]]
    return head + zlib.crc32(head).to_bytes(4)


def note_bytes(note: Note) -> bytes:
    """All of the room of a note."""
    text = msgspec.json.encode(note)
    if len(text) > NOTE_BYTES - NOTE.size:
        text = msgspec.json.encode(msgspec.structs.replace(note, reason=note.reason[:40]))
    room = bytearray(NOTE_BYTES)
    NOTE.struct.pack_into(room, 0, 0, len(text))
    room[NOTE.size : NOTE.size + len(text)] = text
    room[: NOTE.at["size"]] = zlib.crc32(room[NOTE.at["size"] :]).to_bytes(4)
    return bytes(room)


def record_at(data: bytes, at: int) -> Record | None:
    """The record that begins here, if its head is whole."""
    if len(data) - at < HEAD:
        return None
    magic, number, size, payload_crc, crc = RECORD.struct.unpack_from(data, at)
    if magic != RECORD_MAGIC or crc != zlib.crc32(data[at : at + RECORD.at["crc"]]):
        return None
    record = Record(number, at, size, payload_crc, _note_at(data, at + RECORD.size))
    if record.end <= len(data) and zlib.crc32(data[at + HEAD : record.end]) != payload_crc and not record.note.settled:
        record.note.state, record.note.reason = SpoolState.DAMAGED, "the message is not what was kept: its CRC is wrong"
    return record


def _note_at(data: bytes, at: int) -> Note:
    room = data[at : at + NOTE_BYTES]
    crc, size = NOTE.struct.unpack_from(room)
    if zlib.crc32(room[NOTE.at["size"] :]) == crc:
        return msgspec.json.decode(room[NOTE.size : NOTE.size + size], type=Note)
    # It was being written, or is damaged: it may have been sent.
    return Note(tries=1, open_try=True, reason="its note was not whole")
