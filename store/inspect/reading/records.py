"""Reads the records of a commitlog that match a selection, block by block, getting past what is broken.

Which ranges are read at all is decided here and in `lookup.py`, which asks index and consumequeue; how a record looks
as text is in `view/message_lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from rocketmq_ops.common.tags import split_tags
from rocketmq_ops.store.inspect.reading.property_bytes import finder
from rocketmq_ops.store.inspect.reading.resync import find_blank, first_nonzero, next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Column, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreFile

STREAM_WINDOW = 1 << 19  # bytes a block: columns of a block then stay in the cache, and memory small
NO_LIMIT = 1 << 62
_COLUMNS = (
    "starts", "offsets", "head", "body_at", "topic_at", "topic_length", "properties_at", "properties_length",
)  # fmt: skip


class Broken(NamedTuple):
    """A range of the commitlog, or one record, that cannot be read or not be believed; `length` in bytes, 0 when
    unknown."""

    offset: int
    length: int
    reason: str
    detail: str


OnBroken = Callable[[Broken], None]


class Selection(msgspec.Struct, kw_only=True):
    """Which messages are wanted; None and the widest ranges mean all.

    Ranges are half-open except the times (ms, both ends included). `tag` may name several, separated by `||`.
    `key` matches one of KEYS or the unique key; `message_id` the offset message id or the unique key; `body` is
    searched in the plain (decompressed) body.
    """

    begin_offset: int = 0
    end_offset: int = NO_LIMIT
    topic: str | None = None
    queue_id: int | None = None
    begin_queue_offset: int = 0
    end_queue_offset: int = NO_LIMIT
    begin_time: int = 0
    end_time: int = NO_LIMIT
    tag: str | None = None
    key: str | None = None
    message_id: str | None = None
    body: Any = None  # re.Pattern[bytes]

    @property
    def by_properties(self) -> bool:
        """True when properties or bodies must be looked at."""
        return self.tag is not None or self.key is not None or self.message_id is not None or self.body is not None


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
            on_broken(Broken(low, high - low, "missing", "the files of this range are not there"))
    unfinished: Broken | None = None
    for file in chain.files:
        if file.end <= start or file.base >= end:
            continue
        position = 0
        if start > file.base:
            found = _first_record(file, start - file.base, past_zeros)
            if found is None:
                continue
            position = found
        for item in _file_blocks(file, position, crc, window, past_zeros):
            if isinstance(item, Broken) and item.reason == "zero":
                unfinished = unfinished or item  # the end if nothing follows in later files, else a hole
                continue
            if unfinished is not None and unfinished.offset < end:
                on_broken(unfinished._replace(reason="hole", detail="nothing is written here, but records follow"))
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
    return rows_of_block(item, slice(0, 1)) if isinstance(item, Block) else item


def rows_of_block(block: Block, rows: slice) -> Block:
    """The block of some of a block's records."""
    cut: dict[str, Any] = {name: getattr(block, name)[rows] for name in _COLUMNS}
    return Block(block.file, block.data, **cut, crc_ok=None if block.crc_ok is None else block.crc_ok[rows])


def time_range_of_files(chain: FileChain) -> list[int]:
    """The store timestamp (ms) of each file's first record, 0 where it cannot be read."""
    times = []
    for file in chain.files:
        item = next(walk_file(file, 0, crc=False, window=4096), None) if file.size else None
        times.append(int(item.head["store_timestamp"][0]) if isinstance(item, Block) else 0)
    return times


def narrow_by_time(chain: FileChain, selection: Selection) -> tuple[int, int]:
    """The offsets (start, end) that can hold records of the wanted times, by whole files.

    When the files' first times do not ascend (a clock was set back), nothing is left out.
    """
    start, end = selection.begin_offset, selection.end_offset
    if selection.begin_time <= 0 and selection.end_time >= NO_LIMIT:
        return start, end
    times = time_range_of_files(chain)
    if 0 in times[:-1] or any(b < a for a, b in pairwise(times) if b):
        return start, end
    for file, following in zip(chain.files, times[1:], strict=False):
        if 0 < following < selection.begin_time:
            start = max(start, file.base + chain.file_size)
    for file, first in zip(chain.files, times, strict=True):
        if first > selection.end_time:
            end = min(end, file.base)
            break
    return start, end


class Matcher:
    """Tells which records of a block a selection wants."""

    def __init__(self, selection: Selection) -> None:
        self._wanted = selection
        self._topic = None if selection.topic is None else selection.topic.encode()
        tags = split_tags(selection.tag)
        self._tags = None if tags is None else {tag.encode() for tag in tags}
        self._key = None if selection.key is None else selection.key.encode()
        self._id = None if selection.message_id is None else selection.message_id.strip()
        self._find = finder(b"TAGS", b"KEYS", b"UNIQ_KEY").findall

    def rows(self, block: Block) -> Column:
        """The indices of the wanted records, ascending."""
        want, head = self._wanted, block.head
        mask = (block.offsets >= want.begin_offset) & (block.offsets < want.end_offset)
        if want.begin_time > 0 or want.end_time < NO_LIMIT:
            mask &= (head["store_timestamp"] >= want.begin_time) & (head["store_timestamp"] <= want.end_time)
        if want.queue_id is not None:
            mask &= head["queue_id"] == want.queue_id
        if want.begin_queue_offset > 0 or want.end_queue_offset < NO_LIMIT:
            numbers = head["queue_offset"]
            mask &= (numbers >= want.begin_queue_offset) & (numbers < want.end_queue_offset)
        if self._topic is not None:
            mask &= block.topic_length == len(self._topic)
        rows = np.flatnonzero(mask)
        if self._topic is not None and len(rows):
            topic = self._topic
            names = block.slices(block.topic_at[rows], block.topic_length[rows])
            rows = rows[np.fromiter((name == topic for name in names), np.bool_, len(rows))]
        if want.by_properties and len(rows):
            rows = rows[np.fromiter((self._one(block, i) for i in rows.tolist()), np.bool_, len(rows))]
        return rows

    def _one(self, block: Block, row: int) -> bool:
        at = int(block.properties_at[row])
        properties = block.data[at : at + int(block.properties_length[row])]
        found = dict(self._find(properties))
        if self._tags is not None and found.get(b"TAGS") not in self._tags:
            return False
        unique = found.get(b"UNIQ_KEY")
        if self._key is not None and unique != self._key and self._key not in found.get(b"KEYS", b"").split(b" "):
            return False
        if (
            self._id is not None
            and (unique or b"").decode("utf-8", "replace") != self._id
            and offset_message_id(block, row) != self._id.upper()
        ):
            return False
        return self._wanted.body is None or self._wanted.body.search(plain_body(block, row)) is not None


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
