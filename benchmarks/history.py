"""The history's file with 2,000 groups on 20,000 queues: CPU time of appending and reading, and bytes a day.

    python benchmarks/history.py [RUNS] [QUEUES]

Two days are simulated: one in which every queue takes messages at a rate of its own and is consumed as they come, and
one in which a tenth of them does, as it is in most clusters.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.lag import judge

GROUPS = 2000
DAY = 1440
MINUTE = 60_000
START = 1_700_000_000_000


def simulate(path: Path, runs: int, queues: int, share: float) -> None:
    chance = random.Random(7)
    each = queues // GROUPS
    keys = [[QueueKey(f"orders-{g}", f"broker-{q % 10}", q) for q in range(each)] for g in range(GROUPS)]
    rates = [chance.expovariate(1 / 600) if chance.random() < share else 0.0 for _ in range(queues)]
    ends = [chance.randrange(10**9) for _ in range(queues)]
    spent = []
    with History.open(path) as history:
        for number in range(runs):
            groups = []
            for g in range(GROUPS):
                offsets = []
                for q in range(each):
                    at = g * each + q
                    if rates[at]:
                        ends[at] += max(int(chance.gauss(rates[at], rates[at] ** 0.5)), 0)
                    behind = chance.randrange(5) if rates[at] > 60 else 0
                    offsets.append(QueueOffsets(keys[g][q], ends[at], ends[at] - behind))
                groups.append(GroupOffsets(group=f"group-{g}", queues=offsets, members=3))
            begin = time.process_time()
            history.append(Run(time_ms=START + number * MINUTE, groups=groups))
            spent.append(time.process_time() - begin)
    size = path.stat().st_size
    spent.sort()
    print(
        f"{share:.0%} of {queues} queues busy, {runs} runs: CPU of append {spent[len(spent) // 2] * 1000:.0f} ms median, "
        f"{spent[-1] * 1000:.0f} ms at most; {size / runs / 1000:.1f} kB a run, {size / runs * DAY / 1e6:.0f} MB a day"
    )
    with History.read(path) as history:
        last = START + (runs - 1) * MINUTE
        begin = time.process_time()
        window = history.window("group-7", START, last)
        print(f"  one group over all {len(window.times)} runs: {(time.process_time() - begin) * 1000:.0f} ms")
        begin = time.process_time()
        states = {judge(window).state for window in history.last_windows(10).values()}
        print(f"  all groups judged over 10 runs: {(time.process_time() - begin) * 1000:.0f} ms ({', '.join(states)})")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 192
    queues = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    for share in (1.0, 0.1):
        with tempfile.TemporaryDirectory() as folder:
            simulate(Path(folder) / "history.sqlite", runs, queues, share)
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
