"""Builds consumequeue, index and checkpoint from a commitlog into a new directory, with the bytes a broker would have
written.

Mirrors ConsumeQueue.putMessagePositionInfo and IndexService.buildIndex over a whole log. The source is only read; the
target must not exist or be empty. The commitlog itself is not copied: `salvage` does that."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.common.topics import is_legal_name
from rocketmq_ops.store.inspect.check.commitlog import CommitLogCheck
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.check.index import ENTRY_DTYPE, SLOT_DTYPE, read_entries, read_header, slots_of
from rocketmq_ops.store.inspect.check.queues import UNIT_DTYPE, usual_file_size
from rocketmq_ops.store.inspect.reading.batch_queues import FOLDER, BatchQueueWriter, TopicMask, batch_topics
from rocketmq_ops.store.inspect.reading.dispatch_columns import Dispatch, Dispatcher, block_keys, index_hashes, tag_keys
from rocketmq_ops.store.inspect.reading.dledger import require_log
from rocketmq_ops.store.inspect.reading.records import block_at
from rocketmq_ops.store.inspect.reading.running import require_stopped
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.checkpoint import FIELDS
from rocketmq_ops.store.layout.checkpoint import FILE_SIZE as CHECKPOINT_SIZE
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, PLACEHOLDER
from rocketmq_ops.store.layout.index import ENTRY_SIZE, HEADER, HEADER_SIZE, SLOT_SIZE, file_size

DEFAULT_SLOTS: Final = 5_000_000
DEFAULT_ENTRIES: Final = 20_000_000
MAX_DESCRIPTORS: Final = 200
MAX_QUEUE_ID: Final = 65535
SLOTS_AT_A_TIME: Final = 1 << 18
ENTRIES_LOOKED_AT: Final = 20_000
TAGGED_AT_MOST: Final = 20


class RebuildOptions(msgspec.Struct, kw_only=True):
    """Sizes under their configuration keys; None takes what the store's own files show, else Apache's default. That of
    the commitlog matters only to a salvage. `index_tags`: whether the index gets an entry for a message's tags, as
    since 5.4; None takes what the store's own index has, else no."""

    mapped_file_size_commit_log: int | None = None
    mapped_file_size_consume_queue: int | None = None
    max_hash_slot_num: int | None = None
    max_index_num: int | None = None
    index_tags: bool | None = None
    delay_levels: list[int] | None = None


class RebuildResult(msgspec.Struct, kw_only=True):
    """What was written: counts of units and entries, whether tags have entries, and the findings of the commitlog that
    was read."""

    queues: int
    units: int
    index_files: int
    index_entries: int
    index_tags: bool
    report: Report


def rebuild(
    store: StoreDirectory,
    target: Path,
    options: RebuildOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> RebuildResult:
    """Build into `target`. Raises RocketMQError when the target is not empty or cannot be written."""
    require_stopped(store)
    require_log(store)
    prepare_target(target, store)
    return build_into(store, target, options or RebuildOptions(), progress)


def build_into(
    store: StoreDirectory,
    target: Path,
    options: RebuildOptions,
    progress: Callable[[int], None] | None = None,
) -> RebuildResult:
    """Write consumequeue, index and checkpoint of the log of `store` into the existing directory `target`."""
    report = Report()
    log = CommitLogCheck(store.commitlog, report)
    builder = StoreBuilder(store, target, options)
    dispatcher = Dispatcher(options.delay_levels)
    try:
        for block in log.blocks(progress=progress):
            builder.put(block, dispatcher.derive(block))
        builder.finish()
    except OSError as error:
        raise RocketMQError(
            f"cannot write {target}: {error.strerror or error}", "free space, then start again"
        ) from error
    return builder.result(report)


class StoreBuilder:
    """Writes consumequeue, index and checkpoint from the blocks of a log. Sizes are learnt from `store` where
    `options` do not give them. Index files are named like the store's own as far as there are any: a name is the time
    of creation, which nothing else holds. Raises OSError."""

    def __init__(self, store: StoreDirectory, target: Path, options: RebuildOptions) -> None:
        size = options.mapped_file_size_consume_queue or usual_file_size(store)
        names = [f.path.name for f in store.index_files]
        self._queues = QueueWriter(target / "consumequeue", size)
        self._tags = has_tag_entries(store, options) if options.index_tags is None else options.index_tags
        self._index = IndexWriter(target / "index", *index_sizes(store, options), names=names, tags=self._tags)
        self._batches = BatchQueueWriter(target / FOLDER, store, batch_topics(store))
        self._mask = TopicMask(batch_topics(store))
        self._checkpoint = target / "checkpoint"
        self._last_time = 0

    def put(self, block: Block, dispatch: Dispatch) -> None:
        """Write what a block's records lead to."""
        self._last_time = int(block.head["store_timestamp"][-1])
        mask = self._mask.of(dispatch)
        if mask is not None:
            self._batches.put(block, dispatch)
        self._queues.put(block, dispatch, None if mask is None else ~mask)
        self._index.put(block, dispatch)

    def finish(self) -> None:
        """Sync and close all files, and write the checkpoint."""
        self._queues.close()
        self._batches.close()
        self._index.close()
        fields = (self._last_time, self._queues.last_time, self._index.full_until, 0, 0, self._queues.last_offset)
        self._checkpoint.write_bytes(FIELDS.pack(*fields).ljust(CHECKPOINT_SIZE, b"\0"))

    def result(self, report: Report) -> RebuildResult:
        """The counts of what was written."""
        return RebuildResult(
            queues=self._queues.queues + self._batches.queues,
            units=self._queues.units + self._batches.units,
            index_files=self._index.files,
            index_entries=self._index.entries,
            index_tags=self._tags,
            report=report,
        )


def prepare_target(target: Path, store: StoreDirectory) -> None:
    """Make an empty directory. Raises RocketMQError when there is something in it, it cannot be made, or lies in the
    store."""
    if target.resolve().is_relative_to(store.root.resolve()):
        raise RocketMQError(f"{target} lies in the store itself", "name a directory elsewhere: the store is only read")
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise RocketMQError(f"{target} is not empty", "name a new directory: nothing existing is ever overwritten")
    except OSError as error:
        raise RocketMQError(f"cannot create {target}: {error.strerror or error}", "choose another place") from error


def index_sizes(store: StoreDirectory, options: RebuildOptions) -> tuple[int, int]:
    """Slots and entries: as given, as the store's index files show (one slot to four entries), else Apache's
    defaults."""
    slots, entries = options.max_hash_slot_num, options.max_index_num
    body = store.index_files[0].size - HEADER_SIZE if store.index_files else 0
    if slots is None and entries is None and body > 0 and body % (SLOT_SIZE + 4 * ENTRY_SIZE) == 0:
        slots = body // (SLOT_SIZE + 4 * ENTRY_SIZE)
        return slots, slots * 4
    if slots is not None and entries is None and body > slots * SLOT_SIZE:
        return slots, (body - slots * SLOT_SIZE) // ENTRY_SIZE
    if entries is not None and slots is None and body > entries * ENTRY_SIZE:
        return (body - entries * ENTRY_SIZE) // SLOT_SIZE, entries
    return slots or DEFAULT_SLOTS, entries or DEFAULT_ENTRIES


def has_tag_entries(store: StoreDirectory, options: RebuildOptions) -> bool:
    """Whether the broker that wrote the newest entries of the index put one for a message's tags: looks at the newest
    TAGGED_AT_MOST records with tags among the last ENTRIES_LOOKED_AT entries."""
    dispatcher = Dispatcher()
    looked = 0
    for file in reversed(store.index_files):
        header, slots = read_header(file), slots_of(file.size, options.max_hash_slot_num, options.max_index_num)
        if header is None or not slots or header.count <= 1:
            continue
        entries = read_entries(file, slots, max(1, header.count - ENTRIES_LOOKED_AT), ENTRIES_LOOKED_AT)
        known = set(zip(entries["offset"].tolist(), entries["hash"].tolist(), strict=True))
        for offset in sorted({offset for offset, _ in known}, reverse=True):
            block = block_at(store.commitlog, offset)
            if not isinstance(block, Block):
                continue
            keys, _ = tag_keys(dispatcher.derive(block))
            if keys and (offset, int(index_hashes(keys)[0])) in known:
                return True
            looked += len(keys)
            if looked >= TAGGED_AT_MOST:
                return False
        break
    return False


class QueueWriter:
    """Writes units into consumequeue files of their full length; nothing but what holds units takes disk."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._size = size
        self._next: dict[tuple[str, int], int] = {}
        self._open: dict[Path, int] = {}
        self._legal: list[bool] = []
        self.units = 0
        self.last_time = 0
        self.last_offset = 0

    @property
    def queues(self) -> int:
        """How many queues got units."""
        return len(self._next)

    def put(self, block: Block, dispatch: Dispatch, wanted: Column | None = None) -> None:
        """Write the units of a block's records, of the wanted ones only where a mask is given."""
        rows = self._possible(block, dispatch)
        rows = rows if wanted is None else rows[wanted[rows]]
        if not len(rows):
            return
        self.last_time = int(block.head["store_timestamp"][rows[-1]])
        self.last_offset = int(block.offsets[rows[-1]])
        queue_ids = block.head["queue_id"][rows].astype(np.int64)
        order = np.lexsort((queue_ids, dispatch.topic_ids[rows]))
        rows, queue_ids = rows[order], queue_ids[order]
        borders = np.flatnonzero((np.diff(dispatch.topic_ids[rows]) != 0) | (np.diff(queue_ids) != 0)) + 1
        for part in np.split(rows, borders):
            key = (dispatch.topic(int(part[0])), int(block.head["queue_id"][part[0]]))
            units = np.empty(len(part), UNIT_DTYPE)
            units["offset"] = block.offsets[part]
            units["size"] = block.head["size"][part]
            units["tags_code"] = dispatch.tags_code[part]
            self._queue(key, block.head["queue_offset"][part].astype(np.int64), units)

    def _possible(self, block: Block, dispatch: Dispatch) -> Column:
        """The records that get a unit: not those whose damaged fields name no topic, no queue or a place that cannot
        be."""
        for name in dispatch.topics[len(self._legal) :]:
            self._legal.append(len(name) > 0 and is_legal_name(name.decode("utf-8", "replace")))
        head = block.head
        possible = np.array(self._legal, np.bool_)[dispatch.topic_ids]
        possible &= (head["queue_id"] >= 0) & (head["queue_id"] <= MAX_QUEUE_ID) & (head["queue_offset"] >= 0)
        # No queue can have more messages than the log had room for.
        possible &= head["queue_offset"] <= block.offsets // SMALLEST_RECORD
        return np.flatnonzero(dispatch.queued & possible)

    def _queue(self, key: tuple[str, int], numbers: Column, units: Column) -> None:
        if key not in self._next:
            self._first(key, int(numbers[0]))
        # A unit that is there already is not put again; a gap stays blank, as a broker leaves it.
        fresh = numbers >= self._next[key]
        numbers, units = numbers[fresh], units[fresh]
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for part in np.split(np.arange(len(numbers)), breaks):
            if len(part):
                self._write(key, int(numbers[part[0]]) * CQ_UNIT_SIZE, units[part].tobytes())
                self._next[key] = int(numbers[part[-1]]) + 1
        self.units += len(numbers)

    def _first(self, key: tuple[str, int], number: int) -> None:
        """The first unit of a queue that does not begin at 0 is preceded by filler in its file (fillPreBlank)."""
        self._next[key] = number
        offset = number * CQ_UNIT_SIZE
        base = offset - offset % self._size
        if offset > base:
            self._write(key, base, PLACEHOLDER * ((offset - base) // CQ_UNIT_SIZE))

    def _write(self, key: tuple[str, int], offset: int, data: bytes) -> None:
        while data:
            base = offset - offset % self._size
            part = data[: base + self._size - offset]
            descriptor = self._descriptor(self._directory / key[0] / str(key[1]) / f"{base:020d}")
            os.pwrite(descriptor, part, offset - base)
            data, offset = data[len(part) :], offset + len(part)

    def _descriptor(self, path: Path) -> int:
        descriptor = self._open.get(path)
        if descriptor is None:
            if len(self._open) >= MAX_DESCRIPTORS:
                os.close(self._open.pop(next(iter(self._open))))
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(descriptor, self._size)
        return descriptor

    def close(self) -> None:
        """Sync and close all files."""
        while self._open:
            descriptor = self._open.popitem()[1]
            os.fsync(descriptor)
            os.close(descriptor)


class IndexWriter:
    """Writes index files entry by entry in order; one file's slots are kept in memory (4 bytes a slot) and written
    last."""

    def __init__(self, directory: Path, slots: int, entries: int, names: list[str], *, tags: bool = False) -> None:
        self._directory = directory
        self._slots = slots
        self._capacity = entries
        self._names = names
        self._tags = tags
        self._descriptor = -1
        self._last = np.zeros(0, np.int32)
        self._header = [0, 0, 0, 0, 0, 1]
        self.files = 0
        self.entries = 0
        self.full_until = 0  # ms: end of the last full file, which is what a checkpoint says of the index

    def put(self, block: Block, dispatch: Dispatch) -> None:
        """Write the entries of a block's records."""
        keys, rows = block_keys(dispatch, tags=self._tags)
        if not keys:
            return
        hashes, offsets = index_hashes(keys), block.offsets[rows]
        times = block.head["store_timestamp"][rows].astype(np.int64)
        start = 0
        while start < len(keys):
            if self._descriptor < 0 or self._header[5] >= self._capacity:
                self._next_file(int(times[start]))
            end = min(len(keys), start + self._capacity - self._header[5])
            self._append(hashes[start:end], offsets[start:end], times[start:end])
            start = end

    def _next_file(self, now: int) -> None:
        end_offset, end_time = (self._header[3], self._header[1]) if self.files else (0, 0)
        self.full_until = end_time
        self._finish()
        name = datetime.fromtimestamp(now / 1000).strftime("%Y%m%d%H%M%S") + f"{now % 1000:03d}"
        if self.files < len(self._names):
            name = self._names[self.files]
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / name
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._descriptor, file_size(self._slots, self._capacity))
        self._last = np.zeros(self._slots, np.int32)
        # A new file begins with the end of the one before, until its first entry is put.
        self._header = [end_time, end_time, end_offset, end_offset, 0, 1]
        self.files += 1

    def _append(self, hashes: Column, offsets: Column, times: Column) -> None:
        header, count = self._header, len(hashes)
        first = header[5]
        begin = np.full(count, header[0])
        if first == 1:
            begin[1:] = int(times[0])
            header[0], header[2] = int(times[0]), int(offsets[0])
        entries = np.empty(count, ENTRY_DTYPE)
        entries["hash"], entries["offset"] = hashes, offsets
        entries["seconds"] = np.where(begin > 0, np.clip((times - begin) // 1000, 0, 0x7FFFFFFF), 0)
        slot = hashes % self._slots
        order = np.argsort(slot, kind="stable")
        slots, numbers = slot[order], np.arange(first, first + count, dtype=np.int32)[order]
        same = np.concatenate(([False], slots[1:] == slots[:-1]))
        before = np.concatenate((numbers[:1], numbers[:-1]))
        entries["previous"][order] = np.where(same, before, self._last[slots])
        header[4] += int(np.count_nonzero(~same & (self._last[slots] == 0)))
        self._last[slots] = numbers
        os.pwrite(self._descriptor, entries.tobytes(), HEADER_SIZE + self._slots * SLOT_SIZE + first * ENTRY_SIZE)
        header[1], header[3], header[5] = int(times[-1]), int(offsets[-1]), first + count
        self.entries += count

    def _finish(self) -> None:
        if self._descriptor < 0:
            return
        os.pwrite(self._descriptor, HEADER.pack(*self._header), 0)
        used = self._last != 0
        if used.any():
            low, high = int(np.argmax(used)), self._slots - int(np.argmax(used[::-1]))
            for start in range(low, high, SLOTS_AT_A_TIME):
                part = self._last[start : min(start + SLOTS_AT_A_TIME, high)].astype(SLOT_DTYPE).tobytes()
                os.pwrite(self._descriptor, part, HEADER_SIZE + start * SLOT_SIZE)
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1

    def close(self) -> None:
        """Write header and slots of the last file, sync and close it."""
        self._finish()
