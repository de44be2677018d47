"""How long a broker's start takes behind a step of the clock, and how much memory, with many messages in a delay level.

    python benchmarks/parked_start.py [--parked 1000000] [--others 100000] [--dir FOLDER]

A store is filled without a network: messages of 512 bytes in level 18, and others in the four topics that they go to;
then the clock is set back by an hour. It is started twice, each time in a process of its own: once with the file of
the delay levels as Apache's broker writes it, and once as ours does, which says how far the log was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.broker.support import new_broker

from rocketmq_ops.broker import controller
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.send import inner_messages
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.inner_message import InnerMessage

LEVEL, BACK_MS, TOPICS = 18, 3_600_000, 4
BORN = bytes([127, 0, 0, 1, 0, 0, 0x80, 0])
_now = [1_795_246_590_000]


def broker_on(root: Path) -> BrokerController:
    """A broker with files of Apache's sizes, and the clock of this script."""
    controller.now_ms = lambda: _now[0]
    return new_broker(root, mappedFileSizeCommitLog=1 << 30, mappedFileSizeConsumeQueue=6_000_000)


def put(broker: BrokerController, number: int, *, parked: bool) -> None:
    """A message, parked or not."""
    properties = {"KEYS": f"order-{number}", "UNIQ_KEY": f"FD0000000000000000000000000000021FAF{number:012X}"}
    if parked:
        properties["DELAY"] = str(LEVEL)
    encoded = "".join(f"{key}\x01{value}\x02" for key, value in properties.items()).encode()
    message = InnerMessage(f"T{number // 10 % TOPICS}", 0, b"x" * 512, properties, encoded, BORN, _now[0])
    if parked:
        inner_messages.schedule(message, broker)
    broker.store.put_message(message)


async def fill(root: Path, parked: int, others: int) -> None:
    broker = broker_on(root)
    await broker.start()
    broker.delay.stop()
    put(broker, 0, parked=True)
    broker.delay.deliver_due(_now[0])
    for number in range(1, parked):
        put(broker, number, parked=True)
        if number * others // parked != (number - 1) * others // parked:
            put(broker, parked + number, parked=False)
        _now[0] += number % 100 == 0
    _now[0] -= BACK_MS
    put(broker, 2 * parked, parked=False)
    await broker.stop()


def own_mib() -> int:
    """The most memory that this process has had, less the pages of files that it has now, in MiB."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return (int(told["VmHWM"].split()[0]) - int(told["RssFile"].split()[0])) // 1024


def started(root: Path, now_ms: int, answer: multiprocessing.Queue[tuple[float, float, int]]) -> None:
    """CPU and wall seconds of a start, and by how many MiB the process has grown, without the pages of the store."""
    _now[0] = now_ms

    async def start() -> None:
        broker = broker_on(root)
        before = own_mib()
        cpu, wall = time.process_time(), time.perf_counter()
        await broker.start()
        broker.delay.stop()
        grown = own_mib() - before
        answer.put((time.process_time() - cpu, time.perf_counter() - wall, grown))
        assert broker.delay.table[LEVEL] == 0 and broker.store.max_offset(SCHEDULE_TOPIC, LEVEL - 1)
        await broker.stop()

    asyncio.run(start())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parked", type=int, default=1_000_000)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--dir", help="folder for the store (default: the system's temporary folder)")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-", dir=options.dir) as folder:
        root = Path(folder) / "store"
        asyncio.run(fill(root, options.parked, options.others))
        file = root / "config" / "delayOffset.json"
        told = loads(file.read_bytes())
        print("| delayOffset.json | CPU s | s | MiB |\n|---|---:|---:|---:|")
        for name, content in (("as Apache writes it", {"offsetTable": told["offsetTable"]}), ("ours", told)):
            file.with_name(f"{file.name}.bak").unlink(missing_ok=True)
            file.write_text(json.dumps(content))
            answer = context.Queue()
            process = context.Process(target=started, args=(root, _now[0], answer))
            process.start()
            cpu, wall, grown = answer.get(timeout=600)
            process.join()
            print(f"| {name} | {cpu:.2f} | {wall:.2f} | {grown} |")


if __name__ == "__main__":
    main()
