"""Counters and their rates in the last minute, hour and day."""

import time
from types import SimpleNamespace

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.stats.broker_stats import BrokerStats
from rocketmq_ops.broker.stats.stats_item import compute_rate

START = int(time.mktime((2026, 1, 15, 12, 0, 0, 0, 0, -1)) * 1000)


def stats_of():
    return BrokerStats(
        SimpleNamespace(
            config=BrokerConfig(brokerClusterName="C"),
            topics=SimpleNamespace(is_system=lambda topic: topic == "SYS"),
            meters=None,
        )
    )


def sample(stats, now_ms):
    stats.sample(now_ms, now_ms)


def test_rate_of_the_last_minute_counts_from_the_oldest_of_seven_samples():
    stats = stats_of()
    counters = stats.topic_counters("T")
    for step in range(10):
        sample(stats, START + step * 10_000)
        counters.put_nums += 30
        counters.put_size += 3000
        counters.put_times += 10
    item, of_size = stats.find("TOPIC_PUT_NUMS", "T")
    assert of_size is False
    rate = compute_rate(item.minute)
    assert (rate.sum, rate.tps, rate.avgpt) == (180, 3.0, 3.0)
    item, of_size = stats.find("TOPIC_PUT_SIZE", "T")
    assert of_size is True
    assert compute_rate(item.minute, of_size=True).sum == 18_000
    assert stats.topic_put_tps("T") == 3.0


def test_first_sample_counts_from_zero_ten_seconds_earlier():
    stats = stats_of()
    stats.topic_counters("T").put_nums += 50
    sample(stats, START)
    item, _ = stats.find("TOPIC_PUT_NUMS", "T")
    assert compute_rate(item.minute) == (50, 5.0, 0.0, 0)
    assert compute_rate(item.hour).sum == 50 and compute_rate(item.day).sum == 50


def test_hour_and_day_are_sampled_at_their_own_pace():
    stats = stats_of()
    counters = stats.topic_counters("T")
    for step in range(3 * 360 + 1):
        sample(stats, START + step * 10_000)
        counters.put_nums += 1
    item, _ = stats.find("TOPIC_PUT_NUMS", "T")
    assert (len(item.minute), len(item.hour), len(item.day)) == (7, 7, 5)
    assert compute_rate(item.hour).sum == 360
    assert compute_rate(item.day).sum == 3 * 360


@pytest.mark.parametrize("step", [-86_400_000, -1_000, 86_400_000])
def test_a_clock_that_is_set_changes_neither_pace_nor_rates(step):
    stats = stats_of()
    counters = stats.topic_counters("T")
    for at in range(0, 7_210_000, 10_000):
        stats.sample(at, START + at + (step if at > 3_600_000 else 0))
        counters.put_nums += 20
    item, _ = stats.find("TOPIC_PUT_NUMS", "T")
    assert (len(item.minute), len(item.hour), len(item.day)) == (7, 7, 4)
    assert [compute_rate(window).tps for window in (item.minute, item.hour)] == [2.0, 2.0]


def test_groups_send_backs_and_the_whole_broker():
    stats = stats_of()
    stats.group_counters("g", "T").get_nums += 7
    stats.group_counters("g", "SYS").get_nums += 100
    stats.topic_counters("T").put_nums += 3
    stats.topic_counters("SYS").put_nums += 10
    stats.add_send_back("g", "T")
    sample(stats, START)
    assert compute_rate(stats.find("GROUP_GET_NUMS", "T@g")[0].minute).sum == 7
    assert compute_rate(stats.find("SNDBCK_PUT_NUMS", "T@g")[0].minute).sum == 1
    assert compute_rate(stats.find("BROKER_PUT_NUMS", "C")[0].minute).sum == 13
    assert compute_rate(stats.find("BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC", "C")[0].minute).sum == 7
    assert stats.group_get_tps("g", "T") == 0.7
    assert stats.find("BROKER_PUT_NUMS", "other") is None
    assert stats.find("NO_SUCH", "T") is None
    assert stats.find("TOPIC_PUT_NUMS", "unknown") is None


def test_deleted_topics_and_groups_stay_in_the_totals():
    stats = stats_of()
    stats.topic_counters("T").put_nums += 3
    stats.group_counters("g", "T").get_nums += 2
    stats.group_counters("h", "U").get_nums += 5
    stats.add_send_back("g", "T")
    stats.on_topic_deleted("T")
    stats.on_group_deleted("h")
    assert (stats.put_total(), stats.get_total()) == (3, 7)
    assert not stats.topics and not stats.groups and not stats.send_backs


def test_the_day_turns_over_at_local_midnight():
    stats = stats_of()
    counters = stats.topic_counters("T")
    counters.put_nums = 5
    sample(stats, START)
    counters.put_nums = 8
    sample(stats, START + 13 * 3_600_000)
    assert (stats.put_total_today_morning, stats.put_total_yesterday_morning) == (8, 0)
    counters.put_nums = 20
    sample(stats, START + 37 * 3_600_000)
    assert (stats.put_total_today_morning, stats.put_total_yesterday_morning) == (20, 8)


def test_idle_items_are_not_shown_when_so_configured():
    stats = stats_of()
    stats._controller.config.maxStatsIdleTimeInMinutes = 30
    stats.topic_counters("T").put_nums += 3
    busy = stats.topic_counters("Busy")
    for minute in range(0, 45, 5):
        busy.put_nums += 1
        sample(stats, START + minute * 60_000)
    assert stats.find("TOPIC_PUT_NUMS", "T") is None
    assert stats.find("TOPIC_PUT_NUMS", "Busy") is not None
    assert stats.put_total() == 3 + busy.put_nums
    stats.topic_counters("T").put_nums += 1
    sample(stats, START + 46 * 60_000)
    assert stats.find("TOPIC_PUT_NUMS", "T") is not None
