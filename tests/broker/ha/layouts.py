"""Starts the property files of a layout of `conf/` as they are, and reports what it saw as a line of JSON.

Run by `start_layout` in namespaces of its own: there every port of the files is free, and `/var/lib`, where they have their
stores, is an empty tmpfs. Where that is not permitted, copies are started of which only ports, folders and the announced
address are others.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rocketmq_ops.client.api import offsets, topics
from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.client.api.servers import cluster_info
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.headers import CreateTopicRequestHeader
from tests.interop.processes import BROKER_PORTS, Child, free_port

ROOT = Path(__file__).parents[3]
CONF = ROOT / "conf"
LAYOUTS = ("2m-2s-sync", "2m-2s-async", "2m-noslave")
TOPIC, QUEUES, ROUNDS = "Layout", 4, 5
#: The folder in which the files have their stores.
_STORES = "/var/lib/rocketmq"
OURS = "ours"
#: Where nothing but the loopback has an address, brokers have none to announce.
ADDRESS = "10.111.0.1"
_NAMESPACES = ["unshare", "--map-root-user", "--net", "--mount"]
_SET_UP = (
    ["ip", "link", "set", "lo", "up"],
    ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"],
    ["mount", "-t", "tmpfs", "tmpfs", "/var/lib"],
)


class Seen(NamedTuple):
    """What a layout did."""

    #: Broker name -> ids that the name server has.
    brokers: dict[str, list[int]]
    #: Broker name -> how many messages its master answered SEND_OK.
    sent: dict[str, int]
    #: Property file -> how many messages of the topic its broker has.
    stored: dict[str, int]


def start_layout(layout: str, scratch: Path, version: str = OURS, *, copies: bool = False) -> Seen:
    """Start all brokers of a layout, ours or Apache's of a version, those in turn by broker name, and send to them.

    `copies`: also where the files could be started as they are."""
    as_they_are = not copies and can_start_as_they_are(scratch)
    conf = CONF if as_they_are else copied(layout, scratch / "conf")
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "HOME": str(scratch),
    }
    within = [*_NAMESPACES, "--kill-child"] if as_they_are else []
    command = [*within, sys.executable, "-m", __name__, layout, str(scratch), version, str(conf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return Seen(**json.loads(done.stdout.splitlines()[-1]))


def can_start_as_they_are(scratch: Path) -> bool:
    """Whether a network and mounts of its own are permitted here, and nothing that is needed is below the mount."""
    if any(Path(path).resolve().is_relative_to("/var/lib") for path in (ROOT, sys.prefix, scratch)):
        return False
    command = [*_NAMESPACES, "sh", "-c", " && ".join(map(" ".join, _SET_UP))]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


def copied(layout: str, to: Path) -> Path:
    """Copies of a layout's files and of the name server's with free ports, and folders and the address of a test."""
    (to / layout).mkdir(parents=True)
    name_server = free_port()
    for file in (CONF / "namesrv.conf", *sorted((CONF / layout).iterdir())):
        port = name_server if file.parent == CONF else free_port(BROKER_PORTS)
        text = file.read_text("utf-8").replace(_STORES, str(to / "stores"))
        lines = [_moved(line, port, name_server) for line in text.splitlines()]
        if file.parent != CONF:
            lines.append("brokerIP1=127.0.0.1")
        (to / file.relative_to(CONF)).write_text("\n".join(lines) + "\n", "utf-8")
    return to


def _moved(line: str, port: int, name_server: int) -> str:
    others = {"listenPort": port, "haListenPort": port + 1, "namesrvAddr": f"127.0.0.1:{name_server}"}
    key, _, _ = line.partition("=")
    return f"{key}={others[key]}" if key in others else line


def check(layout: str, seen: Seen) -> None:
    """Both masters have taken all that was sent to them, and so have their slaves, if the layout has any."""
    ids = [0] if layout == "2m-noslave" else [0, 1]
    assert seen.brokers == {"broker-a": ids, "broker-b": ids}
    assert seen.sent == {"broker-a": QUEUES * ROUNDS, "broker-b": QUEUES * ROUNDS}
    assert set(seen.stored) == {path.name for path in (CONF / layout).iterdir()}
    for name, count in seen.stored.items():
        # Those that were not answered SEND_OK may be stored, too.
        assert count >= QUEUES * ROUNDS, name


def _server(name: str, file: Path, scratch: Path, version: str) -> Child:
    command = [str(Path(sys.executable).parent / name), "-c", str(file)]
    if version != OURS:
        from tests.interop.toolchain import NO_TLS, QUICK, java_command

        flags = (*QUICK, NO_TLS)
        command = java_command(version, "EagerBroker", ["-c", str(file)], scratch=scratch, heap="512m", flags=flags)
    return Child(file.name, command, cwd=scratch)


async def _wait_for(condition: Any) -> None:
    async with asyncio.timeout(120):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _send(files: dict[Path, dict[str, str]], seen: Seen) -> None:
    """Send to every queue of the brokers that run, until slaves have it."""
    (namesrv,) = {values["namesrvAddr"] for values in files.values()}
    options = ClientOptions(name_servers=[namesrv])
    async with RemotingClient() as client, Producer("layout", options) as producer:
        session = Session(client, [namesrv], timeout_ms=30_000)
        expected: dict[str, list[int]] = {}
        for values in files.values():
            expected.setdefault(values["brokerName"], []).append(int(values["brokerId"]))
            expected[values["brokerName"]].sort()

        async def registered() -> bool:
            table = (await cluster_info(session)).broker_addr_table
            return {name: sorted(data.broker_addrs) for name, data in table.items()} == expected

        await _wait_for(registered)
        seen.brokers.update(expected)
        table = (await cluster_info(session)).broker_addr_table
        for name in expected:
            header = CreateTopicRequestHeader(
                topic=TOPIC, default_topic="TBW102", read_queue_nums=QUEUES, write_queue_nums=QUEUES, perm=6,
                topic_filter_type="SINGLE_TAG", topic_sys_flag=0, order=False,
            )  # fmt: skip
            await topics.put_topic(session, table[name].broker_addrs[0], header)
            seen.sent[name] = 0

        async def one(queue: MessageQueue) -> bool:
            try:
                sent = await producer.send(Message(TOPIC, b"hello"), queue=queue, timeout_ms=30_000)
            except RocketMQError:  # its route may be on its way, or the broker busy with its start
                return False
            seen.sent[queue.broker_name] += sent.status is SendStatus.SEND_OK
            return sent.status is SendStatus.SEND_OK

        for name in expected:
            for at in range(QUEUES * ROUNDS):
                # A slave that connects only now does not count yet.
                await _wait_for(lambda name=name, at=at: one(MessageQueue(TOPIC, name, at % QUEUES)))

        async def messages(file: Path) -> int:
            address = table[files[file]["brokerName"]].broker_addrs[int(files[file]["brokerId"])]
            ends = [await offsets.max_offset(session, address, TOPIC, at) for at in range(QUEUES)]
            return sum(ends)

        for name in expected:
            mine = [file for file in files if files[file]["brokerName"] == name]

            async def alike(mine: list[Path] = mine) -> bool:
                return len({await messages(file) for file in mine}) == 1

            await _wait_for(alike)
            for file in mine:
                seen.stored[file.name] = await messages(file)


def main(layout: str, scratch: Path, version: str, conf: Path) -> None:
    """In the namespaces, or with copies of the files in `conf`."""
    if conf == CONF:
        for command in _SET_UP:
            subprocess.run(command, check=True)
    files = {path: parse_properties(path.read_text("utf-8")) for path in sorted((conf / layout).iterdir())}
    # Apache's in turn by name: each JVM takes half a gigabyte.
    names = sorted({values["brokerName"] for values in files.values()})
    turns = [names] if version == OURS else [[name] for name in names]
    seen = Seen({}, {}, {})
    for turn in turns:
        with ExitStack() as stack:
            stack.callback((child := _server("mqnamesrv", conf / "namesrv.conf", scratch, OURS)).kill)
            child.wait_for("boot success")
            mine = {path: values for path, values in files.items() if values["brokerName"] in turn}
            for path in mine:
                stack.callback((child := _server("mqbroker", path, scratch / path.stem, version)).kill)
                child.wait_for("boot success")
            asyncio.run(_send(mine, seen))
    print(json.dumps(seen._asdict()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
