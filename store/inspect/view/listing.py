"""What a store directory holds, without judging it: files with ranges and times, queues, and the state of the small
files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.common.fastjson import FastjsonError, loads
from rocketmq_ops.store.inspect.reading.blocks import STREAM_WINDOW, block_at
from rocketmq_ops.store.inspect.reading.checkpoint import read_checkpoint
from rocketmq_ops.store.inspect.reading.index_files import read_header, slots_of
from rocketmq_ops.store.inspect.reading.queue_units import queue_bounds
from rocketmq_ops.store.inspect.reading.running import LockState, lock_state
from rocketmq_ops.store.inspect.reading.scan import Block, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, OFFSET, PLACEHOLDER
from rocketmq_ops.store.layout.index import capacity_of, entry_position

BINARY = frozenset({"timercheck"})  # a checkpoint of the timer store, no JSON


class FileRow(msgspec.Struct, rename="camel", kw_only=True):
    """One file of commitlog, consumequeue or index. Sizes in bytes, times in ms (None: not known from any record).

    `used` is what holds data, `allocated` what the file takes on the disk; what is allocated but unused is their
    difference.
    """

    path: str
    kind: str
    size: int
    used: int
    allocated: int
    begin: int
    end: int
    first_time: int | None = None
    last_time: int | None = None
    state: str = ""

    @property
    def unused(self) -> int:
        """Bytes on the disk that hold nothing yet."""
        return max(0, min(self.allocated, self.size) - self.used)


class QueueRow(msgspec.Struct, rename="camel", kw_only=True):
    """One queue: its offsets, files, and the store times (ms) of its first and last message where they can be read."""

    topic: str
    queue_id: int
    min_offset: int
    max_offset: int
    files: int
    size: int
    first_time: int | None = None
    last_time: int | None = None


class ConfigRow(msgspec.Struct, rename="camel", kw_only=True):
    """One file of config/: its size, its state (ok, empty, broken, missing), and the same of its `.bak`."""

    name: str
    size: int | None
    state: str
    modified: int | None = None
    backup_size: int | None = None
    backup_state: str = "missing"
    backup_modified: int | None = None
    detail: str = ""


class StoreListing(msgspec.Struct, rename="camel", kw_only=True):
    """The whole of `store ls`. Times in ms."""

    directory: str
    abort: bool
    abort_pid: str
    lock: LockState
    checkpoint: dict[str, int] | None
    min_offset: int
    max_offset: int
    first_time: int | None
    last_time: int | None
    topics: list[str]
    files: list[FileRow]
    queues: list[QueueRow]
    configs: list[ConfigRow]
    others: list[str]


def list_store(store: StoreDirectory, slots: int | None = None) -> StoreListing:
    """Everything that `store ls` shows. Raises RocketMQError when a file cannot be read."""
    log = [_log_file(store, file) for file in store.commitlog.files]
    queues, units = _queues(store)
    used = [row for row in log if row.used]
    topics = sorted({topic for topic, _ in store.queues})
    abort = store.small_file("abort")
    others = [_relative(store, path) for path in store.commitlog.strangers]
    known = {"commitlog", "consumequeue", "index", "config", "checkpoint", "abort", "lock"}
    others += sorted(p.name for p in store.root.iterdir() if p.name not in known)
    return StoreListing(
        directory=str(store.root),
        abort=abort is not None,
        abort_pid=(abort or b"")[:32].decode("ascii", "replace").strip(),
        lock=lock_state(store.root / "lock"),
        checkpoint=read_checkpoint(store),
        min_offset=store.commitlog.min_offset,
        max_offset=used[-1].begin + used[-1].used if used else store.commitlog.min_offset,
        first_time=next((row.first_time for row in log if row.first_time), None),
        last_time=next((row.last_time for row in reversed(log) if row.last_time), None),
        topics=topics,
        files=[*log, *units, *(_index_file(file, slots) for file in store.index_files)],
        queues=queues,
        configs=config_rows(store),
        others=others,
    )


def _relative(store: StoreDirectory, path: Path) -> str:
    return str(path.relative_to(store.root)) if path.is_relative_to(store.root) else str(path)


def _log_file(store: StoreDirectory, file: StoreFile) -> FileRow:
    """Walks the sizes of the records; bodies are not looked at."""
    row = FileRow(
        path=_relative(store, file.path), kind="commitlog", size=file.size, used=0, allocated=file.allocated,
        begin=file.base, end=file.end,
    )  # fmt: skip
    for item in walk_file(file, 0, crc=False, window=STREAM_WINDOW):
        if isinstance(item, Stop):
            row.state = {"zero": "open", "blank": "full", "full": "full"}.get(item.kind, f"broken at {item.offset}")
            if item.kind in ("blank", "full"):
                row.used = file.size
            elif item.kind == "zero" and not row.used:
                row.state = "empty"
            continue
        if row.first_time is None:
            row.first_time = int(item.head["store_timestamp"][0])
        row.last_time = int(item.head["store_timestamp"][-1])
        row.used = int(item.offsets[-1] + item.head["size"][-1]) - file.base
    return row


def list_queues(store: StoreDirectory) -> list[QueueRow]:
    """Every queue of the consumequeue."""
    return _queues(store)[0]


def _queues(store: StoreDirectory) -> tuple[list[QueueRow], list[FileRow]]:
    queues, files = [], []
    for (topic, queue_id), chain in store.queues.items():
        low, high = queue_bounds(chain)
        low = _first_unit(chain, low, high)
        queues.append(
            QueueRow(
                topic=topic,
                queue_id=queue_id,
                min_offset=low,
                max_offset=high,
                files=len(chain.files),
                size=sum(f.size for f in chain.files),
                first_time=_time_of(store, chain, low) if high > low else None,
                last_time=_time_of(store, chain, high - 1) if high > low else None,
            )
        )
        for file in chain.files:
            begin, end = file.base // CQ_UNIT_SIZE, file.end // CQ_UNIT_SIZE
            used = max(0, min(end, high) - begin) * CQ_UNIT_SIZE
            state = "full" if used >= file.size else "open" if used else "empty"
            files.append(
                FileRow(
                    path=_relative(store, file.path),
                    kind="consumequeue",
                    size=file.size,
                    used=used,
                    allocated=file.allocated,
                    begin=begin,
                    end=end,
                    state=state,
                )
            )
    return queues, files


def _first_unit(chain: FileChain, low: int, high: int) -> int:
    """The queue offset behind the filler before the first message of some queues; filler is in one piece."""
    while low < high:
        middle = (low + high) // 2
        if chain.read(middle * CQ_UNIT_SIZE, CQ_UNIT_SIZE) == PLACEHOLDER:
            low = middle + 1
        else:
            high = middle
    return low


def _time_of(store: StoreDirectory, chain: FileChain, number: int) -> int | None:
    data = chain.read(number * CQ_UNIT_SIZE, OFFSET.size)
    item = block_at(store.commitlog, OFFSET.unpack(data)[0]) if len(data) == OFFSET.size else None
    return int(item.head["store_timestamp"][0]) if isinstance(item, Block) else None


def _index_file(file: StoreFile, slots: int | None) -> FileRow:
    header, number = read_header(file), slots_of(file.size, slots)
    row = FileRow(
        path=f"index/{file.path.name}", kind="index", size=file.size, used=0, allocated=file.allocated, begin=0, end=0,
        state="broken",
    )  # fmt: skip
    if header is None or not number:
        return row
    room = capacity_of(file.size, number)
    if 1 <= header.count <= room:
        row.used = entry_position(number, header.count)
        row.state = "full" if header.count >= room else f"{header.count - 1} entries"
    row.begin, row.end = header.begin_phy_offset, header.end_phy_offset
    row.first_time, row.last_time = header.begin_timestamp or None, header.end_timestamp or None
    return row


def config_rows(store: StoreDirectory) -> list[ConfigRow]:
    """The files of config/, each with the state of its `.bak`."""
    directory = store.root / "config"
    try:
        names = {
            p.name.removesuffix(".bak") for p in directory.iterdir() if p.is_file() and not p.name.endswith(".tmp")
        }
    except OSError:
        return []
    rows = []
    for name in sorted(names):
        size, state, modified, detail = _config_state(store, name)
        backup = _config_state(store, name + ".bak")
        rows.append(
            ConfigRow(
                name=name,
                size=size,
                state=state,
                modified=modified,
                backup_size=backup[0],
                backup_state=backup[1],
                backup_modified=backup[2],
                detail=detail or (f".bak: {backup[3]}" if backup[3] else ""),
            )
        )
    return rows


def _config_state(store: StoreDirectory, name: str) -> tuple[int | None, str, int | None, str]:
    data = store.small_file(f"config/{name}")
    if data is None:
        return None, "missing", None, ""
    modified = (store.root / "config" / name).stat().st_mtime_ns // 1_000_000
    if name.removesuffix(".bak") in BINARY:
        return len(data), "binary", modified, ""
    if not data.strip(b"\0 \r\n\t"):
        return len(data), "empty", modified, ""
    try:
        value: Any = loads(data)
    except FastjsonError as error:
        return len(data), "broken", modified, str(error)
    return len(data), "ok" if isinstance(value, dict) else "broken", modified, ""
