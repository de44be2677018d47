"""A master with a slave, Apache's brokers and ours one after the other on one machine, in one run.

Catching up: the master has `--fill` MB of messages of 1 KiB when an empty slave is started; MB a second from the slave's
first byte to its last, as `brokerStatus` shows its commitlog, and CPU of both. Then SYNC_MASTER: messages a second that
are answered once the slave has them, from one sender and from 64, how long an answer takes, and CPU a message of both.

    python benchmarks/replication.py [--fill 200] [--seconds 5] [--apache 5.3.3] [--tls] [--dir FOLDER]

With --tls a pair of ours replicates over TLS, and another without; Apache's brokers cannot. Needs a JDK and Maven
without it (see benchmarks/README.md). Under Apache's 5.x SYNC_MASTER waits for the slave with
inSyncReplicas=2 only, which is set for both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.side_by_side import BROKER_JVM, SETTINGS, cpu_seconds, machine
from tests.interop import toolchain
from tests.interop.apache import Broker
from tests.interop.ours import OurBroker, OurNameServer

from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

COMMON = SETTINGS | {"haSendHeartbeatInterval": "500", "slaveTimeout": "3000"}
MASTER = COMMON | {"brokerRole": "SYNC_MASTER", "inSyncReplicas": "2"}
SLAVE = COMMON | {"brokerRole": "SLAVE", "brokerId": "1"}
#: Of our brokers alone, besides those.
CERTIFICATES = Path(__file__).resolve().parents[1] / "tests/remoting/files/tls"
MASTER_TLS = {
    "tls.ha.mode": "enforcing",
    "tls.server.certPath": str(CERTIFICATES / "server.pem"),
    "tls.server.keyPath": str(CERTIFICATES / "server.key"),
}
SLAVE_TLS = {
    "tls.ha.enable": "true",
    "tls.client.authServer": "true",
    "tls.client.trustCertPath": str(CERTIFICATES / "ca.pem"),
}
OURS, OURS_TLS = "ours", "ours, TLS"
BODY = bytes(range(256)) * 4


class Group:
    """A name server of ours, a master and a slave; `kind` is a version of Apache's, or one of ours."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder = kind, folder / kind.replace(", ", "-")
        self._nameserver = OurNameServer(self._folder / "namesrv")
        self._nameserver.child.wait_for("boot success")
        self.master = self._start("master", MASTER, MASTER_TLS)

    def _start(self, name: str, settings: dict[str, str], tls: dict[str, str]) -> Broker | OurBroker:
        scratch, namesrv = self._folder / name, self._nameserver.address
        broker: Broker | OurBroker
        if self.kind in (OURS, OURS_TLS):
            settings = settings | (tls if self.kind == OURS_TLS else {})
            broker = OurBroker(scratch, namesrv, settings=settings, small=False)
        else:
            broker = Broker(self.kind, scratch, namesrv, settings=settings, heap="1g", flags=BROKER_JVM, small=False)
        broker.wait_ready()
        return broker

    def start_slave(self) -> None:
        self.slave = self._start("slave", SLAVE, SLAVE_TLS)

    def cpu(self) -> tuple[float, float]:
        """CPU seconds of master and slave so far."""
        return cpu_seconds(self.master.child.pid), cpu_seconds(self.slave.child.pid)

    def kill(self) -> None:
        for broker in (self.master, getattr(self, "slave", None)):
            if broker is not None:
                broker.child.kill()
        self._nameserver.child.kill()


def a_send(*, wait: bool) -> RemotingCommand:
    fields = {
        "a": "p", "b": "Replicated", "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": str(int(time.time() * 1000)),
        "h": "0", "i": f"UNIQ_KEY\x010A0B0C0D0E0F\x02WAIT\x01{str(wait).lower()}\x02", "j": "0", "k": "false", "m": "false",
    }  # fmt: skip
    return RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=BODY)


async def log_end(client: RemotingClient, broker: Broker | OurBroker) -> int:
    """Where a broker's commitlog ends, bytes. A broker of Apache's fails to give its figures in its first second."""
    request = RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO)
    while True:
        answer = await client.invoke(broker.address, request, 10_000)
        if answer.code == ResponseCode.SUCCESS:
            return int(KVTable.decode(answer.body_bytes).table["commitLogMaxOffset"])
        await asyncio.sleep(0.05)


async def catching_up(client: RemotingClient, group: Group, megabytes: int) -> dict[str, float]:
    """Fill the master, start a slave, and wait until it has everything."""

    async def fill() -> None:
        while await log_end(client, group.master) < megabytes << 20:
            for _ in range(200):
                await client.invoke(group.master.address, a_send(wait=False), 10_000)

    await asyncio.gather(*(fill() for _ in range(16)))
    end = await log_end(client, group.master)
    group.start_slave()
    begun = now = 0.0
    first = have = 0
    while have < end:
        await asyncio.sleep(0.01)
        have, now = await log_end(client, group.slave), time.monotonic()
        if have and not begun:
            begun, first, before = now, have, group.cpu()
    master, slave = (after - at for after, at in zip(group.cpu(), before, strict=True))
    moved = (end - first) / (1 << 20)
    return {"MB/s": moved / max(now - begun, 0.001), "master CPU s": master, "slave CPU s": slave, "of MB": moved}


async def answered(client: RemotingClient, group: Group, senders: int, seconds: float) -> dict[str, float]:
    """Send for a while, each sender one message after the other."""
    times: list[float] = []
    end = time.monotonic() + seconds

    async def send() -> None:
        while (begun := time.monotonic()) < end:
            answer = await client.invoke(group.master.address, a_send(wait=True), 10_000)
            if answer.code != ResponseCode.SUCCESS:
                raise RuntimeError(f"{group.kind}: {answer.code} {answer.remark}")
            times.append(time.monotonic() - begun)

    before = group.cpu()
    await asyncio.gather(*(send() for _ in range(senders)))
    master, slave = (after - at for after, at in zip(group.cpu(), before, strict=True))
    times.sort()
    return {
        "messages/s": len(times) / seconds,
        "median ms": statistics.median(times) * 1000,
        "99% ms": times[len(times) * 99 // 100] * 1000,
        "master µs/message": master / len(times) * 1e6,
        "slave µs/message": slave / len(times) * 1e6,
    }


async def measure(kind: str, folder: Path, megabytes: int, seconds: float) -> dict[str, dict[str, float]]:
    """All figures of one kind."""
    group = Group(kind, folder)
    try:
        async with RemotingClient() as client:
            found = {"catching up": await catching_up(client, group, megabytes)}
            with contextlib.suppress(RuntimeError):  # Apache's code has to be compiled first
                await answered(client, group, 16, seconds)
            for senders in (1, 64):
                found[f"{senders} senders"] = await answered(client, group, senders, seconds)
            return found
    finally:
        group.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fill", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--apache", default="5.3.3")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    if not options.tls:
        toolchain.require()
    print(machine())
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        kinds = (OURS, OURS_TLS) if options.tls else (options.apache, OURS)
        found = {kind: asyncio.run(measure(kind, Path(folder), options.fill, options.seconds)) for kind in kinds}
    print(f"| | {' | '.join(kinds)} | ratio |\n|---|---:|---:|---:|")
    for load, figures in found[OURS].items():
        for name in figures:
            before, after = (found[kind][load][name] for kind in kinds)
            print(f"| {load}: {name} | {before:.2f} | {after:.2f} | {after / before if before else float('nan'):.2f} |")


if __name__ == "__main__":
    main()
