"""Turns: what a broker does by itself and much of at a time, so that its clients do not wait for the end of it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from rocketmq_ops.common.periodic import PeriodicJobs

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: How long a turn is: a request that comes as it begins waits for so long.
TURN_SECONDS = 0.002
#: How long nothing must be read from clients for the next turn to begin before they have had their time, in ms.
QUIET_MS = 1


class Turn:
    """One turn. Whoever works does one piece at least, and stops when it `is_over`."""

    __slots__ = ("_until", "stopped")

    def __init__(self, seconds: float) -> None:
        self._until = perf_counter() + seconds
        #: Whether somebody stopped because the turn was over: something may be left.
        self.stopped = False

    def is_over(self) -> bool:
        """Whether the turn has taken its time."""
        if perf_counter() < self._until:
            return False
        self.stopped = True
        return True

    def half(self) -> Turn:
        """A turn of half the time that this one has left, for the first of two that share it."""
        return Turn((self._until - perf_counter()) / 2)


class Turns:
    """Repeats a piece of work, and as long as it leaves anything goes on with it in turns.

    Between two turns clients have as long as the first took, or until they are quiet.
    """

    def __init__(
        self, controller: BrokerController, jobs: PeriodicJobs, name: str, work: Callable[[Turn], None]
    ) -> None:
        self._controller = controller
        self._jobs = jobs
        self._name = name
        self._rest = f"{name}: the rest"
        self._work = work
        self._took = self._ended = 0.0
        self._reads = 0

    def start(self, interval_ms: Callable[[], float]) -> None:
        """Begin on the running loop, with a first turn after an interval."""
        self._jobs.every(self._name, interval_ms, self._begin)

    def _begin(self) -> None:
        if not self._jobs.waits(self._rest):
            self._begin_next()

    def _begin_next(self) -> None:
        # Not at once: between a turn that a timer of uvloop's begins and what follows at once nothing is read.
        self._jobs.once(self._rest, 0, self._run)

    def _run(self) -> None:
        begun = perf_counter()
        turn = Turn(TURN_SECONDS)
        self._work(turn)
        if turn.stopped:
            self._ended = perf_counter()
            self._took = self._ended - begun
            self._reads = self._count_reads()
            self._jobs.once(self._rest, 0, self._go_on)

    def _go_on(self) -> None:
        reads = self._count_reads()
        if reads == self._reads or perf_counter() - self._ended >= self._took:
            self._begin_next()
            return
        self._reads = reads
        self._jobs.once(self._rest, QUIET_MS, self._go_on)

    def _count_reads(self) -> int:
        return sum(channel.reads for channel in self._controller.server.channels)
