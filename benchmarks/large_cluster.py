"""A large cluster that answers from prepared bytes, for benchmarks of what watches one: all brokers on one port.

    .venv/bin/python -m benchmarks.large_cluster [--brokers 10] [--topics 2000] [--queues 1] [--port 23456]

serves it until its input ends; `serving` does so beside a benchmark.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode


class LargeCluster:
    """Answers of a name server and its brokers."""

    def __init__(self, brokers: int, topics: int, queues: int, port: int, moving: bool = False) -> None:
        names = [f"broker-{number}" for number in range(brokers)]
        addresses = {name: f"127.0.0.{number + 1}:{port}" for number, name in enumerate(names)}
        every = [f"Topic{number}" for number in range(topics)]
        table = ",".join(
            f'"{name}":{{"brokerAddrs":{{0:"{address}"}},"brokerName":"{name}","cluster":"C"}}'
            for name, address in addresses.items()
        )
        listed = ",".join(f'"{name}"' for name in names)
        self.hosts = [address.partition(":")[0] for address in addresses.values()]
        self.cluster = f'{{"brokerAddrTable":{{{table}}},"clusterAddrTable":{{"C":[{listed}]}}}}'.encode()
        self.topics = ('{"topicList":[' + ",".join(f'"{name}"' for name in every) + "]}").encode()
        config = (
            '"{0}":{{"attributes":{{}},"order":false,"perm":6,"readQueueNums":{1},"topicFilterType":"SINGLE_TAG",'
            '"topicName":"{0}","topicSysFlag":0,"writeQueueNums":{1}}}'
        )
        self.configs = (
            '{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"topicConfigTable":{'
            + ",".join(config.format(name, queues) for name in every)
            + "}}"
        ).encode()
        self._sizes = topics, queues
        self._moving = moving
        self._begun = time.monotonic()
        self._turn = -1
        self._stats = b""

    def stats(self) -> bytes:
        """Every group's progress: one in twenty is behind. Moving ones have more to consume every ten seconds."""
        turn = int((time.monotonic() - self._begun) / 10) if self._moving else 0
        if turn != self._turn:
            self._turn = turn
            topics, queues = self._sizes
            offsets = '{"brokerOffset":%d,"consumerOffset":%d,"lastTimestamp":1795735906082,"pullOffset":1}'
            self._stats = (
                '{"brokerAddr":"x","consumeStatsList":['
                + ",".join(
                    f'{{"Group{number}":[{{"consumeTps":1.5,"offsetTable":{{'
                    + ",".join(
                        f'{{"brokerName":"b","queueId":{queue},"topic":"Topic{number}"}}:'
                        + offsets % (end := 100_000 + number * (turn + 1), end - (number % 20 == 0))
                        for queue in range(queues)
                    )
                    + "}}]}"
                    for number in range(topics)
                )
                + '],"totalDiff":1,"totalInflightDiff":1}'
            ).encode()
        return self._stats

    def answer(self, command: RemotingCommand) -> RemotingCommand:
        """To one request."""
        code = command.code
        bodies = {
            RequestCode.GET_BROKER_CLUSTER_INFO: self.cluster,
            RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: self.topics,
            RequestCode.GET_ALL_TOPIC_CONFIG: self.configs,
            RequestCode.GET_BROKER_CONSUME_STATS: self.stats() if code == RequestCode.GET_BROKER_CONSUME_STATS else b"",
            RequestCode.GET_BROKER_RUNTIME_INFO: b'{"table":{"commitLogDiskRatio":"0.5","dispatchBehindBytes":"0"}}',
            RequestCode.GET_ALL_PRODUCER_INFO: b'{"data":{}}',
            RequestCode.GET_BROKER_CONFIG: b"fileReservedTime=72\n",
        }
        if code in bodies:
            return command.reply(body=bodies[code])
        if code == RequestCode.GET_MAX_OFFSET:
            return command.reply(ext_fields={"offset": "0"})
        if code == RequestCode.PULL_MESSAGE:
            fields = {"suggestWhichBrokerId": "0", "nextBeginOffset": "0", "minOffset": "0", "maxOffset": "0"}
            return command.reply(ResponseCode.PULL_NOT_FOUND, ext_fields=fields)
        if code == RequestCode.SEND_MESSAGE_V2:
            return command.reply(ext_fields={"msgId": "7F000001" + "0" * 24, "queueId": "0", "queueOffset": "0"})
        if code in (RequestCode.GET_TOPIC_CONFIG, RequestCode.GET_ROUTEINFO_BY_TOPIC):
            return command.reply(ResponseCode.TOPIC_NOT_EXIST, "no such topic")
        if code == RequestCode.GET_CONSUMER_CONNECTION_LIST:
            return command.reply(ResponseCode.CONSUMER_NOT_ONLINE, "not online")
        return command.reply()


async def serve(cluster: LargeCluster, port: int) -> None:
    """Until stdin ends; then it prints what it was asked."""
    asked: Counter[int] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = FrameDecoder()
        with contextlib.suppress(ConnectionError):  # who asks may be killed
            while data := await reader.read(1 << 16):
                for command in decoder.feed(data):
                    asked[command.code] += 1
                    if command.code == RequestCode.PULL_MESSAGE:
                        await asyncio.sleep(0.2)
                    writer.write(b"".join(bytes(part) for part in encode(cluster.answer(command))))
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, cluster.hosts, port):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    for code, count in sorted(asked.items()):
        print(f"{RequestCode(code).name} {count}")


def options(description: str | None) -> argparse.ArgumentParser:
    """How large it is and where; a benchmark adds its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", type=int, default=10)
    parser.add_argument("--topics", type=int, default=2000)
    parser.add_argument("--queues", type=int, default=1, help="of each topic on each broker")
    parser.add_argument("--port", type=int, default=23456)
    return parser


@contextlib.contextmanager
def serving(given: argparse.Namespace, *more: str) -> Iterator[dict[str, int]]:
    """A process that serves it; afterwards, how often each request was answered, by its name."""
    sizes = [f"--{name}={getattr(given, name)}" for name in ("brokers", "topics", "queues", "port")]
    asked: dict[str, int] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.large_cluster", *sizes, *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdout.readline()
        try:
            yield asked
        finally:
            server.stdin.close()
            for line in server.stdout:
                name, _, count = line.rpartition(" ")
                asked[name] = int(count)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--moving", action="store_true", help="groups consume")
    given = parser.parse_args()
    large = LargeCluster(given.brokers, given.topics, given.queues, given.port, given.moving)
    asyncio.run(serve(large, given.port))


if __name__ == "__main__":
    main()
