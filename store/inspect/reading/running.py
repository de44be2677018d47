"""Whether a broker is running on a store: who holds its `lock` file, without touching that."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory


class LockState(msgspec.Struct, rename="camel", kw_only=True):
    """The `lock` file: whether it is there, whether a process holds it, and which one, where that is known."""

    present: bool
    held: bool | None
    pid: int | None = None
    command: str = ""

    @property
    def holder(self) -> str:
        """The process that holds it, as text."""
        if not self.pid:
            return "a process outside this namespace"
        return f"process {self.pid}" + (f" ({self.command})" if self.command else "")


def running_broker(store: StoreDirectory) -> LockState | None:
    """The lock if a broker holds it, None when no broker does or the system does not show it."""
    state = lock_state(store.root / "lock")
    return state if state.held else None


def require_stopped(store: StoreDirectory) -> None:
    """Raise RocketMQError when a broker is running on the store."""
    running = running_broker(store)
    if running is not None:
        raise RocketMQError(
            f"a broker is running on {store.root}: {running.holder} holds its lock",
            "stop it first, or work on a copy (a snapshot) of the store: what is written meanwhile would be torn",
        )


def lock_state(path: Path) -> LockState:
    """Who holds the lock, from the kernel's list: opening the file could drop a lock of this very process."""
    try:
        status = path.stat()
    except OSError:
        return LockState(present=False, held=False)
    try:
        lines = Path("/proc/locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return LockState(present=True, held=None)
    for line in lines:
        parts = line.split()
        # "1: POSIX ADVISORY WRITE 1234 08:01:5678 0 0": process, device (hex) and inode
        if len(parts) < 8 or parts[1] == "->" or not parts[5].endswith(f":{status.st_ino}"):
            continue
        pid = int(parts[4]) if parts[4].isdigit() else None
        if _same_device(parts[5], status.st_dev) or (pid is not None and _has_open(pid, path)):
            return LockState(present=True, held=True, pid=pid, command=_command_of(pid))
    return LockState(present=True, held=False)


def _same_device(text: str, device: int) -> bool:
    major, minor, _ = text.split(":")
    return (int(major, 16), int(minor, 16)) == (os.major(device), os.minor(device))


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has the file open, for file systems whose device numbers differ from those of the list."""
    try:
        return any(os.path.samefile(link, path) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists())
    except OSError:
        return False


def _command_of(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()[:200]


_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid


def is_locked(path: Path) -> bool:
    """True when another process holds the broker's lock on byte 0 of the lock file; nothing is locked by asking."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
    except OSError:
        return False
    finally:
        os.close(fd)
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
