"""Apache's mqadmin and ours on one generated cluster: wall and CPU time of each command, and how many times ours is faster.

The cluster is our name server and `--brokers` brokers of ours, a process each, that start on the configuration of
`--groups` consumer groups with offsets on every broker; a tenth of the groups is online. Both commands run as a user
runs them, a process each time, by turns. `consumerProgress` lists all groups and runs `--listings` times.

    python benchmarks/commands.py [--groups 2000] [--brokers 10] [--rounds 3] [--only topicRoute,consumerProgress]

Needs a JDK and Maven (see benchmarks/README.md).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.side_by_side import keep_bytecode, machine
from tests.interop import toolchain
from tests.interop.ours import BIN, SETTINGS, OurNameServer, write_config
from tests.interop.processes import BROKER_PORTS, Child, free_port
from tests.interop.raw import wait_for_route

from rocketmq_ops.client import ClientOptions, Producer
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.bodies import ConsumerData, HeartbeatData, SubscriptionData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand

TOPICS, QUEUES, MESSAGES = 20, 4, 10
LISTING = "consumerProgress"
COMMANDS = (
    "topicRoute -t topic_0",
    "topicList",
    "topicStatus -t topic_0",
    "clusterList",
    "brokerStatus -b {broker}",
    "getBrokerConfig -b {broker}",
    "getConsumerConfig -g group_0",
    "consumerProgress -g group_0",
    "consumerConnection -g group_0",
    LISTING,
)


class Times(NamedTuple):
    wall: float
    cpu: float


class Cluster:
    """Name server and brokers with groups that have consumed part of their topic."""

    def __init__(self, folder: Path, brokers: int, groups: int) -> None:
        self.groups = [f"group_{number}" for number in range(groups)]
        name_server = OurNameServer(folder / "namesrv")
        self.namesrv, self.children = name_server.address, [name_server.child]
        self.brokers: list[str] = []
        name_server.child.wait_for("boot success")
        for number in range(brokers):
            self._start(folder / f"broker-{number}", f"broker-{number}")
        for child in self.children[1:]:
            child.wait_for("boot success", 300)
        for number in range(brokers):
            wait_for_route(self.namesrv, f"%RETRY%{self.groups[-1]}", f"broker-{number}", 300)

    def _start(self, folder: Path, name: str) -> None:
        port = free_port(BROKER_PORTS)
        config = folder / "store" / "config"
        config.mkdir(parents=True)
        topics = {f"topic_{number}": QUEUES for number in range(TOPICS)} | {f"%RETRY%{g}": 1 for g in self.groups}
        table = {
            topic: {"topicName": topic, "readQueueNums": queues, "writeQueueNums": queues, "perm": 6}
            for topic, queues in topics.items()
        }
        offsets = {f"topic_{n % TOPICS}@{g}": dict.fromkeys(range(QUEUES), 4) for n, g in enumerate(self.groups)}
        offsets |= {f"%RETRY%{group}@{group}": {0: 0} for group in self.groups}
        held = {group: {"groupName": group} for group in self.groups}
        for file, content in (
            ("topics.json", {"topicConfigTable": table}),
            ("subscriptionGroup.json", {"subscriptionGroupTable": held}),
            ("consumerOffset.json", {"offsetTable": offsets}),
        ):
            (config / file).write_text(json.dumps(content))
        settings = {
            **SETTINGS,
            "brokerName": name,
            "listenPort": str(port),
            "haListenPort": str(port + 1),
            "namesrvAddr": self.namesrv,
            "storePathRootDir": str(folder / "store"),
            "storePathCommitLog": str(folder / "store" / "commitlog"),
        }
        file = write_config(folder / "broker.conf", settings)
        self.children.append(Child(name, [str(BIN / "mqbroker"), "-c", str(file)], cwd=folder))
        self.brokers.append(f"127.0.0.1:{port}")

    async def fill(self) -> None:
        async with Producer("filler", ClientOptions(name_servers=[self.namesrv])) as producer:
            for topic in (f"topic_{number}" for number in range(TOPICS)):
                for queue in await producer.queues(topic):
                    await producer.send_batch([Message(topic, b"x")] * MESSAGES, queue=queue)

    async def be_online(self, client: RemotingClient) -> None:
        """One consumer in every tenth group, known to every broker."""
        for broker in self.brokers:
            for number, group in enumerate(self.groups):
                if number % 10:
                    continue
                topics = (f"topic_{number % TOPICS}", f"%RETRY%{group}")
                consumer = ConsumerData(
                    group_name=group,
                    consume_type="CONSUME_PASSIVELY",
                    message_model="CLUSTERING",
                    consume_from_where="CONSUME_FROM_LAST_OFFSET",
                    subscription_data_set=[SubscriptionData(topic=t, sub_string="*", sub_version=1) for t in topics],
                )
                heartbeat = HeartbeatData(client_id="10.0.0.1@1", consumer_data_set=[consumer])
                command = RemotingCommand.request(RequestCode.HEART_BEAT, body=heartbeat.encode())
                await client.invoke(broker, command, 30_000)

    def stop(self) -> None:
        for child in self.children:
            child.kill()


def measured(command: list[str], folder: Path) -> Times:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or len(done.stdout) < 20:
        raise RuntimeError(f"{' '.join(command[-6:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Times(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(times: list[Times]) -> Times:
    return Times(*(statistics.median(part) for part in zip(*times, strict=True)))


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--groups", type=int, default=2000)
    parser.add_argument("--brokers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--listings", type=int, default=1, help=f"rounds of {LISTING} without a group")
    parser.add_argument("--only", default="", help="commands, by name, separated by ','")
    parser.add_argument("--apache", default="5.3.3", choices=toolchain.VERSIONS, help="version of Apache's mqadmin")
    options = parser.parse_args()
    toolchain.require()
    keep_bytecode()
    only = set(filter(None, options.only.split(",")))
    print(f"{machine()}; {options.brokers} brokers, {options.groups} groups on each\n", flush=True)
    print("| command | Apache wall s | ours | ratio | Apache CPU s | ours | ratio |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-") as temporary:
        folder = Path(temporary)
        cluster = Cluster(folder, options.brokers, options.groups)
        client = RemotingClient()
        try:
            await cluster.fill()
            for line in COMMANDS:
                if only and line.split()[0] not in only:
                    continue
                await cluster.be_online(client)
                words = [*line.format(broker=cluster.brokers[0]).split(), "-n", cluster.namesrv]
                main_class = "org.apache.rocketmq.tools.command.MQAdminStartup"
                java = toolchain.java_command(options.apache, main_class, words, scratch=folder / "java", flags=())
                sides: tuple[list[Times], list[Times]] = ([], [])
                for _ in range(options.listings if line == LISTING else options.rounds):
                    for side, command in zip(sides, (java, [str(BIN / "mqadmin"), *words]), strict=True):
                        side.append(await asyncio.to_thread(measured, command, folder))
                theirs, ours = median(sides[0]), median(sides[1])
                name = line.format(broker="BROKER") + (" (all groups)" if line == LISTING else "")
                cells = [f"`{name}`"]
                for one, other in zip(theirs, ours, strict=True):
                    cells += [f"{one:.2f}", f"{other:.2f}", f"**{one / other:.1f}**"]
                print("| " + " | ".join(cells) + " |", flush=True)
        finally:
            await client.close()
            cluster.stop()


if __name__ == "__main__":
    asyncio.run(main())
