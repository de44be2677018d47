"""How long puts took: steps, percentiles and the longest, as brokerStatus shows them."""

import asyncio

import pytest

from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.put_times import PutTimes
from rocketmq_ops.store.store_stats import StoreStats
from tests.store.store_helpers import message, open_store


def counted(times: PutTimes) -> dict[str, int]:
    return {name: int(count) for name, _, count in (step.rpartition(":") for step in times.distribution().split())}


def test_steps_are_apaches():
    times = PutTimes()
    took = [1, 9, 10, 49, 50, 99, 100, 199, 200, 499, 500, 999, 1000, 1999, 2000, 3000, 4000, 5000, 9999, 10_000]
    for ms in [0, -5, *took]:
        times.took(ms)
    assert times.distribution() == "null"
    times.turn(100)
    assert times.distribution() == (
        "[<=0ms]:80 [0~10ms]:2 [10~50ms]:2 [50~100ms]:2 [100~200ms]:2 [200~500ms]:2 [500ms~1s]:2 [1~2s]:2 [2~3s]:1 "
        "[3~4s]:1 [4~5s]:1 [5~10s]:2 [10s~]:1 "
    )
    assert times.longest_ms == 10_000
    times.turn(103)
    assert sum(counted(times).values()) == counted(times)["[<=0ms]"] == 3
    assert times.longest_ms == 10_000


@pytest.mark.parametrize(
    ("took", "puts", "share", "ms"),
    [
        ([], 0, 0.99, 0.0),
        ([], 100, 0.99, 0.99),
        ([150] * 100, 100, 0.5, 145.0),  # of 141 to 150
        ([3] * 10, 1000, 0.99, 1.0),
        ([3] * 10, 1000, 0.995, 2.5),
        ([20_000] * 10, 10, 0.5, 15_000.0),  # of 10 s to the longest
    ],
    ids=["nothing", "at once", "slow", "up to the slow ones", "amid the slow ones", "beyond all"],
)
def test_percentiles_lie_between_the_ends_of_a_bucket(took, puts, share, ms):
    times = PutTimes()
    for each in took:
        times.took(each)
    times.turn(puts)
    assert times.percentile(share) == pytest.approx(ms)


def test_they_turn_once_a_minute():
    now = 1_000_000
    stats = StoreStats(lambda: 0, lambda: now)
    stats.put_messages = 5
    stats.put_times.took(7)
    for seconds, shown in (
        (60, "null"),
        (61, "[<=0ms]:4 [0~10ms]:1 "),
        (121, "[<=0ms]:4"),
        (122, "[<=0ms]:0 [0~10ms]:0"),
    ):
        now = 1_000_000 + seconds * 1000
        stats.sample()
        assert stats.runtime_info()["putMessageDistributeTime"].startswith(shown)
    assert stats.runtime_info()["putMessageEntireTimeMax"] == "7"


@pytest.mark.parametrize("step", [-86_400_000, 86_400_000])
def test_a_clock_that_is_set_leaves_the_rates(step):
    wall, steady = 1_700_000_000_000, 5_000
    stats = StoreStats(lambda: wall, lambda: steady)
    for second in range(20):
        stats.put_messages += 30
        stats.sample()
        steady += 1_000
        wall += 1_000 if second != 15 else step
    assert stats.runtime_info()["putTps"].split(" ")[0] == "30.0"


def test_a_store_counts_what_the_write_into_the_log_takes(tmp_path):
    now = 1_700_000_000_000

    def clock():
        nonlocal now
        now += 30  # the reading at the start of a put, and one at its end
        return now

    store = open_store(tmp_path, clock=clock)
    times = store.stats.put_times
    assert store.put_message(message()).status is PutStatus.PUT_OK
    assert times.longest_ms == 30
    times.turn(store.stats.put_messages)
    assert counted(times)["[10~50ms]"] == 1
    asyncio.run(store.shutdown())
