"""Load on one broker process, and what a message costs it: messages per second and CPU microseconds per message.

Drives a fresh broker over loopback with raw frames, so that the load costs little itself: sync senders (one request in
flight on each connection), 256 requests in flight on one connection, batches of 32, and draining what was sent; when
named, transactions (a half message on each of 8 connections, then its commit, which has no answer), delays (level 1) and
timers of a second, until all are delivered, and draining by an SQL92 expression that one message of a hundred meets.

    python benchmarks/broker_profile.py [--seconds 3] [--size 128] [--modes sync8,sync64,async256,batch,drain,transaction8,delay8,timer8,sql]
    python benchmarks/broker_profile.py --modes async256 --profile /tmp/broker.prof    (cProfile of the broker)
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

TOPIC = "ProfileTopic"
GROUP = "profile_producer"
QUEUES = 4
BATCH = 32

_RUN_BROKER = "from rocketmq_ops.broker.startup import main; main()"
_RUN_PROFILED = (
    "import cProfile, sys\n"
    "profile = cProfile.Profile()\n"
    "path = sys.argv.pop(1)\n"
    "from rocketmq_ops.broker.startup import main\n"
    "try:\n"
    "    profile.runcall(main)\n"
    "finally:\n"
    "    profile.dump_stats(path)\n"
)


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One request frame with a JSON header, its keys in the order of Java's client."""
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return struct.pack(">II", 4 + len(raw) + len(body), len(raw)) + raw + body


def request(code: int, opaque: int, fields: dict[str, str]) -> dict[str, Any]:
    """A request header."""
    return {
        "code": code, "extFields": fields, "flag": 0, "language": "JAVA", "opaque": opaque,
        "serializeTypeCurrentRPC": "JSON", "version": 479,
    }  # fmt: skip


#: After the last message with a delay or a timer of a second all are delivered.
DELIVERED_SECONDS = 4.0
#: Properties of the messages of a mode, beside those that Java's client gives every message.
PROPERTIES = {
    "transaction8": f"TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02",
    "delay8": "DELAY\x011\x02",
    "timer8": "TIMER_DELAY_MS\x011000\x02",
}


def unique_key(opaque: int) -> str:
    """The unique key of the message in a request."""
    return f"7F0000010B3A18B4AAC2{opaque & 0xFFFFFFFF:012X}"


def send_frame(opaque: int, body: bytes, *, mode: str = "", keys: bool = False) -> bytes:
    """A send of one message, or of a batch of 32, with the properties that Java's client gives it; with key and tag."""
    batch = mode == "batch"
    properties = (
        f"UNIQ_KEY\x01{unique_key(opaque)}\x02WAIT\x01false\x02{PROPERTIES.get(mode, '')}n\x01{opaque % 100}\x02"
    )
    if keys:
        properties += f"KEYS\x01key{opaque}\x02TAGS\x01TagA\x02"
    fields = {
        "a": GROUP, "b": TOPIC, "c": "TBW102", "d": "4", "e": str(opaque % QUEUES),
        "f": "4" if mode == "transaction8" else "0",
        "g": "1795246590674", "h": "0", "i": properties, "j": "0", "k": "false", "m": "true" if batch else "false",
        "n": "broker-a",
    }  # fmt: skip
    if batch:
        text = properties.encode()
        item = struct.pack(">iiiii", 22 + len(body) + len(text), 0, 0, 0, len(body)) + body
        body = (item + struct.pack(">h", len(text)) + text) * BATCH
    return frame(request(320 if batch else 310, opaque, fields), body)


class Load(asyncio.Protocol):
    """Sends a frame for every answer, ``in_flight`` at a time, until ``stop``."""

    def __init__(self, make: Any, in_flight: int) -> None:
        self._make = make
        self._in_flight = in_flight
        self._rest = b""
        self.answers = 0
        self.bad: bytes | None = None
        self.stopped = False
        self.idle = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def start(self) -> None:
        self._transport.write(b"".join([self._make() for _ in range(self._in_flight)]))

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        at, end, count = 0, len(buffer), 0
        while end - at >= 4:
            length = int.from_bytes(buffer[at : at + 4], "big")
            if end - at < 4 + length:
                break
            if buffer[at + 8 : at + 17] != b'{"code":0':
                self.bad = bytes(buffer[at + 8 : at + 400])
            at += 4 + length
            count += 1
        self._rest = buffer[at:]
        self.answers += count
        if self.stopped:
            self._in_flight -= count
            if self._in_flight <= 0:
                self.idle.set()
        elif count:
            make = self._make
            self._transport.write(make() if count == 1 else b"".join([make() for _ in range(count)]))

    async def finish(self) -> None:
        self.stopped = True
        await asyncio.wait_for(self.idle.wait(), 30)
        self._transport.close()


class Transactions(Load):
    """Sends a half message; when it is there its commit, and the next half message with it."""

    def data_received(self, data: bytes) -> None:
        self._rest += data
        length = int.from_bytes(self._rest[:4], "big")
        if len(self._rest) < 4 + length:
            return
        header = json.loads(self._rest[8 : 8 + int.from_bytes(self._rest[4:8], "big")])
        self._rest = self._rest[4 + length :]
        if header["code"] != 0:
            self.bad = json.dumps(header).encode()
        answer, key = header["extFields"], unique_key(header["opaque"])
        fields = {
            "topic": TOPIC, "producerGroup": GROUP, "tranStateTableOffset": answer["queueOffset"],
            "commitLogOffset": str(int(answer["msgId"][-16:], 16)), "commitOrRollback": "8", "fromTransactionCheck": "false",
            "msgId": key, "transactionId": key,
        }  # fmt: skip
        commit = request(37, header["opaque"], fields) | {"flag": 2}
        self.answers += 1
        if self.stopped:
            self._transport.write(frame(commit))
            self.idle.set()
        else:
            self._transport.write(frame(commit) + self._make())


class Drain(asyncio.Protocol):
    """Pulls every queue of the topic from the start to the end; with `sql`, what meets it."""

    def __init__(self, done: asyncio.Future[int], sql: str | None = None) -> None:
        self._done = done
        self._filter = {"expressionType": "TAG", "subscription": "*"}
        if sql is not None:
            self._filter = {"expressionType": "SQL92", "subscription": sql}
        self._offsets = dict.fromkeys(range(QUEUES), 0)
        self._rest = bytearray()
        self.messages = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        for queue in range(QUEUES):
            self._pull(queue)

    def _pull(self, queue: int) -> None:
        fields = {
            "queueId": str(queue), "maxMsgBytes": "262144", "maxMsgNums": "32", "sysFlag": "4",
            "suspendTimeoutMillis": "0", "commitOffset": "0", "topic": TOPIC, "queueOffset": str(self._offsets[queue]),
            "subVersion": "0", "consumerGroup": "profile_consumer",
        }  # fmt: skip
        fields |= self._filter
        self._transport.write(frame(request(11, queue, fields)))

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 4:
            length = int.from_bytes(self._rest[:4], "big")
            if len(self._rest) < 4 + length:
                return
            header_length = int.from_bytes(self._rest[4:8], "big") & 0xFFFFFF
            header = json.loads(bytes(self._rest[8 : 8 + header_length]))
            del self._rest[: 4 + length]
            self._answer(header)

    def _answer(self, header: dict[str, Any]) -> None:
        queue = header["opaque"]
        # Found, or nothing of what was looked at matches: on from there.
        if header["code"] in (0, 20) and int(header["extFields"]["nextBeginOffset"]) > self._offsets[queue]:
            following = int(header["extFields"]["nextBeginOffset"])
            self.messages += following - self._offsets[queue]
            self._offsets[queue] = following
            self._pull(queue)
            return
        del self._offsets[queue]
        if not self._offsets and not self._done.done():
            self._done.set_result(self.messages)


def free_port() -> int:
    """A free port whose neighbour two below is likely free too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker process on a scratch store."""

    def __init__(self, folder: Path, profile: str | None, extra: list[str]) -> None:
        self.port = free_port()
        config = folder / "broker.conf"
        lines = [
            f"storePathRootDir={folder / 'store'}", f"listenPort={self.port}", "brokerIP1=127.0.0.1",
            "bindAddress=127.0.0.1", "brokerName=broker-a", "namesrvAddr=", *extra,
        ]  # fmt: skip
        config.write_text("\n".join(lines) + "\n")
        code = [sys.executable, "-c", _RUN_BROKER if profile is None else _RUN_PROFILED]
        command = [*code, *([] if profile is None else [profile]), "-c", str(config)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "boot success" in line:
                print(line.strip())
                break
        else:
            raise SystemExit("the broker did not start")
        self._cpu = psutil.Process(self.process.pid)

    def cpu_seconds(self) -> tuple[float, float]:
        """CPU seconds used so far, by itself and by the kernel for it."""
        times = self._cpu.cpu_times()
        return times.user, times.system

    def memory_mb(self) -> float:
        """Memory of its own: the mapped store is not in it."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(rollup.split("Anonymous:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


async def run_load(
    broker: Broker, mode: str, seconds: float, size: int, keys: bool = False, tls: ssl.SSLContext | None = None
) -> tuple[int, float]:
    """(messages, elapsed s) of one mode."""
    connect = functools.partial(
        asyncio.get_running_loop().create_connection, host="127.0.0.1", port=broker.port, ssl=tls
    )
    body = os.urandom(size)
    started = time.perf_counter()
    if mode in ("drain", "sql"):
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        await connect(lambda: Drain(done, "n = 7" if mode == "sql" else None))
        messages = await done
        return messages, time.perf_counter() - started
    connections, in_flight = {"sync64": (64, 1), "async256": (1, 256), "batch": (4, 1)}.get(mode, (8, 1))
    protocol = Transactions if mode == "transaction8" else Load
    opaque = 0

    def make() -> bytes:
        nonlocal opaque
        opaque += 1
        return send_frame(opaque, body, mode=mode, keys=keys)

    loads = []
    for _ in range(connections):
        _, load = await connect(lambda: protocol(make, in_flight))
        loads.append(load)
    started = time.perf_counter()
    for load in loads:
        load.start()
    await asyncio.sleep(seconds)
    await asyncio.gather(*(load.finish() for load in loads))
    if mode in ("delay8", "timer8"):
        await asyncio.sleep(DELIVERED_SECONDS)
    elapsed = time.perf_counter() - started
    bad = next((load.bad for load in loads if load.bad), None)
    if bad is not None:
        raise SystemExit(f"a send failed: {bad!r}")
    return sum(load.answers for load in loads) * (BATCH if mode == "batch" else 1), elapsed


async def run(broker: Broker, modes: list[str], seconds: float, size: int, keys: bool) -> None:
    for mode in modes:
        before = broker.cpu_seconds()
        messages, elapsed = await run_load(broker, mode, seconds, size, keys)
        user, system = ((b - a) / max(messages, 1) * 1e6 for a, b in zip(before, broker.cpu_seconds(), strict=True))
        print(
            f"{mode:>9}: {messages / elapsed:9.0f} msg/s  {user + system:6.2f} us broker CPU/msg"
            f" (user {user:5.2f}, system {system:5.2f}; {messages} messages)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--size", type=int, default=128, help="bytes of a message's body")
    parser.add_argument("--modes", default="sync8,sync64,async256,batch,drain")
    parser.add_argument("--keys", action="store_true", help="messages have a key and a tag besides their unique key")
    parser.add_argument("--profile", help="write a cProfile of the broker to this file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a broker property")
    parser.add_argument("--folder", help="where the scratch store goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rmq-profile-", dir=options.folder) as folder:
        broker = Broker(Path(folder), options.profile, options.set)
        try:
            import uvloop

            uvloop.run(run(broker, options.modes.split(","), options.seconds, options.size, options.keys))
            print(f"   memory: {broker.memory_mb():.0f} MB anonymous")
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
