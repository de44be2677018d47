"""Progress on stderr of what takes long; nothing is shown where stderr is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rocketmq_ops.mqadmin.lang import tr

if TYPE_CHECKING:
    from rocketmq_ops.common.periodic import PeriodicJobs


@contextmanager
def progress_bar(label: str, start: int, end: int) -> Iterator[Callable[[int], None] | None]:
    """A callback that takes the position reached between `start` and `end` (bytes), or None where nothing is shown."""
    if not sys.stderr.isatty() or end <= start:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    label = tr(label)
    columns = (TextColumn(label), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as shown:
        task = shown.add_task(label, total=end - start)
        yield lambda position: shown.update(task, completed=position - start)


class AskedLine:
    """How many of the servers, topics or groups of a fan-out have answered (`fanout.Progress`).

    A line that stands on stderr from a second after its begin to its end, whether something answers meanwhile or not.
    """

    FIRST, AGAIN = 1.0, 0.2  # seconds

    def __init__(self, command: str) -> None:
        self._command = command
        self._jobs: PeriodicJobs | None = None
        self._begun = 0.0
        self._reached = (0, 0)
        self._shown = False

    def __call__(self, reached: tuple[int, int] | None) -> None:
        """Take how far it is; None is the end."""
        if reached is None:
            self._end()
            return
        self._reached = reached
        if self._jobs is None:
            from rocketmq_ops.common.periodic import PeriodicJobs

            self._begun = time.monotonic()
            self._jobs = PeriodicJobs()
            self._jobs.every("progress", lambda: 1_000 * (self.AGAIN if self._shown else self.FIRST), self._draw)

    def _draw(self) -> None:
        done, total = self._reached
        elapsed = int(time.monotonic() - self._begun)
        self._shown = True
        sys.stderr.write(f"\r\x1b[Kmqadmin {self._command}: {self._words(done, total, elapsed)}")
        sys.stderr.flush()

    def _words(self, done: int, total: int, elapsed: int) -> str:
        return tr(f"{done} of {total} asked, {elapsed} s")

    def _end(self) -> None:
        if self._jobs is not None:
            self._jobs.stop()
            self._jobs = None
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class ReadLine(AskedLine):
    """The same for messages that are read; how many there are is not known before."""

    def _words(self, done: int, total: int, elapsed: int) -> str:
        return tr(f"{done} messages read, {elapsed} s")
