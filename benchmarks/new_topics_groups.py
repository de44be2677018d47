"""New topics and new groups, Apache's broker and ours one after the other on one machine, in one run.

Each load makes `--count` of them: topics by their first sends, over one connection one after the other (`topics1`) and
64 at a time (`topics64`), groups by heartbeats that bring 20 each (`groups`). Meanwhile a second connection asks the
broker for an offset every few ms: how long it waits at most says how long everybody else had to.

    python benchmarks/new_topics_groups.py [--count 5000] [--apache 5.3.3] [--dir FOLDER]

Needs a JDK and Maven (see benchmarks/README.md). The processes are started by `side_by_side.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.side_by_side import ApacheSide, OurSide, Side, cpu_seconds, machine
from tests.interop import toolchain

from rocketmq_ops.remoting.bodies import ConsumerData, HeartbeatData, SubscriptionData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig

GROUPS_PER_HEARTBEAT = 20
PROBE_EVERY_SECONDS = 0.005
TIMEOUT_MS = 120_000
SYSTEM_BUSY = ResponseCode.SYSTEM_BUSY


class Result:
    """One load on one side: seconds in all, CPU seconds of the broker, and the waits of the other connection in s."""

    def __init__(self, seconds: float, cpu: float, waits: list[float]) -> None:
        self.seconds, self.cpu = seconds, cpu
        self.longest = max(waits)
        self.p99 = sorted(waits)[len(waits) * 99 // 100]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--count", type=int, default=5000, help="topics or groups in each load")
    parser.add_argument("--apache", default="5.3.3", choices=toolchain.VERSIONS, help="version of Apache's broker")
    parser.add_argument("--dir", help="folder for the stores (default: the system's temporary folder)")
    options = parser.parse_args()
    toolchain.require()
    results: dict[str, dict[str, Result]] = {}
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-", dir=options.dir) as folder:
        for load in LOADS:
            # Each on a broker of its own: what is there already is a part of the work.
            results[load] = {}
            for side in (ApacheSide(Path(folder) / load, options.apache), OurSide(Path(folder) / load)):
                side.start()
                try:
                    results[load][side.name] = asyncio.run(measure(side, load, options.count))
                finally:
                    side.kill()
            print(line_of(load, results[load], options.count), file=sys.stderr, flush=True)
    print(markdown(results, options.count, options.apache))


async def measure(side: Side, load: str, count: int) -> Result:
    """Put one load on a broker that has just started."""
    client, other = RemotingClient(NettyClientConfig()), RemotingClient(NettyClientConfig())
    waits: list[float] = []

    async def probe() -> None:
        while True:
            begin = time.perf_counter()
            await other.invoke(
                side.broker, _request(RequestCode.GET_MAX_OFFSET, topic="Ready", queueId="0"), TIMEOUT_MS
            )
            waits.append(time.perf_counter() - begin)
            await asyncio.sleep(PROBE_EVERY_SECONDS)

    probing = asyncio.create_task(probe())
    await asyncio.sleep(1)
    waits.clear()
    cpu, begin = cpu_seconds(side.broker_pid), time.perf_counter()
    await LOADS[load](client, side.broker, count)
    seconds = time.perf_counter() - begin
    cpu = cpu_seconds(side.broker_pid) - cpu
    await asyncio.sleep(1)  # the wait that was going on at the end counts
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    await client.close()
    await other.close()
    return Result(seconds, cpu, waits)


def _request(code: int, body: bytes = b"", **fields: str) -> RemotingCommand:
    return RemotingCommand.request(code, ext_fields=fields, body=body)


async def _ask(client: RemotingClient, address: str, code: int, body: bytes, **fields: str) -> None:
    """Ask until it is done: Apache's broker refuses sends that have waited for 200 ms, which a client sends again."""
    while (  # noqa: ASYNC110 - the broker tells nobody when it is less busy
        answer := await client.invoke(address, _request(code, body, **fields), TIMEOUT_MS)
    ).code == SYSTEM_BUSY:
        await asyncio.sleep(PROBE_EVERY_SECONDS)
    if answer.code != 0:
        raise RuntimeError(f"{address} answered {answer.code} {answer.remark}")


async def _send_to(client: RemotingClient, address: str, topic: str) -> None:
    fields = {
        "a": "bench", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": str(int(time.time() * 1000)),
        "h": "0", "i": "", "j": "0", "k": "false", "m": "false",
    }  # fmt: skip
    await _ask(client, address, RequestCode.SEND_MESSAGE_V2, b"x" * 100, **fields)


async def _topics(client: RemotingClient, address: str, count: int, at_once: int) -> None:
    numbers = iter(range(count))

    async def send() -> None:
        for number in numbers:
            await _send_to(client, address, f"NewTopic{number:06d}")

    await asyncio.gather(*(send() for _ in range(at_once)))


async def _groups(client: RemotingClient, address: str, count: int) -> None:
    for first in range(0, count, GROUPS_PER_HEARTBEAT):
        groups = [
            ConsumerData(
                group_name=f"NewGroup{number:06d}",
                consume_type="CONSUME_PASSIVELY",
                message_model="CLUSTERING",
                consume_from_where="CONSUME_FROM_LAST_OFFSET",
                subscription_data_set=[SubscriptionData(topic="Ready", sub_string="*", sub_version=1)],
            )
            for number in range(first, min(first + GROUPS_PER_HEARTBEAT, count))
        ]
        body = HeartbeatData(client_id="bench@1", consumer_data_set=groups).encode()
        await _ask(client, address, RequestCode.HEART_BEAT, body)


LOADS: dict[str, Callable[[RemotingClient, str, int], Awaitable[None]]] = {
    "topics1": lambda client, address, count: _topics(client, address, count, 1),
    "topics64": lambda client, address, count: _topics(client, address, count, 64),
    "groups": _groups,
}


def markdown(results: dict[str, dict[str, Result]], count: int, version: str) -> str:
    lines = [
        f"{count:,} new topics or groups: Apache RocketMQ {version} and rocketmq-ops on {machine()}",
        "",
        "| load | Apache ms each | ours | ratio | Apache CPU ms each | ours | ratio "
        "| others wait at most, Apache ms | ours | p99, Apache ms | ours |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [line_of(load, sides, count) for load, sides in results.items()]
    return "\n".join(lines)


def line_of(load: str, sides: dict[str, Result], count: int) -> str:
    theirs, ours = sides["apache"], sides["ours"]
    return (
        f"| {load} | {theirs.seconds * 1e3 / count:.2f} | {ours.seconds * 1e3 / count:.2f} "
        f"| **{ours.seconds / theirs.seconds:.2f}** "
        f"| {theirs.cpu * 1e3 / count:.2f} | {ours.cpu * 1e3 / count:.2f} | **{ours.cpu / theirs.cpu:.2f}** "
        f"| {theirs.longest * 1e3:.0f} | {ours.longest * 1e3:.0f} | {theirs.p99 * 1e3:.1f} | {ours.p99 * 1e3:.1f} |"
    )


if __name__ == "__main__":
    main()
