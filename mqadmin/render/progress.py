"""A progress bar on stderr for commands that read a whole store; nothing is shown where stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(label: str, start: int, end: int) -> Iterator[Callable[[int], None] | None]:
    """A callback that takes the position reached between `start` and `end` (bytes), or None where nothing is shown."""
    if not sys.stderr.isatty() or end <= start:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn(label), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as shown:
        task = shown.add_task(label, total=end - start)
        yield lambda position: shown.update(task, completed=position - start)


@contextmanager
def count_shown(label: str, total: int | None) -> Iterator[Callable[[int], None] | None]:
    """A callback that takes how many of `total` (None where that is not known) are done, or None as `progress_bar`."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as shown:
        task = shown.add_task(label, total=total)
        yield lambda done: shown.update(task, completed=done)
