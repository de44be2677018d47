"""Cost of a slave that catches up, in ms of CPU a MB on each side: reading and framing the commitlog, and taking it.

Run: python benchmarks/catching_up.py [--count N] [--body B] [--profile]. No network: one thread, two stores in a
temporary folder, and between them what goes over the connection, in pieces as a socket gives them.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.store_append import messages

from rocketmq_ops.broker.ha.ha_client import HAClient
from rocketmq_ops.broker.ha.ha_connection import HAConnection
from rocketmq_ops.broker.ha.ha_feed import HAFeed
from rocketmq_ops.broker.ha.ha_service import HAService
from rocketmq_ops.broker.ha.wire import REPORT
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.message_store import MessageStore

#: What a socket gives at a time.
_PIECE = 256 * 1024


class Wire(asyncio.Transport):
    """Keeps what is written, until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def take(self) -> bytes:
        data = bytes(self.written)
        self.written.clear()
        return data


class Sides:
    """A master's connection and a slave's, with the CPU that each has taken, s."""

    def __init__(self, master: MessageStore, slave: MessageStore) -> None:
        service = SimpleNamespace(config=master.config, commit_log=master.commit_log, clock=lambda: 0)
        service.connected = service.reported = lambda connection: None
        service.refuse = lambda address, why: print(why)
        client = SimpleNamespace(read=lambda count: None, wrote=lambda: None)
        self.cpu = {"master": 0.0, "slave": 0.0}
        self.profiles = {"master": cProfile.Profile(), "slave": cProfile.Profile()}
        self.profiled = False
        #: The same of each step.
        self.steps: dict[str, list[float]] = {"master": [], "slave": []}
        self._frames, self._reports = Wire(), Wire()
        self._connection = HAConnection(cast(HAService, service))
        self._feed = HAFeed(cast(HAClient, client), "master", slave, slave.config)
        self._connection.connection_made(self._frames)
        self._feed.connection_made(self._reports)
        self.reports = 0

    def _run(self, side: str, step: Callable[[], None]) -> None:
        began = time.process_time()
        if self.profiled:
            self.profiles[side].runcall(step)
        else:
            step()
        took = time.process_time() - began
        self.cpu[side] += took
        self.steps[side].append(took)

    def move(self) -> bool:
        """What one turn of each side moves; False when there is nothing more."""
        reported = self._reports.take()
        self.reports += len(reported) // REPORT.size
        self._run("master", lambda: self._connection.data_received(reported))
        self._run("master", self._connection.transfer)
        data = self._frames.take()
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self._run("slave", lambda: self._feed.data_received(piece))  # noqa: B023 - called at once
        return bool(data)


async def measure(options: argparse.Namespace, folder: Path) -> None:
    """Fill a master, let an empty slave take all of it."""
    stores = [
        MessageStore(
            MessageStoreConfig(storePathRootDir=str(folder / name), brokerRole=role), store_host=("127.0.0.1", 10911)
        )
        for name, role in (("master", "ASYNC_MASTER"), ("slave", "SLAVE"))
    ]
    for store in stores:
        store.load()
    master, slave = stores
    slave.expect_load()
    while slave.index.sink is slave.index:  # noqa: ASYNC110 - what loading numpy takes does not count
        await asyncio.sleep(0.01)
    for message in messages(options.count, b"x" * options.body):
        master.put_message(message)
    sides = Sides(master, slave)
    sides.profiled = options.profile
    while sides.move():
        pass
    assert slave.max_phy_offset == master.max_phy_offset > 0
    megabytes = master.max_phy_offset / (1 << 20)
    for side, seconds in sides.cpu.items():
        each = seconds / options.count * 1e6
        print(f"{side}: {seconds * 1000 / megabytes:.2f} ms a MB, {each:.2f} µs a message of {options.body} B")
    whole = sorted(sides.steps["slave"])
    print(
        f"slave, median of steps: {whole[len(whole) // 2] * 1e6:.0f} µs, lowest quarter {whole[len(whole) // 4] * 1e6:.0f}"
    )
    print(f"{sides.reports} reports")
    if options.profile:
        for side, profile in sides.profiles.items():
            print(side)
            pstats.Stats(profile).sort_stats("tottime").print_stats(18)
    for store in stores:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--body", type=int, default=1024)
    parser.add_argument("--profile", action="store_true", help="which functions the time goes to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options, Path(folder)))


if __name__ == "__main__":
    main()
