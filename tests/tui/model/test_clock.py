"""The time that the model goes by."""

from rocketmq_ops.tui.model import clock
from rocketmq_ops.tui.model.clock import WallClock


def test_it_is_the_clock_of_the_machine_and_never_goes_back(monkeypatch):
    wall, steady = 1_000_000, 500
    monkeypatch.setattr(clock, "now_ms", lambda: wall)
    monkeypatch.setattr(clock, "steady_ms", lambda: steady)
    it = WallClock()
    assert it.now_ms() == 1_000_000
    wall, steady = wall + 10, steady + 10
    assert it.now_ms() == 1_000_010
    wall, steady = wall - 3_600_000, steady + 5_000
    assert it.now_ms() == 1_005_010, "it goes on"
    wall, steady = wall + 7_200_000, steady + 1_000
    assert it.now_ms() == wall == 4_600_010, "it is set as the other one is"
