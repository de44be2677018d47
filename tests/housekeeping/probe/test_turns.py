"""What is asked for in turn: all of it has its turn, however far apart runs are."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Run
from rocketmq_ops.housekeeping.probe.turns import Part, Turns

NAMES = {f"group-{number}" for number in range(1000)}


def run(history: History, time_ms: int, names: set[str], most: int = 100) -> tuple[list[str], list[Part]]:
    """One run that notes how far its turns have come."""
    turns = Turns(history)
    asked = turns.sample("groups", names, most)
    history.append(Run(time_ms=time_ms, groups=[], figures=turns.figures()))
    return asked, turns.parts


@pytest.mark.parametrize("minutes", [1, 7, 10, 60])
def test_all_have_their_turn_however_far_apart_runs_are(tmp_path: Path, minutes: int) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        asked: list[str] = []
        for number in range(10):
            these, parts = run(history, (number + 1) * minutes * 60_000, NAMES)
            assert len(these) == 100 and parts == [Part("groups", 100, 1000)]
            asked += these
        assert sorted(asked) == sorted(NAMES)


def test_names_that_come_and_go_cost_no_other_its_turn(tmp_path: Path) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        names, asked = set(NAMES), set[str]()
        for number in range(12):
            these, _ = run(history, (number + 1) * 60_000, names)
            asked |= set(these)
            names -= {f"group-{number}", f"group-{999 - number}"}
            names |= {f"another-{number}"}
        assert asked >= {f"group-{number}" for number in range(12, 988)}


def test_where_all_are_asked_nothing_is_said_and_where_none_are_the_turn_stays(tmp_path: Path) -> None:
    with History.open(tmp_path / "history.sqlite") as history:
        few = {"a", "b", "c"}
        asked, parts = run(history, 1, few, 3)
        assert sorted(asked) == sorted(few) and parts == []
        first, _ = run(history, 2, NAMES)
        assert run(history, 3, NAMES, 0) == ([], [Part("groups", 0, 1000)])
        second, _ = run(history, 4, NAMES)
        assert not {*first} & {*second}


def test_without_a_history_runs_begin_at_different_places() -> None:
    begun = {Turns(None).sample("groups", NAMES, 1)[0] for _ in range(50)}
    assert len(begun) > 1
