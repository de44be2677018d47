"""Walks the commitlog record by record, a window at a time, and gives the records' fields as numpy columns.

The walk follows each record's size from the start of a file. It stops in a file at the blank that ends it, at a zero
size (nothing written yet) or at bytes that are not a record; what that means is for the caller. Memory is bounded by
the window.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    BODY_LENGTH,
    HOST_SIZE,
    HOST_V6_SIZE,
    MAGIC,
    MAGIC_POSITION,
    MAGIC_V1,
    MAGIC_V2,
    RECORD,
    SIZE,
    SIZE_AND_MAGIC,
    SMALLEST_RECORD,
    SYS_FLAG,
    SYS_FLAG_POSITION,
    V6_FLAGS,
    body_length_position,
)
from rocketmq_ops.store.inspect.reading.store_files import WINDOW, FileChain, StoreFile

Column = NDArray[Any]

# The fixed head of a record whose hosts are both IPv4: by far the most, and the ones that take the fast way.
HEAD_DTYPE: Final = RECORD.dtype
HEAD_SIZE: Final = RECORD.size
HEAD_COLUMNS: Final = np.arange(HEAD_SIZE)
FIRST_WINDOW: Final = 1 << 16
_COLUMNS: Final = (
    "starts", "offsets", "head", "body_at", "topic_at", "topic_length", "properties_at", "properties_length",
)  # fmt: skip
_size_at = SIZE.unpack_from
_head_at = SIZE_AND_MAGIC.unpack_from


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive records of one file whose structure is whole; every column has one entry a record.

    Elsewhere `row` and `rows` are numbers of records in a block, counted from 0, by which its columns are indexed.

    `starts`, `body_at`, `topic_at` and `properties_at` are positions in `data`; `offsets` are commitlog offsets; `head`
    is a structured array of HEAD_DTYPE (the addresses of IPv6 hosts read as 0 there); `crc_ok` is None when CRCs were
    not asked for.
    """

    file: StoreFile
    data: bytes
    starts: Column
    offsets: Column
    head: Column
    body_at: Column
    topic_at: Column
    topic_length: Column
    properties_at: Column
    properties_length: Column
    crc_ok: Column | None

    @property
    def count(self) -> int:
        """How many records the block has."""
        return len(self.starts)

    def record(self, index: int) -> bytes:
        """The bytes of one record."""
        start = int(self.starts[index])
        return self.data[start : start + int(self.head["size"][index])]

    def part(self, rows: slice | Column) -> Block:
        """The block of some of the records."""
        cut: dict[str, Any] = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return replace(self, **cut, crc_ok=None if self.crc_ok is None else self.crc_ok[rows])

    def slices(self, at: Column, length: Column) -> list[bytes]:
        """The byte strings of a variable field, for example `slices(block.topic_at, block.topic_length)`."""
        data = self.data
        return [data[a:b] for a, b in zip(at.tolist(), (at + length).tolist(), strict=True)]


class Stop(NamedTuple):
    """Where the walk of a file ended: `kind` is `full` (the last record ends with the file), `blank`, `zero` (nothing
    was written there), `short` (the file ends within a record) or the reason of a BadRecordError."""

    file: StoreFile
    offset: int
    kind: str
    detail: str = ""


def walk(chain: FileChain, *, start: int = 0, crc: bool = True, window: int = WINDOW) -> Iterator[Block | Stop]:
    """Blocks and one Stop of every file, in order; `start` is the offset of a record to begin at.

    Raises RocketMQError when a file cannot be read.
    """
    for file in chain.files:
        if file.end > start:
            yield from walk_file(file, max(start - file.base, 0), crc=crc, window=window)


def walk_file(file: StoreFile, position: int = 0, *, crc: bool = True, window: int = WINDOW) -> Iterator[Block | Stop]:
    """The blocks of one file from `position`, then its Stop."""
    step = wanted = min(window, FIRST_WINDOW)  # it grows: the walk may be one of many behind damaged ranges
    while position < file.size:
        data = file.read(position, wanted)
        starts = _follow_sizes(data)
        block = _block(file, data, position, starts, crc)
        if block is not None:
            yield block
            position += int(block.starts[-1] + block.head["size"][-1])
            step = wanted = min(window, 4 * step)
            continue
        outcome = _careful(file, data, position, crc)
        if isinstance(outcome, int):
            wanted = outcome
            continue
        yield outcome
        if isinstance(outcome, Stop):
            return
        position += int(outcome.head["size"][0])
        wanted = step
    yield Stop(file, file.end, "full")


def first_store_time(file: StoreFile) -> int | None:
    """The store time (ms) of the record that a file begins with, None where it begins with none."""
    first = next(walk_file(file, crc=False, window=FIRST_WINDOW), None)
    return int(first.head["store_timestamp"][0]) if isinstance(first, Block) else None


def _follow_sizes(data: bytes) -> list[int]:
    """The starts of what may be whole records: as far as the sizes lead within `data`."""
    starts: list[int] = []
    add = starts.append
    position, last = 0, len(data) - SMALLEST_RECORD
    limit = len(data)
    while position <= last:
        (size,) = _size_at(data, position)
        after = position + size
        if size < SMALLEST_RECORD or after > limit:
            break
        add(position)
        position = after
    return starts


def _block(file: StoreFile, data: bytes, position: int, found: list[int], crc: bool) -> Block | None:
    """The longest run of sound records from the first on; None when already the first is not."""
    if not found:
        return None
    raw = np.frombuffer(data, np.uint8)
    starts = np.array(found, np.int64)
    head = raw[starts[:, None] + HEAD_COLUMNS].view(HEAD_DTYPE)[:, 0]
    size = head["size"].astype(np.int64)
    magic = head["magic"]
    body_length = head["body_length"].astype(np.int64)
    body_at = starts + HEAD_SIZE
    ends = starts + size
    topic_field = body_at + body_length
    sound = ((magic == MAGIC_V1) | (magic == MAGIC_V2)) & (head["sys_flag"] & V6_FLAGS == 0)
    sound &= (body_length >= 0) & (topic_field + 3 <= ends)
    at = np.where(sound, topic_field, 0)
    second = magic == MAGIC_V2
    topic_length = np.where(second, raw[at].astype(np.int64) << 8 | raw[at + 1], raw[at])
    topic_at = at + np.where(second, 2, 1)
    properties_at = topic_at + topic_length + 2
    sound &= properties_at <= ends
    at = np.where(sound, properties_at - 2, 0)
    properties_length = raw[at].astype(np.int64) << 8 | raw[at + 1]
    sound &= properties_at + properties_length == ends
    count = len(found) if bool(sound.all()) else int(np.argmin(sound))
    if count == 0:
        return None
    crc_ok = _check_crcs(data, body_at[:count], body_length[:count], head["body_crc"][:count]) if crc else None
    return Block(
        file, data, starts[:count], starts[:count] + (file.base + position), head[:count], body_at[:count],
        topic_at[:count], topic_length[:count], properties_at[:count], properties_length[:count], crc_ok,
    )  # fmt: skip


def _check_crcs(data: bytes, body_at: Column, body_length: Column, stored: Column) -> Column:
    view = memoryview(data)
    crc32 = zlib.crc32
    ends = (body_at + body_length).tolist()
    computed = np.array([crc32(view[a:b]) for a, b in zip(body_at.tolist(), ends, strict=True)], np.int64)
    # Recovery compares only bodies of at least one byte.
    return np.asarray(((computed & 0x7FFFFFFF) == stored) | (body_length == 0))


def _careful(file: StoreFile, data: bytes, position: int, crc: bool) -> Block | Stop | int:
    """What stands at the start of `data`: one record that is not of the usual kind, the end of the walk in this file,
    or the number of bytes that must be read to decide."""
    offset = file.base + position
    left = file.size - position
    if len(data) < min(SIZE_AND_MAGIC.size, left):
        return Stop(file, offset, "short", "the file is shorter than when it was opened")
    if len(data) < SIZE_AND_MAGIC.size:
        return Stop(file, offset, "zero" if not any(data) else "short", f"{left} bytes are left in the file")
    size, magic = _head_at(data, 0)
    if size == 0 and magic == 0:
        return Stop(file, offset, "zero", "zeros where a record would begin")
    if magic == BLANK_MAGIC:
        return Stop(file, offset, "blank", f"size {size}, {left} bytes are left in the file")
    if magic in (MAGIC_V1, MAGIC_V2) and size > left:
        return Stop(file, offset, "short", f"a record of {size} bytes, {left} are left in the file")
    if magic in (MAGIC_V1, MAGIC_V2) and len(data) < size:
        if not lengths_fit(file, position, size):
            return Stop(file, offset, "lengths", f"body, topic and properties do not fill a record of {size} bytes")
        return int(size)
    try:
        record = read_record(data, 0, check_crc=False)
    except BadRecordError as error:
        return Stop(file, offset, error.reason, str(error))
    assert record is not None  # a blank was handled above
    return _single(file, data[:size], position, record, crc)


def single_block(file: StoreFile, data: bytes, position: int) -> Block:
    """A block of the one whole record in `data`, which belongs at `position` of the file, whatever stands there.

    Raises BadRecordError when it is not whole.
    """
    record = read_record(data)
    assert record is not None
    return _single(file, data, position, record, crc=True)


def _single(file: StoreFile, data: bytes, position: int, record: RecordView, crc: bool) -> Block:
    head = np.zeros(1, HEAD_DTYPE)
    head[0] = (
        record.size, record.magic, record.body_crc, record.queue_id, record.flag, record.queue_offset,
        record.physical_offset, record.sys_flag, record.born_timestamp, 0, 0, record.store_timestamp, 0, 0,
        record.reconsume_times, record.prepared_transaction_offset, record.body_length,
    )  # fmt: skip

    def column(value: int) -> Column:
        return np.array([value], np.int64)

    body_at, body_length = column(record.body_at), column(record.body_length)
    return Block(
        file, data, column(0), column(file.base + position), head, body_at, column(record.topic_at),
        column(record.topic_length), column(record.properties_at), column(record.properties_length),
        _check_crcs(data, body_at, body_length, head["body_crc"]) if crc else None,
    )  # fmt: skip


def lengths_fit(file: StoreFile, position: int, size: int) -> bool:
    """True when body, topic and properties fill a record of `size` bytes. The body is not read, so that a
    damaged size does not read the whole file at once."""
    head = file.read(position, min(size, HEAD_SIZE + 2 * (HOST_V6_SIZE - HOST_SIZE)))
    if len(head) < HEAD_SIZE:
        return False
    (magic,), (sys_flag,) = MAGIC.unpack_from(head, MAGIC_POSITION), SYS_FLAG.unpack_from(head, SYS_FLAG_POSITION)
    body_length_at = body_length_position(sys_flag)
    if body_length_at + 4 > len(head):
        return False
    topic_at = body_length_at + BODY_LENGTH.size + int(BODY_LENGTH.unpack_from(head, body_length_at)[0])
    wide = 2 if magic == MAGIC_V2 else 1
    if not body_length_at + 4 <= topic_at <= size - wide - 2:
        return False
    topic_length = int.from_bytes(file.read(position + topic_at, wide), "big")
    properties_at = topic_at + wide + topic_length + 2
    if properties_at > size:
        return False
    return properties_at + int.from_bytes(file.read(position + properties_at - 2, 2), "big") == size
