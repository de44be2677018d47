"""Our own pair and our own command line, run as processes the way a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.interop.processes import BROKER_PORTS, Child, free_port
from tests.interop.raw import wait_for_route

BIN = Path(sys.executable).parent
SETTINGS = {
    "brokerIP1": "127.0.0.1",
    "transactionCheckInterval": "1000",
    "transactionTimeOut": "1000",
    "transactionOpBatchInterval": "100",
    "mappedFileSizeCommitLog": "16777216",
    "mappedFileSizeConsumeQueue": "60000",
    "maxHashSlotNum": "10000",
    "maxIndexNum": "40000",
    "diskMaxUsedSpaceRatio": "95",
}


class OurNameServer:
    """`mqnamesrv` alone; Apache's brokers register with it as with their own."""

    def __init__(self, scratch: Path, *, settings: dict[str, str] | None = None) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        conf = write_config(
            scratch / "namesrv.conf",
            {
                "listenPort": str(port),
                "bindAddress": "127.0.0.1",
                "kvConfigPath": str(scratch / "kvConfig.json"),
                "configStorePath": str(scratch / "namesrv.properties"),
                **(settings or {}),
            },
        )
        self.child = Child("our name server", [str(BIN / "mqnamesrv"), "-c", str(conf)], cwd=scratch)


class OurBroker:
    """`mqbroker` alone, with the shape of Apache's `Broker`; of the tests' small files if `small`."""

    def __init__(
        self,
        scratch: Path,
        namesrv: str,
        *,
        settings: dict[str, str] | None = None,
        small: bool = True,
        environment: dict[str, str] | None = None,
        program: tuple[str, ...] = (str(BIN / "mqbroker"),),
    ) -> None:
        port = free_port(BROKER_PORTS)
        scratch.mkdir(parents=True, exist_ok=True)
        self.address, self.store = f"127.0.0.1:{port}", scratch / "store"
        values = (SETTINGS if small else {}) | {
            "brokerName": "broker-a", "brokerIP1": "127.0.0.1", "brokerIP2": "127.0.0.1", "listenPort": str(port),
            "haListenPort": str(port + 1), "namesrvAddr": namesrv, "storePathRootDir": str(self.store),
        }  # fmt: skip
        self.conf = write_config(scratch / "broker.conf", values | (settings or {}))
        words = [*program, "-c", str(self.conf)]
        self._start = lambda: Child("our broker", words, cwd=scratch, env=environment)
        self.child = self._start()

    def start_again(self) -> None:
        """Start it anew, with its file as it is now."""
        self.child = self._start()

    def wait_ready(self) -> float:
        return self.child.wait_for("boot success")


class OurPair:
    """`mqnamesrv` and `mqbroker`, each a process of its own; the same attributes as Apache's `Pair`."""

    def __init__(
        self,
        scratch: Path,
        *,
        store: Path | None = None,
        settings: dict[str, str] | None = None,
        wait_for: str = "TBW102",
        environment: dict[str, str] | None = None,
    ) -> None:
        """`environment`: what the broker has besides that of the tests."""
        scratch.mkdir(parents=True, exist_ok=True)
        self.version = "ours"
        self.store = store or scratch / "store"
        port = free_port(BROKER_PORTS)
        nameserver = OurNameServer(scratch)
        self.namesrv_address = nameserver.address
        self.broker_address = f"127.0.0.1:{port}"
        self.settings = {
            **SETTINGS,
            "brokerName": "broker-a",
            "listenPort": str(port),
            "haListenPort": str(port + 1),
            "namesrvAddr": self.namesrv_address,
            "storePathRootDir": str(self.store),
            "storePathCommitLog": str(self.store / "commitlog"),
            **(settings or {}),
        }
        self.cluster = self.settings.get("brokerClusterName", "DefaultCluster")
        self.broker_name = self.settings["brokerName"]
        broker_conf = write_config(scratch / "broker.conf", self.settings)
        self.nameserver = nameserver.child
        self.broker = Child("our broker", [str(BIN / "mqbroker"), "-c", str(broker_conf)], cwd=scratch, env=environment)
        try:
            self.ready_seconds = max(self.nameserver.wait_for("boot success"), self.broker.wait_for("boot success"))
            wait_for_route(self.namesrv_address, wait_for, self.broker_name)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> int:
        """SIGTERM to the broker, then to the name server; the broker's exit status."""
        status = self.broker.stop()
        self.nameserver.stop()
        return status

    def kill(self) -> None:
        """SIGKILL to both."""
        self.broker.kill()
        self.nameserver.kill()


def write_config(file: Path, values: dict[str, str]) -> Path:
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()), encoding="utf-8")
    return file


class DevPair:
    """`mqadmin dev`: our name server and broker in one process, ready when its ready file is there."""

    def __init__(self, scratch: Path, *, settings: dict[str, str] | None = None) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        ready = scratch / "ready.json"
        config = write_config(scratch / "broker.conf", {**SETTINGS, **(settings or {})})
        self.version = "ours"
        self.cluster, self.broker_name = "DefaultCluster", "broker-a"
        self.child = Child(
            "mqadmin dev",
            [
                str(BIN / "mqadmin"),
                "dev",
                "--namesrv-port",
                "0",
                "--broker-port",
                "0",
                "--store-dir",
                str(scratch / "store"),
                "--ready-file",
                str(ready),
                "--config",
                str(config),
            ],
            cwd=scratch,
        )
        try:
            addresses = self._await_ready(ready)
            self.namesrv_address: str = addresses["namesrv"]
            self.broker_address: str = addresses["broker"]
            wait_for_route(self.namesrv_address, "TBW102", self.broker_name)
        except BaseException:
            self.child.kill()
            raise

    def _await_ready(self, ready: Path, timeout: float = 20.0) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while not ready.exists():
            if self.child.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`mqadmin dev` is not ready:\n{self.child.output}")
            time.sleep(0.01)
        content = json.loads(ready.read_text())
        assert isinstance(content, dict)
        return content

    def stop(self) -> int:
        return self.child.stop()

    def kill(self) -> None:
        self.child.kill()


class Ran:
    """What one of our commands did."""

    def __init__(self, args: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> None:
        self.args = args
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        assert self.code == 0, f"mqadmin {' '.join(self.args)}: exit {self.code}\n{self.out}{self.err}"
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"mqadmin {' '.join(self.args)} -> exit {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


def mqadmin(
    *args: str,
    namesrv: str | None = None,
    output: str | None = None,
    timeout: float = 60.0,
    env: dict[str, str] | None = None,
) -> Ran:
    """Runs our `mqadmin` with these arguments; `output` is its --output, `env` what its environment has besides ours."""
    line = list(args)
    if namesrv is not None:
        line += ["-n", namesrv]
    if output is not None:
        line += ["--output", output]
    done = subprocess.run(
        [str(BIN / "mqadmin"), *line],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
    )
    return Ran(tuple(line), done)
