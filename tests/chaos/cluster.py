"""The cluster under chaos: processes of ours behind links, and what a fault does to one of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.link import REACHED, SERVER, Link
from tests.chaos.plan import CUT, HANG, KILL, PART, PAUSE, RENEW, STOP, STRANGERS, Fault
from tests.chaos.slaves import environment as slaves_environment
from tests.chaos.strangers import strangers
from tests.interop.ours import BIN, SETTINGS, write_config
from tests.interop.processes import BROKER_PORTS, Child, free_port

#: ms between two writes of the offsets, as in the brokers' files below: what a killed broker may forget.
OFFSETS_KEPT_EVERY_MS = 500
ROOT = Path(__file__).parents[2]


CERTIFICATES = ROOT / "tests" / "remoting" / "files" / "tls"
#: What checks the servers' certificates.
CHECKING = {"tls.client.authServer": "true", "tls.client.trustCertPath": str(CERTIFICATES / "ca.pem")}
#: Every message counts as old, and old ones are read from a slave: a consumer is sent there with each message that the master
#: gives it, and back when the slave has no more.
READ_FROM_SLAVES = {"slaveReadEnable": "true", "accessMessageInMemoryMaxRatio": "0"}
#: A broker whose timers wait in steps: what waits longer than so many seconds is put into the timer topic once more.
STEPS = {"broker-b": {"timerRollWindowSlot": "2"}}
#: Of one authority; servers have now the one, now the other.
PAIRS = ("server", "client")


class Certificate:
    """A server's certificate and key, and which pair they are of."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "tls.pem", folder / "tls.key"
        self._pair = 0
        for file in self.files:
            self._put(file)

    async def renew(self, seconds: float) -> None:
        """The other certificate, and its key so many seconds later: between them neither can be used."""
        self._pair = 1 - self._pair
        certificate, key = self.files
        self._put(certificate)
        await asyncio.sleep(seconds)
        self._put(key)

    def _put(self, file: Path) -> None:
        new = file.with_name(f"{file.name}.new")
        new.write_bytes((CERTIFICATES / PAIRS[self._pair]).with_suffix(file.suffix).read_bytes())
        new.replace(file)


class Process:
    """A process that can die, stand still and come back. `links` lead to it where it is a server, else from it to all of
    them; `slave` is that of a master."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Child],
        links: list[Link],
        certificate: Certificate | None = None,
        *,
        is_server: bool = True,
    ) -> None:
        self.name = name
        self.links = links
        self.certificate = certificate
        self.is_server = is_server
        self.slave: Process | None = None
        #: The lives that were ended by SIGTERM, each with its exit status.
        self.ended: list[tuple[str, int]] = []
        self._start = start
        self.child = start()
        #: A plan leaves room between two faults of a process, but cannot know how long it takes to shut down.
        self._one_fault_at_a_time = asyncio.Lock()

    async def suffer(self, fault: Fault) -> float:
        """One fault from its beginning, when those before it are over, to its end. Gives when it began, as of `time.monotonic`.

        A process that is killed while it is being shut down would be started twice, and one of the two is out of reach: a
        sender would go on when all readers have ended, a broker would be a second one on its store.
        """
        async with self._one_fault_at_a_time:
            begin = time.monotonic()
            await self._suffer(fault)
        return begin

    async def _suffer(self, fault: Fault) -> None:
        if fault.kind in (KILL, STOP):
            await asyncio.to_thread(self.child.kill if fault.kind == KILL else self.stop)
            await asyncio.sleep(fault.seconds)
            self.child = self._start()
            return
        if fault.kind == RENEW:
            assert self.certificate is not None
            await self.certificate.renew(fault.seconds)
            return
        if fault.kind == STRANGERS:
            await strangers(self.links[0].port, fault.seconds)
            return
        begin, end = {
            PAUSE: (lambda: self._signal(signal.SIGSTOP), lambda: self._signal(signal.SIGCONT)),
            CUT: self._cut(None if self.is_server else self),
            PART: self._cut(self.slave),
            HANG: (self._each(Link.hang), self._each(Link.heal)),
        }[fault.kind]
        begin()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            end()

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        child = self.child
        if child.process.poll() is None:
            self.ended.append((child.name, child.stop()))

    def _cut(self, process: Process | None) -> tuple[Callable[[], None], Callable[[], None]]:
        """The links cut for one process, as it is when somebody connects, or for all; and the end of that."""
        whose = None if process is None else lambda: process.child.pid
        return self._each(lambda link: link.cut(whose)), self._each(lambda link: link.join(whose))

    def _each(self, act: Callable[[Link], None]) -> Callable[[], None]:
        def all_links() -> None:
            for link in self.links:
                act(link)

        return all_links

    def _signal(self, number: int) -> None:
        if self.child.process.poll() is None:
            os.kill(self.child.pid, number)


class Cluster:
    """Two name servers and two brokers; with `slaves` each broker is a SYNC_MASTER that has one, from which consumers read.

    With `tls` they take connections of both kinds, brokers register over TLS, slaves replicate over TLS alone, and every
    other client is over TLS.
    `program`: Python that the brokers run in place of `mqbroker`, with its arguments.
    """

    def __init__(self, folder: Path, *, slaves: bool, tls: bool = False, program: str | None = None) -> None:
        self.folder = folder
        self._broker_command = [sys.executable, "-c", program] if program else [str(BIN / "mqbroker")]
        self.slaves = slaves
        self.tls = tls
        self._clients = 0
        self.servers: dict[str, Process] = {}
        self.addresses: dict[str, str] = {}
        self.stores: dict[str, Path] = {}
        #: Those of slaves, by the address that name servers have.
        self.slave_stores: dict[str, str] = {}
        #: Masters that have one.
        self.with_slaves: list[str] = []
        #: The brokers' addresses as name servers have them.
        self.reached: set[str] = set()

    async def start(self) -> None:
        """Start the servers, and wait until each has said that it is ready."""
        ports = [free_port() for _ in range(2)]
        self.namesrv = ";".join(f"{REACHED}:{port}" for port in ports)
        for number, port in enumerate(ports):
            await self._name_server(f"namesrv-{number}", port)
        for name in ("broker-a", "broker-b"):
            await self._broker(name, 0)
            if self.slaves:
                await self._broker(name, 1)
        for process in self.servers.values():
            await asyncio.to_thread(process.child.wait_for, "boot success", 60)

    async def _name_server(self, name: str, port: int) -> None:
        folder = self._folder(name)
        conf = {"listenPort": str(port), "bindAddress": SERVER}
        conf |= {"kvConfigPath": str(folder / "kv.json"), "configStorePath": str(folder / "namesrv.properties")}
        await self._server(name, [str(BIN / "mqnamesrv")], folder, conf, [port])

    async def _broker(self, name: str, broker_id: int) -> None:
        port = free_port(BROKER_PORTS)
        folder = self._folder(f"{name}-{broker_id}" if self.slaves else name)
        store = folder / "store"
        role = "SLAVE" if broker_id else "SYNC_MASTER" if self.slaves else "ASYNC_MASTER"
        conf = SETTINGS | {
            "brokerName": name,
            "brokerId": str(broker_id),
            "brokerRole": role,
            "listenPort": str(port),
            "haListenPort": str(port + 1),
            "bindAddress": SERVER,
            "brokerIP1": REACHED,
            "brokerIP2": REACHED,
            "namesrvAddr": self.namesrv,
            "registerNameServerPeriod": "10000",
            "flushConsumerOffsetInterval": str(OFFSETS_KEPT_EVERY_MS),
            "storePathRootDir": str(store),
            "storePathCommitLog": str(store / "commitlog"),
            **STEPS.get(name, {}),
            **(READ_FROM_SLAVES if self.slaves else {}),
        }
        if broker_id:
            self.with_slaves.append(f"{name}-0")
            self.slave_stores[f"{REACHED}:{port}"] = folder.name
        self.stores[folder.name] = store
        self.addresses[folder.name] = f"{SERVER}:{port}"
        self.reached.add(f"{REACHED}:{port}")
        ports = [port, port + 1] if self.slaves else [port]
        await self._server(folder.name, self._broker_command, folder, conf, ports)
        if broker_id:
            self.servers[f"{name}-0"].slave = self.servers[folder.name]

    async def _server(
        self, name: str, command: list[str], folder: Path, conf: dict[str, str], ports: list[int]
    ) -> None:
        certificate = Certificate(folder) if self.tls else None
        if certificate is not None:
            places = zip(("tls.server.certPath", "tls.server.keyPath"), map(str, certificate.files), strict=True)
            conf = conf | dict(places) | CHECKING | {"tls.enable": "true", "tls.ha.mode": "enforcing"}
        file = write_config(folder / "server.conf", conf)
        links = [Link(port) for port in ports]
        for link in links:
            await link.start()
        whole = [*command, "-c", str(file)]
        self.servers[name] = Process(name, lambda: Child(name, whole, cwd=folder), links, certificate)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder

    def worker(self, kind: str, name: str) -> Process:
        """A client of the load; each life of it writes under a name of its own."""
        lives = 0
        self._clients += 1
        environment = {"PYTHONPATH": str(ROOT), **slaves_environment(self.slave_stores)}
        if self.tls and self._clients % 2:
            environment["CHAOS_TLS"] = str(self._trusted())

        def start() -> Child:
            nonlocal lives
            lives += 1
            life = f"{name}{lives}"
            command = [sys.executable, "-m", "tests.chaos.worker", kind, life, self.namesrv, str(self.folder)]
            return Child(life, command, cwd=self.folder / life, env=environment)

        links = [link for server in self.servers.values() for link in server.links]
        return Process(name, start, links, is_server=False)

    def _trusted(self) -> Path:
        """By what clients check the servers' certificates."""
        return write_config(self.folder / "tls.properties", CHECKING)

    async def stop(self) -> None:
        """Shut all servers down in order: brokers first, each with what it holds on the disk."""
        for process in reversed(self.servers.values()):
            await asyncio.to_thread(process.stop)

    async def unlink(self) -> None:
        """Close the links."""
        for process in self.servers.values():
            for link in process.links:
                await link.stop()
