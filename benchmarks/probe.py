"""What a run of `mqadmin probe` takes on a large cluster: 10 brokers, 2,000 topics, 2,000 groups on all of them.

The cluster is a process that answers from prepared bytes, all brokers on one port: what is measured is the prober.
Messages are stored and do not come, so each broker's explanation is part of it. Prints wall time, CPU and memory.

    .venv/bin/python benchmarks/probe.py [--brokers 10] [--topics 2000] [--queues 1]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode


class LargeCluster:
    """Answers of a name server and its brokers."""

    def __init__(self, brokers: int, topics: int, queues: int, port: int) -> None:
        names = [f"broker-{number}" for number in range(brokers)]
        addresses = {name: f"127.0.0.{number + 1}:{port}" for number, name in enumerate(names)}
        every = [f"Topic{number}" for number in range(topics)]
        table = ",".join(
            f'"{name}":{{"brokerAddrs":{{0:"{address}"}},"brokerName":"{name}","cluster":"C"}}'
            for name, address in addresses.items()
        )
        listed = ",".join(f'"{name}"' for name in names)
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
        offsets = '{"brokerOffset":%d,"consumerOffset":%d,"lastTimestamp":1795735906082,"pullOffset":1}'
        self.stats = (
            '{"brokerAddr":"x","consumeStatsList":['
            + ",".join(
                f'{{"Group{number}":[{{"consumeTps":1.5,"offsetTable":{{'
                + ",".join(
                    f'{{"brokerName":"b","queueId":{queue},"topic":"Topic{number}"}}:'
                    + offsets % (100_000 + number, 100_000 + number - (number % 20 == 0))
                    for queue in range(queues)
                )
                + "}}]}"
                for number in range(topics)
            )
            + '],"totalDiff":1,"totalInflightDiff":1}'
        ).encode()

    def answer(self, command: RemotingCommand) -> RemotingCommand:
        """To one request."""
        code = command.code
        bodies = {
            RequestCode.GET_BROKER_CLUSTER_INFO: self.cluster,
            RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: self.topics,
            RequestCode.GET_ALL_TOPIC_CONFIG: self.configs,
            RequestCode.GET_BROKER_CONSUME_STATS: self.stats,
            RequestCode.GET_BROKER_RUNTIME_INFO: b'{"table":{"commitLogDiskRatio":"0.5","dispatchBehindBytes":"0"}}',
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
    """Until stdin ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = FrameDecoder()
        while data := await reader.read(1 << 16):
            for command in decoder.feed(data):
                if command.code == RequestCode.PULL_MESSAGE:
                    await asyncio.sleep(0.2)
                writer.write(b"".join(bytes(part) for part in encode(cluster.answer(command))))
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "0.0.0.0", port):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", type=int, default=10)
    parser.add_argument("--topics", type=int, default=2000)
    parser.add_argument("--queues", type=int, default=1, help="of each topic on each broker")
    parser.add_argument("--port", type=int, default=23456)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(LargeCluster(given.brokers, given.topics, given.queues, given.port), given.port))
        return
    sizes = [f"--{name}={getattr(given, name)}" for name in ("brokers", "topics", "queues", "port")]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, __file__, "--serve", *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as server,
    ):
        assert server.stdin is not None and server.stdout is not None
        server.stdout.readline()
        for turn in ("first run", "second run", "third run"):
            begun = time.monotonic()
            history, file = Path(folder) / "history.sqlite", Path(folder) / "probes.yaml"
            file.write_text("probe: {wait: 300 ms, delayLevel: 0}\n")  # nothing comes: that is not waited for long
            line = [sys.executable, "-m", "rocketmq_ops.mqadmin", "probe", "-n", f"127.0.0.1:{given.port}"]
            process = subprocess.Popen(
                [*line, "--history", str(history), "--output", "nagios", "--expectations", str(file)],
                stdout=subprocess.PIPE,
            )
            assert process.stdout is not None
            first = process.stdout.read().decode().splitlines()[0].partition(" | ")[0]
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            print(
                f"{turn}: {time.monotonic() - begun:.1f} s, CPU {usage.ru_utime + usage.ru_stime:.1f} s, "
                f"memory {usage.ru_maxrss / 1024:.0f} MB; {first[:100]}"
            )
        server.stdin.close()


if __name__ == "__main__":
    main()
