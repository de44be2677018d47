"""`mqshutdown broker|namesrv`: stop the servers that this user started on this machine, and say what was stopped.

Found by the process itself: its owner is this user, it is a Python interpreter, and it carries the name that
`mqbroker` and `mqnamesrv` give themselves, or runs their script. Java's brokers, other users' processes, shells and
editors that only mention the name, and `mqadmin dev` are never touched.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

PROGRAMS = {"broker": "mqbroker", "namesrv": "mqnamesrv"}
MODULES = {"broker": "rocketmq_ops.broker.startup", "namesrv": "rocketmq_ops.namesrv.startup"}

EXIT_NOTHING_RAN = 1
EXIT_USAGE = 2
EXIT_STILL_RUNS = 3

#: A broker that stops flushes its files; 60 s covers a slow disk.
DEFAULT_WAIT_SECONDS = 60


class Process(Protocol):
    """The part of psutil.Process that is needed here."""

    @property
    def pid(self) -> int:
        """The process id."""

    def name(self) -> str:
        """The name it carries."""

    def exe(self) -> str:
        """The executable file."""

    def cmdline(self) -> list[str]:
        """Its arguments."""

    def uids(self) -> tuple[int, int, int]:
        """Real, effective and saved user id."""

    def send_signal(self, sig: int) -> None:
        """Send a signal; psutil makes sure that the pid was not taken over by another process."""

    def is_running(self) -> bool:
        """Whether this very process still exists."""

    def status(self) -> str:
        """Its state; `zombie` when only its parent has to take note of the end."""


def main(argv: Sequence[str] | None = None) -> None:
    """Exits 0 when all has stopped, 1 when nothing ran, 2 for wrong arguments, 3 when something still runs."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="mqshutdown", description="Stop the brokers or name servers that you started on this machine."
    )
    parser.add_argument("role", choices=sorted(PROGRAMS), help="what to stop")
    parser.add_argument("--pid", type=int, help="stop only this process")
    parser.add_argument(
        "--wait", type=float, default=DEFAULT_WAIT_SECONDS, metavar="S", help="wait at most S seconds (default 60)"
    )
    options = parser.parse_args(argv)
    found = [p for p in find(options.role, all_processes()) if options.pid in (None, p.pid)]
    sys.exit(stop(options.role, found, options.wait))


def all_processes() -> Iterable[Process]:
    """Every process of the machine."""
    import psutil

    processes: Iterable[Process] = psutil.process_iter()
    return processes


def find(role: str, processes: Iterable[Process]) -> list[Process]:
    """The servers of this user among `processes`."""
    found = []
    for process in processes:
        try:
            if process.pid != os.getpid() and process.uids()[0] == os.getuid() and _is_server(role, process):
                found.append(process)
        except Exception as error:
            # It ended meanwhile, or does not let us look: then it is not ours to stop.
            if not _is_psutil_error(error):
                raise
    return found


def _is_server(role: str, process: Process) -> bool:
    if not os.path.basename(process.exe()).lower().startswith(("python", "pypy")):
        return False
    if process.name() == PROGRAMS[role]:
        return True
    arguments = process.cmdline()[1:]
    while arguments and arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option == "-m":
            return bool(arguments) and arguments[0] == MODULES[role]
        if option in ("-c", "-"):
            return False
        if option in ("-X", "-W"):
            arguments = arguments[1:]
    return bool(arguments) and os.path.basename(arguments[0]) == PROGRAMS[role]


def stop(role: str, processes: Sequence[Process], wait_seconds: float, *, say: Callable[[str], None] = print) -> int:
    """Send SIGTERM to each, wait until they are gone, and say so; the exit code of `mqshutdown`."""
    program = PROGRAMS[role]
    if not processes:
        say(f"no {program} of yours is running.")
        return EXIT_NOTHING_RAN
    for process in processes:
        say(f"stopping {program} {process.pid}: {' '.join(process.cmdline()[1:])}")
        try:
            process.send_signal(signal.SIGTERM)
        except Exception as error:
            if not _is_psutil_error(error):
                raise
    deadline = time.monotonic() + wait_seconds
    running = list(processes)
    while running and time.monotonic() < deadline:
        running = [process for process in running if _runs(process)]
        if running:
            time.sleep(0.05)
    for process in processes:
        if process not in running:
            say(f"{program} {process.pid} has stopped.")
    for process in running:
        say(f"{program} {process.pid} still runs after {wait_seconds:g} s; see its log, then `kill -9 {process.pid}`.")
    return EXIT_STILL_RUNS if running else 0


def _runs(process: Process) -> bool:
    try:
        return process.is_running() and process.status() != "zombie"
    except Exception as error:
        if not _is_psutil_error(error):
            raise
        return False


def _is_psutil_error(error: Exception) -> bool:
    import psutil

    return isinstance(error, psutil.Error)


if __name__ == "__main__":
    main()
