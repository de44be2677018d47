"""How soon `mqadmin tui` shows something: from the start of its process, in a terminal, on a large cluster that moves.

    .venv/bin/python benchmarks/dashboard_start.py [--times 5] [--brokers 10] [--topics 2000]

Prints the median and the worst of when the first figures (the brokers of the overview) and the first groups (the list of
groups) have reached the terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.large_cluster import options, serving

PROGRAM = Path(sys.executable).with_name("mqadmin")
#: Nothing is waited for longer, seconds.
PATIENCE_S = 30.0


def seconds_until(address: str, namesrv: str, home: str, wanted: bytes) -> float:
    """Start it on a screen: seconds until `wanted` stands in a picture."""
    begun = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        known = {"HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PATH": os.environ["PATH"]}
        os.execve(PROGRAM, [PROGRAM.name, "tui", address, "-n", namesrv], known)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    written = b""
    try:
        while wanted not in written:
            left = begun + PATIENCE_S - time.monotonic()
            if left < 0 or not select.select([terminal], [], [], left)[0]:
                raise TimeoutError(f"{address} does not show {wanted.decode()} within {PATIENCE_S:g} s")
            written += os.read(terminal, 1 << 16)
        return time.monotonic() - begun
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    namesrv = f"127.0.0.1:{given.port}"
    figures, groups = [], []
    with serving(given, "--moving"), tempfile.TemporaryDirectory() as home:
        for _ in range(given.times):
            figures.append(seconds_until(":overview", namesrv, home, f"broker-{given.brokers - 1}".encode()))
            groups.append(seconds_until(":groups", namesrv, home, b"Group1"))
    for what, found in (("first figures", figures), ("first groups", groups)):
        print(f"{what}: median {statistics.median(found):.2f} s, worst {max(found):.2f} s")


if __name__ == "__main__":
    main()
