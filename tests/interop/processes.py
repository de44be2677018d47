"""Child processes of the interop suite: started with their output watched, ended by pid, never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """In the child, before exec: the kernel kills it should this process be killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One child process. Its stdout and stderr are kept line by line and can be waited for."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: dict[str, str] | None = None,
        stdin: bool = False,
    ) -> None:
        cwd.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        with self._news:
            return "\n".join(self.lines)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            with self._news:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, text: str, timeout: float = 180.0) -> float:
        """Waits for a line with `text`; gives the seconds since the start. Raises with the output if none comes."""

        def there() -> bool:
            return any(text in line for line in self.lines)

        with self._news:
            self._news.wait_for(lambda: there() or self._ended, timeout)
            if not there():
                why = "ended" if self._ended else f"did not say so in {timeout:.0f} s"
                raise RuntimeError(f"{self.name}: waited for {text!r}, but it {why}:\n" + "\n".join(self.lines[-40:]))
        return time.monotonic() - self.started_at

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM and wait for the clean end; SIGKILL after `timeout` seconds. Gives the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self._reap()

    def kill(self) -> int:
        """SIGKILL, as a crash of the process."""
        if self.process.poll() is None:
            self.process.kill()
        return self._reap()

    def _reap(self) -> int:
        status = self.process.wait()
        self._reader.join(5)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return status


def _free(port: int) -> bool:
    for host in ("127.0.0.1", "0.0.0.0"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                return False
    return True


class _Ports:
    """Ports below the ephemeral range. They are taken from blocks that no other process of the tests takes from: a server
    binds its port only seconds after that was found to be free.
    """

    FIRST, BLOCK, BLOCKS, STEP = 20_000, 200, 60, 5
    MOST = 12  # blocks of one process: then it begins again with its first

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []
        self._ports: list[int] = []
        self._next = 0

    def next(self) -> int:
        if self._next == len(self._ports) and not (len(self._claims) < self.MOST and self._claim()):
            if not self._ports:
                raise RuntimeError("other processes of tests hold all ports between 20000 and 32000")
            self._next = 0
        self._next += 1
        return self._ports[self._next - 1]

    def _claim(self) -> bool:
        """One more block: its first port is bound as long as this process lives."""
        for block in range(self.BLOCKS):
            first = self.FIRST + (os.getpid() * 7 + block) % self.BLOCKS * self.BLOCK
            claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                claim.bind(("127.0.0.1", first))
            except OSError:
                claim.close()
                continue
            self._claims.append(claim)
            self._ports += range(first + self.STEP, first + self.BLOCK, self.STEP)
            return True
        return False


_ports = _Ports()


def free_port(around: Sequence[int] = (0,)) -> int:
    """A port below the ephemeral range that is free together with its neighbours at the distances `around`.

    A broker takes listenPort, the VIP port (listenPort - 2) and the HA port (listenPort + 1).
    """
    for _ in range(2_000):
        port = _ports.next()
        if all(_free(port + distance) for distance in around):
            return port
    raise RuntimeError("no free ports between 20000 and 32000")


BROKER_PORTS = (-2, 0, 1)
