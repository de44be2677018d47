"""Lines over the last minutes."""

from rocketmq_ops.tui.model import lines
from rocketmq_ops.tui.model.lines import Lines


def turn(held, time_ms, **values):
    held.begin(time_ms)
    for target, value in values.items():
        held.put("lag", target, value)
    held.end()


def test_a_line_has_points_at_the_times_at_which_it_had_a_value():
    held = Lines()
    turn(held, 10, a=1.0)
    turn(held, 20, b=2.0)
    turn(held, 30, a=3.0, b=4.0)
    assert held.points("lag", "a") == [(10, 1.0), (30, 3.0)]
    assert held.points("lag", "b") == [(20, 2.0), (30, 4.0)]
    assert held.points("lag", "c") == held.points("rate", "a") == []
    assert held.has("lag", "a")
    assert not held.has("lag", "c")


def test_as_many_points_are_held_as_are_shown_and_no_line_without_one():
    held = Lines()
    turn(held, 0, gone=1.0)
    for time_ms in range(1, lines.MOST + 10):
        turn(held, time_ms, a=float(time_ms))
    assert held.points("lag", "a") == [(time_ms, float(time_ms)) for time_ms in range(10, lines.MOST + 10)]
    assert not held.has("lag", "gone")
