"""When parts of a screen are asked."""

from __future__ import annotations

from itertools import pairwise

from rocketmq_ops.tui.model.details.pace import LEAST, REST, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_part_that_is_being_asked_is_not_asked_and_one_that_is_slow_holds_up_no_other() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.begin(("slow", "quick")) == {"slow", "quick"}
    pace.done("quick")
    assert pace.begin(("slow", "quick")) == {"quick"}
    assert pace.waiting == {"slow", "quick"}


def test_a_key_that_is_held_down_asks_once_in_a_while_and_once_more_at_its_end() -> None:
    clock = Clock()
    pace = Pace(clock)
    asked = []
    pace.begin("p")
    pace.done("p")
    for _ in range(300):
        clock.now += 0.03
        pace.want("p")
        if pace.rest() == 0.0:
            asked.append(clock.now)
            assert pace.begin(pace.take()) == {"p"}
            pace.done("p")
    assert len(asked) == int(300 * 0.03 / LEAST)
    assert all(later - sooner >= LEAST for sooner, later in pairwise(asked))
    rest = pace.rest()
    assert rest is not None, "what was wished last is still to be asked"
    clock.now += rest
    assert pace.rest() == 0.0
    assert pace.take() == {"p"}
    assert pace.rest() is None


def test_what_took_long_rests_as_long() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin("p")
    clock.now += 10
    pace.want("p")
    assert pace.rest() is None, "it is being asked: once more behind that"
    pace.done("p")
    assert pace.rest() == 10 * (REST - 1)


def test_parts_are_asked_again_together_as_they_share_answers() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin("a")
    pace.done("a")
    clock.now += 1
    pace.begin("b")
    pace.done("b")
    pace.want(("a", "b"))
    clock.now += LEAST - 1
    assert pace.rest() == 1.0
    clock.now += 1
    assert (pace.rest(), pace.take()) == (0.0, {"a", "b"})
