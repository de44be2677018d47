"""Lines of the log that are not repeated at any rate."""

from rocketmq_ops.common.log_rate import LogRate


def test_one_line_in_each_interval() -> None:
    rate = LogRate(100)
    assert [rate.due(now) for now in (0, 1, 99, 100, 150, 300)] == [True, False, False, True, False, True]
    assert rate.missed == 1


def test_a_clock_that_is_set_back_does_not_silence_for_longer() -> None:
    rate = LogRate(100)
    assert [rate.due(now) for now in (86_400_000, 86_400_050, 50, 149, 150)] == [True, False, True, False, True]


def test_a_clock_that_starts_below_zero_is_no_matter() -> None:
    rate = LogRate(100)
    assert rate.due(-5000) and not rate.due(-4901) and rate.due(-4900)
    assert rate.missed == 1
