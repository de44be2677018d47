"""From looks to groups and topics with their states, rates and estimates. Plain functions, run beside the loop."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Container, Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, judge, waits
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.tui.model.choosing import LEAST_TREND_MS
from rocketmq_ops.tui.model.look import Held
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.moment import Bases, GroupSeen
from rocketmq_ops.tui.model.standing import STANDING_MS, STILL, standing, standing_since, stands_since, worst_queues
from rocketmq_ops.tui.model.waiting import keep_waiting, known_waiting, waiting_of

#: Rates are over this time, ms, or what there is of it.
RATE_MS: Final = 60_000
#: For so long a group that stands still is not stalled while it is not known whether anybody is connected, ms: groups
#: are asked for their clients in turn. Of one that tells nothing of them until then nothing more will be known.
UNASKED_MS: Final = 240_000
#: Groups that are judged between two pauses: one that is behind takes most of a ms.
_GROUPS_AT_A_TIME: Final = 20
#: Queues that are gone through between two pauses, some ms.
_QUEUES_AT_A_TIME: Final = 4_096
_TRENDS: Final = (LagState.SLOW, LagState.STALLED, LagState.STOPPED)


#: What is not known of some queues may be otherwise than those of which it is.
_UNSURE: Final = (LagState.OK, LagState.UNKNOWN)


class Derived(msgspec.Struct):
    """What one look says. Rates are in messages a second, by topic; those of topics of which a part is not known, as a
    broker did not tell now or a minute ago, are `lost`. `silent`: the names of brokers that told nothing at that look,
    and `untold` those that never have. `went_back`: the groups of which an offset did, since the look before."""

    groups: dict[str, GroupSeen]
    in_rates: dict[str, float]
    out_rates: dict[str, float]
    lag: int | None
    lag_unknown: int
    lag_change: float | None
    lost: frozenset[str] = frozenset()
    untold: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    went_back: frozenset[str] = frozenset()


def derive(
    looks: Looks,
    before: Mapping[str, GroupSeen],
    pause: Callable[[], None] = at_once,
    in_doubt: Container[str] = (),
    bases: Mapping[str, Bases] | None = None,
    without: Mapping[str, Unsaved] | None = None,
    untold: Collection[str] = (),
    apart: Mapping[str, frozenset[str]] | None = None,
) -> Derived:
    """The last look. `before` are the groups as they were; those `in_doubt` may wait for what a broker did not tell.
    `pause` is called every few ms. `bases` by group, where it is not known how they were; `without`: groups of
    which no offset says how far behind they are, and why. `untold`: brokers, by their names, that have never told
    anything: each group may have queues there, but those that are `apart` from them, by group."""
    look = looks.last
    assert look is not None
    then = looks.back(RATE_MS)
    seconds = (look.time_ms - then.time_ms) / 1000 if then is not None else 0.0
    minute = seconds * 1000 >= STANDING_MS
    silent = then.silent if then is not None else frozenset[str]()
    every, no_one = frozenset(untold), frozenset[str]()
    now, back = look.each(pause), then.each(pause) if then is not None else None
    groups: dict[str, GroupSeen] = {}
    moves = _Moves()
    lag, unknown, compared, change = 0, 0, 0, 0
    for number, name in enumerate(look.groups):
        if number % _GROUPS_AT_A_TIME == 0:
            pause()
        held = now(name)
        assert held is not None
        old = back(name) if back is not None else None
        why = without.get(name) if without else None
        without_it = apart.get(name, no_one) & every if apart and every else no_one
        beyond = every - without_it if without_it else every
        doubted = name in in_doubt or why is not None or bool(beyond)
        told = _lag(held)
        total = None if doubted else told
        consumed = _moved(held, old, moves, silent) if old is not None else None
        if beyond:
            consumed = None
        if silent and old is None:
            moves.lost.update(key.topic for key in held.keys if key.broker in silent)
        elif silent and old is not None and not silent.isdisjoint(_brokers(held) - _brokers(old)):
            old = None  # of a part of it nothing was told then
        rate = consumed / seconds if consumed is not None and seconds > 0 else None
        window = None if total == 0 or (beyond and told == 0 and held.keys and why is None) else looks.window(name)
        judged = _judged(name, window)
        if beyond and why is None and judged.state in _UNSURE:
            elsewhere = f"what waits on {', '.join(sorted(beyond))} is not known"
            waiting_here = f"{judged.evidence}; " if judged.lag else ""
            judged = GroupLag(name, LagState.UNKNOWN, None, waiting_here + elsewhere, judged.queues)
        if why is not None and (judged.state in _UNSURE or why is Unsaved.OWN):
            judged = GroupLag(name, LagState.UNKNOWN, None, why.value, judged.queues)
        elif doubted:
            judged.lag = None
        total_then = _lag(old) if old is not None else None
        found = None
        if judged.state is LagState.OK and total and then is not None:
            found = standing(looks, then, judged)
        if found is not None:
            judged = found[0]
        if total is None:
            unknown += 1
        else:
            lag += total
            if total_then is not None:
                compared += 1
                change += total - total_then
        was = before.get(name)
        based: Bases = {}
        waiting, least = (0 if total == 0 else None), 0
        if window is not None and why is not Unsaved.OWN:
            known = was.bases if was is not None else (bases or {}).get(name, {})
            based = _bases(window, known, held, doubted=doubted) if total is None and not window.pulling else {}
            least = _least(held, based) if total is None else 0
            lag += least
            waited = known_waiting(looks, name, was)
            waiting, oldest = waiting_of(
                window, waited, looks.previous_ms, looks.before_last(name), based, least=doubted
            )
            keep_waiting(looks, window, waiting, waited, oldest)
        else:
            looks.waited.pop(name, None)
        since, begun_before = _since(looks, judged, was, None if found is None else found[1], based)
        groups[name] = GroupSeen(
            group=name,
            offsets=look.of(name),
            lag=judged,
            waiting_ms=waiting,
            least=least,
            bases=based,
            unsaved=why,
            apart=without_it,
            consume_rate=rate,
            drained_in_ms=_drained(total, total_then, seconds),
            members=held.members,
            since_ms=since,
            begun_before=begun_before,
            standing=standing_since(old, held) if total != 0 and old is not None and minute else frozenset(),
            idle=judged.state is LagState.OFFLINE and _unused(was) and not looks.moved(name),
        )
    incoming: dict[str, int] = {}
    for number, (key, by) in enumerate(moves.grown.items()):
        if number % _QUEUES_AT_A_TIME == 0:
            pause()
        incoming[key.topic] = incoming.get(key.topic, 0) + by
    pause()
    lost = moves.lost | (moves.silent & incoming.keys())
    for topic in {key.topic for key in moves.untold - moves.grown.keys()} | lost:
        incoming.pop(topic, None)
    return Derived(
        groups,
        {topic: by / seconds for topic, by in incoming.items()} if seconds > 0 else {},
        {topic: by / seconds for topic, by in moves.out.items() if topic not in lost} if seconds > 0 else {},
        lag if lag or len(groups) > unknown or not (groups or untold) else None,
        unknown,
        change / seconds if seconds > 0 and (compared or not (groups or untold)) else None,
        frozenset(lost),
        frozenset(untold),
        look.silent,
        look.went_back,
    )


def _since(
    looks: Looks, judged: GroupLag, was: GroupSeen | None, stood: tuple[int, bool] | None, based: Bases
) -> tuple[int | None, bool]:
    """Since when a group is as it is judged (ms since 1970), and whether it was so before that; None of one that is
    well. What stands still does so since it last moved (`stood`, where it is judged by that), for longer than it was
    judged to; so does a group that is slow as some of its queues stand still. The
    beginning was not seen of what was so at the oldest look, or when too little was known before."""
    if judged.state is LagState.OK:
        return None, False
    if was is not None and (was.lag.state is judged.state or {was.lag.state, judged.state} <= {*STILL}):
        return was.since_ms, was.begun_before
    assert looks.last is not None
    if stood is None and judged.state in (*STILL, LagState.SLOW):
        stood = stands_since(looks, judged.group, worst_queues(judged), based)
        if judged.state is LagState.SLOW and stood is not None and not stood[1]:
            stood = stood if looks.last.time_ms - stood[0] >= STANDING_MS else None  # they move
    if stood is not None:
        return stood
    return looks.last.time_ms, was is None or was.lag.state is LagState.UNKNOWN


def _unused(was: GroupSeen | None) -> bool:
    """Whether nobody was seen to use it before."""
    return was is None or was.idle or was.lag.state is LagState.UNKNOWN


def _brokers(held: Held) -> set[str]:
    """The names of the brokers that have queues of a group."""
    return {key.broker for key in held.keys}


def _lag(held: Held) -> int | None:
    """Messages that wait; None when a part of it is not known."""
    if held.ends == held.committed and ABSENT not in held.ends:  # most groups have consumed all there is
        return 0
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


def _bases(window: GroupWindow, known: Bases, held: Held, *, doubted: bool) -> Bases:
    """See `Bases`. Of a group whose clients have gone: where the next ones begin may be at the end. What is not told of
    a queue for a while leaves it where it began; so does what is not known of a group that is `doubted`."""
    if window.members[-1] == 0:
        return {}
    there = {*held.keys}
    found = {
        key: base
        for key, base in known.items()
        if (doubted or key in there) and (key not in window.queues or window.queues[key].committed[-1] is None)
    }
    for key, columns in window.queues.items():
        if columns.committed[-1] is not None or not columns.ends[-1]:
            continue
        places = range(len(window.times) - 1, -1, -1)
        base = known.get(key)
        for at in places if base is None else ():
            if columns.committed[at] is not None or window.members[at] == 0:
                break
            if window.members[at] and columns.ends[at] is not None:
                base = columns.ends[at]
        if base is not None:
            found[key] = min(base, columns.ends[-1])
    return found


def _least(held: Held, based: Bases) -> int:
    """How many messages wait in the queues of which that is known, and at least in the others."""
    least = 0
    for key, end, committed in zip(held.keys, held.ends, held.committed, strict=True):
        begin = based.get(key, end) if committed == ABSENT else committed
        least += max(end - begin, 0) if end != ABSENT else 0
    return least


class _Moves(msgspec.Struct):
    """What moved between two looks, in messages."""

    grown: dict[QueueKey, int] = {}
    #: What was consumed, by topic.
    out: dict[str, int] = {}
    #: Queues of which one of the looks does not tell how many messages came: where they end was asked for at another
    #: time, or they were not there.
    untold: set[QueueKey] = set()
    #: Topics with a queue of which nothing is known at one of the looks; and at both.
    lost: set[str] = set()
    silent: set[str] = set()


def _moved(held: Held, old: Held, moves: _Moves, silent: Container[str]) -> int | None:
    """How many messages the group consumed since; None where that is not known of a queue. Fills in what else moved.
    `silent`: the brokers that told nothing then, not even which queues there are."""
    same = held.keys is old.keys
    if same and held.keys and not any(ABSENT in each for each in (held.ends, held.committed, old.ends, old.committed)):
        return _all_moved(held, old, moves)
    total: int | None = None
    known = True
    places = None if same else {key: place for place, key in enumerate(old.keys)}
    told, told_then = _told(held), _told(old)
    for at, key in enumerate(held.keys):
        then = at if places is None else places.get(key, -1)
        if then < 0:
            moves.untold.add(key)
            if key.broker in silent:
                known = False
                moves.lost.add(key.topic)
            continue
        end, end_then = held.ends[at], old.ends[then]
        mine = told is None or (key.topic, key.broker) in told
        mine_then = told_then is None or (key.topic, key.broker) in told_then
        if ABSENT in (end, end_then):
            known = False
            if end == end_then:
                moves.silent.add(key.topic)
            elif mine or mine_then:
                moves.lost.add(key.topic)
            continue
        if mine and mine_then:
            moves.grown[key] = max(end - end_then, 0)
        else:
            moves.untold.add(key)
        committed, committed_then = held.committed[at], old.committed[then]
        if committed != ABSENT and committed_then != ABSENT:
            step = max(committed - committed_then, 0)
            total = (total or 0) + step
            moves.out[key.topic] = moves.out.get(key.topic, 0) + step
    return total if known else None


def _all_moved(held: Held, old: Held, moves: _Moves) -> int:
    """The same where all is known of both, and the queues are the same."""
    keys, consumed = held.keys, _steps(held.committed, old.committed)
    moves.grown.update(zip(keys, _steps(held.ends, old.ends), strict=True))
    total, out = sum(consumed), moves.out
    if keys[0].topic == keys[-1].topic:  # they are in this order
        out[keys[0].topic] = out.get(keys[0].topic, 0) + total
    else:
        for key, step in zip(keys, consumed, strict=True):
            out[key.topic] = out.get(key.topic, 0) + step
    return total


def _steps(now: array[int], then: array[int]) -> list[int]:
    """How far each has gone on; none goes back."""
    return [new - old if new > old else 0 for new, old in zip(now, then, strict=True)]


def _told(held: Held) -> set[tuple[str, str]] | None:
    """The topics on brokers, by names, of which a broker told in this look what the group has: it has an offset there.
    Where others end was asked for, or told of another group (`add_unsaved`). None: all of them."""
    if ABSENT not in held.committed:
        return None
    columns = zip(held.keys, held.committed, strict=True)
    return {(key.topic, key.broker) for key, committed in columns if committed != ABSENT}


def _judged(name: str, window: GroupWindow | None) -> GroupLag:
    if window is None:
        return GroupLag(name, LagState.OK, 0, "nothing is left to consume", [])
    judged = judge(window)
    watched = window.times[-1] - window.times[0]
    if judged.state in _TRENDS and watched < LEAST_TREND_MS:
        judged.state, judged.evidence = LagState.UNKNOWN, f"{waits(judged.lag)}; it was not watched long enough"
    elif judged.state in STILL and window.members[-1] is None and (watched < UNASKED_MS or _known_before(window)):
        judged.state, judged.evidence = LagState.UNKNOWN, f"{waits(judged.lag)}; who is connected is not known yet"
    return judged


def _known_before(window: GroupWindow) -> bool:
    """Whether it was known a while ago who is connected: it will be again."""
    pairs = zip(window.times, window.members, strict=True)
    return any(members is not None and window.times[-1] - time_ms < UNASKED_MS for time_ms, members in pairs)


def _drained(total: int | None, then: int | None, seconds: float) -> int | None:
    """ms until nothing is left, if the lag goes on shrinking as it does; None where it does not."""
    if total == 0:
        return 0
    if total is None or then is None or seconds <= 0 or then <= total:
        return None
    return round(total / ((then - total) / seconds) * 1000)
