"""Queues that stand still while messages wait in them: since when, and whether that is more than a pause."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.runs import QueueKey
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, waits
from rocketmq_ops.tui.model.look import Held, Look
from rocketmq_ops.tui.model.looks import Looks

#: A queue that stands still for so long while the lag of its group grows is no longer in a mere pause, ms.
STANDING_MS: Final = 60_000
#: Connected, and nothing moves.
STILL: Final = (LagState.STALLED, LagState.STOPPED)


def worst_queues(judged: GroupLag) -> set[QueueKey]:
    """Those of a group that is slow, or has stalled or stopped, which are so."""
    worst = STILL if judged.state in STILL else (judged.state,)
    return {QueueKey(each.topic, each.broker, each.queue_id) for each in judged.queues if each.state in worst}


def stands_since(
    looks: Looks, group: str, queues: Collection[QueueKey], bases: Mapping[QueueKey, int] = {}
) -> tuple[int, bool] | None:
    """The time of the first look at which one of them stood where it stands now, with a message waiting in it (ms since
    1970), and whether it may have before: that is the oldest look, or the one before it did not know. None without
    queues. `bases`: see `Bases`."""
    found: dict[QueueKey, tuple[int, int]] = {}
    over: set[QueueKey] = set()
    unknown_before: set[QueueKey] = set()
    for look in looks.newest_first():
        held = look.get(group)
        if held is None:
            continue
        for key, end, committed in zip(held.keys, held.ends, held.committed, strict=True):
            begin = bases.get(key, ABSENT) if committed == ABSENT else committed
            if key not in queues or key in over:
                continue
            if ABSENT in (end, begin):
                unknown_before.add(key)
                continue
            stood = found.get(key, (committed, 0))[0] == committed
            if stood and end > begin:
                found[key] = committed, look.time_ms
                unknown_before.discard(key)
            else:
                over.add(key)
        if len(over) == len(queues):
            break
    if not found:
        return None
    first = min(since for _, since in found.values())
    may = any(key in unknown_before for key, (_, since) in found.items() if since == first)
    return first, may or first == looks.first_ms


def standing(looks: Looks, then: Look, judged: GroupLag) -> tuple[GroupLag, tuple[int, bool]] | None:
    """The judgement of a group in which a queue stands still since `then` while its lag grows, and since when
    (`stands_since`); None where that is not so.

    It may have caught up within its window, and is slow all the same. Where others of its queues were consumed, and at
    some look were not up with what was there at the look before, they take turns: it waits for its own.
    """
    look = looks.last
    if look is None or look.time_ms - then.time_ms < STANDING_MS:
        return None
    now, old = look.get(judged.group), then.get(judged.group)
    if now is None or old is None or not now.members or now.keys != old.keys:
        return None
    at = _still_at(old, now)
    grown = _grown(old, now)
    if not at or grown <= 0 or not _others_keep_up(looks, then, judged.group, at):
        return None
    keys = {now.keys[place] for place in at}
    since = stands_since(looks, judged.group, keys) or (then.time_ms, True)
    length = human_span(look.time_ms - since[0])
    queues = []
    for queue in judged.queues:
        if QueueKey(queue.topic, queue.broker, queue.queue_id) in keys:
            evidence = f"has not moved for {length}; {waits(queue.lag)}"
            queue = msgspec.structs.replace(queue, state=LagState.SLOW, evidence=evidence)
        queues.append(queue)
    stand = plural(len(at), "queue has not moved", "queues have not moved")
    evidence = f"{stand} for {length}, and the lag of the group grew by {grown:,}; {waits(judged.lag)}"
    return msgspec.structs.replace(judged, state=LagState.SLOW, evidence=evidence, queues=queues), since


def standing_since(then: Held, now: Held) -> frozenset[QueueKey]:
    """The queues of a group in which nothing was consumed since `then`, when a message waited in each of them already;
    none is known where they were others."""
    return frozenset(now.keys[place] for place in _still_at(then, now)) if then.keys == now.keys else frozenset()


def _still_at(then: Held, now: Held) -> list[int]:
    """The places of these queues."""
    if then.committed == now.committed == now.ends:
        return []
    return [
        place
        for place, (was, committed) in enumerate(zip(then.committed, now.committed, strict=True))
        if was == committed != ABSENT and then.ends[place] > committed and now.ends[place] > committed
    ]


def _grown(then: Held, now: Held) -> int:
    """By how many messages more wait than then, in the queues of which that is known of both."""
    return sum(
        max(end - committed, 0) - max(end_then - committed_then, 0)
        for end, committed, end_then, committed_then in zip(
            now.ends, now.committed, then.ends, then.committed, strict=True
        )
        if ABSENT not in (end, committed, end_then, committed_then)
    )


def _others_keep_up(looks: Looks, then: Look, group: str, standing_at: Collection[int]) -> bool:
    """Whether each of the other queues had at each look since what was there at the look before. Of one whose broker
    told nothing at a look it is seen at the next one that knows."""
    keys: Sequence[QueueKey] | None = None
    after: list[int] = []
    for look in looks.newest_first():
        held = look.get(group)
        if held is None:
            continue
        if keys is None:
            keys, after = held.keys, [*held.committed]
        elif held.keys != keys:
            return False
        else:
            for place, (end, committed) in enumerate(zip(held.ends, held.committed, strict=True)):
                if end == ABSENT:
                    continue
                if place not in standing_at and end > max(after[place], 0):
                    return False
                after[place] = committed
        if look.time_ms <= then.time_ms:
            break
    return True
