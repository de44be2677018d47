"""What looks say: rates, estimates, and what is not known."""

from itertools import pairwise
from pathlib import Path
from random import Random
from sys import getrefcount

import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.tui.model.choosing import APART_MS, WINDOW_MS, chosen
from rocketmq_ops.tui.model.derive import UNASKED_MS, Derived, derive
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.recorded import looks_at
from rocketmq_ops.tui.model.recording import WENT_BACK
from rocketmq_ops.tui.model.table import Below, Kind, OrMore


def watched(*turns, step=10_000, members=1):
    """Looks at a group `g`; each turn is a list of (end, committed) of its queues. What each said."""
    looks, groups, said = Looks(), {}, []
    for number, queues in enumerate(turns):
        offsets = [QueueOffsets(QueueKey("t", f"broker-{at}", 0), *pair) for at, pair in enumerate(queues)]
        looks.add(number * step, [GroupOffsets(group="g", queues=offsets, members=members)])
        derived = derive(looks, groups)
        groups = derived.groups
        said.append(derived)
    return said


def shown(derived):
    return figure(derived.groups["g"].waiting_ms, Kind.SPAN, 0)


def test_a_group_that_hangs_at_its_first_message_waits_for_what_has_come_since():
    """Where it would begin is not known: no offset of it was ever committed."""
    said = watched(*([(1000 + 10 * max(n - 5, 0), None), (7, 7)] for n in range(60)))
    groups = [each.groups["g"] for each in said]
    assert {group.lag.lag for group in groups} == {None}
    assert [figure(groups[at].waits, Kind.COUNT, 0) for at in (0, 5, 6, 59)] == ["?", "?", "≥10", "≥540"]
    assert {group.lag.state for group in groups[:8]} == {LagState.UNKNOWN}
    assert {group.lag.state for group in groups[8:]} == {LagState.STALLED}
    assert {group.since_ms for group in groups[8:]} == {60_000}, "when the first message came"
    assert shown(said[5]) == "?"
    assert shown(said[8]) == ">20s"
    assert shown(said[-1]) == ">8m50s", "on beyond the window"
    assert said[-1].lag_unknown == 1


def test_what_came_while_nobody_was_connected_may_be_left_out_by_who_comes():
    looks, groups, least = Looks(), {}, []
    for number, members in enumerate([1, 1, 1, 0, 0, 1, 1, None]):
        queues = [QueueOffsets(QueueKey("t", "b", 0), 10 * number, None)]
        looks.add(number * 10_000, [GroupOffsets(group="g", queues=queues, members=members)])
        groups = derive(looks, groups).groups
        least.append(groups["g"].least)
    assert least == [0, 10, 20, 0, 0, 0, 10, 20]


def test_a_topic_that_was_made_anew_begins_anew():
    said = watched(*([(100 + 10 * n, None)] for n in range(5)), *([(3 + n, None)] for n in range(3)))
    assert [each.groups["g"].least for each in said] == [0, 10, 20, 30, 40, 0, 1, 2]


def test_what_is_not_told_of_a_queue_for_a_while_leaves_where_it_began():
    silent = [[(None, None)]] * 40
    said = watched([(1000, None)], [(1010, None)], *silent, [(1020, None)], *[[(1030, 1015)]] * 4, [(1040, None)])
    least = [each.groups["g"].least for each in said]
    assert (least[1], {*least[2:42]}, least[42]) == (10, {0}, 20)
    assert said[43].groups["g"].lag.lag == 15
    assert said[47].groups["g"].least == 0, "it began anew when it had committed"


def test_what_is_known_to_wait_is_said_of_a_group_that_is_in_doubt_otherwise():
    looks, groups = Looks(), {}
    for number in range(9):
        key = QueueKey("main", "b", 0)
        looks.add(number * 10_000, [GroupOffsets(group="g", queues=[QueueOffsets(key, 500, 100)], members=1)])
        derived = derive(looks, groups, without={"g": Unsaved.NO_OFFSET})
        groups = derived.groups
    group = derived.groups["g"]
    assert (group.lag.state, group.lag.lag, figure(group.waits, Kind.COUNT, 0)) == (LagState.STALLED, None, "≥400")
    assert figure(group.waiting_ms, Kind.SPAN, 0).startswith(">")
    assert (derived.lag, derived.lag_unknown) == (400, 1)
    own = derive(looks, {}, without={"g": Unsaved.OWN}).groups["g"]
    assert (own.lag.state, own.waits) == (LagState.UNKNOWN, None), "what is saved of it is of another time"


@pytest.mark.parametrize("silent", [3, 12], ids=["shortly", "for longer than rates go back"])
def test_a_rate_of_a_part_is_none_while_a_broker_is_silent_and_for_a_minute_after_it(silent):
    moving = [(100 * n, 100 * n) for n in range(40)]
    torn = [(None, None) if n in range(10, 10 + silent) else pair for n, pair in enumerate(moving)]
    said = watched(*map(list, zip(moving, torn, strict=True)))
    known = [*range(1, 10), *range(16 + silent, 40)] if silent > 6 else [*range(1, 10), 13, 14, 15, *range(19, 40)]
    for at, each in enumerate(said[1:], 1):
        expected = ({"t": 20.0}, {"t": 20.0}, 20.0, frozenset()) if at in known else ({}, {}, None, frozenset("t"))
        assert (each.in_rates, each.out_rates, each.groups["g"].consume_rate, each.lost) == expected, at


def test_what_comes_where_a_group_has_no_offset_is_not_told_by_when_that_was_asked_for():
    """Ends of other times make no rate, whoever is told last; nor does a part without them."""

    def rates(order, *, same=True):
        looks, derived = Looks(), None
        for number in range(10):
            end = 100 * number
            well = GroupOffsets(group="well", queues=[QueueOffsets(QueueKey("t", "b", 0), end, end)])
            at = QueueKey("t", "b" if same else "c", 0)
            hangs = GroupOffsets(group="hangs", queues=[QueueOffsets(at, end - end % 300, None)], members=1)
            looks.add(number * 10_000, [well, hangs][::order])
            derived = derive(looks, {})
        return derived.in_rates, derived.out_rates

    for order in (1, -1):
        assert rates(order) == ({"t": 10.0}, {"t": 10.0})
        assert rates(order, same=False) == ({}, {"t": 10.0})


def test_rates_are_of_what_moved_in_the_last_minute():
    said = watched(*([(100 + 20 * n, 50 + 10 * n), (7, 7)] for n in range(10)))
    assert said[0].groups["g"].consume_rate is None
    assert said[0].in_rates == {}
    assert said[-1].groups["g"].consume_rate == 1.0
    assert (said[-1].in_rates, said[-1].out_rates) == ({"t": 2.0}, {"t": 1.0})
    assert said[-1].lag_change == 1.0
    assert said[-1].groups["g"].drained_in_ms is None, "it does not shrink"


def test_how_long_until_nothing_is_left():
    said = watched(*([(1000, 100 + 20 * n)] for n in range(10)))
    group = said[-1].groups["g"]
    assert group.lag.lag == 720
    assert group.drained_in_ms == 360_000
    assert watched([(5, 5)])[0].groups["g"].drained_in_ms == 0


def test_a_group_that_is_behind_since_a_moment_is_not_stalled_yet():
    said = watched(*([(100 + n, 50)] for n in range(4)))
    assert [each.groups["g"].lag.state for each in said[1:]] == [LagState.UNKNOWN, LagState.UNKNOWN, LagState.STALLED]


def test_a_group_whose_clients_are_not_known_yet_is_not_stalled_but_not_for_ever():
    said = [each.groups["g"].lag for each in watched(*([(100 + n, 50)] for n in range(40)), members=None)]
    first = next(at for at, lag in enumerate(said) if lag.state is LagState.STALLED)
    assert UNASKED_MS <= first * 10_000 <= WINDOW_MS
    assert {lag.state for lag in said[:first]} == {LagState.UNKNOWN}
    assert said[first - 1].evidence == f"{49 + first} messages wait; who is connected is not known yet"
    assert {lag.state for lag in said[first:]} == {LagState.STALLED}, "nobody will tell"
    slow = watched(*([(9000 + 20 * n, 50 + 10 * n)] for n in range(5)), members=None)
    assert slow[-1].groups["g"].lag.state is LagState.SLOW, "somebody consumes"


def test_how_long_the_oldest_has_waited_where_it_was_seen_to_come():
    said = watched([(10, 10)], [(12, 10)], [(15, 10)], [(20, 12)], [(20, 20)])
    assert [each.groups["g"].waiting_ms for each in said] == [0, Below(10_000), 10_000, 10_000, 0]
    assert isinstance(said[1].groups["g"].waiting_ms, Below), "all that waits came since the look before"
    assert figure(said[1].groups["g"].waiting_ms, Kind.SPAN, 0) == "<10s"
    said = watched([(10, 5)], [(12, 5)])
    assert [shown(each) for each in said] == ["?", ">10s"], "it was there before anybody looked"
    said = watched(*([(1000 + 10 * n, 5 + n)] for n in range(40)))
    assert shown(said[-1]) == ">4m30s", "as long as the looks go back that it is judged by"


def test_a_group_that_is_busy_and_keeps_up_has_waited_for_less_than_a_look():
    said = watched(*([(10 + 10 * n, 5 + 10 * n)] for n in range(40)))
    assert {figure(each.groups["g"].waiting_ms, Kind.SPAN, 0) for each in said[1:]} == {"<10s"}


def test_what_came_between_the_looks_of_a_window_waits_since_the_look_after():
    count = WINDOW_MS // 10_000
    said = watched(*([(10, 10)] for _ in range(count)), [(12, 10)], [(12, 10)])
    assert figure(said[-1].groups["g"].waiting_ms, Kind.SPAN, 0) == "10s"


def test_the_age_goes_on_when_the_window_does_not_reach_back():
    count = WINDOW_MS // 10_000 + 30
    said = watched([(10, 10)], *([(12, 10)] for _ in range(count)))
    assert said[-1].groups["g"].waiting_ms == (count - 1) * 10_000


def test_a_change_of_the_lag_is_not_known_before_a_group_was_seen_twice():
    said = watched([(None, None)], [(30, 10)], [(35, 10)])
    assert [each.lag_change for each in said] == [None, None, None], "what there was at first is not known"
    assert watched([(30, 10)], [(30, 10)])[-1].lag_change == 0.0


def test_what_stands_still_does_so_since_it_last_moved_not_since_it_is_judged_to():
    moved = 20
    said = watched(*([(100 + 10 * n, 100 + 10 * min(n, moved))] for n in range(70)))
    states = [each.groups["g"].lag.state for each in said]
    first = next(at for at, state in enumerate(states) if state in (LagState.STALLED, LagState.STOPPED))
    assert first > moved + 10, "it is judged long after"
    assert {each.groups["g"].since_ms for each in said[first:]} == {(moved + 1) * 10_000}, "the first that waits"
    behind = watched(*([(500 + 10 * n, 100 + min(n, moved))] for n in range(70)))
    assert behind[-1].groups["g"].lag.state in (LagState.STALLED, LagState.STOPPED)
    assert behind[-1].groups["g"].since_ms == moved * 10_000, "its last move"
    never = watched(*([(500, 100)] for _ in range(9)))
    assert never[-1].groups["g"].since_ms == 0, "the first look"
    assert {each.groups["g"].begun_before for each in said[first:]} == {False}
    assert never[-1].groups["g"].begun_before, "it stood still before anybody looked"


def test_a_group_is_slow_since_the_queues_stand_still_that_make_it_slow():
    """One whose offset went back and has stood still from then on, while the other one is consumed."""
    at = [*range(100, 400, 10), *([100] * 30)]
    said = watched(*([(1000 + 20 * n, committed), (7 + 5 * n, 5 + 5 * n)] for n, committed in enumerate(at)))
    states = [each.groups["g"].lag.state for each in said]
    assert states[30] is LagState.REWOUND
    slow = [each.groups["g"] for each in said[31:] if each.groups["g"].lag.state is LagState.SLOW]
    assert {each.since_ms for each in slow} == {300_000}, "when it went back, not when it was judged"
    never = watched(*([(1000 + 20 * n, 100), (7 + 5 * n, 5 + 5 * n)] for n in range(5)))[-1].groups["g"]
    assert (never.lag.state, never.since_ms, never.begun_before) == (LagState.SLOW, 0, True), "the first look"


def test_what_is_behind_from_the_first_looks_on_was_so_before():
    slow = watched(*([(9000 + 20 * n, 50 + 10 * n)] for n in range(12)))[-1].groups["g"]
    assert (slow.lag.state, slow.begun_before) == (LagState.SLOW, True)
    became = watched(*([(100, 100)] for _ in range(40)), *([(100 + 100 * n, 100 + n)] for n in range(45)))
    last = became[-1].groups["g"]
    assert (last.lag.state, last.begun_before) == (LagState.SLOW, False), "it was well before"


def test_a_group_that_hangs_is_slow_after_a_minute_though_it_had_caught_up():
    said = watched(*([(100 + 10 * n, 100 + 10 * min(n, 30))] * 2 for n in range(50)))
    for minutes in (1, 2, 3):
        group = said[31 + 6 * minutes].groups["g"]
        assert group.lag.state is LagState.SLOW, f"after {minutes} min"
        assert group.lag.evidence.startswith(f"2 queues have not moved for {minutes}m"), group.lag.evidence
        assert group.since_ms == 310_000
        assert [queue.state for queue in group.lag.queues] == [LagState.SLOW] * 2
    assert {each.groups["g"].lag.state for each in said[4:36]} == {LagState.OK}
    one = watched(*([(100 + 10 * n, 100 + 10 * min(n, 30)), (7 + 5 * n, 5 + 5 * n)] for n in range(50)))
    assert one[37].groups["g"].lag.evidence.startswith("1 queue has not moved for 1m"), "a client of two hangs"
    offline = watched(*([(100 + 10 * n, 100 + 10 * min(n, 30))] for n in range(40)), members=0)
    assert offline[-1].groups["g"].lag.state is LagState.OFFLINE


def test_a_group_that_hangs_is_slow_still_when_a_broker_tells_again_that_was_silent():
    """What the other broker did not tell shows neither that its queues took turns, nor that anything was consumed."""
    said = watched(
        *(
            [(100 + 10 * n, 100 + 10 * min(n, 10)), (None, None) if 25 <= n < 29 else (7 + 5 * n, 5 + 5 * n)]
            for n in range(50)
        )
    )
    states = [each.groups["g"].lag.state for each in said]
    assert {*states[17:25]} == {LagState.SLOW}
    assert {*states[25:29]} == {LagState.UNKNOWN}
    back = [each.groups["g"] for each in said[29:]]
    assert LagState.OK not in {group.lag.state for group in back}
    assert {group.since_ms for group in back} == {110_000}
    assert back[0].lag.evidence.startswith("1 queue has not moved for 3m, and the lag of the group grew by 60"), back[
        0
    ].lag.evidence


def test_a_burst_or_queues_that_take_turns_are_not_slow():
    burst = watched(*([(100, 100)] * 3 for _ in range(5)), *([(400, 100 + 10 * n)] * 3 for n in range(15)))
    assert {each.groups["g"].lag.state for each in burst[1:]} == {LagState.OK}
    pause = watched(*([(100, 100)] for _ in range(5)), *([(400, 100)] for _ in range(15)))
    assert pause[12].groups["g"].lag.state is LagState.OK, "its lag does not grow"
    turns, committed = [], [100, 100, 100]
    for n in range(60):
        ends = [100 + 10 * n] * 3
        committed[n // 4 % 3] = ends[0]
        turns.append(list(zip(ends, committed, strict=True)))
    said = watched(*turns)
    assert {each.groups["g"].lag.state for each in said[4:]} == {LagState.OK}


def test_what_is_not_known_is_no_number():
    said = watched([(10, 5), (10, 5)], [(10, 5), (None, None)])
    group = said[-1].groups["g"]
    assert group.lag.lag is None
    assert shown(said[-1]) == ">10s", "in the queue of which it is known"
    assert figure(group.waits, Kind.COUNT, 0) == "≥5"
    assert group.drained_in_ms is None
    assert (said[-1].lag, said[-1].lag_unknown) == (5, 1), "so much is known to wait"
    assert watched([(3, None)])[-1].lag is None
    never = watched([(0, None), (10, 10)])[-1].groups["g"]
    assert never.lag.lag == 0, "a queue that never had a message has nothing to consume"
    assert watched([(3, None)])[-1].groups["g"].lag.lag is None


def test_an_offset_that_goes_back_is_no_negative_rate():
    said = watched([(10, 10)], [(10, 2)])
    assert said[-1].groups["g"].consume_rate == 0


def test_offline_from_the_first_look_is_idle_and_afterwards_is_not():
    assert watched([(10, 5)], [(10, 5)], members=0)[-1].groups["g"].idle
    looks, groups = Looks(), {}
    for number, members in enumerate([1, 1, 1, 0, 0]):
        queues = [QueueOffsets(QueueKey("t", "b", 0), 10 + number, 9 + min(number, 2))]
        looks.add(number * 10_000, [GroupOffsets(group="g", queues=queues, members=members)])
        groups = derive(looks, groups).groups
    assert groups["g"].lag.state is LagState.OFFLINE
    assert not groups["g"].idle
    silent = watched(*[[(10, 5), (20, 9)]] * 5, *[[(10, 5), (None, None)]] * 5, members=0)
    assert {each.groups["g"].idle for each in silent[1:]} == {True}, "a broker that is silent has moved nothing"


@pytest.mark.parametrize("begin", [0, 7_000, 25_001])
def test_a_look_that_groups_are_judged_by_stays_one_and_no_other_becomes_one(begin: int) -> None:
    assert chosen([1, 2, 3]) == [0, 1, 2]
    times, before = [], set()
    for number in range(100):
        times = [time for time in [*times, begin + number * 10_000] if begin + number * 10_000 - time <= WINDOW_MS]
        now = {times[place] for place in chosen(times)}
        assert len(now) == min(number + 1, 10), "as many as a judgement wants"
        came = now - before - {times[-1]}
        assert all(APART_MS // 2 <= times[-1] - time < 2 * APART_MS for time in came), "one of a fixed time, late"
        before = now
    assert [time // APART_MS for time in sorted(now)][:-1] == [*range(24, 33)] if begin == 0 else True


@pytest.mark.parametrize("phase", range(6))
def test_an_offset_that_moved_for_a_moment_does_not_come_and_go_in_the_judgement(phase: int) -> None:
    """As where a queue was in other hands for 20 s, until the client that hangs had it again."""
    still = [(5000 + 10 * n, 26) for n in range(100)]
    still[40 + phase] = (still[40 + phase][0], 2682)
    states = [each.groups["g"].lag.state for each in watched(*([pair] for pair in still))]
    told = [states[39], *(after for before, after in pairwise(states[39:]) if before is not after)]
    assert told == [LagState.STALLED, LagState.OK, LagState.REWOUND, LagState.STOPPED, LagState.STALLED]
    assert states.count(LagState.OK) == 1
    assert states.count(LagState.REWOUND) >= 10


def test_a_recording_judges_by_the_looks_that_a_dashboard_did(tmp_path: Path) -> None:
    """Also by those around which an offset went back, which it reads beside those of fixed times."""
    looks, lived, played = Looks(), [], []
    with History.open(tmp_path / "ring") as history:
        for n in range(70):
            time_ms, offset = 1_000_000 + n * 10_000, 2682 if n == 40 else 26
            group = GroupOffsets(
                group="g", queues=[QueueOffsets(QueueKey("t", "b", 0), 5000 + 10 * n, offset)], members=1
            )
            look = looks.add(time_ms, [group])
            figures = [Figure(WENT_BACK, name, 1.0) for name in look.went_back]
            history.append(Run(time_ms=time_ms, groups=[group], figures=figures))
            lived.append(looks.window("g"))
            played.append(looks_at(history, time_ms).window("g"))
    assert played == lived
    assert 2682 in lived[60].queues[QueueKey("t", "b", 0)].committed


def test_a_look_holds_columns_and_makes_queues_of_them_for_who_asks() -> None:
    """Objects for each of 20,000 queues take twenty times as much."""
    looks = Looks()
    queues = [QueueOffsets(QueueKey("t", "b", 0), 5, None), QueueOffsets(QueueKey("t", "b", 1), None, 3)]
    held = [getrefcount(queue) for queue in queues]
    first = looks.add(1, [GroupOffsets(group="g", queues=list(queues), members=2)])
    derived = derive(looks, {}).groups["g"]
    assert [getrefcount(queue) for queue in queues] == held
    assert (derived.offsets.group, derived.offsets.queues, derived.offsets.members) == ("g", queues, 2)
    assert list(derived.offsets.keys) == [queue.queue for queue in queues]
    looks.skip(2)
    last = looks.add(3, [GroupOffsets(group="g", queues=[QueueOffsets(queue.queue, 9, 9) for queue in queues])])
    assert first.keys("g") is last.keys("g")
    assert derived.offsets.queues == queues, "what was seen of a group is that of its look"


def test_offsets_are_what_they_were_however_far_they_move_between_looks() -> None:
    far, key = 1 << 31, QueueKey("t", "b", 0)
    seen = [
        (5, 5),
        (7, 6),
        (None, 6),
        (far + 9, None),
        (far * 8, far * 7),
        (far * 7, far * 7 - far),
        (0, 0),
        (None, None),
    ]
    looks, made = Looks(), []
    for number, (end, committed) in enumerate(seen):
        made.append(looks.add(number, [GroupOffsets(group="g", queues=[QueueOffsets(key, end, committed)])]))
    assert [[(q.end, q.committed) for q in look.queues("g")] for look in made] == [[pair] for pair in seen]
    columns = looks.window("g").queues[key]
    assert list(zip(columns.ends, columns.committed, strict=True)) == seen


def told(chance: Random) -> list[list[GroupOffsets]]:
    """What thirty looks are told: of groups that share topics some queues move, some stand still, some are used up; of
    some a part is not known now and then, or they come and go."""
    queues = [QueueKey(f"t{at % 4}", f"b{at % 3}", at % 2) for at in range(12)]
    mine = {f"g{at}": sorted(chance.sample(queues, chance.randint(1, 8))) for at in range(12)}
    doubtful = chance.choice((0.0, 0.0, 0.02, 0.2))
    ends = {queue: chance.choice((0, 50)) for queue in queues}
    still = {queue for queue in queues if chance.random() < 0.3}
    behind = dict.fromkeys([(group, queue) for group, each in mine.items() for queue in each], 0)
    looks = []
    for _ in range(30):
        ends = {queue: end + (0 if queue in still else chance.randint(0, 9)) for queue, end in ends.items()}
        said = {
            group: GroupOffsets(
                group=group, queues=[], members=chance.choice((1, 1, 1, 0)), pulling=chance.random() < 0.3
            )
            for group in mine
        }
        for (group, queue), lag in behind.items():
            behind[group, queue] = lag = max(chance.choice((0, 0, lag, lag + 3, lag - 2)), 0)
            end, committed = ends[queue], max(ends[queue] - lag, 0)
            if chance.random() >= doubtful / 4:
                known = [None if chance.random() < doubtful else each for each in (end, committed)]
                said[group].queues.append(QueueOffsets(queue, *known))
        looks.append(list(said.values()))
    return looks


@pytest.mark.parametrize("seed", range(20))
def test_queues_taken_together_say_what_each_says_by_itself(seed: int) -> None:
    """While no queue of a group comes or goes its queues are gone through together, where looks share which there are."""
    together, apart = Looks(), Looks()
    said, each = derive_none(), derive_none()
    shared = 0
    for number, groups in enumerate(told(Random(seed))):
        together.add(number * 10_000, groups)
        apart._seen = None  # so that nothing is shared
        apart.add(number * 10_000, groups)
        said, each = (derive(looks, was.groups) for looks, was in ((together, said), (apart, each)))
        assert said == each
        assert {group.group: together.window(group.group) for group in groups} == {
            group.group: apart.window(group.group) for group in groups
        }
        waiting = [
            None if queue.end is None or (queue.committed is None and queue.end) else
            max(queue.end - (queue.committed or 0), 0)
            for group in groups for queue in group.queues
        ]  # fmt: skip
        if None not in waiting:
            assert (said.lag, said.lag_unknown) == (sum(each for each in waiting if each), 0)
        if number:
            before, last = together._looks[-2], together._looks[-1]
            shared += sum(before.keys(group.group) is last.keys(group.group) for group in groups)
            assert not any(
                group.queues and apart._looks[-2].keys(group.group) is apart._looks[-1].keys(group.group)
                for group in groups
            )
    assert shared > 100


def derive_none() -> Derived:
    return Derived({}, {}, {}, None, 0, None)


def test_what_has_waited_before_a_silence_has_waited_so_long_behind_it():
    """Of a group that stands still, whose broker falls silent for some looks: longer than a window reaches back."""
    still, busy = (1_000, 10), [(10 * n, 10 * n) for n in range(140)]
    for silent_both in (True, False):
        turns = []
        for n in range(140):
            silent = n == 0 or 60 <= n < 63
            first = (None, None) if 60 <= n < 63 else (10, 10) if n == 0 else still
            turns.append([first, (None, None) if silent and silent_both and n else busy[n]])
        said = watched(*turns)
        assert shown(said[59]) == "9m40s"
        assert shown(said[61]) == "?"
        assert [shown(said[n]) for n in (63, 64, 80, 100, 139)] == ["10m20s", "10m30s", "13m10s", "16m30s", "23m"]


def test_a_lower_bound_does_not_fall_behind_a_silence():
    turns = [[(None, None)] if 60 <= n < 63 else [(1_000, 10)] for n in range(140)]
    said = watched(*turns)
    assert [shown(said[n]) for n in (59, 61, 63, 100, 139)] == [">9m50s", "?", ">10m30s", ">16m40s", ">23m10s"]


def test_what_came_in_a_silence_has_waited_no_longer_than_that():
    """A group that keeps up has a few messages left at each look."""
    turns = [[(None, None)] if 20 <= n < 23 else [(10 * n + 4, 10 * n)] for n in range(60)]
    said = watched(*turns)
    assert shown(said[19]) == "<10s"
    assert [each.groups["g"].waiting_ms for each in said[20:23]] == [None] * 3
    assert said[23].groups["g"].waiting_ms == 50_000, "since the last look of its window that knew"
    assert isinstance(said[23].groups["g"].waiting_ms, Below)
    assert shown(said[24]) == "<10s"


def test_what_was_consumed_behind_a_silence_does_not_wait_on():
    turns = [[(None, None)] if 60 <= n < 63 else [(1_000 + n, 10 if n < 60 else 900)] for n in range(100)]
    said = watched(*turns)
    assert shown(said[63]) in ("?", ">4m30s", ">4m40s", ">4m50s"), "as long as the window reaches back"


@pytest.mark.parametrize("silence", [35, 100], ids=["6 min", "17 min"])
def test_what_has_waited_is_known_behind_a_silence_that_is_longer_than_a_window(silence):
    """Nothing was consumed meanwhile; also where another broker told all the time, and of a bound."""
    silent = range(60, 60 + silence)
    for busy in (False, True):
        turns = []
        for n in range(61 + silence):
            here = (None, None) if n in silent else (10, 10) if n == 0 else (1_000, 10)
            turns.append([here, (10 * n, 10 * n)] if busy else [here, (None, None) if n in silent else (5, 5)])
        said = watched(*turns)
        assert shown(said[59]) == "9m40s"
        assert {shown(said[n]) for n in silent} == {"?"}
        assert said[-1].groups["g"].waiting_ms == (59 + silence) * 10_000
        assert type(said[-1].groups["g"].waiting_ms) is int, "it is known"
    bound = watched(*[[(None, None)] if n in silent else [(1_000, 10)] for n in range(61 + silence)])
    assert bound[-1].groups["g"].waiting_ms == (60 + silence) * 10_000
    assert isinstance(bound[-1].groups["g"].waiting_ms, OrMore)


def test_what_moved_elsewhere_in_a_long_silence_leaves_what_stayed_since_then_at_least():
    """The oldest may have been the one that was consumed."""
    silent, turns = range(60, 100), []
    for n in range(103):
        first = (None, None) if n in silent else (1_000, 10 if n < 60 else 1_000)
        second = (None, None) if n in silent else (500, 500) if n < 55 else (600, 500)
        turns.append([first, second])
    said = watched(*turns)
    back = said[100].groups["g"].waiting_ms
    assert isinstance(back, OrMore)
    assert back == (100 - 59) * 10_000, "it was there at the last look before the silence"
    consumed = watched(*[[(None, None)] if n in silent else [(1_000 + n, 10 if n < 60 else 990)] for n in range(103)])
    assert shown(consumed[100]) == "?", "what was consumed does not wait on"


def test_what_waited_behind_the_oldest_message_has_not_waited_for_as_long_as_that():
    """One that waits in another queue is consumed: also where that came before the window, or told nothing until then."""
    late = watched(*([(1, 0), (int(n >= 40), 0)] for n in range(80)), *([(1, 1), (1, 0)] for _ in range(10)))
    assert shown(late[79]) == ">13m10s"
    for n in range(80, 90):
        waiting = late[n].groups["g"].waiting_ms
        assert isinstance(waiting, OrMore) and WINDOW_MS - 2 * APART_MS <= waiting <= (n - 40) * 10_000
    told = watched(
        [(0, 0), (0, 0)], *([(1, 0), (5, 3) if n >= 20 else (None, None)] for n in range(1, 22)), [(1, 1), (5, 3)]
    )
    assert shown(told[21]).startswith(">3m")
    assert told[22].groups["g"].waiting_ms <= 2 * 10_000 + APART_MS
    stays = watched(*([(1, 0), (n, max(n - 2, 0))] for n in range(80)))
    assert shown(stays[79]) == ">13m10s", "the oldest is there, whatever is consumed of others"


def test_a_silence_at_the_first_look_leaves_what_another_dashboard_knew():
    looks, groups = Looks(), {}
    for n in range(45):
        pair = (None, None) if 2 <= n < 40 else (1_000, 10)
        queues = [QueueOffsets(QueueKey("t", "b", 0), *pair)]
        looks.add(n * 10_000, [GroupOffsets(group="g", queues=queues, members=1)])
        groups = derive(looks, groups).groups
        if n == 1:
            groups["g"].waiting_ms = 500_000
            looks.waited.clear()
    assert groups["g"].waiting_ms == 500_000 + 43 * 10_000


def test_what_stands_still_behind_a_silence_may_have_before_it_was_seen_to():
    turns = [[(None, None)] if 10 <= n < 50 else [(10 * n, 10 * min(n, 20))] for n in range(70)]
    group = watched(*turns)[-1].groups["g"]
    assert group.lag.state is LagState.STALLED
    assert (group.since_ms, group.begun_before) == (500_000, True), "that is when it was seen again"
    moved = watched(*[[(10 * n, 10 * min(n, 20))] for n in range(70)])[-1].groups["g"]
    assert (moved.lag.state, moved.begun_before) == (LagState.STALLED, False), "it was seen to move before"
