"""Finds commitlog offsets without reading the log: by key through the index, by queue offset through consumequeue, by
message id.

What is found is only a hint: the caller reads the records and compares. `Untrusted` says why the log must be read
instead. Mirrors IndexFile.selectPhyOffset and ConsumeQueue.getIndexBuffer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.message_codec import decode_message_id
from rocketmq_ops.common.record_layout import SIZE
from rocketmq_ops.store.index.index_file import index_hash
from rocketmq_ops.store.inspect.reading.index_files import IndexHeaderView, read_header, slots_of
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.layout.index import ENTRY, ENTRY_SIZE, SLOT_SIZE, capacity_of, entry_position, slot_position

MAX_CHAIN = 2_000_000  # entries of one slot; a longer chain means a damaged file


class Untrusted(Exception):  # noqa: N818  not a failure: the log is read instead
    """The index or a consumequeue cannot answer; the text says why."""


class Entry(NamedTuple):
    """One index entry: where it stands, and what it says. `store_time` (ms) is rounded down to the second by the
    format."""

    file: str
    number: int
    slot: int
    key_hash: int
    offset: int
    seconds: int
    store_time: int
    previous: int


class _File(NamedTuple):
    file: StoreFile
    slots: int
    header: IndexHeaderView


def entry_at(file: StoreFile, slots: int, header: IndexHeaderView, number: int) -> Entry:
    """One entry of an index file. Raises Untrusted when the file ends before it."""
    data = file.read(entry_position(slots, number), ENTRY_SIZE)
    if len(data) < ENTRY_SIZE:
        raise Untrusted(f"index/{file.path.name} ends before entry {number}")
    key_hash, offset, seconds, previous = ENTRY.unpack(data)
    time = header.begin_timestamp + seconds * 1000
    return Entry(file.path.name, number, key_hash % slots if slots else 0, key_hash, offset, seconds, time, previous)


class IndexLookup:
    """The index files of a store, as far as they can be believed. Raises Untrusted when they cannot be used at all."""

    def __init__(self, store: StoreDirectory, slots: int | None = None) -> None:
        self._store = store
        self._files = [f for f in (self._open(file, slots) for file in store.index_files) if f is not None]
        if not self._files:
            raise Untrusted("the store has no index entries")

    @staticmethod
    def _open(file: StoreFile, slots: int | None) -> _File | None:
        name = f"index/{file.path.name}"
        header = read_header(file)
        number = slots_of(file.size, slots)
        if header is None or not number:
            raise Untrusted(
                f"{name} has {file.size} bytes, which does not match 1 slot to 4 entries (see --maxHashSlotNum)"
            )
        if header.count <= 1:
            return None
        room = capacity_of(file.size, number)
        if header.count > room or not 0 <= header.begin_phy_offset <= header.end_phy_offset:
            raise Untrusted(f"the header of {name} is damaged")
        # The newest entry of all is the newest of its slot: so much proves the number of slots, and that both were
        # written.
        last = entry_at(file, number, header, header.count - 1)
        slot = file.read(slot_position(last.slot), SLOT_SIZE)
        if last.key_hash < 0 or int.from_bytes(slot, "big") != header.count - 1:
            raise Untrusted(f"the last entry of {name} is not in its slot")
        return _File(file, number, header)

    def uncovered(self) -> list[tuple[int, int]]:
        """The commitlog ranges (start, end) whose records may have no entry: before, between and behind what the files
        cover."""
        ranges: list[tuple[int, int]] = []
        at = self._store.commitlog.min_offset
        for one in self._files:
            if one.header.begin_phy_offset > at:
                ranges.append((at, one.header.begin_phy_offset))
            at = max(at, self._after(one.header.end_phy_offset))
        end = self._store.commitlog.max_offset
        return [*ranges, (at, end)] if end > at else ranges

    def _after(self, offset: int) -> int:
        """Where the record at an offset ends; the offset itself when what is there cannot be its size."""
        size = int.from_bytes(self._store.commitlog.read(offset, SIZE.size), "big", signed=True)
        return offset + size if 0 < size < 1 << 28 else offset

    def find(self, topic: str, key: str, begin_time: int = 0, end_time: int = 1 << 62) -> Iterator[Entry]:
        """The entries whose hash is that of a key, newest first. Raises Untrusted at a chain that is damaged."""
        wanted = index_hash(string_hash(f"{topic}#{key}") & 0xFFFFFFFF)
        for one in reversed(self._files):
            # An entry holds whole seconds, so its time may be up to 1 s early.
            if one.header.begin_timestamp - 1000 <= end_time and one.header.end_timestamp + 1000 >= begin_time:
                yield from self._chain(one, wanted)

    @staticmethod
    def _chain(one: _File, wanted: int) -> Iterator[Entry]:
        slot = wanted % one.slots
        number = int.from_bytes(one.file.read(slot_position(slot), SLOT_SIZE), "big", signed=True)
        limit, steps = one.header.count, 0
        while number != 0:
            if not 0 < number < limit or steps > MAX_CHAIN:
                raise Untrusted(f"the chain of slot {slot} in index/{one.file.path.name} is damaged at entry {number}")
            entry = entry_at(one.file, one.slots, one.header, number)
            if entry.slot != slot or not one.header.begin_phy_offset <= entry.offset <= one.header.end_phy_offset:
                raise Untrusted(f"entry {number} in index/{one.file.path.name} is damaged")
            if entry.key_hash == wanted:
                yield entry
            limit, number, steps = number, entry.previous, steps + 1


def offsets_of_key(
    store: StoreDirectory, topics: list[str], key: str, slots: int | None
) -> tuple[set[int], IndexLookup]:
    """The commitlog offsets that the index gives for a key in some topics. Raises Untrusted."""
    index = IndexLookup(store, slots)
    return {entry.offset for topic in topics for entry in index.find(topic, key)}, index


def offset_in_id(message_id: str) -> int | None:
    """The commitlog offset in what may be an offset message id; None when it cannot be one."""
    try:
        return decode_message_id(message_id)[2]
    except (RocketMQError, ValueError):
        return None
