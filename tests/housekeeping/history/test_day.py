"""A day of a prober that runs every minute: the file stays small, and every minute's offsets are as they were."""

import random

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.restore import recorded_at
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run

MINUTE = 60_000
START = 1_700_000_000_000
RUNS = 1440
GROUPS, QUEUES = 10, 4


def test_a_day_of_cron(tmp_path):
    chance = random.Random(3)
    path = tmp_path / "h.sqlite"
    ends = [[0] * QUEUES for _ in range(GROUPS)]
    kept = {}
    writer = History.open(path)
    for number in range(RUNS):
        groups = []
        for group in range(GROUPS):
            if number % 100 == 50 and group == 3:
                continue  # not seen
            offsets = []
            for queue in range(QUEUES):
                ends[group][queue] += chance.randrange(1000 * group + 1)
                end = ends[group][queue]
                committed = None if group == 1 and queue == 0 else end // 2 if group == 2 else end
                offsets.append(QueueOffsets(QueueKey(f"T{group}", "broker-a", queue), end, committed))
            groups.append(GroupOffsets(group=f"G{group}", queues=offsets, members=group))
        time_ms = START + number * MINUTE
        if number % 97 == 0:
            kept[time_ms] = groups
        if number % 96 == 0:  # as another process would: nothing is known of the runs before but what the file has
            writer.close()
            writer = History.open(path)
        writer.append(Run(time_ms=time_ms, groups=groups, figures=[Figure("disk", "a", number / RUNS)]))
    writer.close()
    assert path.stat().st_size < 3_000_000
    with History.read(path) as history:
        assert history.span() == (START, START + (RUNS - 1) * MINUTE, RUNS)
        for time_ms, groups in kept.items():
            assert history.offsets_at(time_ms) == groups
            found, offsets = recorded_at(history, "G2", time_ms + 59_999)
            assert (found, offsets) == (time_ms, next(group for group in groups if group.group == "G2"))
        (disk,) = history.figures(START, START + RUNS * MINUTE).values()
        assert [value for _, value in disk] == [number / RUNS for number in range(RUNS)]
