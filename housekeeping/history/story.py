"""How the lag of a group went over time, and what happened to its offsets meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import msgspec

from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey, QueueWindow

EventKind = Literal["rewound", "anew", "restarted"]
#: Figures by (name, target), as `History.figures` gives them.
Series = dict[tuple[str, str], list[tuple[int, float]]]


class LagPoint(msgspec.Struct, rename="camel"):
    """A group at one run: messages not consumed, of all queues; None when a part of it is not known.

    `consumed` is how far its offsets are in sum, `members` how many clients were connected, None when nobody asked.
    """

    time: int
    lag: int | None
    consumed: int | None
    members: int | None


class LagEvent(msgspec.Struct, rename="camel"):
    """rewound: an offset went back. anew: a queue's end went back, so it is another queue. restarted: a broker was."""

    time: int
    kind: EventKind
    target: str
    detail: str


class LagStory(msgspec.Struct):
    """`without` are the queues that the group never committed an offset of, and that count for nothing here."""

    points: list[LagPoint]
    events: list[LagEvent]
    without: list[QueueKey]


def story(window: GroupWindow, boots: Series) -> LagStory:
    """The story of a window. `boots` are the figures `broker.boot_ms` of the same time."""
    queues = {key: columns for key, columns in window.queues.items() if any(o is not None for o in columns.committed)}
    without = [key for key, columns in window.queues.items() if key not in queues and any(end for end in columns.ends)]
    events = [event for key, columns in queues.items() for event in _events(key, columns, window.times)]
    for (_, address), boot in boots.items():
        events += [
            LagEvent(time_ms, "restarted", address, "the broker started anew")
            for (_, before), (time_ms, now) in pairwise(boot)
            if now > before
        ]
    events.sort(key=lambda event: (event.time, event.target))
    points = [_point(place, time_ms, queues, window) for place, time_ms in enumerate(window.times)]
    return LagStory(points, events, without)


def _point(place: int, time_ms: int, queues: dict[QueueKey, QueueWindow], window: GroupWindow) -> LagPoint:
    seen = {key.broker for key, columns in queues.items() if columns.committed[place] is not None}
    lag: int | None = 0 if seen else None
    consumed: int | None = 0 if seen else None
    for key, columns in queues.items():
        end, committed = columns.ends[place], columns.committed[place]
        if committed is None and end is None and key.broker in seen:
            continue  # the broker told of others: the queue was not there
        if committed is None and end is not None and _later(columns.committed, place):
            continue  # not consumed yet
        if end is None or committed is None:
            lag = consumed = None
            break
        if lag is not None and consumed is not None:
            lag, consumed = lag + max(end - committed, 0), consumed + committed
    return LagPoint(time_ms, lag, consumed, window.members[place])


def _later(committed: list[int | None], place: int) -> bool:
    """Whether the group had no offset until then, and got its first one after."""
    return all(offset is None for offset in committed[:place])


def _events(key: QueueKey, columns: QueueWindow, times: list[int]) -> list[LagEvent]:
    found = []
    last_end: int | None = None
    last: int | None = None
    for time_ms, end, committed in zip(times, columns.ends, columns.committed, strict=True):
        anew = end is not None and last_end is not None and end < last_end
        if anew:
            found.append(LagEvent(time_ms, "anew", str(key), f"its end went back from {last_end} to {end}"))
        elif committed is not None and last is not None and committed < last:
            found.append(LagEvent(time_ms, "rewound", str(key), f"its offset went back from {last} to {committed}"))
        last_end = last_end if end is None else end
        last = last if committed is None else committed
    return found
