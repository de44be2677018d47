"""Finds the next whole record behind bytes that are not a record: how checks and salvage step over a damaged range.

A candidate must have a record's magic, name its own commitlog offset, and be whole with a right body CRC; so bytes of
a body that look like a record are not taken for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    MAGIC,
    MAGIC_POSITION,
    MAGIC_V1,
    MAGIC_V2,
    PHYSICAL_OFFSET,
    PHYSICAL_OFFSET_POSITION,
    SIZE,
    SIZE_AND_MAGIC,
)
from rocketmq_ops.store.inspect.reading.scan import FIRST_WINDOW, Block, Stop, lengths_fit, walk_file
from rocketmq_ops.store.inspect.reading.store_files import WINDOW, FileChain, StoreFile

_MAGICS: Final = [MAGIC.pack(magic) for magic in (MAGIC_V1, MAGIC_V2)]
_BLANK: Final = MAGIC.pack(BLANK_MAGIC)
HEAD = PHYSICAL_OFFSET_POSITION + PHYSICAL_OFFSET.size


def next_record(file: StoreFile, position: int, *, any_offset: bool = False) -> int | None:
    """The position in `file` of the first whole record at or after `position`, None without one.

    With `any_offset` a record may name any offset, for files that carry another file's name.
    """
    window = FIRST_WINDOW
    while (position := _skip_zeros(file, position)) < file.size:
        data = file.read(position, window)
        window = min(WINDOW, 4 * window)
        at = _scan(file, data, position, any_offset)
        if at is not None:
            return at
        if position + len(data) >= file.size or len(data) <= HEAD:
            return None
        position += len(data) - HEAD
    return None


def _skip_zeros(file: StoreFile, position: int) -> int:
    """Where a record or blank can begin at the earliest: its size is not 0, though the first bytes of it may be."""
    nonzero = first_nonzero(file, position)
    return file.size if nonzero is None else max(position, nonzero - 3)


def _scan(file: StoreFile, data: bytes, position: int, any_offset: bool) -> int | None:
    best: int | None = None
    for magic in _MAGICS:
        end = len(data) if best is None else best - position + SIZE_AND_MAGIC.size
        found = data.find(magic, MAGIC_POSITION, end)
        while found >= 0 and (best is None or position + found - MAGIC_POSITION < best):
            start = found - MAGIC_POSITION
            if len(data) - start >= HEAD and _is_record(file, data, position, start, any_offset):
                best = position + start
                break
            found = data.find(magic, found + 1)
    return best


def _is_record(file: StoreFile, data: bytes, position: int, start: int, any_offset: bool) -> bool:
    (size,) = SIZE.unpack_from(data, start)
    if size <= 0 or position + start + size > file.size:
        return False
    (own,) = PHYSICAL_OFFSET.unpack_from(data, start + PHYSICAL_OFFSET_POSITION)
    if not any_offset and own != file.base + position + start:
        return False
    if start + size > len(data) and not lengths_fit(file, position + start, size):
        return False
    whole = data[start : start + size] if start + size <= len(data) else file.read(position + start, size)
    try:
        return read_record(whole) is not None
    except BadRecordError:
        return False


def find_blank(file: StoreFile, position: int) -> int | None:
    """The position at or after `position` of a blank that reaches exactly to the end of the file, or None."""
    while (position := _skip_zeros(file, position)) < file.size:
        data = file.read(position, WINDOW)
        found = data.find(_BLANK, MAGIC_POSITION)
        while found >= 0:
            start = found - MAGIC_POSITION
            if SIZE.unpack_from(data, start)[0] == file.size - (position + start):
                return position + start
            found = data.find(_BLANK, found + 1)
        if position + len(data) >= file.size or len(data) < SIZE_AND_MAGIC.size:
            return None
        position += len(data) - SIZE_AND_MAGIC.size + 1
    return None


def first_nonzero(file: StoreFile, position: int, end: int | None = None) -> int | None:
    """The position of the first byte from `position` that is not zero, None when all are; holes are skipped unread."""
    limit = file.size if end is None else min(end, file.size)
    window = FIRST_WINDOW
    for start, stop in file.data_extents():
        at = max(start, position)
        while at < min(stop, limit):
            data = file.read(at, min(window, min(stop, limit) - at))
            window = min(WINDOW, 4 * window)
            if not data:
                return None
            stripped = data.lstrip(b"\0")
            if stripped:
                return at + len(data) - len(stripped)
            at += len(data)
    return None


def record_at(chain: FileChain, offset: int) -> tuple[str, int, int, int] | None:
    """Topic, queue id, queue offset and sysFlag of the whole record at a commitlog offset, None without one."""
    place = chain.at(offset) if offset >= 0 else None
    if place is None:
        return None
    file, position = place
    head = file.read(position, SIZE.size)
    size = SIZE.unpack(head)[0] if len(head) == SIZE.size else 0
    if size <= 0 or not lengths_fit(file, position, size):
        return None
    data = file.read(position, size)
    try:
        record = read_record(data, check_crc=False) if len(data) == size else None
    except BadRecordError:
        return None
    if record is None:
        return None
    return _topic(data, record), record.queue_id, record.queue_offset, record.sys_flag


def _topic(data: bytes, record: RecordView) -> str:
    return data[record.topic_at : record.topic_at + record.topic_length].decode("utf-8", "replace")


def whole_blocks(files: list[StoreFile], start: int) -> Iterator[Block]:
    """Blocks of whole records from the commitlog offset `start` (a record's) on, stepping over damage."""
    for file in files:
        position: int | None = max(0, start - file.base)
        while position is not None and position < file.size:
            stop: Stop | None = None
            for item in walk_file(file, position, crc=False):
                if isinstance(item, Stop):
                    stop = item
                    break
                yield item
            position = None
            if stop is not None and stop.kind not in ("blank", "full"):
                position = next_record(file, stop.offset - file.base + 1)
