"""Small files that must never be lost or half-written: atomic replacement with a `.bak`, loading with fallback.

Apache's ConfigManager and MixAll.string2File keep the same two files; here the replacement is a rename of a synced
temporary file, so that a crash leaves either the old content or the new, never 0 bytes.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from rocketmq_ops.common.errors import CorruptDataError, RocketMQError, system_words

log = logging.getLogger(__name__)

T = TypeVar("T")

_NOTHING = b"\0 \t\r\n"


def naming(error: OSError, path: str) -> OSError:
    """The same error with the path it is about: calls on a descriptor do not name any."""
    if error.errno is not None and error.filename is None:
        error.filename = path
    return error


class SmallFiles(Protocol):
    """The few file operations that configuration files need; tests give one that fails."""

    def read(self, path: str) -> bytes:
        """The whole content. Raises FileNotFoundError or OSError."""

    def write_synced(self, path: str, data: bytes) -> None:
        """Create or truncate, write all, and sync to the disk."""

    def replace(self, source: str, target: str) -> None:
        """Rename over the target, and sync the directory."""

    def rename(self, source: str, target: str) -> None:
        """Rename over the target; on the disk with the next `replace` in the directory at the latest."""

    def link(self, source: str, target: str) -> None:
        """Give a file a second name. Raises OSError where the file system has no such names."""

    def make_dirs(self, path: str) -> None:
        """Create a directory and its parents."""


class OsSmallFiles:
    """SmallFiles on the real file system; new files have the permissions `mode`."""

    def __init__(self, mode: int = 0o644) -> None:
        self._mode = mode

    def read(self, path: str) -> bytes:
        """Read the whole file."""
        return Path(path).read_bytes()

    def write_synced(self, path: str, data: bytes) -> None:
        """Write and fsync."""
        if self._mode != 0o644:  # what is there may be open to others
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, self._mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: str, target: str) -> None:
        """os.replace, then fsync of the directory so that the rename survives a power cut."""
        os.replace(source, target)
        directory = os.open(os.path.dirname(target) or ".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def rename(self, source: str, target: str) -> None:
        """os.replace."""
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        """os.link, replacing a name that was left over."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        os.link(source, target)

    def make_dirs(self, path: str) -> None:
        """os.makedirs, accepting what exists."""
        os.makedirs(path, exist_ok=True)


OS_FILES = OsSmallFiles()
#: For files that hold secrets.
PRIVATE_FILES = OsSmallFiles(0o600)


def replace_file(path: str, data: bytes, files: SmallFiles = OS_FILES) -> None:
    """All of `data` at `path`, or what was there before and nothing beside it. Raises OSError."""
    temporary = f"{path}.{os.getpid()}"
    try:
        files.write_synced(temporary, data)
        files.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def save_with_backup(path: str, data: bytes, files: SmallFiles = OS_FILES) -> None:
    """Replace `path` by `data`; what it held becomes `path + '.bak'`. Does nothing when the content is the same.

    Raises RocketMQError naming the file when it cannot be written; the old content then still stands.
    """
    try:
        files.make_dirs(os.path.dirname(path) or ".")
        try:
            previous = files.read(path)
        except FileNotFoundError:
            previous = b""
        if previous == data:
            return
        files.write_synced(path + ".tmp", data)
        if previous.strip(_NOTHING):  # of a file that a crash has emptied the `.bak` is the better one
            _keep(path, previous, files)
        files.replace(path + ".tmp", path)
    except OSError as error:
        for left in (path + ".tmp", path + ".bak.tmp"):
            with contextlib.suppress(OSError):
                os.unlink(left)
        raise RocketMQError(
            f"cannot save {path}: {system_words(error)}", "check free space and permissions of its directory"
        ) from error


def _keep(path: str, previous: bytes, files: SmallFiles) -> None:
    """Make what `path` holds its `.bak`: under a second name where that is possible, for it is on the disk already."""
    try:
        files.link(path, path + ".bak.tmp")
    except OSError:
        files.write_synced(path + ".bak.tmp", previous)
    files.rename(path + ".bak.tmp", path + ".bak")


def load_with_backup(path: str, parse: Callable[[bytes], T], files: SmallFiles = OS_FILES) -> T | None:
    """`parse` of the file, or of its `.bak` when it is missing, empty or broken; None when there is neither.

    Using the `.bak`, and a file without content, is logged. Raises CorruptDataError when there is content but none
    that `parse` takes, so that nothing is silently reset.
    """
    failures: list[str] = []
    empty = 0
    for candidate in (path, path + ".bak"):
        try:
            data = files.read(candidate)
        except FileNotFoundError:
            failures.append(f"{candidate} is missing")
            empty += 1
            continue
        except OSError as error:
            failures.append(f"{candidate}: {error.strerror or error}")
            continue
        if not data.strip(_NOTHING):
            failures.append(f"{candidate} is empty" if not data else f"{candidate} holds {len(data)} empty bytes")
            empty += 1
            continue
        try:
            value = parse(data)
        except (RocketMQError, ValueError, TypeError, KeyError) as error:
            failures.append(f"{candidate}: {error}")
            continue
        if failures:
            log.warning("%s: what was saved before is used, %s", failures[0], candidate)
        return value
    if empty < len(failures):
        raise CorruptDataError(
            f"no usable configuration: {'; '.join(failures)}", "repair the file, or move it away to start without it"
        )
    if not all(failure.endswith(" is missing") for failure in failures):
        log.error("%s: what was saved is lost; put the file back from a backup", "; ".join(failures))
    return None
