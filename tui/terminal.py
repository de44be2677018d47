"""What Textual's drivers read and write a terminal by, where their own end at the first thing that goes wrong."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from functools import partial
from typing import IO, Any, cast

from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread


def mended(driver: type[Driver]) -> type[Driver]:
    """The driver, whose module takes ours."""
    module = sys.modules[driver.__module__]
    for name, ours in (("getincrementaldecoder", lenient), ("WriterThread", Writer)):
        if hasattr(module, name):
            setattr(module, name, ours)
    return driver


def lenient(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """A decoder that puts a mark for what it cannot read: Textual's ends at the first byte that is not UTF-8, as a
    paste or a terminal of another encoding sends them."""
    return partial(codecs.getincrementaldecoder(encoding), "replace")


class Writer(WriterThread):
    """Textual's ends at the first thing that cannot be written, as where the terminal was closed. Once so many wait as
    it has room for, who writes waits for ever, which is the loop: not even a signal would end the program."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(cast("IO[str]", _WhileThere(file)))


class _WhileThere:
    """A file that takes what is written, and lets go of it once it cannot be."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._gone = False

    def write(self, text: str) -> None:
        if not self._gone:
            self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        if not self._gone:
            self._try(self._file.flush)

    def fileno(self) -> int:
        return int(self._file.fileno())

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except OSError:
            self._gone = True
