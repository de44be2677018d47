"""What a history holds: runs, each with figures, routes and the offsets of every group; and windows over several runs.

None is what was not known when a run looked, which is neither 0 nor what it was before. Times are ms since the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from rocketmq_ops.common.errors import Failure


class QueueKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """A queue of a topic on one broker.

    Clusters have tens of thousands, at every look anew: the collector leaves them, and what is made of them, out."""

    topic: str
    broker: str
    queue_id: int

    def __str__(self) -> str:
        return f"{self.topic} {self.broker}:{self.queue_id}"


class QueueOffsets(msgspec.Struct, frozen=True, gc=False):
    """Where a queue ended, and up to where its group had consumed it; None: not known, or never committed."""

    queue: QueueKey
    end: int | None
    committed: int | None

    @property
    def lag(self) -> int | None:
        """How many messages wait; none in a queue that never had one. None: not known."""
        if self.end == 0 and not self.committed:
            return 0
        return None if self.end is None or self.committed is None else max(self.end - self.committed, 0)


class Offsets(Protocol):
    """A group at one run, however it is held. `members` is how many clients were connected; None when nobody was
    asked."""

    @property
    def group(self) -> str:
        """Its name."""
        ...

    @property
    def queues(self) -> Sequence[QueueOffsets]:
        """Its queues, with where they and the group are. They may be made for who asks."""
        ...

    @property
    def members(self) -> int | None:
        """Its clients."""
        ...

    @property
    def pulling(self) -> bool:
        """Whether its clients are known to pull by themselves: then they may choose their queues, and keep their
        offsets elsewhere."""
        ...

    @property
    def keys(self) -> Sequence[QueueKey]:
        """Its queues alone."""
        ...


class GroupOffsets(msgspec.Struct, kw_only=True, gc=False):
    """See `Offsets`."""

    group: str
    queues: list[QueueOffsets]
    members: int | None = None
    pulling: bool = False

    @property
    def keys(self) -> Sequence[QueueKey]:
        """See `Offsets`."""
        return [queue.queue for queue in self.queues]


class Figure(NamedTuple):
    """A measured value: `name` says what with its unit (`host.dirty_bytes`), `target` of what (a broker, a host)."""

    name: str
    target: str
    value: float


class Run(msgspec.Struct, kw_only=True):
    """What one run saw. `routes` is each topic's route as text, None when they were not read; `failures` say what
    could not be read. `texts` are other things by names, kept as routes are when they change; None leaves them."""

    time_ms: int
    groups: Sequence[Offsets] = []
    figures: list[Figure] = []
    routes: dict[str, str] | None = None
    failures: list[Failure] = []
    texts: dict[str, str] | None = None


class QueueWindow(msgspec.Struct, gc=False):
    """A queue at each of a window's times."""

    ends: list[int | None]
    committed: list[int | None]


class GroupWindow(msgspec.Struct):
    """A group over several runs, the oldest first; every list is as long as `times`. `pulling`: see `Offsets`, of the
    last run that asked for its clients."""

    group: str
    times: list[int]
    members: list[int | None]
    queues: dict[QueueKey, QueueWindow]
    pulling: bool = False

    def last(self, runs: int) -> GroupWindow:
        """Its last runs alone."""
        return GroupWindow(
            self.group,
            self.times[-runs:],
            self.members[-runs:],
            {key: QueueWindow(c.ends[-runs:], c.committed[-runs:]) for key, c in self.queues.items()},
            self.pulling,
        )


class Span(NamedTuple):
    """What a history covers: the times of its first and last run, and how many there are."""

    first_ms: int
    last_ms: int
    runs: int


def moment_text(time_ms: int) -> str:
    """A time for people: the local clock, with its distance from UTC."""
    return datetime.fromtimestamp(time_ms // 1000).astimezone().isoformat(sep=" ")
