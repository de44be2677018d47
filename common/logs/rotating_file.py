"""One log file that is rotated by its size, as logback's FixedWindowRollingPolicy does.

`broker.log` becomes `otherdays/broker.1.log.gz`, the one before it `broker.2.log.gz`, and so on. Used by one thread.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from pathlib import Path
from typing import IO

OTHER_DAYS = "otherdays"


class RotatingFile:
    """All but `close` raise OSError, and the next `write` opens the file again."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        """Rotate beyond `max_bytes`, and keep so many rotated ones."""
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: IO[bytes] | None = None
        self._size = 0

    def write(self, line: str) -> None:
        """Append a line; it is in the file after `flush`."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if self._file is not None and self._size + len(data) > self._max_bytes and self._size:
            self._rotate()
        try:
            self.open().write(data)
        except OSError:
            self.close()
            raise
        self._size += len(data)

    def open(self) -> IO[bytes]:
        """The file, opened if it is not, and made with its folder."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab")  # noqa: SIM115
            self._size = self._file.tell()
        return self._file

    def flush(self) -> None:
        """Hand what was written to the system; a file that somebody moved away is begun anew."""
        if self._file is None:
            return
        try:
            self._file.flush()
            moved = not self._is_at_its_path(self._file)
        except OSError:
            self.close()
            raise
        if moved:
            self.close()

    def _is_at_its_path(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close the file; what cannot be written any more is given up."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _rotate(self) -> None:
        self.flush()
        self.close()
        folder = self.path.parent / OTHER_DAYS
        if not self._keep:
            self.path.unlink(missing_ok=True)
            return
        folder.mkdir(exist_ok=True)
        for index in range(self._keep, 0, -1):
            for suffix in (".log.gz", ".log"):
                source = self._rotated(folder, index, suffix)
                if index == self._keep:
                    source.unlink(missing_ok=True)
                elif source.exists():
                    source.replace(self._rotated(folder, index + 1, suffix))
        plain = self._rotated(folder, 1, ".log")
        if not self.path.exists():
            return
        self.path.replace(plain)
        packed, unfinished = self._rotated(folder, 1, ".log.gz"), self._rotated(folder, 1, ".log.gz.tmp")
        try:
            with open(plain, "rb") as source_file, gzip.open(unfinished, "wb", 6) as target:
                shutil.copyfileobj(source_file, target, 1 << 20)
            unfinished.replace(packed)
            plain.unlink()
        except OSError:  # for want of space it stays as it is
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _rotated(self, folder: Path, index: int, suffix: str) -> Path:
        return folder / f"{self.path.stem}.{index}{suffix}"
