"""One index file: hash slots and entries that lead from a key's hash to the commitlog offsets of its messages.

What lives here: the bytes of one file (mirrors IndexFile and IndexHeader): putting, following a chain, cutting
the file after a crash, getting disk blocks. What does not: which keys a message has, rolling to the next file and
what survives a crash (`index_service.py`).

A file is a header, `slot_num` slots and room for `index_num` entries (`layout/index.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rocketmq_ops.store.files.filesystem import StoreFile
from rocketmq_ops.store.layout.index import (
    ENTRY,
    ENTRY_FIELDS,
    ENTRY_OFFSET,
    ENTRY_OFFSET_POSITION,
    ENTRY_SIZE,
    HEADER,
    HEADER_SIZE,
    SLOT,
    SLOT_FIELDS,
    SLOT_SIZE,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Store timestamp (ms) of the record at a commitlog offset, -1 when it is not there.
StoreTime = Callable[[int], int]

_INT_MAX = 0x7FFFFFFF
#: So much later than its entry says may a message have been stored, ms.
_UNIT_MS = 999

#: Blocks for slots are taken in chunks of this many bytes as they are hit, so that a broker with few messages
#: takes little disk, and all at once as soon as more than _FEW_CHUNKS are in use.
_CHUNK_BITS = 16
_FEW_CHUNKS = 16
_ENTRIES_STEP = 256 * 1024
_PAGE = 4096
#: So many pages without an entry behind the last one are the end of what was written.
_EMPTY_PAGES = 16
#: Entries of a chain that are looked at in one step.
STEP = 4_096
#: Entries from which slots are made anew at once: some 20 MB of memory.
_REBUILT_AT_ONCE = 1 << 20

_pack_header = HEADER.pack_into
_pack_entry = ENTRY.pack_into
_pack_slot = SLOT.pack_into
_unpack_slot = SLOT.unpack_from
_unpack_entry = ENTRY.unpack_from


def index_hash(java_hash: int) -> int:
    """The hash an entry holds: the absolute value of String.hashCode (given unsigned), 0 where that overflows."""
    return (0x100000000 - java_hash) & _INT_MAX if java_hash > _INT_MAX else java_hash


class IndexFile:
    """An open index file. `count` is the number that the next entry gets; the first one is 1."""

    __slots__ = (
        "_chunks",
        "_entry_limit",
        "_few",
        "_fresh",
        "_second_of",
        "_seconds",
        "_slots_ready",
        "begin_phy_offset",
        "begin_timestamp",
        "count",
        "end_phy_offset",
        "end_timestamp",
        "entries_at",
        "file",
        "index_num",
        "name",
        "name_durable",
        "slot_count",
        "slot_num",
        "synced_count",
        "view",
    )  # fmt: skip

    def __init__(self, file: StoreFile, slot_num: int, index_num: int, *, fresh: bool) -> None:
        """Read the header of a file. A `fresh` one is all zeros; raises OSError when the header has no disk block."""
        self.file = file
        self.name = int(file.path.rpartition("/")[2])
        #: False until the folder was synced after the file was created.
        self.name_durable = not fresh
        self._fresh = fresh
        self.slot_num = slot_num
        self.index_num = index_num
        self.view = file.view
        self.entries_at = HEADER_SIZE + slot_num * SLOT_SIZE
        self._slots_ready = False
        self._chunks = bytearray(((self.entries_at - 1) >> _CHUNK_BITS) + 1)
        self._few = _FEW_CHUNKS
        #: Entries below this number have disk blocks.
        self._entry_limit = 0
        #: Store timestamp (ms) of the message put last, and its seconds since the begin timestamp.
        self._second_of = -1
        self._seconds = 0
        if fresh:
            self._reserve_chunk(0)
        else:
            file.reserve(0, HEADER_SIZE)
        self._take_header(HEADER.unpack_from(file.view, 0))
        #: Entries below this number are durable, with their slots.
        self.synced_count = 0 if fresh else self.count

    def _take_header(self, fields: tuple[int, ...]) -> None:
        (
            self.begin_timestamp, self.end_timestamp, self.begin_phy_offset, self.end_phy_offset,
            self.slot_count, count,
        ) = fields  # fmt: skip
        self.count = min(max(1, count), self.index_num)  # a damaged header must not lead out of the file
        self._second_of = -1

    # -- disk blocks

    def _reserve_chunk(self, chunk: int) -> None:
        """Get blocks for one chunk of the slots, or for all of them. Raises OSError (ENOSPC)."""
        if self._few <= 0 or len(self._chunks) <= 4:
            try:
                self.file.reserve(0, self.entries_at)
            except OSError:
                self._few = _FEW_CHUNKS
            else:
                self._slots_ready = True
                return
        start = chunk << _CHUNK_BITS
        self.file.reserve(start, min(start + (1 << _CHUNK_BITS), self.entries_at))
        self._chunks[chunk] = 1
        self._few -= 1

    def _reserve_entries(self, count: int, last: int) -> None:
        """Get blocks for the entries from `count` to before `last` and some more. Raises OSError (ENOSPC)."""
        start = self.entries_at + count * ENTRY_SIZE
        need = self.entries_at + last * ENTRY_SIZE
        end = min(self.file.size, (need // _ENTRIES_STEP + 1) * _ENTRIES_STEP)
        try:
            self.file.reserve(start, end)
        except OSError:
            end = need
            self.file.reserve(start, end)
        self._entry_limit = (end - self.entries_at) // ENTRY_SIZE

    # -- putting

    @property
    def full(self) -> bool:
        """True when another file has to take the next key."""
        return self.count >= self.index_num

    def begin_after(self, previous: IndexFile) -> None:
        """Let a new file take up where the previous one ends."""
        self.begin_timestamp = self.end_timestamp = previous.end_timestamp
        self._second_of = -1
        self.begin_phy_offset = self.end_phy_offset = previous.end_phy_offset
        self.write_header()

    def put_message(self, hashes: list[int], phy_offset: int, store_timestamp: int) -> int:
        """Add an entry for each key of a message, as `index_hash` gives them; returns how many found room.

        `store_timestamp` in ms. Raises OSError (ENOSPC); entries made until then stay, but the header does not tell
        of them. It is written once, after the last key: of a process that is killed between two keys the message
        is not in the index."""
        view = self.view
        slot_num = self.slot_num
        count = before_all = self.count
        last = count + len(hashes)
        if last > self.index_num:
            last = self.index_num
            hashes = hashes[: max(0, last - count)]
        if last > self._entry_limit:
            self._reserve_entries(count, last)
        if store_timestamp != self._second_of:
            self._new_second(store_timestamp)
        if count == 1 and hashes:
            self._put_first(hashes[0], phy_offset, store_timestamp)
            hashes = hashes[1:]
            count = 2
        seconds = self._seconds
        at = self.entries_at + count * ENTRY_SIZE
        try:
            for key_hash in hashes:
                position = HEADER_SIZE + key_hash % slot_num * SLOT_SIZE
                if not self._slots_ready and not self._chunks[position >> _CHUNK_BITS]:
                    self._reserve_chunk(position >> _CHUNK_BITS)
                (before,) = _unpack_slot(view, position)
                if not 0 < before < count:
                    before = 0
                    self.slot_count += 1
                _pack_entry(view, at, key_hash, phy_offset, seconds, before)
                _pack_slot(view, position, count)
                count += 1
                at += ENTRY_SIZE
        finally:
            added = count - before_all
            self.count = count
        self.end_phy_offset = phy_offset
        self.end_timestamp = store_timestamp
        _pack_header(
            view, 0, self.begin_timestamp, store_timestamp, self.begin_phy_offset, phy_offset, self.slot_count, count
        )
        return added

    def reserve_block(self, count: int, positions: NDArray[np.int64]) -> None:
        """Get blocks for the next `count` entries and for slots at these positions of the file. Raises OSError."""
        last = self.count + count
        if last > self._entry_limit:
            self._reserve_entries(self.count, last)
        if not self._slots_ready:
            for chunk in set((positions >> _CHUNK_BITS).tolist()):
                if not self._slots_ready and not self._chunks[chunk]:
                    self._reserve_chunk(chunk)

    def note_block(self, count: int, new_slots: int, phy_offset: int, store_timestamp: int) -> None:
        """Count entries that were put into the mapping, the last one of this message, and write the header."""
        self.count += count
        self.slot_count += new_slots
        self.end_phy_offset = phy_offset
        self.end_timestamp = store_timestamp
        self._second_of = -1
        self.write_header()

    def _put_first(self, key_hash: int, phy_offset: int, store_timestamp: int) -> None:
        """Add the first entry of the file. Raises OSError."""
        position = HEADER_SIZE + key_hash % self.slot_num * SLOT_SIZE
        if not self._slots_ready and not self._chunks[position >> _CHUNK_BITS]:
            self._reserve_chunk(position >> _CHUNK_BITS)
        # Apache's first entry counts its seconds from the end of the previous file.
        _pack_entry(self.view, self.entries_at + ENTRY_SIZE, key_hash, phy_offset, self._seconds, 0)
        _pack_slot(self.view, position, 1)
        self.slot_count += 1
        self.begin_phy_offset = phy_offset
        self.begin_timestamp = store_timestamp
        self._new_second(store_timestamp)
        self.count = 2

    def _new_second(self, store_timestamp: int) -> None:
        """Seconds since the begin timestamp, as the entries of a message of this time get them."""
        self._second_of = store_timestamp
        seconds = (store_timestamp - self.begin_timestamp) // 1000 if self.begin_timestamp > 0 else 0
        self._seconds = min(max(seconds, 0), _INT_MAX)

    def header(self) -> bytes:
        """The header as it should be now."""
        return HEADER.pack(
            self.begin_timestamp, self.end_timestamp, self.begin_phy_offset, self.end_phy_offset, self.slot_count,
            self.count,
        )  # fmt: skip

    def write_header(self) -> None:
        """Write the header into the mapping."""
        self.view[:HEADER_SIZE] = self.header()

    # -- reading

    def time_matched(self, begin: int, end: int) -> bool:
        """True when messages of the file may lie in the time window [begin, end] (ms)."""
        return begin <= self.end_timestamp and end >= self.begin_timestamp

    def select(
        self, key_hash: int, max_num: int, begin: int, end: int, offsets: list[int], store_time: StoreTime
    ) -> Iterator[None]:
        """Append commitlog offsets of a key's messages, newest first, until there are `max_num` in the list.

        Every `STEP` entries there is a step: a key that all messages have makes one chain of the whole file.

        Other keys of equal hash are among them. An entry holds whole seconds, so that a message of the last second
        before `begin` or `end` (ms) is judged by the `store_time` of its record, where Apache's broker misses it or
        gives one too many (mirrors selectPhyOffset)."""
        position = HEADER_SIZE + key_hash % self.slot_num * SLOT_SIZE
        view = self.view
        if self._slots_ready or self._chunks[position >> _CHUNK_BITS]:
            (number,) = _unpack_slot(view, position)
        elif self._fresh:
            return  # a slot nobody has written to
        else:  # perhaps in a hole, which takes a disk block on some file systems when it is read in the mapping
            (number,) = SLOT.unpack(self.file.read(position, SLOT_SIZE))
        limit = self.count
        looked_at = 0
        while 0 < number < limit and len(offsets) < max_num:
            looked_at += 1
            if not looked_at % STEP:
                yield
            found, phy_offset, seconds, before = _unpack_entry(view, self.entries_at + number * ENTRY_SIZE)
            if seconds < 0:
                return
            # The first entry counts its seconds from the file before, see `_put_first`; the file begins with it.
            time = self.begin_timestamp + (seconds * 1000 if number > 1 else 0)
            if found == key_hash and begin <= time + _UNIT_MS and time <= end and phy_offset not in offsets:
                inside = begin <= time and time + _UNIT_MS <= end
                if inside or begin <= store_time(phy_offset) <= end:
                    offsets.append(phy_offset)
            if time + _UNIT_MS < begin:
                return
            # A chain only ever leads to older entries; anything else is damage and ends it.
            limit, number = number, before

    def entry(self, number: int) -> tuple[int, int, int, int]:
        """Hash, commitlog offset, seconds and the number of the entry before; 1 <= number < count."""
        fields: tuple[int, int, int, int] = _unpack_entry(self.view, self.entries_at + number * ENTRY_SIZE)
        return fields

    def dirty_again(self) -> None:
        """Touch every page that may hold data, so that the next sync writes it once more."""
        view = self.view
        for chunk in range(len(self._chunks)):
            if self._slots_ready or self._chunks[chunk]:
                start = chunk << _CHUNK_BITS
                for position in range(start, min(start + (1 << _CHUNK_BITS), self.entries_at), _PAGE):
                    if any(view[position : min(position + _PAGE, self.entries_at)]):
                        view[position] = view[position]
        first, end = self.entries_at + ENTRY_SIZE, self.entries_at + self.count * ENTRY_SIZE
        for position in range(first, end, _PAGE):
            view[position] = view[position]
        if first < end:
            view[end - 1] = view[end - 1]

    # -- after a crash

    def first_at_or_above(self, phy_offset: int) -> int:
        """Number of the first entry whose commitlog offset is not below `phy_offset`; `count` if there is none."""
        low, high, offsets_at = 1, self.count, self.entries_at + ENTRY_OFFSET_POSITION
        while low < high:
            middle = (low + high) // 2
            (found,) = ENTRY_OFFSET.unpack_from(self.view, offsets_at + middle * ENTRY_SIZE)
            if found < phy_offset:
                low = middle + 1
            else:
                high = middle
        return low

    def cut(self, count: int) -> None:
        """Forget the entries from number `count` on, and let every slot point to the newest one that is left.

        What the slots say counts for nothing: the bytes of one are written one after another, so a process that is
        killed between them leaves a number that is neither the old nor the new one, and may lead to others' entries.

        Raises OSError when there are no blocks for the slots."""
        import numpy as np  # only needed after a crash; takes a tenth of a second and 20 MB

        self.file.reserve(0, self.entries_at)
        self._slots_ready = True
        slots: NDArray[np.int32] = np.frombuffer(self.view[HEADER_SIZE : self.entries_at], SLOT_FIELDS.column("newest"))
        newest = np.zeros(self.slot_num, np.int32)
        for first in range(1, count, _REBUILT_AT_ONCE):
            end = min(count, first + _REBUILT_AT_ONCE)
            part = self.view[self.entries_at + first * ENTRY_SIZE : self.entries_at + end * ENTRY_SIZE]
            hashes = np.frombuffer(part, ENTRY_FIELDS.dtype)["hash"]
            newest[hashes % self.slot_num] = np.arange(first, end)  # of equal slots the last one stays
        wrong = np.flatnonzero(slots != newest)
        slots[wrong] = newest[wrong]
        self.slot_count = int(np.count_nonzero(slots))
        self.count = count
        if count > 1:
            _, self.end_phy_offset, seconds, _ = self.entry(count - 1)
            self.end_timestamp = min(self.end_timestamp, self.begin_timestamp + seconds * 1000 + 999)
        self.synced_count = 0
        self._entry_limit = 0
        self._clear_behind()
        self.write_header()

    def _clear_behind(self) -> None:
        """Zero what is left of entries behind the last one: where messages are lost no others may take their place, and
        a check would take them for entries that the header does not count."""
        start = self.entries_at + self.count * ENTRY_SIZE
        empty = 0
        for page in range(start - start % _PAGE, self.file.size, _PAGE):
            part = self.view[max(page, start) : page + _PAGE]
            if bytes(part).strip(b"\0"):
                part[:] = bytes(len(part))
                empty = 0
            elif (empty := empty + 1) == _EMPTY_PAGES:
                break

    def restore(self, header: bytes) -> None:
        """Bring the file back to a header that was noted when it was durable. Raises OSError."""
        fields = HEADER.unpack(header)
        self._take_header(fields)
        self.cut(self.count)
        self._take_header(fields)
        self.write_header()
