"""The last lines of log files."""

from __future__ import annotations

import os
import stat
from typing import Final

from rocketmq_ops.common.errors import system_words
from rocketmq_ops.housekeeping.bundle.bundle import BundleError, LeftOut, LogTail, NoBundleError

#: Of each file: bytes that are read, and lines that are kept.
MOST_BYTES: Final = 256 << 10
MOST_LINES: Final = 500


def tails(folder: str) -> tuple[list[LogTail], list[LeftOut]]:
    """The ends of a folder's `*.log` files, by name, and what was left out and why. Raises BundleError of the folder.

    Links in it are not followed: they may lead to any file of this machine.
    """
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise NoBundleError(
            f"no such folder: {folder}", "give the folder that holds broker.log or namesrv.log"
        ) from None
    except OSError as error:
        raise BundleError(f"cannot read {folder}: {system_words(error)}", "check its permissions") from None
    found, left_out = [], []
    try:
        for name in sorted(os.listdir(place)):
            if not name.endswith(".log"):
                continue
            path = os.path.join(folder, name)
            try:
                said = _tail(place, name, path)
            except OSError as error:
                said = LeftOut(path, system_words(error), True)
            if isinstance(said, LogTail):
                found.append(said)
            else:
                left_out.append(said)
    finally:
        os.close(place)
    return found, left_out


def _tail(place: int, name: str, path: str) -> LogTail | LeftOut:
    kind = os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
    if not stat.S_ISREG(kind):
        return LeftOut(path, "it is a symbolic link" if stat.S_ISLNK(kind) else "it is not a file", False)
    # Should it be another by now: a link is not followed, and a pipe is not waited for.
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    with os.fdopen(opened, "rb") as file:
        size = file.seek(0, 2)
        begin = max(size - MOST_BYTES, 0)
        file.seek(begin)
        lines = file.read(MOST_BYTES).decode("utf-8", "replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    kept = lines[1:] if begin else lines  # the first may have been cut
    return LogTail(path, kept[-MOST_LINES:], begin > 0 or len(kept) > MOST_LINES)
