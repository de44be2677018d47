"""The file that keeps a doubt about a step of the clock over a restart: `config/clockDoubt.json`.

It is there only while there is a doubt, and Apache's broker passes over it. What follows from a doubt: `file_ages.py`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from rocketmq_ops.common.files import replace_file
from rocketmq_ops.store.files.filesystem import FileSystem

log = logging.getLogger(__name__)


class Doubt(NamedTuple):
    """By how many ms the clock was set, and how long that is not believed."""

    step_ms: int
    left_ms: int


class _Kept(msgspec.Struct, rename="camel"):
    """The file's content, in ms: the step; what the clock showed when it was noticed; and when the doubt ends, by the
    time that the clock would show without the step.
    """

    step: int
    noticed: int
    until: int


class ClockDoubtFile:
    """The file at `path`; `clock` gives ms since the epoch."""

    def __init__(self, path: str, fs: FileSystem, clock: Callable[[], int]) -> None:
        self._path = path
        self._fs = fs
        self._clock = clock

    def load(self, tolerance_ms: int) -> Doubt | None:
        """What is still in doubt. Nothing is where the clock was set back since it was set forward, by more than
        `tolerance_ms`: it was set right.
        """
        try:
            kept = msgspec.json.decode(self._fs.read_bytes(self._path), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read: the clock is believed for the age of files (%s)", self._path, error)
            return None
        now = self._clock()
        left = kept.until - (now - kept.step)
        set_right = kept.step > 0 and now < kept.noticed - tolerance_ms
        if set_right or left <= 0:
            self.remove()
            return None
        return Doubt(kept.step, left)

    def save(self, doubt: Doubt) -> None:
        """Keep a doubt that has just begun or changed."""
        now = self._clock()
        kept = _Kept(step=doubt.step_ms, noticed=now, until=now - doubt.step_ms + doubt.left_ms)
        try:
            self._fs.make_dirs(self._path.rpartition("/")[0])
            replace_file(self._path, msgspec.json.encode(kept))
        except OSError as error:
            log.warning("a restart within a day will believe the clock for the age of files: %s", error)

    def remove(self) -> None:
        """There is no doubt any more."""
        with contextlib.suppress(OSError):
            self._fs.remove(self._path)
