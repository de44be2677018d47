"""A pytest plugin for anyone's tests: the fixture `rocketmq_broker` is a name server and a broker.

They run as `mqadmin dev` in a process of its own, so that the application under test shares no packages with it; it
starts once a session, when the first test asks for it. Here: the fixture, its options, and the process's start and
end. Imported at every start of pytest where this product is installed: nothing of ours is loaded before it is used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pytest

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.02


class RocketMQBroker:
    """A running pair. `namesrv` and `broker` are `host:port`; `pid` is the process that serves both."""

    def __init__(self, namesrv: str, broker: str, pid: int, log_file: str) -> None:
        self.namesrv = namesrv
        self.broker = broker
        self.pid = pid
        self.log_file = log_file

    def __repr__(self) -> str:
        return f"RocketMQBroker(namesrv={self.namesrv!r}, broker={self.broker!r}, pid={self.pid})"

    def output(self) -> str:
        """What the process has printed so far."""
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()


class RocketMQStartError(RuntimeError):
    """The pair did not start; the message holds what the process printed."""


@contextmanager
def rocketmq_server(
    *,
    config: str | None = None,
    arguments: Sequence[str] = (),
    command: Sequence[str] | None = None,
    start_timeout: float = START_TIMEOUT_SECONDS,
    stop_timeout: float = STOP_TIMEOUT_SECONDS,
) -> Iterator[RocketMQBroker]:
    """Run `mqadmin dev` on free ports with a scratch store while the block runs.

    `config` is a property file for the broker, `arguments` are further ones of `mqadmin dev`, `command` is how to
    run mqadmin (by default with this interpreter). Timeouts in seconds. Raises RocketMQStartError.
    """
    with tempfile.TemporaryDirectory(prefix="rocketmq-pytest-") as folder:
        ready_file = os.path.join(folder, "ready.json")
        log_file = os.path.join(folder, "output.txt")
        line = [*(command or default_command()), "dev", "--ready-file", ready_file, "--until-stdin-ends"]
        if config is not None:
            line += ["--config", config]
        line += arguments
        with open(log_file, "wb") as log:
            process = _run(line, log)
        try:
            yield _wait_ready(process, line, ready_file, log_file, start_timeout)
        finally:
            _stop(process, stop_timeout)


def default_command() -> list[str]:
    """mqadmin of this interpreter's environment."""
    return [sys.executable, "-m", "rocketmq_ops.mqadmin"]


def _run(line: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        # It stops when the pipe ends: a session that is killed leaves no server behind.
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
    except OSError as error:
        raise RocketMQStartError(f"cannot run {line[0]}: {error.strerror or error}") from None


def _wait_ready(
    process: subprocess.Popen[bytes], line: list[str], ready_file: str, log_file: str, timeout: float
) -> RocketMQBroker:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        # Asked before the file is looked for: what ended after it was ready is not taken for running.
        code = process.poll()
        if os.path.exists(ready_file):
            with open(ready_file, encoding="utf-8") as file:
                ready: dict[str, Any] = json.load(file)
            return RocketMQBroker(ready["namesrv"], ready["broker"], ready["pid"], log_file)
        if code is not None:
            raise RocketMQStartError(_report(f"mqadmin dev ended with code {code} before it was ready", line, log_file))
        time.sleep(_POLL_SECONDS)
    raise RocketMQStartError(_report(f"mqadmin dev was not ready within {timeout:g} s", line, log_file))


def _report(cause: str, line: list[str], log_file: str) -> str:
    with open(log_file, encoding="utf-8", errors="replace") as file:
        output = file.read().strip()
    return f"{cause}\ncommand: {' '.join(line)}\noutput: {output or '(none)'}"


def _stop(process: subprocess.Popen[bytes], timeout: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's settings in pytest's configuration file."""
    parser.addini("rocketmq_broker_config", "property file for the broker of the fixture rocketmq_broker", default="")
    parser.addini(
        "rocketmq_mqadmin", "how to run mqadmin (default: with pytest's interpreter)", type="args", default=None
    )
    parser.addini(
        "rocketmq_start_timeout", "seconds to wait until the broker is ready", default=str(START_TIMEOUT_SECONDS)
    )


@pytest.fixture(scope="session")
def rocketmq_broker(request: pytest.FixtureRequest) -> Iterator[RocketMQBroker]:
    """A name server and a broker on free ports of 127.0.0.1 with an empty store, for the whole session."""
    settings = request.config
    file = str(settings.getini("rocketmq_broker_config"))
    path = str(settings.rootpath / file) if file else None
    command: list[str] | None = settings.getini("rocketmq_mqadmin") or None
    timeout = float(settings.getini("rocketmq_start_timeout"))
    failure = ""
    try:
        with rocketmq_server(config=path, command=command, start_timeout=timeout) as broker:
            yield broker
    except RocketMQStartError as error:
        failure = str(error)
    if failure:
        pytest.fail(f"rocketmq_broker: {failure}", pytrace=False)
