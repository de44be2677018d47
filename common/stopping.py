"""Whether this process was asked to end while something in it took SIGTERM, to end by itself first.

What goes on after such a part, as a shell with its next line, would otherwise outlive the wish.
"""

from __future__ import annotations

_asked = False


def note_sigterm() -> None:
    """Say that SIGTERM came; called by whoever takes it."""
    global _asked
    _asked = True


def sigterm_came() -> bool:
    """Whether it came since this was asked last."""
    global _asked
    came, _asked = _asked, False
    return came
