"""From looks to groups and topics with their states, rates and estimates. Plain functions, run beside the loop."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Final

import msgspec

from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.rows import at_once
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, judge, waits
from rocketmq_ops.tui.model.looks import AT_A_TIME, Held, Looks
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.standing import STILL, standing, stands_since, still_queues
from rocketmq_ops.tui.model.table import Below

#: Rates are over this time, ms, or what there is of it.
RATE_MS: Final = 60_000
#: Windows that are shorter show no trend, ms.
LEAST_TREND_MS: Final = 25_000
#: Queues that are gone through between two pauses, some ms.
_QUEUES_AT_A_TIME: Final = 4_096
_TRENDS: Final = (LagState.SLOW, LagState.STALLED, LagState.STOPPED)


class Derived(msgspec.Struct):
    """What one look says. Rates are in messages a second, by topic."""

    groups: dict[str, GroupSeen]
    in_rates: dict[str, float]
    out_rates: dict[str, float]
    lag: int | None
    lag_unknown: int
    lag_change: float | None


def derive(
    looks: Looks,
    before: Mapping[str, GroupSeen],
    pause: Callable[[], None] = at_once,
    in_doubt: Container[str] = (),
) -> Derived:
    """The last look. `before` are the groups as they were; those `in_doubt` may wait for what a broker did not tell.
    `pause` is called every few ms."""
    look = looks.last
    assert look is not None
    then = looks.back(RATE_MS)
    seconds = (look.time_ms - then.time_ms) / 1000 if then is not None else 0.0
    groups: dict[str, GroupSeen] = {}
    grown: dict[QueueKey, int] = {}
    out: dict[str, int] = {}
    lag, unknown, compared, change = 0, 0, 0, 0
    for number, name in enumerate(look.groups):
        if number % AT_A_TIME == 0:
            pause()
        held = look.get(name)
        assert held is not None
        old = then.get(name) if then is not None else None
        doubted = name in in_doubt
        total = None if doubted else _lag(held)
        consumed = _moved(held, old, grown, out) if old is not None else None
        rate = consumed / seconds if consumed is not None and seconds > 0 else None
        window = None if total == 0 else looks.window(name)
        judged = _judged(name, window)
        found = None
        if judged.state is LagState.OK and total and then is not None:
            found = standing(looks, then, judged)
        if found is not None:
            judged = found[0]
        if total is None:
            unknown += 1
        else:
            lag += total
            total_then = _lag(old) if old is not None else None
            if total_then is not None:
                compared += 1
                change += total - total_then
        was = before.get(name)
        waiting = 0 if window is None else None
        if window is not None and not doubted:
            waiting = _waiting(window, was, looks.previous_ms, looks.before_last(name))
        since, begun_before = _since(looks, judged, was, None if found is None else found[1])
        groups[name] = GroupSeen(
            group=name,
            offsets=look.of(name),
            lag=judged,
            waiting_ms=waiting,
            consume_rate=rate,
            drained_in_ms=_drained(total, old, seconds),
            members=held.members,
            since_ms=since,
            begun_before=begun_before,
            idle=judged.state is LagState.OFFLINE and _unused(was) and not looks.moved(name),
        )
    incoming: dict[str, int] = {}
    for number, (key, by) in enumerate(grown.items()):
        if number % _QUEUES_AT_A_TIME == 0:
            pause()
        incoming[key.topic] = incoming.get(key.topic, 0) + by
    return Derived(
        groups,
        {topic: count / seconds for topic, count in incoming.items()} if seconds > 0 else {},
        {topic: count / seconds for topic, count in out.items()} if seconds > 0 else {},
        lag if len(groups) > unknown or not groups else None,
        unknown,
        change / seconds if seconds > 0 and (compared or not groups) else None,
    )


def _since(looks: Looks, judged: GroupLag, was: GroupSeen | None, stood: int | None) -> tuple[int | None, bool]:
    """Since when a group is as it is judged (ms since 1970), and whether it was so before that; None of one that is
    well. What stands still does so since it last moved (`stood`, where it is judged by that), for longer than it was
    judged to. The beginning was not seen of what was so at the oldest look, or when too little was known before."""
    if judged.state is LagState.OK:
        return None, False
    if was is not None and (was.lag.state is judged.state or {was.lag.state, judged.state} <= {*STILL}):
        return was.since_ms, was.begun_before
    if judged.state in STILL:
        stood = stands_since(looks, judged.group, still_queues(judged))
    if stood is not None:
        return stood, stood == looks.first_ms
    assert looks.last is not None
    return looks.last.time_ms, was is None or was.lag.state is LagState.UNKNOWN


def _unused(was: GroupSeen | None) -> bool:
    """Whether nobody was seen to use it before."""
    return was is None or was.idle or was.lag.state is LagState.UNKNOWN


def _lag(held: Held) -> int | None:
    """Messages that wait; None when a part of it is not known."""
    total = 0
    for end, committed in zip(held.ends, held.committed, strict=True):
        if end == ABSENT:
            return None
        if committed == ABSENT:
            if end == 0:
                continue
            return None
        if end > committed:
            total += end - committed
    return total


def _moved(held: Held, old: Held, grown: dict[QueueKey, int], out: dict[str, int]) -> int | None:
    """How many messages the group consumed since; fills in by how many its queues have grown, and what was consumed by
    topic."""
    total: int | None = None
    same = held.keys is old.keys
    places = None if same else {key: place for place, key in enumerate(old.keys)}
    for at, key in enumerate(held.keys):
        then = at if places is None else places.get(key, -1)
        if then < 0:
            continue
        end, end_then = held.ends[at], old.ends[then]
        if end != ABSENT and end_then != ABSENT:
            grown[key] = max(end - end_then, 0)
        committed, committed_then = held.committed[at], old.committed[then]
        if committed != ABSENT and committed_then != ABSENT:
            step = max(committed - committed_then, 0)
            total = (total or 0) + step
            out[key.topic] = out.get(key.topic, 0) + step
    return total


def _judged(name: str, window: GroupWindow | None) -> GroupLag:
    if window is None:
        return GroupLag(name, LagState.OK, 0, "nothing is left to consume", [])
    judged = judge(window)
    if judged.state in _TRENDS and window.times[-1] - window.times[0] < LEAST_TREND_MS:
        judged.state, judged.evidence = LagState.UNKNOWN, f"{waits(judged.lag)}; it was not watched long enough"
    return judged


def _waiting(window: GroupWindow, was: GroupSeen | None, was_ms: int | None, held: Held | None) -> int | None:
    """For how long the oldest message that waits has been there, as looks saw it come; None where none did. Where it
    came since the look before (`held`, at `was_ms`) it has waited for less than the time since then.

    It is in a queue since the first look at which that ended behind the group's offset. One that was there at the
    first look already has waited for as long as it had at the look before this one (`was`, at `was_ms`) and since then,
    if the group has not moved.
    """
    now, oldest = window.times[-1], window.times[-1]
    for columns in window.queues.values():
        committed, end = columns.committed[-1], columns.ends[-1]
        if committed is None or end is None:
            if end == 0:
                continue
            return None
        if end <= committed:
            continue
        place = next(at for at, each in enumerate(columns.ends) if each is not None and each > committed)
        if place > 0 and columns.ends[place - 1] is not None:
            oldest = min(oldest, window.times[place])
            continue
        known = was.waiting_ms if was is not None else None
        if isinstance(known, Below):
            known = 0
        if place > 0 or was_ms is None or known is None or columns.committed[0] != committed:
            return None
        oldest = min(oldest, was_ms - known)
    if oldest < now:
        return now - oldest
    if was_ms is None or held is None:
        return None
    return Below(now - was_ms) if _all_new(window, held) else now - was_ms


def _all_new(window: GroupWindow, held: Held) -> bool:
    """Whether no message that waits was there at the look before."""
    ends = dict(zip(held.keys, held.ends, strict=True))
    for key, columns in window.queues.items():
        committed, end, end_then = columns.committed[-1] or 0, columns.ends[-1] or 0, ends.get(key, ABSENT)
        if end > committed and (end_then == ABSENT or end_then > committed):
            return False
    return True


def _drained(total: int | None, old: Held | None, seconds: float) -> int | None:
    """ms until nothing is left, if the lag goes on shrinking as it does; None where it does not."""
    if total == 0:
        return 0
    then = _lag(old) if old is not None else None
    if total is None or then is None or seconds <= 0 or then <= total:
        return None
    return round(total / ((then - total) / seconds) * 1000)
