"""The time axis: live, paused, scrubbed, compared. What files hold is read beside, and shown when it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from rocketmq_ops.common.errors import Failure, RocketMQError, failure_of
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.housekeeping.history.runs import Span
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.model import Mode, Points
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.old_series import OldSeries
from rocketmq_ops.tui.model.past_rates import IN, OUT
from rocketmq_ops.tui.model.session import Copied
from rocketmq_ops.tui.model.tape import Tape

T = TypeVar("T")

#: How far series go back, ms.
SERIES_MS: Final = 30 * 60_000
#: Makers whose things to compare with are held.
_HELD: Final = 3
_COMPARED_MS: Final = 60_000


class Timeline:
    """What `LiveModel` and `Replay` have in common; they give the newest moment."""

    follows = True

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._tasks = Tasks()
        #: What is written, or was last, of each kind.
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._version = 0
        self._calls: list[Callable[[], None]] = []
        self._mode = Mode.LIVE
        self._at: Moment | None = None
        self._span: Span | None = None
        #: How many readings are under way, and the number of the last seek: an answer to an older one is not shown.
        self._reading = 0
        self._sought = 0
        #: Of the last seek, where it was a move: its number, and by how much in all since what is shown.
        self._moving = (0, 0)
        #: The number of what was asked for last, until it is read or has failed.
        self._on_its_way: int | None = None
        #: By what made it: the time that it is of, or is being read for, and what was made. No moment is held: those of
        #: large clusters have tens of thousands of offsets.
        self._compared: dict[Callable[[Moment], Any], tuple[int, Any]] = {}
        #: The series until the moment that was scrubbed to.
        self._old: OldSeries | None = None
        #: Why opening, writing or reading of a file failed last.
        self.file_failures: dict[str, Failure] = {}

    def newest(self) -> Moment:
        """See `Model`."""
        raise NotImplementedError

    def new_series(self, name: str, target: str) -> Points:
        """The series until the newest moment."""
        raise NotImplementedError

    def new_looks(self) -> Sequence[int]:
        """The looks until the newest moment."""
        raise NotImplementedError

    # -- Model

    @property
    def version(self) -> int:
        """See `Model`."""
        return self._version

    @property
    def mode(self) -> Mode:
        """See `Model`."""
        return self._mode

    @property
    def busy(self) -> bool:
        """See `Model`."""
        return self._reading > 0

    @property
    def seeking(self) -> bool:
        """See `Model`."""
        return self._on_its_way == self._sought

    @property
    def copied(self) -> Copied | None:
        """See `Model`."""
        return self._tape.copied

    def moment(self) -> Moment:
        """See `Model`."""
        return self._at if self._at is not None else self.newest()

    def before(self, ms: int, made: Callable[[Moment], T]) -> T | None:
        """See `Model`. To the minute, so that a large cluster's past is not read with each look."""
        shown = self.moment()
        wanted = (shown.groups_ms or shown.time_ms) - ms
        return self.of_then(wanted - wanted % _COMPARED_MS, made)

    def of_then(self, time_ms: int, made: Callable[[Moment], T]) -> T | None:
        """See `Model`."""
        last_ms, known = self._compared.get(made, (None, None))
        if last_ms != time_ms:
            if self._span is None or time_ms < self._span.first_ms:
                return None
            # What was compared with a moment ago stands in until it is read.
            self._compared[made] = time_ms, known
            while len(self._compared) > _HELD:
                del self._compared[next(iter(self._compared))]
            self._read(lambda: self._compare(time_ms, made))
        found: T | None = known
        return found

    def series(self, name: str, target: str = "") -> Points:
        """See `Model`."""
        if self._at is None or self._mode is not Mode.BACK:
            points = self.new_series(name, target)
            if self._at is not None:
                points = [point for point in points if point[0] <= self._at.time_ms]
            return points
        return self._old_points(self._old_series(self._at), name, target)

    def looks(self) -> Sequence[int]:
        """See `Model`. Of a recording they are read with the series."""
        if self._at is None:
            return self.new_looks()
        if self._mode is Mode.BACK:
            return self._old_series(self._at).looks
        return [at for at in self.new_looks() if at <= self._at.time_ms]

    def span(self) -> Span | None:
        """See `Model`."""
        return self._span

    def pause(self) -> None:
        """See `Model`."""
        if self._mode is Mode.LIVE:
            self._at, self._mode = self.moment(), Mode.PAUSED
            self._changed()

    def go_live(self) -> None:
        """See `Model`."""
        self._sought += 1
        self._at, self._mode = None, Mode.LIVE
        self._changed()

    def seek(self, time_ms: int, *, after: bool = False) -> None:
        """See `Model`."""
        self._sought += 1
        number = self._on_its_way = self._sought
        self._read(lambda: self._arrived(number, self._seek(number, time_ms, after=after)))

    def move(self, by_ms: int) -> None:
        """See `Model`."""
        shown = self.moment()
        number, so_far = self._moving
        by_ms += so_far if number == self._sought else 0  # none of them is at its place yet
        self._sought += 1
        number = self._on_its_way = self._sought
        self._moving = number, by_ms
        from_ms = shown.groups_ms or shown.time_ms
        self._read(lambda: self._arrived(number, self._move(number, from_ms, by_ms)))

    def refresh(self) -> None:
        """See `Model`."""

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        """See `Model`."""

    def on_change(self, call: Callable[[], None]) -> None:
        """See `Model`."""
        self._calls.append(call)

    # -- beside

    def _changed(self) -> None:
        """Something of the newest moment, or of what is shown, is another now."""
        self._told()

    def _told(self) -> None:
        self._version += 1
        for call in self._calls:
            call()

    def _read(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._reading += 1
        self._tasks.start(self._finished(work, "read"), "dashboard reads its file")

    def _write(self, work: Callable[[], Coroutine[Any, Any, None]], what: str = "write") -> None:
        """Nothing while the same is still being done: a disk may hang, and nothing piles up then."""
        writing = self._writing.get(what)
        if writing is None or writing.done():
            self._writing[what] = self._tasks.start(self._finished(work, what), "dashboard writes its file")

    async def _finished(self, work: Callable[[], Coroutine[Any, Any, None]], what: str) -> None:
        try:
            await work()
            self.file_failures.pop(what, None)
        except RocketMQError as error:
            self.file_failures[what] = failure_of("recording", error)
        finally:
            self._reading -= what == "read"
            self._told()

    async def _arrived(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            if self._on_its_way == number:
                self._on_its_way = None

    async def _seek(self, number: int, time_ms: int, *, after: bool = False) -> None:
        if after:
            time_ms = await self._tape.moved(time_ms - 1, 1) or time_ms
        found = await self._tape.moment(time_ms)
        if number == self._sought and found is not None:
            self._at, self._mode = found, Mode.BACK
            self._old = None

    async def _move(self, number: int, from_ms: int, by_ms: int) -> None:
        time_ms = await self._tape.moved(from_ms, by_ms)
        if number != self._sought:
            return
        if time_ms is None:
            self.go_live()
        else:
            await self._seek(number, time_ms)
        if number == self._sought:
            self._moving = 0, 0

    async def _compare(self, time_ms: int, made: Callable[[Moment], Any]) -> None:
        found = await self._tape.made(time_ms, made)
        if self._compared.get(made, (None, None))[0] == time_ms:
            self._compared[made] = time_ms, found

    def _old_series(self, at: Moment) -> OldSeries:
        if self._old is None:
            self._old = OldSeries(self._tape, at.time_ms - SERIES_MS, at.time_ms)
        return self._old

    def _old_points(self, old: OldSeries, name: str, target: str) -> Points:
        """What is known of a series out of the file, which is read the first time that it is asked for."""
        if old.wants(name, target):
            shown = self.moment()
            self._read(lambda: old.read(name, target, shown.groups_of(target) if name in (IN, OUT) else ()))
        return old.points(name, target)
