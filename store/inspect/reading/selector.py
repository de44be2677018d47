"""Chooses the shortest way to the messages that a selection wants: index, consumequeue, one offset, or the log itself.

Yields blocks with the wanted rows; a block is read from the log in every case, and every record compared with the
selection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.blocks import (
    NO_LIMIT,
    STREAM_WINDOW,
    Broken,
    OnBroken,
    block_at,
    readable_blocks,
)
from rocketmq_ops.store.inspect.reading.lookup import Untrusted, offset_in_id, offsets_of_key
from rocketmq_ops.store.inspect.reading.queue_units import Unit, units_of
from rocketmq_ops.store.inspect.reading.scan import Block, Column, Stop
from rocketmq_ops.store.inspect.reading.selection import Matcher, Selection, narrow_by_time
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

Found = tuple[Block, Column]
SCANNED_QUIETLY = 4 << 20  # bytes beyond the index that are read without a word


class Selector:
    """Runs one selection over a store. `note` gets sentences for people, `on_broken` what cannot be read.

    With `with_broken` records whose body does not match its CRC are given as well (they are reported in any case).
    `slots` is maxHashSlotNum where the index files do not have 1 slot to 4 entries.
    """

    def __init__(
        self,
        store: StoreDirectory,
        selection: Selection,
        *,
        on_broken: OnBroken,
        note: Callable[[str], None] = lambda text: None,
        with_broken: bool = False,
        use_index: bool = True,
        slots: int | None = None,
    ) -> None:
        self._store = store
        self._want = selection
        self._matcher = Matcher(selection)
        self._on_broken = on_broken
        self._note = note
        self._with_broken = with_broken
        self._use_index = use_index
        self._slots = slots
        self._scanned = 0

    def found(self) -> Iterator[Found]:
        """Blocks and the wanted rows in each, in the order of commitlog offsets (of queue offsets for a range of a
        queue)."""
        want = self._want
        if want.message_id is not None or want.key is not None:
            if self._use_index:
                try:
                    yield from self._by_index()
                    return
                except Untrusted as reason:
                    self._note(f"{reason}: the whole log is read instead of the index")
        elif want.topic is not None and want.queue_id is not None and self._queue_range_wanted() and self._use_index:
            try:
                yield from self._by_units()
                return
            except Untrusted as reason:
                self._note(f"{reason}: the whole log is read instead")
        start, end = narrow_by_time(self._store.commitlog, want)
        yield from self._scan(start, end)

    def before(self, end: int) -> Iterator[Found]:
        """What is wanted below a commitlog offset (of a record), read from the log itself."""
        start, stop = narrow_by_time(self._store.commitlog, self._want)
        if start < min(stop, end):
            yield from self._scan(start, min(stop, end))

    def _queue_range_wanted(self) -> bool:
        return self._want.begin_queue_offset > 0 or self._want.end_queue_offset < NO_LIMIT

    def match(self, block: Block) -> Found | None:
        """The wanted rows of a block, broken records left out and reported; None without any."""
        rows = self._matcher.rows(block)
        if len(rows) and block.crc_ok is not None and not bool(block.crc_ok[rows].all()):
            for row in rows[~block.crc_ok[rows]].tolist():
                self._on_broken(
                    Broken(
                        int(block.offsets[row]), int(block.head["size"][row]), "crc", "the body does not match its CRC"
                    )
                )
            if not self._with_broken:
                rows = rows[block.crc_ok[rows]]
        return (block, rows) if len(rows) else None

    def _scan(self, start: int, end: int, *, beside_index: bool = False) -> Iterator[Found]:
        window = min(STREAM_WINDOW, max(4096, end - start))
        for block in readable_blocks(
            self._store.commitlog, self._on_broken, start=start, end=end, window=window, past_zeros=not beside_index
        ):
            if beside_index and self._scanned <= SCANNED_QUIETLY:
                self._scanned += len(block.data)
                if self._scanned > SCANNED_QUIETLY:
                    self._note(f"the index does not cover the log from offset {start} on: that part is read too")
            if int(block.offsets[-1]) >= end:
                block = block.part(slice(0, int((block.offsets < end).sum())))
            found = self.match(block)
            if found is not None:
                yield found

    def _by_index(self) -> Iterator[Found]:
        want = self._want
        if want.message_id is not None:
            at = offset_in_id(want.message_id)
            found = None if at is None else self._single(at)
            if found is not None:
                yield found
                return
        topics = (
            [want.topic]
            if want.topic is not None
            else sorted({topic for topic, _ in [*self._store.queues, *self._store.batch_queues]})
        )
        if not topics:
            raise Untrusted("the topics of the store are unknown: its consumequeue is missing")
        key = want.key if want.key is not None else want.message_id
        assert key is not None
        offsets, index = offsets_of_key(self._store, topics, key, self._slots)
        yield from self._merge(sorted(offsets), index.uncovered())

    def _merge(self, offsets: list[int], uncovered: list[tuple[int, int]]) -> Iterator[Found]:
        """Single records and scanned ranges in the order of the log, none twice."""
        inside = [any(start <= offset < end for start, end in uncovered) for offset in offsets]
        jobs = [(offset, -1) for offset, scanned in zip(offsets, inside, strict=True) if not scanned] + uncovered
        for start, end in sorted(jobs):
            if end >= 0:
                low, high = max(start, self._want.begin_offset), min(end, self._want.end_offset)
                if low < high:
                    yield from self._scan(low, high, beside_index=True)
            elif (found := self._single(start)) is not None:
                yield found

    def _single(self, offset: int) -> Found | None:
        """The record at an offset if it is there and wanted; what is broken there is reported."""
        try:
            item = block_at(self._store.commitlog, offset)
        except RocketMQError as error:
            self._on_broken(Broken(offset, 0, "unreadable", str(error)))
            return None
        if not isinstance(item, Block):
            return None
        return self.match(item)

    def _by_units(self) -> Iterator[Found]:
        want = self._want
        assert want.topic is not None and want.queue_id is not None
        chain = self._store.queues.get((want.topic, want.queue_id))
        if chain is None or not chain.files:
            raise Untrusted(f"the store has no consumequeue of {want.topic} queue {want.queue_id}")
        matcher = Matcher(msgspec.structs.replace(want, tag=None, key=None, message_id=None, body=None, begin_time=0,
                                                  end_time=NO_LIMIT, begin_offset=0, end_offset=NO_LIMIT))  # fmt: skip
        units = units_of(want.topic, want.queue_id, chain, want.begin_queue_offset, want.end_queue_offset)
        for unit in units:
            if unit.pre_blank or unit.size == 0:
                continue
            block = self._record_of(unit, matcher)
            if block is not None and (found := self.match(block)) is not None:
                yield found

    def _record_of(self, unit: Unit, matcher: Matcher) -> Block | None:
        item = block_at(self._store.commitlog, unit.offset, window=max(unit.size, 128))
        where = f"the unit {unit.queue_offset} of {unit.topic} queue {unit.queue_id}"
        if not isinstance(item, Block):
            detail = item.kind if isinstance(item, Stop) else "no file holds this offset"
            self._on_broken(
                Broken(unit.offset, unit.size, "unit", f"{where} points at an offset without a record ({detail})")
            )
            return None
        rows = matcher.rows(item)
        if not len(rows) or int(item.head["queue_offset"][0]) != unit.queue_offset:
            self._on_broken(Broken(unit.offset, unit.size, "unit", f"{where} points at another message"))
            return None
        return item
