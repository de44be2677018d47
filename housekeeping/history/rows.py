"""The rows of a run: what a queue of a group, a group itself and a figure are called in a file, and what is there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from rocketmq_ops.common.tasks import Pause
from rocketmq_ops.housekeeping.history.packing import column
from rocketmq_ops.housekeeping.history.runs import Offsets

#: Between the names of a row; no topic, group or broker has it in its name.
MARK: Final = "\x1f"
AFTER_MARK: Final = "\x20"
#: Groups that are gone through between two pauses.
AT_A_TIME: Final = 100


def rows_of(groups: Iterable[Offsets], known: list[str], pause: Pause) -> dict[str, tuple[int | None, int | None]]:
    """Row -> (end, how far the group is behind it), of an unknown end the offset itself in place of the latter; the row
    of the group itself has its members for an end, and 1 in place of the latter where they pull by themselves. A name
    that is among the sorted `known` ones is that very object: there may be as many as all groups have queues."""
    rows: dict[str, tuple[int | None, int | None]] = {}
    for number, group in enumerate(groups):
        if number % AT_A_TIME == 0:
            pause()
        rows[name_of(group.group, "", "", "")] = (group.members, 1 if group.pulling else None)
        for each in group.queues:
            queue, end, committed = each.queue, each.end, each.committed
            behind = committed if end is None or committed is None else end - committed
            name = name_of(group.group, queue.topic, queue.broker, str(queue.queue_id))
            place = bisect_left(known, name)
            if place < len(known) and known[place] == name:
                name = known[place]
            rows[name] = (end, behind)
    return rows


def broker_of(name: str) -> str:
    """The broker in the name of a row."""
    return name.split(MARK)[2]


def name_of(*parts: str) -> str:
    """The parts as one name, without what would be taken for an end of one or of a line."""
    name = MARK.join(parts)
    if "\n" in name or name.count(MARK) != len(parts) - 1:
        return MARK.join(part.replace(MARK, "?").replace("\n", "?") for part in parts)
    return name


def kept(pair: tuple[int | None, int | None]) -> tuple[int, int]:
    """Both as a column has them."""
    end, behind = column(pair)
    return end, behind
