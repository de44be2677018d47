"""One broker at a time, in one process and between processes; the abort file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.store.files.filesystem import OsFileSystem
from rocketmq_ops.store.files.store_lock import AbortFile, StoreLock, StoreLockedError
from tests.store.faults import FaultyFileSystem

TRY_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except OSError:
        sys.exit(3)
"""
HOLD_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
print("held", flush=True)
sys.stdin.read()
"""


def test_second_broker_in_the_same_process_is_refused(tmp_path: Path) -> None:
    fs = OsFileSystem()
    first, second = StoreLock(fs, str(tmp_path)), StoreLock(fs, str(tmp_path))
    first.acquire()
    first.acquire()
    AbortFile(fs, str(tmp_path)).create()
    with pytest.raises(StoreLockedError) as caught:
        second.acquire()
    assert str(caught.value) == f"the store {tmp_path} is in use by this process ({os.getpid()}) itself"
    assert "mqshutdown" in caught.value.next_step
    first.release()
    first.release()
    second.acquire()
    assert (tmp_path / "lock").read_bytes() == b"lock"


def test_other_processes_are_refused_as_java_locks(tmp_path: Path) -> None:
    """Java's FileChannel.tryLock(0, 1, false) is the same POSIX record lock."""
    lock = StoreLock(OsFileSystem(), str(tmp_path))
    command = [sys.executable, "-c", TRY_LOCK, str(tmp_path / "lock")]
    lock.acquire()
    assert subprocess.run(command, check=False).returncode == 3
    lock.release()
    assert subprocess.run(command, check=False).returncode == 0


def test_a_lock_of_another_process_is_respected_until_it_ends(tmp_path: Path) -> None:
    lock = StoreLock(OsFileSystem(), str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError, match=rf"is in use by .+ \(process {holder.pid}\)$"):
            lock.acquire()
        holder.kill()
    lock.acquire()
    lock.release()


def test_abort_file(tmp_path: Path) -> None:
    abort = AbortFile(OsFileSystem(), str(tmp_path))
    assert not abort.exists() and abort.owner() == ""
    abort.create()
    assert abort.exists() and abort.owner() == str(os.getpid())
    (tmp_path / "abort").write_bytes(b"")  # as 4.9.7 has it
    assert abort.exists() and abort.owner() == ""
    abort.remove()
    abort.remove()
    assert not abort.exists()


def test_abort_file_is_durable_at_once() -> None:
    fs = FaultyFileSystem()
    fs.make_dirs("/store")
    abort = AbortFile(fs, "/store")
    abort.create()
    assert "abort" in fs.root.live["store"].durable  # type: ignore[operator]
    abort.remove()
    assert "abort" not in fs.root.live["store"].durable  # type: ignore[operator]
