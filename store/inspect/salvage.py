"""Saves everything that can be proven whole from a damaged store into a new one on which a broker starts.

A record is kept when its structure and body CRC are right and it stands where it says. It keeps its commitlog offset, so message
ids stay valid: a damaged range is filled with records of a rolled-back transaction, which no broker dispatches, or with the
blank that ends a file. Behind a lost message the queue offsets move up, and consumer offsets with them, since neither a queue
with holes nor one with foreign units can be read. Every decision goes into a proof (`proof.py`) that `verify` replays.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from ...common.errors import RocketMQError
from ...common.message import MessageExt
from ...common.message_codec import encode_record
from ...common.record_layout import (
    BLANK_MAGIC,
    QUEUE_ID_POSITION,
    QUEUE_OFFSET_POSITION,
    SIZE_AND_MAGIC,
)
from ...common.sysflag import TRANSACTION_ROLLBACK_TYPE
from .check import CheckOptions, check_store
from .columns import Dispatch, Dispatcher
from .proof import PROOF_NAME, Changed, Dropped, Header, Kept, ProofWriter, Total
from .rebuild import RebuildOptions, build_into, prepare_target
from .resync import find_blank, next_record
from .salvage_config import salvage_configs
from .scan import Block, Column, Stop, walk_file
from .source import FileChain, StoreDirectory, StoreFile

FILLER_TOPIC: Final = "_"  # as short as a topic can be, so that a filler fits wherever a record was
FILLER_MAX: Final = 1 << 20
_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")


@dataclass(slots=True)
class Numbering:
    """How a queue's offsets change: `steps` are (old offset, lost so far), one for each place where messages are missing."""

    last: int
    shift: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)

    def new(self, old: int) -> int:
        """Where a consumer at offset `old` of the damaged store stands in the new one."""
        gone = before = 0
        for start, total in self.steps:
            first = start - (total - before)  # the first of the lost ones
            if old <= first:
                break
            gone = before + min(old, start) - first
            before = total
        return old - gone


class SalvageResult(msgspec.Struct, kw_only=True):
    """Counts of records and bytes, of what was written, and the path of the proof."""

    kept: int
    changed: int
    dropped: int
    dropped_bytes: int
    queues: int
    units: int
    index_entries: int
    configs: dict[str, str]
    proof: str


def salvage(
    store: StoreDirectory,
    target: Path,
    options: RebuildOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> SalvageResult:
    """Salvage into a new directory. Raises RocketMQError when it is not empty or cannot be written."""
    prepare_target(target)
    options = options or RebuildOptions()
    chain = effective_chain(store.commitlog)
    corrections = check_store(
        store, CheckOptions(parts=("commitlog", "consumequeue"), delay_levels=options.delay_levels)
    )
    with ProofWriter(target / PROOF_NAME) as proof:
        proof.add(Header(source=str(store.root), file_size=chain.file_size, min_offset=chain.min_offset))
        run = _Salvage(chain, target, proof, corrections.corrections, options)
        try:
            (target / "commitlog").mkdir()
            run.all_files(progress)
        except OSError as error:
            raise RocketMQError(
                f"cannot write {target}: {error.strerror or error}", "free space, then start again"
            ) from error
        proof.add(run.total)
    saved = StoreDirectory(target)
    sizes = _sizes(store, options)
    built = build_into(saved, target, sizes)
    configs = salvage_configs(store, target, run.numbering)
    saved.close()
    return SalvageResult(
        kept=run.total.kept, changed=run.total.changed, dropped=run.total.dropped, dropped_bytes=run.total.dropped_bytes,
        queues=built.queues, units=built.units, index_entries=built.index_entries, configs=configs,
        proof=str(target / PROOF_NAME),
    )  # fmt: skip


def _sizes(store: StoreDirectory, options: RebuildOptions) -> RebuildOptions:
    """The sizes of the damaged store's own files, since the new store has none to learn them from."""
    from .rebuild import index_sizes, queue_file_size

    slots, entries = index_sizes(store, options)
    return RebuildOptions(
        mapped_file_size_consume_queue=options.mapped_file_size_consume_queue or queue_file_size(store),
        max_hash_slot_num=slots, max_index_num=entries, delay_levels=options.delay_levels,
    )  # fmt: skip


def effective_chain(chain: FileChain) -> FileChain:
    """The chain with every file at the offset that its records name: undoes swapped or misnamed files."""
    files: dict[int, StoreFile] = {}
    for file in chain.files:
        base = file.base + _shift(file)
        if base != file.base and (base in files or base < 0):
            base = file.base
        files[base] = StoreFile(file.path, base)
    for file in chain.files:  # a file whose place another one took is still read, where its name says
        if not any(f.path == file.path for f in files.values()) and file.base not in files:
            files[file.base] = StoreFile(file.path, file.base)
    return FileChain(chain.directory, [files[base] for base in sorted(files)])


def _shift(file: StoreFile) -> int:
    """By how much most records at the start of a file are off their place, 0 when most are not."""
    at = next_record(file, 0, any_offset=True)
    if at is None:
        return 0
    for item in walk_file(file, at, crc=False):
        if isinstance(item, Block):
            shifts = item.head["physical_offset"].astype(np.int64) - item.offsets
            values, counts = np.unique(shifts, return_counts=True)
            best = int(values[np.argmax(counts)])
            return best if int(counts.max()) * 2 > item.count else 0
        break
    return 0


class _Salvage:
    def __init__(
        self, chain: FileChain, target: Path, proof: ProofWriter, corrections: dict[int, tuple[str, int, int]],
        options: RebuildOptions,
    ) -> None:  # fmt: skip
        self.total = Total()
        self.numbering: dict[tuple[str, int], Numbering] = {}
        self._chain = chain
        self._target = target
        self._proof = proof
        self._corrections = corrections
        self._dispatcher = Dispatcher(options.delay_levels)
        self._time = 0
        self._descriptor = -1
        self._base = 0
        self._filled = 0  # position in the target file up to which something is written

    def all_files(self, progress: Callable[[int], None] | None) -> None:
        """Every file in turn; a missing file between two becomes one that is all blank."""
        size = self._chain.file_size
        last_with_records = self._last_with_records()
        expected = self._chain.min_offset
        for file in self._chain.files:
            while expected < file.base:
                self._open(expected)
                self._drop(expected, size, "missing-file")
                self._blank(size)
                self._close()
                expected += size
            self._open(file.base)
            self._file(file, last=file.base >= last_with_records)
            self._close()
            expected = file.base + size
            if progress:
                progress(expected)
            if file.base >= last_with_records:
                break

    def _last_with_records(self) -> int:
        for file in reversed(self._chain.files):
            if next_record(file, 0) is not None:
                return file.base
        return self._chain.min_offset

    def _file(self, file: StoreFile, *, last: bool) -> None:
        size = self._chain.file_size
        position = 0
        while True:
            stop: Stop | None = None
            for item in walk_file(file, position):
                if isinstance(item, Stop):
                    stop = item
                    break
                self._block(item)
            assert stop is not None
            position = stop.offset - file.base
            if stop.kind in ("blank", "full"):
                break
            resumed = next_record(file, position + 1)
            if resumed is None:
                break
            self._drop(stop.offset, resumed - position, stop.kind)
            position = resumed
        if stop.kind not in ("blank", "full") and not (stop.kind == "zero" and last):
            blank = find_blank(file, position) or size
            self._drop(stop.offset, blank - position, "torn" if last else stop.kind)
        if not last:
            self._blank(size)

    def _block(self, block: Block) -> None:
        head = block.head
        assert block.crc_ok is not None
        place_ok = head["physical_offset"] == block.offsets
        good = block.crc_ok & place_ok & (block.offsets + head["size"] <= block.file.base + self._chain.file_size - 8)
        dispatch = self._dispatcher.derive(block)
        patches = self._renumber(block, dispatch, good)
        borders = np.flatnonzero(np.diff(good.astype(np.int8)) != 0) + 1
        for part in np.split(np.arange(block.count), borders):
            if good[part[0]]:
                self._keep(block, part, patches)
            else:
                for i in part.tolist():
                    reason = "crc" if not block.crc_ok[i] else "misplaced"
                    self._drop(int(block.offsets[i]), int(head["size"][i]), reason, dispatch.topic(i),
                               int(head["queue_id"][i]), int(head["queue_offset"][i]))  # fmt: skip
        if good.any():
            self._time = int(head["store_timestamp"][np.flatnonzero(good)[-1]])

    def _renumber(self, block: Block, dispatch: Dispatch, good: Column) -> dict[int, tuple[int, int]]:
        """(queue id, queue offset) of the records whose fields change, by index in the block."""
        patches: dict[int, tuple[int, int]] = {}
        rows = np.flatnonzero(good & dispatch.queued)
        queue_ids = block.head["queue_id"].tolist()
        numbers = block.head["queue_offset"].tolist()
        offsets = block.offsets.tolist() if self._corrections else []
        names = [t.decode("utf-8", "replace") for t in dispatch.topics]
        topic_ids = dispatch.topic_ids.tolist()
        table = self.numbering
        for i in rows.tolist():
            topic, queue_id, number = names[topic_ids[i]], queue_ids[i], numbers[i]
            if offsets and (place := self._corrections.get(offsets[i])) is not None and place[0] == topic:
                _, queue_id, number = place
            state = table.get((topic, queue_id))
            if state is None:
                table[topic, queue_id] = Numbering(number)
                new = number
            else:
                lost = number - state.last - 1
                if lost > 0:
                    state.shift += lost
                    state.steps.append((number, state.shift))
                    state.last = number
                elif lost == 0:
                    state.last = number
                else:  # a number that was given already: the record goes on where the queue is
                    state.shift -= 1 - (number - state.last)
                    state.last = number
                new = number - state.shift
            if new != numbers[i] or queue_id != queue_ids[i]:
                patches[i] = (queue_id, new)
        return patches

    def _keep(self, block: Block, part: Column, patches: dict[int, tuple[int, int]]) -> None:
        """Write a run of neighbouring sound records; those that change are listed one by one."""
        run = 0
        indexes = part.tolist()
        for at, i in enumerate(indexes):
            if i in patches:
                self._write_run(block, indexes[run:at])
                self._write_changed(block, i, *patches[i])
                run = at + 1
        self._write_run(block, indexes[run:])

    def _write_run(self, block: Block, indexes: list[int]) -> None:
        if not indexes:
            return
        start = int(block.starts[indexes[0]])
        end = int(block.starts[indexes[-1]] + block.head["size"][indexes[-1]])
        data = block.data[start:end]
        offset = int(block.offsets[indexes[0]])
        self._write(offset, data)
        self._proof.add(Kept.of(offset, len(indexes), data))
        self.total.kept += len(indexes)

    def _write_changed(self, block: Block, i: int, queue_id: int, queue_offset: int) -> None:
        record = bytearray(block.record(i))
        offset = int(block.offsets[i])
        before = bytes(record)
        _INT.pack_into(record, QUEUE_ID_POSITION, queue_id)
        _LONG.pack_into(record, QUEUE_OFFSET_POSITION, queue_offset)
        self._write(offset, bytes(record))
        head = block.head[i]
        self._proof.add(
            Changed.of(
                offset, before, bytes(record), int(head["queue_id"]), queue_id, int(head["queue_offset"]), queue_offset
            )
        )
        self.total.kept += 1
        self.total.changed += 1

    def _drop(
        self, offset: int, size: int, reason: str, topic: str | None = None, queue_id: int | None = None,
        queue_offset: int | None = None,
    ) -> None:  # fmt: skip
        """Note what is lost; the gap is filled when the next record (or the blank) is written."""
        if size <= 0:
            return
        self._proof.add(
            Dropped(offset=offset, size=size, reason=reason, topic=topic, queue_id=queue_id, queue_offset=queue_offset)
        )
        self.total.dropped += 1
        self.total.dropped_bytes += size

    def _open(self, base: int) -> None:
        path = self._target / "commitlog" / f"{base:020d}"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._descriptor, self._chain.file_size)
        self._base, self._filled = base, 0

    def _write(self, offset: int, data: bytes) -> None:
        position = offset - self._base
        if position > self._filled:
            self._fill(self._filled, position)
        os.pwrite(self._descriptor, data, position)
        self._filled = position + len(data)

    def _fill(self, start: int, end: int) -> None:
        """Fill a gap with records that no broker dispatches."""
        smallest = len(_filler(self._base, 0, self._time))
        while start < end:
            size = min(end - start, FILLER_MAX)
            if 0 < end - start - size < smallest:
                size -= smallest
            os.pwrite(self._descriptor, _filler(self._base + start, size, self._time), start)
            start += size

    def _blank(self, size: int) -> None:
        """End the file: what is left of it is unused."""
        left = size - self._filled
        if left >= 8:
            os.pwrite(self._descriptor, SIZE_AND_MAGIC.pack(left, BLANK_MAGIC), self._filled)
        self._filled = size

    def _close(self) -> None:
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1


def _filler(offset: int, size: int, time_ms: int) -> bytes:
    """A record of `size` bytes (the smallest one for 0) of a rolled-back transaction: brokers pass over it."""
    message = MessageExt(
        topic=FILLER_TOPIC, queue_id=0, queue_offset=0, commit_log_offset=offset, store_size=0, body=b"", body_crc=0, flag=0,
        sys_flag=TRANSACTION_ROLLBACK_TYPE, born_timestamp=max(time_ms, 1), born_host=("127.0.0.1", 0),
        store_timestamp=max(time_ms, 1), store_host=("127.0.0.1", 0), reconsume_times=0, prepared_transaction_offset=0,
        properties={}, offset_msg_id="",
    )  # fmt: skip
    bare = encode_record(message)
    if size > len(bare):
        message.body = bytes(size - len(bare))
        return encode_record(message)
    return bare
