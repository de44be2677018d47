"""The journal's file: lines of JSON, each with the hash of the line before it; appended under a lock, never rewritten.

A line is an object whose last members are `previous`, the SHA-256 of the line before it as it stands in the file
("" for the first), and `hash`, the SHA-256 of the line up to it. So a line that was changed, taken out or put in shows
in itself or in the next. That lines were cut off at the end shows only against a hash that was kept elsewhere, and
who rewrites all hashes is not found out: they have no key.

A numbered line has an `id` too: the next after that of the last numbered line.

What a crash left of a line is closed with a line feed by the next writer, and stays: it is named by `verify`, and the
chain goes on over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.common.errors import Failure, RocketMQError, system_words
from rocketmq_ops.common.files import naming
from rocketmq_ops.common.state_folder import state_folder

NAME = "journal.jsonl"
_HASH_LENGTH = 64
_BLOCK = 65536


class JournalError(RocketMQError):
    """The journal cannot be read or written."""


class Line(msgspec.Struct, frozen=True):
    """One line of the file: its number from 1, its bytes without the line feed, and what they say; None: no JSON."""

    number: int
    raw: bytes
    content: dict[str, Any] | None


class Verdict(msgspec.Struct, rename="camel"):
    """What verifying found. `torn` are lines that a crash cut short, `broken` those that are not as they were written.

    `last_hash` is the SHA-256 of the last line: kept elsewhere, it shows later whether lines were cut off since.
    """

    path: str
    lines: int
    last_hash: str
    torn: list[int] = []
    broken: list[Failure] = []


class JournalFile:
    """The file in `folder` (of this user by default)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = state_folder() if folder is None else folder
        self.path = self.folder / NAME

    def append(self, content: dict[str, Any], *, numbered: bool = False) -> int:
        """Append a line and sync it to the disk; its number, of a `numbered` one its id. Raises JournalError.

        Processes that append at the same time wait for each other.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                with _locked(descriptor):
                    return self._append(descriptor, content, numbered)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _failed("cannot write the journal", naming(error, str(self.path))) from error

    def _append(self, descriptor: int, content: dict[str, Any], numbered: bool) -> int:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        size = os.fstat(descriptor).st_size
        last, whole = next(_lines_from_the_end(descriptor, size), (None, True))
        place = {"line": 1 if last is None else self._number_after(last, whole)}
        if numbered:
            place["id"] = _id_after(descriptor, size)
        previous = "" if last is None else _sha256(last)
        data = _encoded({**place, **content}, previous)
        try:
            _write_all(descriptor, (b"" if whole else b"\n") + data + b"\n")
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)  # of a line that is not whole nothing stays, where that can be
            raise
        return place["id" if numbered else "line"]

    def _number_after(self, last: bytes, whole: bool) -> int:
        content = _decoded(last) if whole else None
        if content is not None and isinstance(content.get("line"), int):
            return int(content["line"]) + 1
        return sum(1 for _ in self._raw_lines()) + 1

    def state(self) -> tuple[int, int, int] | None:
        """Another one when something was appended, or when it is another file; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def lines(self) -> Iterator[Line]:
        """All lines, none when there is no file yet. Raises JournalError when it cannot be read."""
        for number, raw in enumerate(self._raw_lines(), 1):
            yield Line(number, raw, _decoded(raw))

    def _raw_lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                for raw in file:
                    yield raw.removesuffix(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed("cannot read the journal", error) from error

    def verify(self) -> Verdict:
        """Look whether every line is as it was written, behind the line that it was written after."""
        verdict = Verdict(str(self.path), 0, "")
        for line in self.lines():
            verdict.lines = line.number
            problem = None
            if line.content is None:
                verdict.torn.append(line.number)
            elif not _own_hash_holds(line.raw):
                problem = "its content does not have the hash that it was written with: the line was changed"
            elif line.content.get("previous") != verdict.last_hash:
                problem = "the line before it is not the one that it was written after"
            if problem is not None:
                verdict.broken.append(
                    Failure(f"line {line.number}", problem, "compare the file with a copy of it that you trust")
                )
            verdict.last_hash = _sha256(line.raw)
        return verdict


def _failed(what: str, error: OSError) -> JournalError:
    reason = system_words(error)
    return JournalError(f"{what}: {error.filename}: {reason}", "free space there, or set XDG_STATE_HOME to a folder")


def _encoded(content: dict[str, Any], previous: str) -> bytes:
    data = msgspec.json.encode({**content, "previous": previous})
    return data[:-1] + b',"hash":"' + _sha256(data).encode() + b'"}'


def _own_hash_holds(raw: bytes) -> bool:
    content, mark, rest = raw.rpartition(b',"hash":"')
    return bool(mark) and rest[_HASH_LENGTH:] == b'"}' and _sha256(content + b"}").encode() == rest[:_HASH_LENGTH]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        content = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    return content if isinstance(content, dict) else None


def _lines_from_the_end(descriptor: int, size: int) -> Iterator[tuple[bytes, bool]]:
    """The lines, the last first, without their line feeds, and whether each has one."""
    tail = b""
    position = size
    while True:
        body = tail.removesuffix(b"\n")
        begin = body.rfind(b"\n") + 1
        if begin == 0 and position > 0:
            length = min(position, _BLOCK)
            position -= length
            tail = os.pread(descriptor, length, position) + tail
            continue
        if tail:
            yield body[begin:], tail.endswith(b"\n")
        if begin == 0:
            return
        tail = tail[:begin]


def _id_after(descriptor: int, size: int) -> int:
    for raw, _ in _lines_from_the_end(descriptor, size):
        found = id_of(_decoded(raw) or {})
        if found is not None:
            return found + 1
    return 1


def id_of(content: dict[str, Any]) -> int | None:
    """The id of a numbered line. One without is of the first journals, in which a change had the number of its line."""
    found = content.get("id", content.get("line") if content.get("entry") == "change" else None)
    return found if isinstance(found, int) else None


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """The file for this process alone; the system lets go of it when the process ends."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
