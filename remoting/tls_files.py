"""Files of certificates, and whether they were replaced since they were read."""

from __future__ import annotations

import os
from collections.abc import Iterable


class TlsFiles:
    """Files as they are now; made before they are read, so that no change is missed."""

    def __init__(self, paths: Iterable[str | None]) -> None:
        self._paths = [path for path in paths if path]
        self._seen = self._stamps()

    def __str__(self) -> str:
        return ", ".join(self._paths)

    def changed(self) -> bool:
        """Whether one is another since the last call; not while one is missing, which is about to be replaced."""
        stamps = self._stamps()
        if stamps == self._seen or None in stamps:
            return False
        self._seen = stamps
        return True

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What tells a file from the one that was there before."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
