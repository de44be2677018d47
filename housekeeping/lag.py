"""How a group keeps up, judged by a window of its offsets and not by a threshold.

The rules are Burrow's (`core/internal/evaluator/caching.go`), for offsets that are looked at in turn instead of read as
they are committed. So the time at which an offset was first seen stands for its commit, and a group that consumes at
each run all that was there at the run before counts as one without lag: what lies between is on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey, QueueWindow

#: How many runs a judgement looks at, as many as Burrow keeps.
WINDOW_RUNS: Final = 10
#: Fewer known offsets than this show no trend.
LEAST_RUNS: Final = 3
#: Clients commit what they have consumed 10 s after they start, and every 5 s from then on
#: (MQClientInstance.startScheduledTask, ClientConfig.persistConsumerOffsetInterval).
_FIRST_COMMIT_MS: Final = 15_000


class LagState(StrEnum):
    """How a queue or a group is, the mildest first.

    ok: it consumes what comes, gets nearer to the end, or has nothing to consume. unknown: too little is known.
    slow: it consumes, and its lag never shrank, or others of its queues wait for their turn. rewound: its offset went
    back, and is not where it was yet. stalled: connected, and its offset never moved, or never was one while messages
    came. stopped: connected, and its offset has not moved for longer than it did before. offline: nobody is connected,
    and messages wait.
    """

    OK = "ok"
    UNKNOWN = "unknown"
    SLOW = "slow"
    REWOUND = "rewound"
    STALLED = "stalled"
    STOPPED = "stopped"
    OFFLINE = "offline"


_ORDER = tuple(LagState)
#: Connected, and nothing moves.
_STILL: Final = (LagState.STALLED, LagState.STOPPED)


class QueueLag(msgspec.Struct, rename="camel", gc=False):
    """The judgement of one queue. `lag` in messages at the last run that knew it."""

    topic: str
    broker: str
    queue_id: int
    state: LagState
    lag: int | None
    evidence: str


class GroupLag(msgspec.Struct, rename="camel", gc=False):
    """The judgement of a group: its worst queue's. `lag` is the sum at the last run, None when a part is unknown."""

    group: str
    state: LagState
    lag: int | None
    evidence: str
    queues: list[QueueLag]


class _Point(msgspec.Struct, gc=False):
    time_ms: int
    end: int
    committed: int

    @property
    def lag(self) -> int:
        return max(self.end - self.committed, 0)


def judge(window: GroupWindow) -> GroupLag:
    """Judge a group by a window of its offsets, of `WINDOW_RUNS` runs where there are as many."""
    begun = {key: _begun(columns, window.members) for key, columns in window.queues.items()}
    window = msgspec.structs.replace(window, queues=begun)
    answering = {key.broker for key, columns in window.queues.items() if _last(columns) != (None, None)}
    queues = [
        _judge_queue(key, columns, window)
        for key, columns in window.queues.items()
        # What a broker that answered no longer has is gone, as the topic is.
        if key.broker not in answering or _last(columns) != (None, None)
    ]
    if not queues:
        return GroupLag(window.group, LagState.UNKNOWN, None, "no offset of the group was seen", [])
    if any(queue.state in _STILL for queue in queues):
        queues = _in_turn(queues, window)
    queues.sort(key=lambda queue: (-_ORDER.index(queue.state), -(queue.lag or 0), queue.topic, queue.broker))
    worst = queues[0]
    alike = sum(queue.state == worst.state for queue in queues)
    where = f"{worst.topic} {worst.broker}:{worst.queue_id}"
    evidence = f"{where}: {worst.evidence}"
    if len(queues) > 1 and worst.state is not LagState.OK:
        evidence += f" ({alike} of {len(queues)} queues {'is' if alike == 1 else 'are'} {worst.state})"
    return GroupLag(window.group, worst.state, _total(queues), evidence, queues)


def waits(lag: int | None) -> str:
    """How many messages wait, in English."""
    if lag is None:
        return "messages wait, how many is not known"
    return plural(lag, "message waits", "messages wait", grouped=True)


def _last(columns: QueueWindow) -> tuple[int | None, int | None]:
    return (columns.ends[-1], columns.committed[-1]) if columns.ends else (None, None)


def _begun(columns: QueueWindow, members: list[int | None]) -> QueueWindow:
    """The same, with offset 0 also before that was saved as the first one, while clients were connected and messages
    were there: the group had consumed nothing then either. Java's consumers save what they begin with, some only once
    they were asked what they do (5.3.3 `consumerRunningInfo` reads the offset from the broker; what was read is saved).
    """
    if not columns.committed or columns.committed[0] is not None:
        return columns
    first = next((at for at, offset in enumerate(columns.committed) if offset is not None), 0)
    if columns.committed[first] != 0:
        return columns
    before: list[int | None] = [0 if end and members[at] else None for at, end in enumerate(columns.ends[:first])]
    return QueueWindow(columns.ends, before + columns.committed[first:])


def _in_turn(queues: list[QueueLag], window: GroupWindow) -> list[QueueLag]:
    """Those that stand still while the group consumes others of its queues wait for their turn, as of a consumer with
    one thread: the group is slow and has not stopped. One that never moved in a whole window is stalled all the same,
    if it is known for half of it at least, and unless the group has no offset of it: clients that pull may have chosen
    others for good (DefaultMQPullConsumer).
    """
    half = window.times[0] + (window.times[-1] - window.times[0]) // 2
    moves = {key: _last_move(columns, window.times) for key, columns in window.queues.items()}
    latest = max((moved for moved in moves.values() if moved is not None), default=None)
    found = []
    for queue in queues:
        key = QueueKey(queue.topic, queue.broker, queue.queue_id)
        moved, begun = moves[key], queue.lag is not None
        whole = len(window.times) >= WINDOW_RUNS and _known_since(window.queues[key], window.times) <= half
        waiting = queue.state is LagState.STOPPED or not begun or not whole
        if queue.state in _STILL and waiting and latest is not None and (moved is None or moved < latest):
            evidence = queue.evidence
            if begun:
                length = _length(window.times[-1] - (window.times[0] if moved is None else moved))
                evidence = (
                    f"has not moved for {length}, while other queues of the group were consumed; {waits(queue.lag)}"
                )
            else:
                evidence += "; other queues of the group were consumed"
            queue = msgspec.structs.replace(queue, state=LagState.SLOW, evidence=evidence)
        found.append(queue)
    return found


def _last_move(columns: QueueWindow, times: list[int]) -> int | None:
    """When a queue's offset last became another, None: never."""
    known = [(time, offset) for time, offset in zip(times, columns.committed, strict=True) if offset is not None]
    return next((time for (_, before), (time, now) in reversed(list(pairwise(known))) if now != before), None)


def _known_since(columns: QueueWindow, times: list[int]) -> int:
    """The time of the first offset that is known of a queue."""
    return next((time for time, offset in zip(times, columns.committed, strict=True) if offset is not None), times[-1])


def _total(queues: Iterable[QueueLag]) -> int | None:
    total = 0
    for queue in queues:
        if queue.lag is None:
            return None
        total += queue.lag
    return total


def _judge_queue(key: QueueKey, columns: QueueWindow, window: GroupWindow) -> QueueLag:
    end, committed = _last(columns)
    lag: int | None = None
    if end == 0 and not committed:
        lag, state, evidence = 0, LagState.OK, "the queue has never had a message"
    elif end is None:
        state, evidence = LagState.UNKNOWN, "the last run did not see where the queue ends"
    elif committed is None:
        state, evidence = _without_offset(columns, window, end)
    elif end <= committed:
        lag, state, evidence = 0, LagState.OK, "nothing is left to consume"
    else:
        lag = end - committed
        points = [
            _Point(time_ms, end_then, committed_then)
            for time_ms, end_then, committed_then in zip(window.times, columns.ends, columns.committed, strict=True)
            if end_then is not None and committed_then is not None
        ]
        state, evidence = _state(_since_it_began(points), window.members[-1])
    return QueueLag(key.topic, key.broker, key.queue_id, state, lag, evidence)


def _without_offset(columns: QueueWindow, window: GroupWindow, end: int) -> tuple[LagState, str]:
    """Of a queue of which the group has committed none: where it would begin is not known, but what came to it while
    clients were connected is theirs to consume, and no consumer takes so many runs and so long to commit what it has
    consumed. Those that pull by themselves may have chosen other queues (`DefaultLitePullConsumer.assign`), or keep
    their offsets elsewhere."""
    times, members = window.times, window.members
    if window.pulling:
        return LagState.UNKNOWN, (
            f"the group has committed no offset of it; it ends at {end}; its clients pull by themselves, and may have "
            "chosen other queues"
        )
    points: list[tuple[int, int]] = []
    for time_ms, end_then, committed, count in zip(
        reversed(times), reversed(columns.ends), reversed(columns.committed), reversed(members), strict=True
    ):
        if committed is not None or not count or (points and end_then is not None and end_then > points[-1][1]):
            break
        if end_then is not None:
            points.append((time_ms, end_then))
    first_ms, first = points[-1] if points else (0, end)
    since = [time_ms for time_ms, each in points if each > first]
    if len(since) < LEAST_RUNS or since[0] - since[-1] < _FIRST_COMMIT_MS:
        return LagState.UNKNOWN, f"the group has committed no offset of it; it ends at {end}"
    length = _length(times[-1] - first_ms)
    came = plural(end - first, "message came", "messages came", grouped=True)
    return LagState.STALLED, f"the group has committed no offset of it in {length}, and {came} meanwhile"


def _since_it_began(points: list[_Point]) -> list[_Point]:
    """What comes after the queue's end last went back: it is another queue, of a topic made anew or a lost store."""
    for place in range(len(points) - 1, 0, -1):
        if points[place].end < points[place - 1].end:
            return points[place:]
    return points


def _state(points: list[_Point], members: int | None) -> tuple[LagState, str]:
    """Of a queue with messages that wait."""
    last = points[-1]
    moved = next((p for p in range(len(points) - 1, 0, -1) if points[p].committed != points[p - 1].committed), 0)
    if members == 0 and (len(points) == 1 or moved != len(points) - 1):
        since = f"; offset {last.committed} for {_length(last.time_ms - points[moved].time_ms)}" if moved else ""
        return LagState.OFFLINE, f"no client is connected, and {waits(last.lag)}{since}"
    if len(points) < LEAST_RUNS:
        return (
            LagState.UNKNOWN,
            f"{waits(last.lag)}; {plural(len(points), 'run shows', 'runs show')} no trend, {LEAST_RUNS} would",
        )
    caught_up = min(point.end for point in points) <= last.committed
    still, moving = last.time_ms - points[moved].time_ms, points[moved].time_ms - points[0].time_ms
    if moved and still > moving and not caught_up:
        return (
            LagState.STOPPED,
            f"offset {last.committed} has not moved for {_length(still)}, after it moved for {_length(moving)}; "
            f"{waits(last.lag)}",
        )
    back = next((p for p in range(1, len(points)) if points[p].committed < points[p - 1].committed), 0)
    if back and max(point.committed for point in points[back:]) < points[back - 1].committed:
        before, after = points[back - 1].committed, points[back].committed
        return LagState.REWOUND, f"the offset went back from {before} to {after}; {waits(last.lag)}"
    if _ever_caught_up(points):
        return LagState.OK, f"{waits(last.lag)}, and within these runs it caught up"
    first = points[0]
    if moved == 0:
        return (
            LagState.STALLED,
            f"offset {last.committed} never moved in {_length(last.time_ms - first.time_ms)}; {waits(last.lag)}",
        )
    if all(points[p].lag >= points[p - 1].lag for p in range(1, len(points))):
        return (
            LagState.SLOW,
            f"it consumes, but its lag went from {first.lag:,} to {last.lag:,} in "
            f"{_length(last.time_ms - first.time_ms)} and never shrank",
        )
    return LagState.OK, f"{waits(last.lag)}, and its lag shrinks"


def _ever_caught_up(points: list[_Point]) -> bool:
    """Whether it had at some run consumed all that was there at an earlier one, or then."""
    least = points[0].end
    for point in points:
        least = min(least, point.end)
        if point.committed >= least:
            return True
    return False


def _length(ms: int) -> str:
    seconds = ms // 1000
    if seconds < 7200:
        return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
    return human_span(ms)
