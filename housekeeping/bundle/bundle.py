"""What a bundle holds, and its file: one JSON document, readable by its owner alone."""

from __future__ import annotations

import os
from typing import Final

import msgspec

from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError, system_words
from rocketmq_ops.housekeeping.doctor.facts import Facts, Later

FORMAT: Final = "rocketmq-ops bundle"
#: Raised when a reader of the old form would misread a new file.
VERSION: Final = 1


class BundleError(RocketMQError):
    """A bundle that cannot be written or read."""


class NoBundleError(BundleError, NoSuchPathError):
    """The file or folder that was named is not there."""


class LogTail(msgspec.Struct, frozen=True):
    """The last lines of a log file; `cut` where it has more."""

    path: str
    lines: list[str]
    cut: bool


class LeftOut(msgspec.Struct, frozen=True):
    """A file of the log folder that is not in it, and why; `failed` where it should be."""

    path: str
    why: str
    failed: bool


class Bundle(msgspec.Struct, kw_only=True):
    """`removed` lists what was taken out: where, and which key; `left_out` files that were not taken in.

    `history`: the last runs of the prober, as `history/slice.py` has them; None where it has not run.
    """

    format: str = FORMAT
    version: int = VERSION
    made_by: str
    facts: Facts
    later: Later | None = None
    history: bytes | None = None
    logs: list[LogTail] = []
    removed: list[str] = []
    left_out: list[LeftOut] = []


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def write_bundle(path: str, bundle: Bundle) -> int:
    """Write a new file and return its length in bytes. Raises BundleError where there is one already."""
    data = msgspec.json.encode(bundle)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BundleError(f"{path} exists already", "give the name of a new file") from None
    except OSError as error:
        raise BundleError(
            f"cannot write {path}: {system_words(error)}", "check the folder and its permissions"
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        os.unlink(path)
        raise BundleError(f"cannot write {path}: {system_words(error)}", "make room, or write it elsewhere") from None
    return len(data)


def read_bundle(path: str) -> Bundle:
    """Read a bundle. Raises BundleError for a file that is none, or of a newer form."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise NoBundleError(f"no such file: {path}", "give a file that `mqadmin bundle` wrote") from None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {system_words(error)}", "check the path and its permissions") from None
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        head = _Head()
    if head.format != FORMAT:
        raise BundleError(f"{path} is not a bundle", "give a file that `mqadmin bundle` wrote")
    if head.version > VERSION:
        raise BundleError(f"{path} is a bundle of form {head.version}, this reads {VERSION}", "use a newer version")
    try:
        return msgspec.json.decode(data, type=Bundle)
    except msgspec.DecodeError as error:
        raise BundleError(f"{path} is a damaged bundle: {error}", "make it anew") from None
