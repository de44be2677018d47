"""What ends the dashboard from outside: the terminal is as it was before, and who started it sees by what."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

_INTO, _OUT_OF = b"\x1b[?1049h", b"\x1b[?1049l"


def until(screen: int, seen: bytearray, what: bytes) -> None:
    """Read what is drawn until that is there, or nobody draws any more."""
    with contextlib.suppress(OSError):  # EIO: the last that had the terminal has closed it
        while what not in seen:
            read = os.read(screen, 65536)
            if not read:
                return
            seen += read


def with_the_usual_signals() -> None:
    """In the child: what ran the tests may have had it ignore some, as nohup and shells do for what is behind `&`."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP), (signal.SIGINT, 130)],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else str(value),
)
def test_a_signal_ends_it_and_gives_the_terminal_back(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")  # 24 rows of 80
        before = termios.tcgetattr(terminal)
        process = subprocess.Popen(
            [sys.executable, "-m", "rocketmq_ops.mqadmin", "tui", "--store", str(tmp_path)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": str(tmp_path / "state")},
            start_new_session=True,
            preexec_fn=with_the_usual_signals,
        )
        try:
            seen = bytearray()
            until(screen, seen, _INTO)
            until(screen, seen, b"read-only")  # it draws, so that it has taken the signals
            assert termios.tcgetattr(terminal) != before
            process.send_signal(sent)
            until(screen, seen, _OUT_OF)
            assert process.wait(60) == code
            assert termios.tcgetattr(terminal) == before
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(screen)
        os.close(terminal)
