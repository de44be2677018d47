"""Runs the servers' mains as processes of their own, for the tests of start and stop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MODULES = {
    "mqnamesrv": "rocketmq_ops.namesrv.startup",
    "mqbroker": "rocketmq_ops.broker.startup",
    "mqadmin": "rocketmq_ops.mqadmin",
    "mqshutdown": "rocketmq_ops.mqadmin.shutdown",
}
TIMEOUT_SECONDS = 60


def environment(home: Path) -> dict[str, str]:
    """The test's environment with a home of its own, so that no default path lies outside."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NAMESRV_ADDR", "ROCKETMQ_HOME")}
    return {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def run(program: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-m", MODULES[program], *arguments],
        capture_output=True,
        text=True,
        env=environment(home),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


class Server:
    """A running program: what it said when it was ready, and how to stop it."""

    def __init__(self, process: subprocess.Popen[bytes], boot_line: str) -> None:
        self.process = process
        self.boot_line = boot_line

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def end(self) -> tuple[int, str, str]:
        """SIGTERM, then (exit code, rest of stdout, stderr)."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """(exit code, rest of stdout, stderr) when it has ended."""
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode, out.decode(), err.decode()


@contextmanager
def started(program: str, *arguments: str, home: Path) -> Iterator[Server]:
    """A program that has said it is ready; killed at the end if it still runs."""
    line: Sequence[str] = [sys.executable, "-m", MODULES[program], *arguments]
    # Not buffered: what comes right behind the boot line must be there for `communicate`, which reads the pipe itself.
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=environment(home))
    assert process.stdout is not None
    # A program that hangs before it is ready is ended, which ends the wait for its line.
    watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
    watchdog.start()
    try:
        boot_line = process.stdout.readline().decode().strip()
        if "boot success" not in boot_line:
            process.kill()
            _, err = process.communicate()
            raise AssertionError(f"{program} did not start: {boot_line}\n{err.decode()}")
        yield Server(process, boot_line)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
