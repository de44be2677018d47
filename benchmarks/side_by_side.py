"""The two clusters of the side-by-side benchmark, the JVM that loads them, and what is read from /proc.

No statistics here, see `apache_vs_ours.py`. The interop suite's harness starts the processes.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

import psutil
from tests.interop import apache, raw
from tests.interop.ours import BIN, DevPair, OurNameServer, write_config
from tests.interop.processes import BROKER_PORTS, Child, free_port
from tests.interop.toolchain import java_command

# Apache's normal small set-up, not the quick JVMs of the tests: 1 GB of heap, all compilers, G1.
BROKER_JVM = ("-Xms1g", "-XX:+UseG1GC")
LOAD_JVM = ("-Xms1g", "-XX:+UseSerialGC")
LOAD_SOURCES = Path(__file__).parent / "java"
SETTINGS = {"flushDiskType": "ASYNC_FLUSH", "diskMaxUsedSpaceRatio": "95", "enablePropertyFilter": "true"}
SEND_MESSAGE = 10


class Side(Protocol):
    """A name server and a broker under test."""

    name: str
    namesrv: str
    broker: str
    broker_pid: int
    namesrv_pid: int

    def start(self) -> dict[str, float]:
        """Starts both processes at once; gives the seconds until `boot` (both say so) and `first_send` (stored)."""

    def kill(self) -> None: ...

    def topic_route(self) -> list[str]:
        """Command line of its `mqadmin topicRoute`."""


class ApacheSide:
    """Apache's name server and broker with their defaults."""

    name = "apache"

    def __init__(self, folder: Path, version: str) -> None:
        self.version, self.folder = version, folder / "apache"

    def start(self) -> dict[str, float]:
        begin = time.monotonic()
        nameserver = apache.NameServer(self.version, self.folder / "namesrv", flags=("-Xms256m",), heap="256m")
        broker = apache.Broker(
            self.version,
            self.folder / "broker",
            nameserver.address,
            settings=SETTINGS,
            heap="1g",
            flags=BROKER_JVM,
            small=False,
        )
        self._children = (broker.child, nameserver.child)
        self.namesrv, self.broker = nameserver.address, broker.address
        self.broker_pid, self.namesrv_pid = broker.child.pid, nameserver.child.pid
        return _until_ready(begin, self._children, self.broker)

    def kill(self) -> None:
        for child in getattr(self, "_children", ()):
            child.kill()

    def topic_route(self) -> list[str]:
        main, scratch = "org.apache.rocketmq.tools.command.MQAdminStartup", self.folder / "tools"
        words = ["topicRoute", "-n", self.namesrv, "-t", "TBW102"]
        # The heap and the flags of Apache's own tools.sh.
        return java_command(self.version, main, words, scratch=scratch, heap="1g", flags=("-Xms1g", "-Xmn256m"))


class OurSide:
    """`mqnamesrv` and `mqbroker` with their defaults."""

    name = "ours"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ours"

    def start(self) -> dict[str, float]:
        begin = time.monotonic()
        nameserver = OurNameServer(self.folder / "namesrv")
        port = free_port(BROKER_PORTS)
        self.namesrv, self.broker = nameserver.address, f"127.0.0.1:{port}"
        config = {
            **SETTINGS,
            "brokerName": "broker-a",
            "brokerIP1": "127.0.0.1",
            "listenPort": str(port),
            "haListenPort": str(port + 1),
            "namesrvAddr": self.namesrv,
            "storePathRootDir": str(self.folder / "store"),
            "storePathCommitLog": str(self.folder / "store" / "commitlog"),
        }
        conf = write_config(self.folder / "broker.conf", config)
        broker = Child("our broker", [str(BIN / "mqbroker"), "-c", str(conf)], cwd=self.folder)
        self._children = (broker, nameserver.child)
        self.broker_pid, self.namesrv_pid = broker.pid, nameserver.child.pid
        return _until_ready(begin, self._children, self.broker)

    def kill(self) -> None:
        for child in getattr(self, "_children", ()):
            child.kill()

    def topic_route(self) -> list[str]:
        return [str(BIN / "mqadmin"), "topicRoute", "-n", self.namesrv, "-t", "TBW102"]


def _until_ready(begin: float, children: tuple[Child, ...], broker: str) -> dict[str, float]:
    for child in children:
        child.wait_for("boot success")
    boot = time.monotonic() - begin
    header = {
        "producerGroup": "ready", "topic": "Ready", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
        "queueId": "0", "sysFlag": "0", "bornTimestamp": str(int(time.time() * 1000)), "flag": "0",
        "reconsumeTimes": "0", "unitMode": "false", "properties": "",
    }  # fmt: skip
    while True:
        try:
            if raw.call(broker, SEND_MESSAGE, header, b"ready").code == 0:
                return {"boot": boot, "first_send": time.monotonic() - begin}
        except OSError:
            pass
        if time.monotonic() - begin > 60:
            raise RuntimeError(f"{broker} takes no message")
        time.sleep(0.005)


def dev_ready(folder: Path) -> float:
    """Seconds from the start of `mqadmin dev` until its ready file is there and the route is known."""
    begin = time.monotonic()
    pair = DevPair(folder, settings=SETTINGS)
    seconds = time.monotonic() - begin
    pair.kill()
    return seconds


class LoadJvm:
    """Apache's 5.3.3 client in one JVM that loads both sides, see `java/Load.java`."""

    def __init__(self, folder: Path) -> None:
        scratch = folder / "load"
        scratch.mkdir(parents=True)
        command = java_command("5.3.3", "Load", [], scratch=scratch, heap="1g", flags=LOAD_JVM, sources=LOAD_SOURCES)
        with open(scratch / "load.log", "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=scratch
            )
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the load JVM ended"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def order(self, side: Side, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**order, "namesrv": side.namesrv}).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of one process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(side: Side) -> dict[str, float]:
    """RSS and anonymous memory of broker and name server together, in MB; the mapped store is in RSS alone."""
    found = {"rss": 0.0, "anonymous": 0.0}
    for pid in (side.broker_pid, side.namesrv_pid):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.lower() in found:
                found[key.lower()] += int(value.split()[0]) / 1024
    return found


def keep_bytecode() -> None:
    """Let the commands that are measured keep their bytecode, as a user's do, whatever this process was told."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def command_time(side: Side, times: int) -> dict[str, float]:
    """Median wall and CPU seconds of the side's `mqadmin topicRoute`."""
    walls, cpus = [], []
    for _ in range(times):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(side.topic_route(), check=True, capture_output=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.monotonic() - begin)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def fill_page_cache(folder: Path) -> None:
    """Fill the machine's free memory with clean pages of a sparse file, which the stores then take over page by page.

    So it is on every server that has run for a while. On a virtual machine that has just been started, or whose balloon
    gives free memory back, the host backs a page on its first touch, and charges the guest 10 µs and more for that: the
    benchmark would measure the hypervisor. The file has to be kept as long as its pages are wanted."""
    spare = psutil.virtual_memory().total // 32
    buffer = bytearray(1 << 22)
    with (folder / "page-cache").open("w+b", buffering=0) as file:
        file.truncate(psutil.virtual_memory().total)
        while psutil.virtual_memory().free > spare and file.readinto(buffer):
            pass


def settle() -> None:
    """A moment for what starts late (registration, first scans) before idle memory is read."""
    time.sleep(3)


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {system}"
