"""Apache's own name server, broker and client as the tests use them.

A `Pair` is a name server and a broker in a JVM each; a `Driver` is one JVM with Apache's Java client and mqadmin that
takes orders on its stdin, so that a test costs milliseconds and not JVM starts.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.interop.ours import write_config
from tests.interop.processes import BROKER_PORTS, Child, free_port
from tests.interop.raw import wait_for_route
from tests.interop.toolchain import NO_TLS, QUICK, container_jar, java_command

# A consumer that comes before its retry topic's route looks again after this many ms, not after 20 s.
EAGER = "-Drocketmq.client.rebalance.waitInterval=1500"

# For tests: small files, quick transaction checks, and no work without end.
TEST_SETTINGS = {
    "transactionCheckInterval": "1000",
    "transactionTimeOut": "1000",
    # Shorter than the check interval: else a half message is asked for before its end is written.
    "transactionOpBatchInterval": "100",
    "mappedFileSizeCommitLog": "16777216",
    "mappedFileSizeConsumeQueue": "60000",
    "maxHashSlotNum": "10000",
    "maxIndexNum": "40000",
    # In 5.x. Until this has passed once, a thread asks for the time without a pause: 10 s of a core after each start.
    "transactionMetricFlushInterval": "500",
    # Each time all 38 MB of the timer wheel are compared: a fifth of a core if it were the 1 s that it is by itself.
    "timerFlushIntervalMs": "10000",
    # With it a slave hears of its master, where that of its start comes too early. As often as it can be.
    "registerNameServerPeriod": "10000",
}


def name_server_settings(port: int, folder: Path) -> dict[str, str]:
    return {
        "listenPort": str(port), "bindAddress": "127.0.0.1",
        "kvConfigPath": f"{folder}/kvConfig.json", "configStorePath": f"{folder}/namesrv.properties",
    }  # fmt: skip


def broker_settings(
    port: int, namesrv: str, store: Path, *, name: str = "broker-a", cluster: str = "DefaultCluster"
) -> dict[str, str]:
    return {
        "brokerClusterName": cluster, "brokerName": name, "brokerId": "0", "brokerIP1": "127.0.0.1",
        "brokerIP2": "127.0.0.1", "bindAddress": "127.0.0.1", "listenPort": str(port), "haListenPort": str(port + 1),
        "namesrvAddr": namesrv, "storePathRootDir": str(store), "storePathCommitLog": str(store / "commitlog"),
        "diskMaxUsedSpaceRatio": "95",  # the disk of the machine under test is not the subject
    }  # fmt: skip


class NameServer:
    """Apache's name server on a free port of 127.0.0.1."""

    def __init__(
        self,
        version: str,
        scratch: Path,
        *,
        heap: str = "128m",
        flags: tuple[str, ...] = QUICK,
        settings: dict[str, str] | None = None,
        tls: bool = False,
    ) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        scratch.mkdir(parents=True, exist_ok=True)
        config = write_config(scratch / "namesrv.conf", name_server_settings(self.port, scratch) | (settings or {}))
        main = "org.apache.rocketmq.namesrv.NamesrvStartup"
        self.child = Child(
            f"Apache name server {version}",
            java_command(
                version, main, ["-c", str(config)], scratch=scratch, heap=heap, flags=flags if tls else (*flags, NO_TLS)
            ),
            cwd=scratch,
        )

    def wait_ready(self) -> float:
        return self.child.wait_for("boot success")


class Broker:
    """Apache's broker on a store directory; its configuration is that of the tests if `small`, then `settings`."""

    def __init__(
        self,
        version: str,
        scratch: Path,
        namesrv: str,
        *,
        store: Path | None = None,
        name: str = "broker-a",
        cluster: str = "DefaultCluster",
        settings: dict[str, str] | None = None,
        heap: str = "512m",
        flags: tuple[str, ...] = QUICK,
        small: bool = True,
        environment: dict[str, str] | None = None,
        tls: bool = False,
    ) -> None:
        self.port = free_port(BROKER_PORTS)
        self.address = f"127.0.0.1:{self.port}"
        self.name = name
        self.store = store or scratch / "store"
        scratch.mkdir(parents=True, exist_ok=True)
        config = broker_settings(self.port, namesrv, self.store, name=name, cluster=cluster)
        self.conf = scratch / "broker.conf"
        write_config(self.conf, config | (TEST_SETTINGS if small else {}) | (settings or {}))
        flags = flags if tls else (*flags, NO_TLS)
        command = java_command(version, "EagerBroker", ["-c", str(self.conf)], scratch=scratch, heap=heap, flags=flags)
        self._start = lambda: Child(f"Apache broker {version}", command, cwd=scratch, env=environment)
        self.child = self._start()

    def start_again(self) -> None:
        """Start it anew, with its file as it is now."""
        self.child = self._start()

    def wait_ready(self) -> float:
        return self.child.wait_for("boot success")


class BrokerContainer:
    """Apache's process that holds several brokers, with none at first."""

    def __init__(self, version: str, scratch: Path, namesrv: str) -> None:
        self.port = free_port(BROKER_PORTS)
        self.address = f"127.0.0.1:{self.port}"
        self._scratch, self._namesrv = scratch, namesrv
        scratch.mkdir(parents=True, exist_ok=True)
        values = {"listenPort": str(self.port), "bindAddress": "127.0.0.1", "namesrvAddr": namesrv}
        file = write_config(scratch / "container.conf", values)
        main, more, flags = (
            "org.apache.rocketmq.container.BrokerContainerStartup",
            [container_jar(version)],
            (*QUICK, NO_TLS),
        )
        self.child = Child(
            f"Apache broker container {version}",
            java_command(version, main, ["-c", str(file)], scratch=scratch, heap="512m", flags=flags, more=more),
            cwd=scratch,
        )

    def wait_ready(self) -> float:
        return self.child.wait_for("container boot success")

    def broker_config(self, name: str) -> tuple[Path, str]:
        """The configuration file of a broker for it, and the address where that will listen."""
        port = free_port(BROKER_PORTS)
        store = self._scratch / name
        config = broker_settings(port, self._namesrv, store, name=name)
        del config["bindAddress"]  # of the container
        file = write_config(self._scratch / f"{name}.conf", config | TEST_SETTINGS)
        return file, f"127.0.0.1:{port}"


class Pair:
    """A name server and a broker of one version, both ready; also the shape of our own pair in the tests."""

    def __init__(self, version: str, scratch: Path, *, tls: bool = False, **broker: Any) -> None:
        self.version = version
        self.cluster = broker.get("cluster", "DefaultCluster")
        self.broker_name = broker.get("name", "broker-a")
        self.nameserver = NameServer(version, scratch / "namesrv", tls=tls)
        self.broker = Broker(version, scratch / "broker", self.nameserver.address, tls=tls, **broker)
        self.namesrv_address = self.nameserver.address
        self.broker_address = self.broker.address
        try:
            self.nameserver.wait_ready()
            self.broker.wait_ready()
            wait_for_route(self.namesrv_address, "TBW102", self.broker_name)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        self.broker.child.kill()
        self.nameserver.child.kill()


class DriverError(AssertionError):
    """What Apache's client said went wrong."""


class Driver:
    """Apache's Java client and mqadmin of one version, in one JVM."""

    def __init__(self, version: str, scratch: Path, *, properties: dict[str, object] | None = None) -> None:
        """`properties`: Java system properties."""
        self.version = version
        own = [f"-D{key}={value}" for key, value in (properties or {}).items()]
        scratch.mkdir(parents=True, exist_ok=True)
        self.log = scratch / "driver.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                java_command(version, "Driver", [], scratch=scratch, heap="384m", flags=(*QUICK, EAGER, *own)),
                cwd=scratch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._write = threading.Lock()
        self._news = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._ended = False
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, name=f"driver {version}", daemon=True)
        self._reader.start()
        self._await(0, 60)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._news:
                self._answers[answer["id"]] = answer
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _await(self, number: int, timeout: float) -> Any:
        with self._news:
            self._news.wait_for(lambda: number in self._answers or self._ended, timeout)
            answer = self._answers.pop(number, None)
        if answer is None:
            why = "ended" if self._ended else f"gave no answer in {timeout:.0f} s"
            raise DriverError(f"the Java driver {why}; see {self.log}")
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["ok"]

    def ask(self, op: str, timeout: float = 60.0, **request: Any) -> Any:
        """Does one operation of `Driver.java` and gives its result; raises `DriverError` with Java's exception."""
        with self._write:
            self._last_id += 1
            number = self._last_id
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"id": number, "op": op, **request}).encode() + b"\n")
            self._process.stdin.flush()
        return self._await(number, timeout)

    def mqadmin(self, *args: str, timeout: float = 60.0) -> str:
        """What Apache's mqadmin prints for these arguments."""
        out = self.ask("admin", timeout=timeout, args=list(args))
        assert isinstance(out, str)
        return out

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._process.stdout.close()


def wait_until(true: Any, what: str, timeout: float = 20.0) -> Any:
    """Asks again until `true()` gives something true; for states of other processes that send no event."""
    deadline = time.monotonic() + timeout
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.05)
