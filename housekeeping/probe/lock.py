"""One run of the prober at a time for each cluster and user: what the next one would find, the first one does."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rocketmq_ops.common.errors import RocketMQError, system_words


class RunningError(RocketMQError):
    """Another run has not ended."""


class NoLockError(RocketMQError):
    """There is no place for the lock."""


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold the lock file `path`. Raises RunningError when another process does, NoLockError when it cannot be made.

    A process that is killed lets go of it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NoLockError(
            f"cannot make the lock {path}: {system_words(error)}",
            "set XDG_STATE_HOME to a folder that can be written",
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            raise RunningError(
                f"another run of the prober has not ended{f' (process {holder})' if holder else ''}",
                "wait for it, or let it run less often",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
