"""Builds consumequeue, index and checkpoint from a commitlog into a new directory, with the bytes a broker would have
written.

Mirrors ConsumeQueue.putMessagePositionInfo and IndexService.buildIndex over a whole log. The store is only read; the
target must not exist or be empty. The commitlog itself is not copied: `salvage` does that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.check.commitlog import CommitLogCheck
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.reading.batch_queues import FOLDER, TopicMask, batch_topics
from rocketmq_ops.store.inspect.reading.blocks import block_at
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns, DispatchDeriver, index_hashes, tag_keys
from rocketmq_ops.store.inspect.reading.dledger import require_log
from rocketmq_ops.store.inspect.reading.index_files import read_entries, read_header, slots_of
from rocketmq_ops.store.inspect.reading.queue_units import usual_file_size
from rocketmq_ops.store.inspect.reading.running import require_stopped
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.index_writer import IndexWriter
from rocketmq_ops.store.inspect.salvage.queue_writer import BatchQueueWriter, QueueWriter
from rocketmq_ops.store.layout.checkpoint import FIELDS
from rocketmq_ops.store.layout.checkpoint import FILE_SIZE as CHECKPOINT_SIZE
from rocketmq_ops.store.layout.index import ENTRY_SIZE, HEADER_SIZE, SLOT_SIZE

DEFAULT_SLOTS: Final = 5_000_000
DEFAULT_ENTRIES: Final = 20_000_000
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
    deriver = DispatchDeriver(options.delay_levels)
    try:
        for block in log.blocks(progress=progress):
            builder.put(block, deriver.derive(block))
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

    def put(self, block: Block, dispatch: DispatchColumns) -> None:
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
        raise RocketMQError(f"{target} is inside the store", "name a directory outside it: the store is only read")
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise RocketMQError(f"{target} is not empty", "name a new directory: existing files are never overwritten")
    except OSError as error:
        raise RocketMQError(f"cannot create {target}: {error.strerror or error}", "name another directory") from error


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
    deriver = DispatchDeriver()
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
            keys, _ = tag_keys(deriver.derive(block))
            if keys and (offset, int(index_hashes(keys)[0])) in known:
                return True
            looked += len(keys)
            if looked >= TAGGED_AT_MOST:
                return False
        break
    return False
