"""What tests that start a program at a terminal of its own have in common."""

from __future__ import annotations

import signal


def listen_to_interrupts() -> None:
    """For a child before its program: what a shell starts in the background ignores SIGINT, and so would the program."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
