"""The proof of a salvage: one JSON object a line, what was kept, changed and dropped, so that `verify` can replay it.

The lines cover the source log from its first offset to its last record without a gap, in order.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ...common.errors import CorruptDataError, RocketMQError

PROOF_NAME: Final = "salvage-proof.jsonl"
VERSION: Final = 1


class Header(msgspec.Struct, tag="salvage", tag_field="type", rename="camel", kw_only=True):
    """The first line: which store, its commitlog file size in bytes and the offset at which it begins."""

    source: str
    file_size: int
    min_offset: int
    version: int = VERSION


class Kept(msgspec.Struct, tag="kept", tag_field="type", rename="camel", kw_only=True):
    """A run of neighbouring records, kept byte for byte at their offset."""

    offset: int
    size: int
    records: int
    sha256: str

    @classmethod
    def of(cls, offset: int, records: int, data: bytes) -> Kept:
        """The line for these bytes."""
        return cls(offset=offset, size=len(data), records=records, sha256=hashlib.sha256(data).hexdigest())


class Changed(msgspec.Struct, tag="changed", tag_field="type", rename="camel", kw_only=True):
    """A record kept with another queue id or queue offset: digests before and after, and the values."""

    offset: int
    size: int
    sha256_before: str
    sha256: str
    queue_id: list[int]
    queue_offset: list[int]

    @classmethod
    def of(
        cls, offset: int, before: bytes, after: bytes, old_queue: int, new_queue: int, old_number: int, new_number: int
    ) -> Changed:
        """The line for one record."""
        return cls(
            offset=offset, size=len(after), sha256_before=hashlib.sha256(before).hexdigest(),
            sha256=hashlib.sha256(after).hexdigest(), queue_id=[old_queue, new_queue],
            queue_offset=[old_number, new_number],
        )  # fmt: skip


class Dropped(msgspec.Struct, tag="dropped", tag_field="type", rename="camel", kw_only=True, omit_defaults=True):
    """Bytes that are no record that can be proven whole, and why; what a record among them says of itself, if it can."""

    offset: int
    size: int
    reason: str
    topic: str | None = None
    queue_id: int | None = None
    queue_offset: int | None = None


class Total(msgspec.Struct, tag="total", tag_field="type", rename="camel"):
    """The last line: records kept (of them changed), ranges dropped and their bytes."""

    kept: int = 0
    changed: int = 0
    dropped: int = 0
    dropped_bytes: int = 0


Line = Header | Kept | Changed | Dropped | Total
_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


class ProofWriter:
    """Writes a proof line by line; neighbouring kept runs become one line only when the caller joins them."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")

    def __enter__(self) -> ProofWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def add(self, line: Line) -> None:
        """Append one line."""
        self._file.write(_encode(line) + b"\n")


def read_proof(path: Path) -> Iterator[Line]:
    """The lines of a proof. Raises RocketMQError when it cannot be read, CorruptDataError at a broken line."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield _decode(line)
                except msgspec.DecodeError as error:
                    raise CorruptDataError(
                        f"{path} line {number}: {error}", "salvage again: the proof is damaged"
                    ) from None
    except OSError as error:
        raise RocketMQError(
            f"cannot read {path}: {error.strerror or error}", "give the directory that salvage made"
        ) from error
