"""Reads the sound records of a commitlog block by block, stepping over what is broken and reporting it.

Also single records, and single values of a record in a block. Which messages are wanted is for `selection.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rocketmq_ops.store.inspect.reading.resync import find_blank, first_nonzero, next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreFile

STREAM_WINDOW = 1 << 19  # bytes a block: columns of a block then stay in the cache, and memory small
NO_LIMIT = 1 << 62
#: How far before a place within a record that record is looked for first: messages have at most 4 MB unless set
#: otherwise (MessageStoreConfig.maxMessageSize).
_BEFORE = 5 << 20


class Broken(NamedTuple):
    """A range of the commitlog, or one record, that cannot be read or not be believed; `length` in bytes, 0 when
    unknown."""

    offset: int
    length: int
    reason: str
    detail: str


OnBroken = Callable[[Broken], None]


def readable_blocks(
    chain: FileChain,
    on_broken: OnBroken,
    *,
    start: int = 0,
    end: int = NO_LIMIT,
    crc: bool = True,
    window: int = STREAM_WINDOW,
    past_zeros: bool = True,
) -> Iterator[Block]:
    """The sound blocks of all files from commitlog offset `start` (any) to before `end`; what is broken is reported in
    order.

    The last block may reach beyond `end`. Without `past_zeros` what nobody wrote to is not searched for records. Raises
    RocketMQError when a file cannot be read.
    """
    for low, high in chain.gaps():
        if low < end and high > start:
            on_broken(Broken(low, high - low, "missing", "the files of this range are missing"))
    for low, high in chain.cut():
        if low < end and high > start:
            on_broken(Broken(low, high - low, "missing", "the file ends before: the rest of it is missing"))
    unfinished: Broken | None = None
    for file in chain.files:
        if file.end <= start or file.base >= end:
            continue
        position = 0
        if start > file.base:
            found = _first_record(file, start - file.base, past_zeros)
            if found is None:
                for broken in _broken_to_the_end(file, start - file.base, past_zeros):
                    on_broken(broken)
                continue
            position = found
        for item in _file_blocks(file, position, crc, window, past_zeros):
            if isinstance(item, Broken) and item.reason == "zero":
                unfinished = unfinished or item  # the end if nothing follows in later files, else a hole
                continue
            if unfinished is not None and unfinished.offset < end:
                on_broken(unfinished._replace(reason="hole", detail="nothing was written here, but records follow"))
            unfinished = None
            if isinstance(item, Broken):
                if item.offset < end:
                    on_broken(item)
            elif int(item.offsets[0]) >= end:
                return
            else:
                yield item


def _first_record(file: StoreFile, position: int, past_zeros: bool) -> int | None:
    """The position of the first record at or after `position`. Where one begins right there little is read."""
    item = next(walk_file(file, position, crc=True, window=4096), None)
    if isinstance(item, Block) and int(item.head["physical_offset"][0]) == file.base + position:
        return position
    if isinstance(item, Stop) and item.kind in ("blank", "full"):
        return None
    if isinstance(item, Stop) and item.kind == "zero" and (not past_zeros or first_nonzero(file, position) is None):
        return None
    return next_record(file, position)


def _broken_to_the_end(file: StoreFile, position: int, past_zeros: bool) -> Iterator[Broken]:
    """What cannot be read of a file that has no record from `position` on. It may be within the last one, which is
    sound: so those before it are read."""
    item = next(walk_file(file, position, crc=True, window=4096), None)
    if isinstance(item, Stop) and item.kind in ("blank", "full", "zero"):
        return
    before = next_record(file, max(position - _BEFORE, 0)) if position > _BEFORE else None
    for each in _file_blocks(file, before or 0, False, STREAM_WINDOW, past_zeros):
        if isinstance(each, Broken) and each.reason != "zero" and each.offset + each.length > file.base + position:
            yield each


def _file_blocks(file: StoreFile, position: int, crc: bool, window: int, past_zeros: bool) -> Iterator[Block | Broken]:
    while True:
        stop: Stop | None = None
        for item in walk_file(file, position, crc=crc, window=window):
            if isinstance(item, Stop):
                stop = item
                break
            yield item
        assert stop is not None
        if stop.kind in ("full", "blank"):
            return
        position = stop.offset - file.base
        dirty: int | None = position
        if stop.kind == "zero":
            dirty = first_nonzero(file, position) if past_zeros else None
        if dirty is None:
            yield Broken(stop.offset, file.end - stop.offset, "zero", "")
            return
        resumed = next_record(file, max(position + 1, dirty - 7))
        if resumed is None:
            resumed = find_blank(file, position)
        if resumed is None:
            yield Broken(stop.offset, file.end - stop.offset, "no-record", stop.detail or stop.kind)
            return
        yield Broken(stop.offset, file.base + resumed - stop.offset, "no-record", stop.detail or stop.kind)
        position = resumed


def block_at(chain: FileChain, offset: int, *, window: int = 4096) -> Block | Stop | None:
    """A block of the one record that starts at a commitlog offset, the Stop that says what is there instead, or None
    when no file holds the offset."""
    place = chain.at(offset)
    if place is None:
        return None
    item = next(walk_file(place[0], place[1], window=window))
    return item.part(slice(0, 1)) if isinstance(item, Block) else item


def hosts_of(block: Block, row: int) -> tuple[bytes, bytes]:
    """The packed born and store host of one record."""
    from rocketmq_ops.common.message_codec import read_record, record_hosts

    start = int(block.starts[row])
    record = read_record(block.data, start, check_crc=False)
    assert record is not None
    return record_hosts(block.data, record)


def offset_message_id(block: Block, row: int) -> str:
    """The offset message id of one record: its store host and the offset that it claims."""
    from rocketmq_ops.common.message_codec import encode_message_id

    return encode_message_id(hosts_of(block, row)[1], int(block.head["physical_offset"][row]))


def plain_body(block: Block, row: int) -> bytes:
    """The body, decompressed where it can be."""
    from rocketmq_ops.common.compression import decompress
    from rocketmq_ops.common.errors import CorruptDataError
    from rocketmq_ops.common.sysflag import COMPRESSED_FLAG

    at = int(block.body_at[row])
    body = block.data[at : at + int(block.head["body_length"][row])]
    flags = int(block.head["sys_flag"][row])
    if body and flags & COMPRESSED_FLAG:
        try:
            return decompress(body, flags)
        except CorruptDataError:
            pass
    return body
