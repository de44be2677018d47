"""The last lines of log files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rocketmq_ops.housekeeping.bundle.bundle import BundleError, LogTail

#: Of each file: bytes that are read, and lines that are kept.
MOST_BYTES: Final = 256 << 10
MOST_LINES: Final = 500


def tails(folder: str) -> list[LogTail]:
    """The ends of a folder's `*.log` files, by name. Raises BundleError where it cannot be read."""
    place = Path(folder)
    if not place.is_dir():
        raise BundleError(f"no such folder: {folder}", "give the folder that holds broker.log or namesrv.log")
    try:
        return [_tail(path) for path in sorted(place.glob("*.log")) if path.is_file()]
    except OSError as error:
        raise BundleError(f"cannot read {error.filename}: {error.strerror}", "check its permissions") from None


def _tail(path: Path) -> LogTail:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        begin = max(size - MOST_BYTES, 0)
        file.seek(begin)
        lines = file.read(MOST_BYTES).decode("utf-8", "replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    kept = lines[1:] if begin else lines  # the first may have been cut
    return LogTail(str(path), kept[-MOST_LINES:], begin > 0 or len(kept) > MOST_LINES)
