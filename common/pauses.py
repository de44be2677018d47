"""Work in threads that says where it may stand still, so that a loop beside it has its turn."""

from __future__ import annotations

from collections.abc import Callable

#: What is called every few ms of such work; it returns when the work may go on.
Pause = Callable[[], None]


def at_once() -> None:
    """In place of a pause, where nobody has to be let go first."""
