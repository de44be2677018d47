"""Run as root of its own mount namespace: stores on a tmpfs with hardly a page free, each in a process of its own.

`python -m tests.store.full_tmpfs FOLDER STOP` mounts a tmpfs on FOLDER and prints a line of JSON for each amount of
free KiB: `[free, signal or exit code, what the process said]`. STOP is how the broker before was stopped: `clean` or
`killed`. What lives here: the experiment. What does not: what is right (`test_full_tmpfs.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.store.store_helpers import HOST, kill, message

FREE_KIB = (0, 4, 8, 16, 32)
#: Units that end amid a page, just before its end, and one that two pages share.
LENGTHS = (1, 204, 205, 410)


def opened(root: Path) -> MessageStore:
    """A store with files of Apache's sizes, which are sparse."""
    store = MessageStore(MessageStoreConfig(storePathRootDir=str(root), maxIndexNum=400_000), store_host=HOST)
    store.load()
    return store


def prepare(root: Path, *, clean: bool) -> None:
    store = opened(root)
    for queue_id, count in enumerate(LENGTHS):
        for number in range(count):
            put = store.put_message(message("T", queue_id, KEYS=f"k{number}", UNIQ_KEY=f"U{queue_id}.{number}"))
            assert put.status is PutStatus.PUT_OK, put.status
    if clean:
        asyncio.run(store.shutdown())
    else:
        kill(store)


def attempt(root: Path) -> str:
    """Start, look around, put until the disk is full, stop."""
    try:
        store = opened(root)
    except OSError as error:
        return f"refused: {error}"
    for queue_id, count in enumerate(LENGTHS):
        assert store.max_offset("T", queue_id) == count
    for number in range(300):
        store.query_message("T", f"other{number}", 8, 0, 1 << 62)
    assert len(store.query_message("T", "k0", 8, 0, 1 << 62).views) == len(LENGTHS)
    statuses = set()
    for number in range(400):
        statuses.add(store.put_message(message("T", number % 6, bytes(500), UNIQ_KEY=f"N{number}")).status)
    store.index.retry()
    asyncio.run(store.shutdown())
    return ",".join(sorted(status.name for status in statuses))


def fill(folder: Path, free_kib: int) -> None:
    """Take all space but so many KiB."""
    left = os.statvfs(folder)
    size = left.f_bavail * left.f_frsize - free_kib * 1024
    with (folder / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, size)


def main(folder: Path, stop: str) -> None:
    if stop == "attempt":
        print(attempt(folder))
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    for free in FREE_KIB:
        prepare(folder / "store", clean=stop == "clean")
        fill(folder, free)
        command = [sys.executable, "-m", "tests.store.full_tmpfs", str(folder / "store"), "attempt"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stdout.strip() if done.returncode == 0 else done.stderr[-2000:]
        print(json.dumps([free, done.returncode, said]), flush=True)
        (folder / "filler").unlink()
        shutil.rmtree(folder / "store")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
