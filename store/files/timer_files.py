"""What a store's timers say without being opened: messages with a delivery time of their own.

What lives here: how many of them wait, how far their queue was read, and whether Apache's 5.5 has kept any in RocksDB.
What does not: the open files (`store/timer/`). Mirrors the files of TimerWheel and TimerCheckpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rocketmq_ops.common.topics import SYSTEM_TOPIC_PREFIX
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.layout.timer import CHECKPOINT, SLOT

#: The topic in which messages wait whose time has not come.
TIMER_TOPIC = SYSTEM_TOPIC_PREFIX + "wheel_timer"
#: Where Apache's 5.5 has what it keeps in RocksDB, in the store's folder; it is made with or without timers.
ROCKSDB_FOLDER = "rocksdbstore"
#: The positions that Timeline and TimerMessageRocksDBStore keep among their messages, of which one is the highest key.
_TIMELINE_KEYS = (b"timeline_checkpoint", b"sys_topic_scan_offset_checkpoint")
_PIECE = 2048 * SLOT.size


class TimerState(NamedTuple):
    """`pending` messages are taken from the timer topic and wait in the wheel; the topic's queue 0 was read up to
    `queue_offset`; what was due before `read_time` (ms) is delivered."""

    pending: int
    queue_offset: int
    read_time: int


class TimerPositions(NamedTuple):
    """What is due before `read_time` (ms) is delivered, and the timer topic's queue 0 was read up to `queue_offset`."""

    read_time: int
    queue_offset: int


def read_timer_checkpoint(fs: FileSystem, root: str) -> TimerPositions | None:
    """How far a store's timers were read, None when there never were any. Raises OSError."""
    checkpoint = f"{root}/config/timercheck"
    if not fs.exists(checkpoint):
        return None
    data = fs.read_bytes(checkpoint)
    read_time, _, queue_offset, _ = CHECKPOINT.struct.unpack(data[: CHECKPOINT.size].ljust(CHECKPOINT.size, b"\0"))
    return TimerPositions(read_time, queue_offset)


def read_timer_state(fs: FileSystem, root: str, precision_ms: int) -> TimerState | None:
    """The state of a store's timers, None when there never were any. Raises OSError."""
    positions = read_timer_checkpoint(fs, root)
    if positions is None:
        return None
    pending = _pending(fs, f"{root}/timerwheel", positions.read_time // precision_ms)
    return TimerState(pending, positions.queue_offset, positions.read_time)


def has_timeline(read: Callable[[str], bytes | None]) -> bool:
    """Whether timers of the store were driven by RocksDB (timerRocksDBEnable of Apache's 5.5).

    `read` gives the content of a file by its path within the store, None where there is none. RocksDB is not read for
    it: its manifest names the highest key of each of its files, and there Apache's positions come behind all messages.
    """
    current = read(f"{ROCKSDB_FOLDER}/CURRENT")
    manifest = read(f"{ROCKSDB_FOLDER}/" + current.decode("ascii", "replace").strip()) if current else None
    return manifest is not None and any(key in manifest for key in _TIMELINE_KEYS)


def _pending(fs: FileSystem, path: str, since: int) -> int:
    """How many messages are in the slots of a time and later ones."""
    if not fs.exists(path):
        return 0
    size = fs.size_of(path) // SLOT.size * SLOT.size
    if not size:
        return 0
    file = fs.open(path, size, create=False)
    count = 0
    try:
        for position in range(0, size, _PIECE):
            piece = file.read(position, min(_PIECE, size - position))
            if piece.count(0) < len(piece):
                count += sum(slot[3] for slot in SLOT.struct.iter_unpack(piece) if slot[0] >= since and slot[3] > 0)
    finally:
        file.close()
    return count
