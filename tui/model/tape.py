"""The files of a dashboard: the ring that it appends to, a session that it copies, or a recording that it plays.

All of it runs in one thread beside the loop: SQLite's connections stay in the thread that opened them, and nothing that
is read or written makes the screen wait.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.bundle.bundle import read_bundle
from rocketmq_ops.housekeeping.history.database import HistoryError, beside
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.history.runs import GroupWindow, Span
from rocketmq_ops.housekeeping.history.slice import history_of
from rocketmq_ops.housekeeping.probe.lock import RunningError, one_at_a_time
from rocketmq_ops.tui.model.going_on import Left, left_in
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.past_rates import past_rates
from rocketmq_ops.tui.model.recorded import moment_at
from rocketmq_ops.tui.model.recording import Kept, run_of
from rocketmq_ops.tui.model.session import Copied, Session

T = TypeVar("T")

#: What the ring keeps unless it is set otherwise.
KEEP_MS: Final = 6 * 3_600_000
MOST_BYTES: Final = 64 << 20
#: Dashboards of one cluster and user that have rings at a time.
_MOST_RINGS: Final = 8


class Tape:
    """Files that are open. All methods raise HistoryError where a file fails."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "dashboard-tape")
        self._stack = ExitStack()
        self._main: History | None = None
        self._session: Session | None = None

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Its answer, from the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def open_ring(self, name_servers: list[str], now_ms: int) -> Left | None:
        """Open the cluster's ring, or where another dashboard has it the next one; what is in it to go on from. Raises
        NoLockError too."""

        def opened() -> Left | None:
            path = _free_ring(name_servers, self._stack)
            self._main = self._stack.enter_context(History.open(path, keep_ms=KEEP_MS, most_bytes=MOST_BYTES))
            self._main.drop_later(now_ms)
            return left_in(self._main, now_ms)

        return await self.in_thread(opened)

    async def open_session(self, path: Path, name_servers: Collection[str] = ()) -> None:
        """Open a file to copy the session of the cluster behind these name servers into: see `Session`."""

        def opened() -> None:
            self._session = Session(path, name_servers, self._stack)

        await self.in_thread(opened)

    async def open_recording(self, path: Path) -> None:
        """Open a file to play; a bundle has the last runs of the prober in it. Raises BundleError too."""

        def opened() -> None:
            if not is_bundle(path):
                self._main = self._stack.enter_context(History.read(path))
                return
            data = read_bundle(str(path)).history
            if data is None:
                raise HistoryError(
                    f"there is no history in the bundle {path}", "the prober had not run where it was made"
                )
            self._main = self._stack.enter_context(history_of(data))

        await self.in_thread(opened)

    async def close(self) -> None:
        """Close all files."""
        try:
            await self.in_thread(self._stack.close)
        finally:
            self._thread.shutdown(wait=False)

    async def append(self, kept: Kept, pause: Pause = at_once) -> None:
        """Add a moment to the ring and the session. `pause` is called every few ms."""

        def appended() -> None:
            run = run_of(kept, pause)
            try:
                if self._main is not None:
                    self._main.append(run, pause)
            finally:  # they are on two disks, mostly: what one has no room for goes to the other all the same
                if self._session is not None:
                    self._session.copy(run, pause)

        await self.in_thread(appended)

    def left_out(self, time_ms: int) -> None:
        """The look at this time is not appended, as those before it are still being written."""
        if self._session is not None:
            self._session.left_out(time_ms)

    @property
    def copied(self) -> Copied | None:
        """What the session's file has; None where there is none. It stays when that is closed."""
        return None if self._session is None else self._session.copied

    @property
    def _history(self) -> History | None:
        return self._main or (None if self._session is None else self._session.history)

    async def span(self) -> Span | None:
        """What there is, to be scrubbed through."""
        return await self.in_thread(lambda: None if self._history is None else self._history.span())

    async def moment(self, time_ms: int) -> Moment | None:
        """The last moment at that time, or the first one where all are later; None where there is none."""
        return await self.in_thread(lambda: self._moment(time_ms))

    async def made(self, time_ms: int, made: Callable[[Moment], T]) -> T | None:
        """What is made of that moment, in the thread as well."""

        def read() -> T | None:
            found = self._moment(time_ms)
            return None if found is None else made(found)

        return await self.in_thread(read)

    def _moment(self, time_ms: int) -> Moment | None:
        history = self._history
        if history is None:
            return None
        found = moment_at(history, time_ms)
        if found is None and (span := history.span()) is not None:
            found = moment_at(history, span.first_ms)
        return found

    async def moved(self, time_ms: int, by_ms: int) -> int | None:
        """The time of the run that is nearest to so much after (or before) that time, and is another one; None beyond
        the last."""

        def found() -> int | None:
            history = self._history
            span = None if history is None else history.span()
            if history is None or span is None:
                return None
            times = history.times(span.first_ms, span.last_ms)
            shown, wanted = bisect_right(times, time_ms) - 1, time_ms + by_ms
            if by_ms == 0:
                return times[max(shown, 0)]
            if by_ms > 0 and shown == len(times) - 1:
                return None
            there = range(shown + 1, len(times)) if by_ms > 0 else range(max(shown, 1))
            return times[min(there, key=lambda at: abs(times[at] - wanted))]

        return await self.in_thread(found)

    async def figures(self, begin_ms: int, end_ms: int, prefix: str) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """As `History.figures`."""
        return await self.in_thread(
            lambda: {} if self._history is None else self._history.figures(begin_ms, end_ms, prefix)
        )

    async def times(self, begin_ms: int, end_ms: int) -> list[int]:
        """As `Reading.times`."""
        return await self.in_thread(lambda: [] if self._history is None else self._history.times(begin_ms, end_ms))

    async def topic_rates(
        self, topic: str, groups: Sequence[str], begin_ms: int, end_ms: int
    ) -> dict[tuple[str, str], Points]:
        """See `past_rates`."""
        return await self.in_thread(
            lambda: {} if self._history is None else past_rates(self._history, topic, groups, begin_ms, end_ms)
        )

    async def window(self, group: str, begin_ms: int, end_ms: int) -> GroupWindow | None:
        """As `History.window`."""
        return await self.in_thread(
            lambda: None if self._history is None else self._history.window(group, begin_ms, end_ms)
        )


def is_bundle(path: Path) -> bool:
    """Whether a file begins as JSON does, and not as a database."""
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False  # what is wrong with it is said where it is opened


def ring_file(name_servers: list[str], number: int = 1) -> Path:
    """The ring of the cluster behind these name servers, beside the folder of its history."""
    history = history_file(name_servers)
    suffix = "" if number == 1 else f".{number}"
    return history.parent.parent / "dashboard" / f"{history.stem}{suffix}.sqlite"


def _free_ring(name_servers: list[str], stack: ExitStack) -> Path:
    """The first ring that no other dashboard has, with its lock."""
    for number in range(1, _MOST_RINGS + 1):
        path = ring_file(name_servers, number)
        try:
            stack.enter_context(one_at_a_time(beside(path, "lock")))
        except RunningError:
            continue
        return path
    raise HistoryError(
        f"{_MOST_RINGS} dashboards of this cluster are running already: this one keeps nothing",
        "end one of them to scrub through the past here",
    )
