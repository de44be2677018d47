"""What the dashboard's model takes on a large cluster: 10 brokers, 2,000 topics, 2,000 groups, 20,000 queues.

The cluster is another process. Prints the time until the first figures, CPU between rounds as a share of one core, memory,
how long the loop was held up, how long a moment, each list and a seek take, and requests a second of one broker.

    .venv/bin/python benchmarks/dashboard.py [--seconds 60] [--screen]

How long keys take, and memory over time, are in dashboard_keys.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.large_cluster import options, serving

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.tui.memory import lean_malloc
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.pauses import short_pauses

#: Until then the first looks are over, seconds.
WARM_S = 20


async def measured(given: argparse.Namespace) -> None:
    begun = time.monotonic()
    async with MQAdmin([f"127.0.0.1:{given.port}"]) as admin, LiveModel(admin) as model:
        first: dict[str, float] = {}
        worst = cpu = 0.0
        end = begun + WARM_S + given.seconds
        warm = False
        while time.monotonic() < end:
            asked = time.monotonic()
            await asyncio.sleep(0.05)
            late = time.monotonic() - asked - 0.05
            if warm:
                worst = max(worst, late)
            moment = model.moment() if len(first) < 3 else None
            for name in ("brokers", "topics", "groups"):
                if moment is not None and name not in first and getattr(moment, name):
                    first[name] = time.monotonic() - begun
            if not warm and time.monotonic() > begun + WARM_S:
                warm, cpu = True, time.process_time()
        used = time.process_time() - cpu
        print("first " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in first.items()))
        print(
            f"CPU {used / given.seconds:.1%} of a core over {given.seconds} s; the loop was late by {worst * 1000:.0f} ms at most"
        )
        times: list[tuple[str, float]] = []
        model._changed()
        at = time.perf_counter()
        moment = model.moment()
        times.append(("moment", time.perf_counter() - at))
        for view in VIEWS:
            at = time.perf_counter()
            view.table(moment, Address(view.name))
            times.append((view.name, time.perf_counter() - at))
        at = time.perf_counter()
        model.seek(moment.time_ms - 30_000)
        while model.busy:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        times.append(("seek", time.perf_counter() - at))
        print(", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in times))
        print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB; {model.span()}")
    print(f"{time.monotonic() - begun:.0f} s in all")


async def with_screen(given: argparse.Namespace) -> None:
    """The whole application without a terminal, on the list of groups."""
    from rocketmq_ops.mqadmin.dashboard import Spoken
    from rocketmq_ops.tui.app import Dashboard
    from rocketmq_ops.tui.context import Context, Options
    from rocketmq_ops.tui.places import catalogue

    begun = time.monotonic()
    async with MQAdmin([f"127.0.0.1:{given.port}"]) as admin, LiveModel(admin) as model:
        options_of_it = Options(address=Address("groups"), write=False, theme="", title="benchmark")
        app = Dashboard(Context(model, Spoken(), catalogue(VIEWS), options_of_it, admin=admin))
        async with app.run_test(size=(120, 40)) as pilot:
            while not model.moment().groups:
                await pilot.pause(0.05)
            print(f"with its screen: groups after {time.monotonic() - begun:.2f} s")
            await asyncio.sleep(WARM_S)
            cpu = time.process_time()
            await asyncio.sleep(given.seconds)
            used = time.process_time() - cpu
            print(f"CPU {used / given.seconds:.1%} of a core over {given.seconds} s")
            print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--screen", action="store_true", help="the whole application, and not the model alone")
    given = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        lean_malloc()
        with serving(given, "--moving") as asked, short_pauses():
            asyncio.run(with_screen(given) if given.screen else measured(given))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.sqlite"))
    seconds = time.monotonic() - begun
    print(
        f"requests a second of one broker: {sum(asked.values()) / seconds / given.brokers:.2f}; ring {size / 1024:.0f} KB"
    )
    print(", ".join(f"{name} {count}" for name, count in asked.items()))


if __name__ == "__main__":
    main()
