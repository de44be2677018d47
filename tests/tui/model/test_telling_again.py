"""A broker that was silent for longer than looks go back, and tells again: groups are judged as soon as there is a trend."""

from itertools import groupby

import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.choosing import WINDOW_MS, chosen, further
from rocketmq_ops.tui.model.derive import derive
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.recorded import looks_at
from rocketmq_ops.tui.model.recording import UNKNOWN

STEP = 10_000
#: At these looks `b` is silent.
SILENT = range(10, 60)
LOOKS = 110


def queues(here, there, silent):
    """A queue on `a`, and one on `b`, by (end, committed) at a look."""
    return [
        QueueOffsets(QueueKey("t", "a", 0), *here),
        QueueOffsets(QueueKey("t", "b", 0), *((None, None) if silent else there)),
    ]


def states(here, there):
    """The state at each look, with how many looks it lasted."""
    looks, groups, said = Looks(), {}, []
    for n in range(LOOKS):
        group = GroupOffsets(group="g", queues=queues(here(n), there(n), n in SILENT), members=1)
        looks.add(n * STEP, [group], silent=["b"] if n in SILENT else [])
        groups = derive(looks, groups).groups
        said.append(groups["g"].lag.state.value)
    return [(state, len([*same])) for state, same in groupby(said[SILENT.start :])]


def well(n):
    return 100 + n, 100 + n


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (lambda n: (5_000, 100), "stalled"),
        (lambda n: (5_000 + 20 * n, 100 + 10 * n), "slow"),
        (lambda n: (5_000 + 10 * n, 100 + 20 * n), "ok"),
    ],
    ids=["stalled", "slow", "ok"],
)
def test_a_group_is_judged_once_there_is_a_trend_and_stays_so(there, state):
    """Not only when three looks of fixed times know it, which takes a minute and a half."""
    assert states(lambda n: (100, 100), there) == [("unknown", len(SILENT) + 3), (state, LOOKS - SILENT.stop - 3)]


def test_what_is_told_of_its_other_queues_is_judged_as_ever():
    stalled = states(lambda n: (5_000, 100), lambda n: (5_000 + 10 * n, 100 + 20 * n))
    assert stalled == [("stalled", LOOKS - SILENT.start)]


def test_a_queue_that_may_wait_for_its_turn_is_not_stalled_before_it_was_watched_for_half_a_window():
    said = states(well, lambda n: (5_000, 100))
    assert [state for state, _ in said] == ["unknown", "slow", "stalled"]
    assert said[0][1] == len(SILENT) + 3
    assert 10 <= said[1][1] <= WINDOW_MS // STEP // 2 + 1


def test_a_broker_that_was_silent_for_a_moment_costs_no_judgement():
    looks, groups, said = Looks(), {}, []
    for n in range(LOOKS):
        silent = n % 7 == 0 and n > 40
        looks.add(
            n * STEP,
            [GroupOffsets(group="g", queues=queues(well(n), (5_000, 100), silent), members=1)],
            silent=["b"] if silent else [],
        )
        groups = derive(looks, groups).groups
        said.append((silent, groups["g"].lag.state))
    assert {state for silent, state in said[10:] if not silent} == {LagState.STALLED}


def test_a_moment_of_the_past_is_judged_by_the_same_looks(tmp_path):
    looks, lived, played = Looks(), [], []
    with History.open(tmp_path / "ring") as history:
        for n in range(LOOKS):
            silent, time_ms = n in SILENT, 1_000_000 + n * STEP
            group = GroupOffsets(group="g", queues=queues(well(n), (5_000 + n, 100), silent), members=1)
            looks.add(time_ms, [group], silent=["b"] if silent else [])
            figures = [Figure(UNKNOWN, "b", 1.0)] if silent else []
            history.append(Run(time_ms=time_ms, groups=[group], figures=figures))
            lived.append(looks.window("g"))
            played.append(looks_at(history, time_ms).window("g"))
    assert played == lived
    once = lived[SILENT.stop + 5]
    assert [*map(len, (once.times, once.queues[QueueKey("t", "b", 0)].ends))] == [len(once.times)] * 2
    assert sum(end is not None for end in once.queues[QueueKey("t", "b", 0)].ends) == 6
    assert sum(end is not None for end in once.queues[QueueKey("t", "a", 0)].ends) == 10, "as ever"


def test_which_looks_are_there_beside_those_of_all():
    times = [*range(0, 60 * STEP, STEP)]
    silent = [frozenset("b") if n in range(5, 50) else frozenset() for n in range(60)]
    found = further(times, silent)["b"]
    assert found == [place for place in range(50, 59) if place not in chosen(times)]
    assert further(times, [frozenset()] * 60) == {}
    assert further(times[:52], silent[:52]) == {}, "there is no trend yet"
    assert further(times[:50], silent[:50]) == {}, "it tells nothing"
