"""Measuring a folder's disk the way a broker uses it: appends that are synced, and sequential and random writes.

It writes one file without a name, which the system frees when the process ends, however it ends.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError
from rocketmq_ops.housekeeping.host.record import RefusedError
from rocketmq_ops.store.inspect.reading.running import is_locked, lock_state

#: What a broker appends at once, and what is written in one piece where only the speed counts.
_PAGE, _PIECE = 4096, 1 << 20
#: How much is written between two syncs, so that none of them takes much longer than the time that is left.
_PIECES_A_SYNC, _PAGES_A_SYNC = 16, 64
LEAST_BYTES = 4 * _PIECE
#: A broker of Apache's refuses to store above this share of a full disk (diskSpaceWarningLevelRatio).
_FULLEST = 0.90
#: A disk cannot have synced within this time, in microseconds, unless a cache answers in its place.
_TOO_FAST = 30

Clock = Callable[[], float]


class Rate(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Writes, their bytes, and the seconds until the last of them was synced."""

    writes: int
    bytes: int
    seconds: float

    @property
    def writes_per_second(self) -> float:
        """Writes of each second."""
        return self.writes / self.seconds if self.seconds else 0.0

    @property
    def megabytes_per_second(self) -> float:
        """Millions of bytes of each second."""
        return self.bytes / 1e6 / self.seconds if self.seconds else 0.0


class SyncLatency(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How long an append of 4 KiB with its sync takes, in microseconds; a percentile needs enough samples."""

    count: int
    p50: int
    p90: int
    p99: int | None
    p999: int | None
    max: int


class DiskMeasure(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What was measured in `directory`. `notes` say what SYNC_FLUSH would cost, and what makes a figure doubtful."""

    directory: str
    bytes: int
    seconds: float
    sync: SyncLatency
    sequential: Rate
    random: Rate
    notes: list[str]


def measure(directory: str, *, seconds: int, most_bytes: int, clock: Clock = time.monotonic) -> DiskMeasure:
    """Measure for at most about so many seconds, writing at most so many bytes.

    Raises RefusedError where a running broker would feel it or the disk has no room.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise NoSuchPathError(f"no such folder: {directory}", "give a folder on the disk that the broker will use")
    size = most_bytes // 2 // _PIECE * _PIECE
    _require_no_broker(folder)
    _require_room(folder, size)
    begun = clock()
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            disk = _Disk(file.fileno(), clock)
            sequential = disk.sequential(size, seconds / 3)
            latencies = disk.synced(sequential.bytes, most_bytes // 4, seconds / 3)
            scattered = disk.scattered(sequential.bytes, most_bytes // 4, seconds / 3)
    except OSError as error:
        raise RocketMQError(
            f"cannot write in {directory}: {error.strerror or error}", "give a folder that this user may write to"
        ) from error
    sync = latency_of(latencies)
    return DiskMeasure(
        directory=directory,
        bytes=sequential.bytes + sync.count * _PAGE + scattered.bytes,
        seconds=round(clock() - begun, 3),
        sync=sync,
        sequential=sequential,
        random=scattered,
        notes=_notes(sync),
    )


class _Disk:
    """A file that is written in three ways; each ends with its bytes or its time, and does something in any case."""

    def __init__(self, fd: int, clock: Clock) -> None:
        self._fd = fd
        self._clock = clock
        self._data = memoryview(os.urandom(_PIECE))

    def sequential(self, size: int, seconds: float) -> Rate:
        """Pieces one after the other, as a busy commitlog is written back."""
        return self._rate(range(0, size, _PIECE), _PIECE, _PIECES_A_SYNC, seconds)

    def scattered(self, size: int, most: int, seconds: float) -> Rate:
        """Pages anywhere, as the consumequeues of many topics are written back."""
        pages = random.Random(4)
        places = (pages.randrange(size // _PAGE) * _PAGE for _ in range(most // _PAGE))
        return self._rate(places, _PAGE, _PAGES_A_SYNC, seconds)

    def synced(self, size: int, most: int, seconds: float) -> list[float]:
        """Seconds of each append that is synced at once, as SYNC_FLUSH does."""
        taken: list[float] = []
        end = before = self._clock()
        end += seconds
        for at in range(0, min(size, most), _PAGE):
            os.pwrite(self._fd, self._data[:_PAGE], at)
            os.fdatasync(self._fd)
            now = self._clock()
            taken.append(now - before)
            before = now
            if now >= end:
                break
        return taken

    def _rate(self, places: Iterator[int] | range, length: int, a_sync: int, seconds: float) -> Rate:
        begun = now = self._clock()
        writes = done = 0
        for at in places:
            os.pwrite(self._fd, self._data[:length], at)
            writes += 1
            if writes % a_sync == 0:
                os.fdatasync(self._fd)
                now, done = self._clock(), writes
                if now - begun >= seconds:
                    break
        if done != writes:
            os.fdatasync(self._fd)
            now = self._clock()
        return Rate(writes=writes, bytes=writes * length, seconds=round(now - begun, 6))


def latency_of(seconds: Sequence[float]) -> SyncLatency:
    """The percentiles, each by the nearest rank; None where too few samples lie above it."""
    sorted_us = sorted(round(each * 1e6) for each in seconds)
    count = len(sorted_us)

    def rank(per_mille: int) -> int:
        return sorted_us[max(-(-count * per_mille // 1000) - 1, 0)]

    return SyncLatency(
        count=count,
        p50=rank(500),
        p90=rank(900),
        p99=rank(990) if count >= 100 else None,
        p999=rank(999) if count >= 1000 else None,
        max=sorted_us[-1],
    )


def _notes(sync: SyncLatency) -> list[str]:
    middle = max(sync.p50, 1)
    tail = "" if sync.p99 is None else f", one of 100 waits {sync.p99 / 1000:.2f} ms or more"
    notes = [
        f"flushDiskType=SYNC_FLUSH would add {sync.p50 / 1000:.2f} ms to each send{tail}; a producer that waits for "
        f"each answer sends {1_000_000 // middle:,} messages a second at most; sends at the same time share a sync"
    ]
    if sync.p50 < _TOO_FAST:
        notes.append("a sync is so fast that a cache answers it: on tmpfs or without barriers a power cut loses data")
    return notes


def _require_no_broker(folder: Path) -> None:
    """A store that is open is in the folder, one above it, or one right below it."""
    whole = folder.resolve()
    try:
        below = [child for child in whole.iterdir() if child.is_dir()]
    except OSError:
        below = []
    for place in (whole, *whole.parents, *below):
        lock = place / "lock"
        state = lock_state(lock)
        if state.present and (state.held or is_locked(lock)):
            raise RefusedError(
                f"a broker is running on {place}: {state.holder} holds its lock, and measuring would slow it down",
                "measure another disk, or stop the broker first",
            )


def _require_room(folder: Path, size: int) -> None:
    usage = os.statvfs(folder)
    free, total = usage.f_bavail * usage.f_frsize, usage.f_blocks * usage.f_frsize
    if total - free + size > total * _FULLEST:
        raise RefusedError(
            f"{size >> 20} MiB would fill the disk of {folder} beyond {_FULLEST:.0%}, where brokers refuse to store",
            "write less, or make room",
        )
