"""What is read from the lines through a history, and what is not."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from rocketmq_ops.housekeeping.history.capacity import examine
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.recorder import broker_figures
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.history.trend import line_through

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_700_000_000_000
BROKER = "10.0.0.1:10911"


def examined(tmp_path, runs, ratio=lambda _: 0.5, offsets=lambda _: (0, 0), forcibly=1.0, reserved=72.0, more=()):
    """Of runs each ten minutes, with a disk, a group and the age of the oldest message."""
    with History.open(tmp_path / "h.sqlite") as history:
        for number in range(runs):
            time_ms = START + number * 10 * MINUTE
            figures = [
                Figure("broker.disk_ratio", BROKER, ratio(number)),
                Figure("broker.forcibly", BROKER, forcibly),
                Figure("broker.earliest_ms", BROKER, time_ms - 48.0 * HOUR),
                Figure("broker.reserved_hours", BROKER, reserved),
                *more,
            ]
            group = GroupOffsets(group="G", queues=[QueueOffsets(QueueKey("T", "broker-a", 0), *offsets(number))])
            history.append(Run(time_ms=time_ms, groups=[group], figures=figures))
        return examine(history, START, START + 1000 * HOUR, 5)


def test_a_line_has_its_slope_and_how_straight_it_is():
    line = line_through([(number * MINUTE, 3.0 + 2 * number) for number in range(30)])
    assert line is not None
    assert (line.points, line.span_ms, line.r2) == (30, 29 * MINUTE, pytest.approx(1))
    assert line.slope == pytest.approx(2 / 60)
    assert line.ms_until(63) == pytest.approx(MINUTE)
    assert line.ms_until(0) is None
    level = line_through([(number * MINUTE, 5.0) for number in range(30)])
    assert level is not None
    assert (level.slope, level.r2, level.ms_until(5), level.ms_until(6)) == (0, None, 0, None)
    jagged = line_through([(number * MINUTE, number + 10.0 * (number % 2)) for number in range(30)])
    assert jagged is not None and jagged.r2 is not None
    assert 0.5 < jagged.r2 < 0.9


def test_too_little_is_no_line(tmp_path):
    assert line_through([(number * HOUR, 1.0) for number in range(4)]) is None
    assert line_through([(number, 1.0) for number in range(100)]) is None
    found = examined(tmp_path, 4)
    assert {forecast.outlook for forecast in found.forecasts} == {"unknown"}


def test_a_disk_that_fills_deletes_unread_messages_before_it_refuses(tmp_path):
    found = examined(tmp_path, 37, ratio=lambda number: 0.5 + number * 0.005)
    deletes, refuses = found.forecasts
    assert [(f.event, f.target, f.outlook) for f in (deletes, refuses)] == [
        ("disk_deletes", BROKER, "at"),
        ("disk_refuses", BROKER, "at"),
    ]
    assert deletes.ms == pytest.approx((0.85 - 0.68) / 0.03 * HOUR)
    assert refuses.ms == pytest.approx((0.90 - 0.68) / 0.03 * HOUR)


@pytest.mark.parametrize(
    ("ratio", "outlook"),
    [(lambda _: 0.5, "never"), (lambda number: 0.5 - number / 1000, "never"), (lambda _: 0.95, "reached")],
)
def test_a_disk_that_does_not_fill(tmp_path, ratio, outlook):
    assert {forecast.outlook for forecast in examined(tmp_path, 20, ratio=ratio).forecasts} == {outlook}


def test_nothing_is_predicted_far_beyond_what_was_seen(tmp_path):
    found = examined(tmp_path, 7, ratio=lambda number: 0.1 + number * 1e-5)
    assert {(forecast.outlook, forecast.ms) for forecast in found.forecasts} == {("beyond", 30.0 * HOUR)}


def test_a_broker_that_does_not_delete_by_force_only_refuses(tmp_path):
    assert [f.event for f in examined(tmp_path, 7, forcibly=0.0).forecasts] == ["disk_refuses"]


def test_backlogs_are_drained_or_grow(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    found = examined(tmp_path / "a", 37, offsets=lambda number: (10_000, 100 * number))
    (drained,) = [forecast for forecast in found.forecasts if forecast.event == "drained"]
    assert (drained.outlook, drained.value) == ("at", 6400)
    assert drained.ms == pytest.approx(64 * 10 * MINUTE)
    found = examined(tmp_path / "b", 37, offsets=lambda number: (600 * number, 0))
    (growing,) = [forecast for forecast in found.forecasts if forecast.event == "drained"]
    assert growing.outlook == "never"
    assert [(g.kind, g.name, pytest.approx(g.per_second)) for g in found.growers] == [
        ("topic", "T", 1),
        ("group", "G", 1),
    ]


def test_the_oldest_unread_message_and_when_it_is_deleted(tmp_path):
    """The queue had its 1200th message at the second run, and the group has not consumed more than 1199."""
    found = examined(tmp_path, 13, offsets=lambda number: (600 * number, min(600 * number, 599)), reserved=3.0)
    (unread,) = found.unread
    assert (unread.age_ms, unread.older) == (110 * MINUTE, False)
    assert unread.deleted_in_ms == 70 * MINUTE
    assert [(kept.hours, kept.reserved_hours) for kept in found.kept] == [(48, 3)]


@pytest.mark.parametrize(
    ("delete_when", "ratio", "hours"),
    [("13", 0.5, 13), ("02;13", 0.5, 13), ("04", 0.5, 4), ("4;13", 0.8, None), ("12", 0.5, None)],
)
def test_what_has_expired_is_deleted_at_the_hours_of_deletewhen(tmp_path, delete_when, ratio, hours, monkeypatch):
    """It expires at 12:10; in that hour, or past diskMaxUsedSpaceRatio, it is deleted at once."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        figures = broker_figures({}, {"deleteWhen": delete_when, "diskMaxUsedSpaceRatio": "75"})
        more = [Figure(name, BROKER, value) for name, value in figures.items()]
        noon = datetime(2023, 11, 15, 12, 10, tzinfo=UTC)
        age = 110 * MINUTE
        last = START + 12 * 10 * MINUTE
        reserved = (noon.timestamp() * 1000 - (last - age)) / HOUR
        found = examined(
            tmp_path, 13, lambda _: ratio, lambda n: (600 * n, min(600 * n, 599)), reserved=reserved, more=more
        )
        (unread,) = found.unread
        at = datetime.fromtimestamp((last + unread.deleted_in_ms) / 1000, UTC)
        if hours is None:
            assert at == noon
        else:
            assert (at.hour, at.minute, at - noon < timedelta(days=1)) == (hours, 0, True)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_each_queue_goes_by_its_own_broker(tmp_path):
    with History.open(tmp_path / "h.sqlite") as history:
        for number in range(13):
            queue = QueueOffsets(QueueKey("T", "broker-a", 0), 600 * number, min(600 * number, 599))
            figures = [
                Figure("probe.registered", f"C/broker-a at {BROKER}", 0),
                Figure("broker.reserved_hours", BROKER, 72.0),
                Figure("broker.reserved_hours", "10.0.0.2:10911", 1.0),
            ]
            groups = [GroupOffsets(group="G", queues=[queue])]
            history.append(Run(time_ms=START + number * 10 * MINUTE, groups=groups, figures=figures))
        found = examine(history, START, START + 1000 * HOUR, 5)
    assert found is not None
    assert [unread.deleted_in_ms for unread in found.unread] == [72 * HOUR - 110 * MINUTE]


def test_hours_that_cannot_be_read_are_unknown():
    for text in ("", ";", "25", "x", "٤"):
        assert "broker.delete_hours" not in broker_figures({}, {"deleteWhen": text})
    assert broker_figures({}, {"deleteWhen": "04"})["broker.delete_hours"] == 1 << 4


def test_a_gap_is_no_lag(tmp_path):
    found = examined(tmp_path, 13, offsets=lambda number: (None, None) if number == 12 else (600 * number, 0))
    assert [forecast.event for forecast in found.forecasts] == ["disk_deletes", "disk_refuses"]
