"""A file that the session of a dashboard is copied into (`--record`): who may write it, and what it has and lacks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.addresses import places
from rocketmq_ops.common.errors import system_words
from rocketmq_ops.common.tasks import Pause
from rocketmq_ops.housekeeping.history.database import HistoryError, beside
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Run
from rocketmq_ops.housekeeping.probe.lock import NoLockError, RunningError, one_at_a_time

#: It is bounded, as all histories are.
_KEEP_MS: Final = 7 * 24 * 3_600_000
_MOST_BYTES: Final = 1 << 30
#: A copy of its file alone lacks no more than so much.
_LACKS_MS: Final = 60_000


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What the file has of this session, and what it lacks. Times are those of looks, ms since 1970."""

    path: Path
    #: Which file that is, under whatever name.
    file: tuple[int, int] | None = None
    #: How many looks are in it, and from when to when.
    looks: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    #: How many could not be written, and why the last of them could not.
    lost: int = 0
    cause: str = ""
    #: Since when none can be written; None while they can.
    failing_since: int | None = None

    def there(self) -> bool:
        """Whether the file is still where it was begun."""
        return self.file is None or _file_of(self.path) == self.file


class Session:
    """One that is open. `copy` raises HistoryError, and is called in one thread; the rest is the loop's."""

    def __init__(self, path: Path, name_servers: Collection[str], stack: ExitStack) -> None:
        """Open the file, as no other session has it and as none of another cluster than that behind these name servers
        was copied into it. While they are not known yet, any will do."""
        if not path.parent.is_dir():  # what is typed wrong is no folder to make
            raise HistoryError(f"cannot write {path}: there is no folder {path.parent}", "make it, or name another")
        try:
            history = History.open(path, keep_ms=_KEEP_MS, most_bytes=_MOST_BYTES)
        except HistoryError as error:
            if isinstance(error.__cause__, OSError):
                why = system_words(error.__cause__)
                raise HistoryError(f"cannot write the recording {path}: {why}", "name another place") from error
            error.next_step = "name a file that is not there yet, or a recording to go on with"
            raise
        self.history = stack.enter_context(history)
        others = _recorded(history)
        same = not others or not name_servers or not others.isdisjoint(name_servers)
        if not same and places(others).isdisjoint(places(name_servers)):
            theirs, ours = ", ".join(sorted(others)), ", ".join(sorted(name_servers))
            raise HistoryError(
                f"the recording {path} is of the cluster behind {theirs}, not behind {ours}",
                "name a file that is not there yet, or a recording of this cluster to go on with",
            )
        stack.enter_context(_alone(path))
        self._copied = Copied(path=path, file=_file_of(path))
        #: How many looks nobody tried to write, and since when that is so.
        self._left_out = 0
        self._hanging_since: int | None = None
        #: Until when the file has all of it, ms since 1970.
        self._whole_ms: int | None = None

    @property
    def copied(self) -> Copied:
        """What the file has by now."""
        copied = self._copied
        if not self._left_out:
            return copied
        return msgspec.structs.replace(
            copied,
            lost=copied.lost + self._left_out,
            cause=copied.cause or "the disk takes too long to write",
            failing_since=self._hanging_since if copied.failing_since is None else copied.failing_since,
        )

    def left_out(self, time_ms: int) -> None:
        """The look at this time is not copied, as the disk still writes those before it."""
        self._left_out += 1
        if self._hanging_since is None:
            self._hanging_since = time_ms

    def copy(self, run: Run, pause: Pause) -> None:
        """Add a look. What cannot be written is counted."""
        copied = self._copied
        try:
            if not copied.there():  # it is written to still, and nobody will find it
                raise HistoryError(
                    f"cannot write the recording {copied.path}: it was moved or deleted", "record into another file"
                )
            self.history.append(run, pause)
        except HistoryError as error:
            self._copied = msgspec.structs.replace(
                copied,
                lost=copied.lost + 1,
                cause=error.cause,
                failing_since=run.time_ms if copied.failing_since is None else copied.failing_since,
            )
            raise
        self._hanging_since = None
        self._copied = msgspec.structs.replace(
            copied,
            looks=copied.looks + 1,
            first_ms=run.time_ms if copied.first_ms is None else copied.first_ms,
            last_ms=run.time_ms,
            failing_since=None,
        )
        if self._whole_ms is None or abs(run.time_ms - self._whole_ms) >= _LACKS_MS:
            self.history.move_into()
            self._whole_ms = run.time_ms


def _file_of(path: Path) -> tuple[int, int] | None:
    """The device and number of a file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _recorded(history: History) -> set[str]:
    """The name servers of the cluster that is in a recording, as it was told them last."""
    span = history.span()
    texts = {} if span is None else history.texts_at(span.last_ms)
    parts = (name.partition("/") for name in texts)
    return {address for kind, _, address in parts if kind == "name-server"}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While a session is copied into a file. Raises HistoryError where another one is."""
    lock = beside(path.resolve(), "lock")
    try:
        with one_at_a_time(lock):
            yield
            lock.unlink(missing_ok=True)  # nobody needs it beside the recording
    except RunningError as error:
        raise HistoryError(
            f"another dashboard writes the recording {path}", "name another file, or end that one"
        ) from error
    except NoLockError as error:
        why = error.cause
        raise HistoryError(f"cannot write the recording {path}: {why}", "name another place") from error
