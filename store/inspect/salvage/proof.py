"""The proof of a salvage: one JSON object a line, what was kept, changed and dropped, so that `verify` can replay it.

The lines `kept`, `changed` and `dropped` cover the damaged log from its first offset to its last record without a gap,
in order, but for the blanks that end files. The last line holds the digest of all lines before it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from rocketmq_ops.common.errors import CorruptDataError, RocketMQError

PROOF_NAME: Final = "salvage-proof.jsonl"
VERSION: Final = 2

Value = int | str


class Header(msgspec.Struct, tag="salvage", tag_field="type", rename="camel", kw_only=True):
    """The first line: which store, its commitlog file size in bytes and the offset at which its log begins."""

    source: str
    file_size: int
    min_offset: int
    version: int = VERSION


class Shift(msgspec.Struct, rename="camel", array_like=True):
    """The queue offsets of this queue's records are lower than they were by `by` (higher when it is negative)."""

    topic: str
    queue_id: int
    by: int


class Kept(msgspec.Struct, tag="kept", tag_field="type", rename="camel", kw_only=True, omit_defaults=True):
    """A run of neighbouring records, kept at their offset: byte for byte, or with the queue offsets of `shifts`
    lowered; then `sha256_before` is the digest of the run as it was in the damaged store."""

    offset: int
    size: int
    records: int
    sha256: str
    sha256_before: str | None = None
    shifts: list[Shift] = []


class Changed(msgspec.Struct, tag="changed", tag_field="type", rename="camel", kw_only=True, omit_defaults=True):
    """A record kept with other values: digests before and after, and of each field the old and the new value. Hosts,
    topics, bodies and properties stand there in hex. `why` names what showed the new values."""

    offset: int
    size: int
    sha256_before: str
    sha256: str
    fields: dict[str, tuple[Value, Value]]
    why: str = ""

    @classmethod
    def of(
        cls, offset: int, before: bytes, after: bytes, fields: Mapping[str, tuple[Value, Value]], why: str
    ) -> Changed:
        """The line for one record."""
        return cls(
            offset=offset,
            size=len(after),
            sha256_before=digest(before),
            sha256=digest(after),
            fields=dict(fields),
            why=why,
        )


class Dropped(msgspec.Struct, tag="dropped", tag_field="type", rename="camel", kw_only=True, omit_defaults=True):
    """Bytes that are not a record that can be proven whole, and why; the place that a record among them names, if it
    does."""

    offset: int
    size: int
    reason: str
    topic: str | None = None
    queue_id: int | None = None
    queue_offset: int | None = None


class Ignored(msgspec.Struct, tag="ignored", tag_field="type", rename="camel", kw_only=True):
    """A file, or its bytes from `position` on, that has no place in the log."""

    file: str
    position: int
    size: int
    reason: str


class Config(msgspec.Struct, tag="config", tag_field="type", rename="camel", kw_only=True):
    """A configuration file of the new store: what became of it, and its digest ("" when it was lost)."""

    name: str
    outcome: str
    sha256: str


class Doubtful(msgspec.Struct, tag="doubtful", tag_field="type", rename="camel", kw_only=True, omit_defaults=True):
    """Something that a check finds about what was kept. `remains`: a check of the new store still finds it."""

    finding: str
    message: str
    offset: int | None = None
    remains: bool = True


class Total(msgspec.Struct, tag="total", tag_field="type", rename="camel"):
    """The last line but one: records kept (of them changed in one field or more), ranges dropped and their bytes; and
    how often a check of the new store finds what, by id."""

    kept: int = 0
    changed: int = 0
    dropped: int = 0
    dropped_bytes: int = 0
    findings: dict[str, int] = {}


class End(msgspec.Struct, tag="end", tag_field="type", rename="camel"):
    """The last line: the SHA-256 of all bytes before it."""

    sha256: str


Line = Header | Kept | Changed | Dropped | Ignored | Config | Doubtful | Total | End
_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


class ProofWriter:
    """Writes a proof line by line. Raises OSError when it cannot."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._digest = hashlib.sha256()

    def __enter__(self) -> ProofWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._file.write(_encode(End(self._digest.hexdigest())) + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        else:
            with suppress(OSError):  # on a full disk closing fails as well; the first error is the one to report
                self._file.close()

    def add(self, line: Line) -> None:
        """Append one line."""
        data = _encode(line) + b"\n"
        self._digest.update(data)
        self._file.write(data)


def read_proof(path: Path) -> Iterator[Line]:
    """The lines of a proof without the last, whose digest is compared at the end.

    Raises RocketMQError when the file cannot be read, CorruptDataError where it is not what ProofWriter wrote.
    """
    seen = hashlib.sha256()
    ended = False
    again = "salvage again: the proof is damaged"
    try:
        with path.open("rb") as lines:
            for number, data in enumerate(lines, 1):
                try:
                    line = _decode(data)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise CorruptDataError(f"{path} line {number}: {error}", again) from None
                if ended or _encode(line) + b"\n" != data:
                    raise CorruptDataError(f"{path} line {number} differs from what a salvage writes", again)
                if isinstance(line, End):
                    if line.sha256 != seen.hexdigest():
                        raise CorruptDataError(
                            f"{path} differs from what the salvage wrote: the digest does not match", again
                        )
                    ended = True
                    continue
                seen.update(data)
                yield line
    except OSError as error:
        raise RocketMQError(
            f"cannot read {path}: {error.strerror or error}", "name the directory that `store salvage` made"
        ) from error
    if not ended:
        raise CorruptDataError(f"{path} has no last line: the salvage was not completed", again)
