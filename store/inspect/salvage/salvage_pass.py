"""The pass of a salvage over the damaged log: judges each block, numbers its messages, writes what is whole, notes all
else.

A block is handled when the next one was read, since its last record is judged by what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from rocketmq_ops.common.record_layout import QUEUE_OFFSET_POSITION, RECORD
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.common.topics import TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC
from rocketmq_ops.store.inspect.reading.batch_queues import units_of_records
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.property_bytes import property_of
from rocketmq_ops.store.inspect.reading.resync import find_blank, first_nonzero, next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Column, Stop, single_block, walk_file
from rocketmq_ops.store.inspect.reading.store_files import StoreFile
from rocketmq_ops.store.inspect.salvage.arrange import Arranged
from rocketmq_ops.store.inspect.salvage.judge import Judge, Judged, Neighbour, neighbour_of
from rocketmq_ops.store.inspect.salvage.mend import MAX_RECORD, Mend, mend
from rocketmq_ops.store.inspect.salvage.new_log import LogWriter
from rocketmq_ops.store.inspect.salvage.numbering import KeptNumbers, Numbering
from rocketmq_ops.store.inspect.salvage.proof import Changed, Dropped, Kept, ProofWriter, Shift, Total, Value, digest
from rocketmq_ops.store.inspect.salvage.record_fields import read_field, with_fields
from rocketmq_ops.store.inspect.salvage.saved_block import saved_block
from rocketmq_ops.store.inspect.salvage.transactions import moved_numbers, moved_property
from rocketmq_ops.store.layout.record_crc import has_record_crc

RUN_WINDOW: Final = 2 << 20  # bytes: two blocks are held at a time
HALF_NUMBER: Final = b"TRAN_PREPARED_QUEUE_OFFSET"
QUEUE_OFFSET_DTYPE: Final = RECORD.column("queue_offset")
QUEUE_OFFSET_COLUMNS: Final = QUEUE_OFFSET_POSITION + np.arange(QUEUE_OFFSET_DTYPE.itemsize)


@dataclass(slots=True)
class Gap:
    """A range that holds no records: commitlog offset, bytes and why."""

    offset: int
    size: int
    reason: str


@dataclass(slots=True)
class Mended:
    """A record that was mended, as a block of its own."""

    block: Block
    mend: Mend


@dataclass(slots=True)
class Border:
    """The begin of a file or, without a base, its end; `last`: the log ends in it."""

    base: int | None
    last: bool = False


@dataclass(slots=True)
class Numbers:
    """The queue offsets of a block: new ones by record, by how much they moved, where the distance changes, which were
    wrong."""

    topics: list[str]
    queue_ids: Column
    new: Column
    by: Column
    cuts: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)


class SalvageRun:
    """Call `all_files` once; then `total` and `numbering` say what became of records and queues. The `consumers` are
    given the blocks as they are written, with their dispatch."""

    def __init__(
        self,
        arranged: Arranged,
        target: Path,
        proof: ProofWriter,
        judge: Judge,
        consumers: Sequence[Callable[[Block, DispatchColumns], None]] = (),
        batch_topics: frozenset[str] = frozenset(),
    ) -> None:
        self.total = Total()
        self.numbering: dict[tuple[str, int], Numbering] = {}
        self.kept_numbers: dict[tuple[str, int], KeptNumbers] = {}  # of batch queues
        self._batch_topics = batch_topics
        self.mended: set[int] = set()  # offsets of the records that could not be read as they were
        self._arranged = arranged
        self._proof = proof
        self._judge = judge
        self._consumers = consumers
        self._writer = LogWriter(target / "commitlog", arranged.size)
        self._before: Neighbour | None = None

    def all_files(self, progress: Callable[[int], None] | None = None) -> None:
        """Every file in turn; a missing file between two becomes one that is all blank."""
        pending: list[Judged | Gap | Border] = []
        try:
            for event in self._events():
                if isinstance(event, Block | Mended):
                    judged = self._judge_event(event)
                    self._handle(pending, judged)
                    pending = [judged]
                    if progress:
                        progress(int(judged.block.offsets[-1]))
                else:
                    pending.append(event)
            self._handle(pending, None)
        finally:
            self._writer.close()

    def _judge_event(self, event: Block | Mended) -> Judged:
        if isinstance(event, Block):
            return self._judge.judge(event)
        judged = self._judge.judge(event.block)
        judged.mended = event.mend
        self.mended.add(int(event.block.offsets[0]))
        return judged

    def _events(self) -> Iterator[Block | Mended | Gap | Border]:
        size, files = self._arranged.size, self._arranged.chain.files
        last = max((f.base for f in files if next_record(f, 0) is not None), default=-1)
        expected = self._arranged.chain.min_offset
        for file in files:
            if file.base > last:
                return
            while expected < file.base:
                yield Border(expected)
                yield Gap(expected, size, "missing-file")
                yield Border(None)
                expected += size
            yield Border(file.base)
            open_end = yield from self._file(file, last=file.base == last)
            yield Border(None, last=open_end and file.base == last)
            expected = file.base + size

    def _file(self, file: StoreFile, *, last: bool) -> Generator[Block | Mended | Gap, None, bool]:
        """The blocks of a file and the gaps between them; returns whether no blank ended it."""
        position = 0
        while True:
            stop: Stop | None = None
            for item in walk_file(file, position, window=RUN_WINDOW):
                if isinstance(item, Stop):
                    stop = item
                    break
                yield item
            assert stop is not None
            position = stop.offset - file.base
            if stop.kind in ("blank", "full"):
                break
            mended = mend(file.read(position, MAX_RECORD), stop.offset)
            if mended is not None:
                yield Mended(single_block(file, mended.after, position), mended)
                position += len(mended.after)
                continue
            resumed = next_record(file, position + 1)
            if resumed is None:
                break
            yield Gap(stop.offset, resumed - position, stop.kind)
            position = resumed
        if stop.kind not in ("blank", "full"):
            end = find_blank(file, position) or self._arranged.size
            if not last or first_nonzero(file, position) is not None:
                yield Gap(stop.offset, end - position, "torn" if last else stop.kind)
        elif stop.kind == "full" and not last and self._arranged.size - position > 8:
            yield Gap(stop.offset, self._arranged.size - position, "short-file")
        return stop.kind != "blank"

    def _handle(self, pending: list[Judged | Gap | Border], following: Judged | None) -> None:
        for event in pending:
            if isinstance(event, Judged):
                self._block(event, following)
            elif isinstance(event, Gap):
                self._drop(Dropped(offset=event.offset, size=event.size, reason=event.reason))
            elif event.base is not None:
                self._writer.open(event.base)
            else:
                if not event.last:
                    self._writer.blank()
                self._writer.close()

    def _block(self, judged: Judged, following: Judged | None) -> None:
        after = None
        if following is not None and following.good.any():
            after = neighbour_of(following, int(np.argmax(following.good)))
        self._judge.settle(judged, self._before, after)
        first = int(np.argmax(judged.good)) if judged.good.any() else -1
        if first >= 0 and not self._writer.room_before(int(judged.block.offsets[first])):
            # Too little room for a filler: it can only be where something was that is not a record of the log.
            judged.drop(first, "no-room")
        numbers = self._number(judged, following)
        borders = np.flatnonzero(np.diff(judged.good.astype(np.int8)) != 0) + 1
        for start, end in zip([0, *borders.tolist()], [*borders.tolist(), judged.block.count], strict=True):
            if judged.good[start]:
                self._keep(judged, numbers, start, end)
            else:
                for i in range(start, end):
                    self._drop_record(judged, i)
        if judged.good.any():
            saved = saved_block(judged, numbers.queue_ids, numbers.new, self._judge)
            for consume in self._consumers:
                consume(*saved)

    def _number(self, judged: Judged, following: Judged | None) -> Numbers:
        """The new queue offsets of the block's messages; those of one queue follow each other without holes."""
        block, head = judged.block, judged.block.head
        old = head["queue_offset"].astype(np.int64)
        queue_ids, topics, names = head["queue_id"].astype(np.int64), judged.dispatch.topic_ids.copy(), _names(judged)
        for i, changes in judged.changes.items():
            old[i] = changes.get("queueOffset", int(old[i]))
            queue_ids[i] = changes.get("queueId", int(queue_ids[i]))
            if isinstance(name := changes.get("topic"), bytes):
                topics[i] = _topic_id(names, name.decode())
        queued = judged.good & is_queued(judged)
        numbers = Numbers(names, queue_ids, old.copy(), np.zeros(block.count, np.int64))
        rows = np.flatnonzero(queued)
        if not len(rows):
            return numbers
        ahead = _first_numbers(following)
        order = np.lexsort((queue_ids[rows], topics[rows]))
        rows = rows[order]
        borders = np.flatnonzero((np.diff(topics[rows]) != 0) | (np.diff(queue_ids[rows]) != 0)) + 1
        for part in np.split(rows, borders):
            key = (names[int(topics[part[0]])], int(queue_ids[part[0]]))
            if key[0] in self._batch_topics:
                kept = self.kept_numbers.setdefault(key, KeptNumbers())
                units = units_of_records(block, judged.dispatch, part)
                kept.seen(int((units["base"] + units["count"]).max()))
                continue
            state = self.numbering.setdefault(key, Numbering())
            new, breaks, wrong = state.assign(old[part], block.offsets[part], ahead.get(key))
            numbers.new[part] = new
            numbers.cuts.update(int(part[i]) for i in breaks if i < len(part))
            numbers.wrong.update(part[wrong].tolist() if wrong else ())
        numbers.by[rows] = head["queue_offset"][rows].astype(np.int64) - numbers.new[rows]
        self._transactions(judged, numbers, rows)
        return numbers

    def _transactions(self, judged: Judged, numbers: Numbers, rows: Column) -> None:
        """Messages that name offsets of the half queue, where those moved."""
        halves = {q: s for (t, q), s in self.numbering.items() if t == TRANS_HALF_TOPIC and s.moved}
        if not halves:
            return
        topic_ids, names = judged.dispatch.topic_ids, numbers.topics
        wanted = [names.index(t) for t in (TRANS_OP_HALF_TOPIC, TRANS_HALF_TOPIC) if t in names]
        for i in rows[np.isin(topic_ids[rows], wanted)].tolist():
            half = halves.get(int(numbers.queue_ids[i]))
            if half is None:
                continue
            if names[int(topic_ids[i])] == TRANS_OP_HALF_TOPIC:
                start = int(judged.block.body_at[i])
                body = judged.block.data[start : start + int(judged.block.head["body_length"][i])]
                if (moved := moved_numbers(body, half)) != body:
                    judged.change(i, "body", moved, "half queue")
            elif property_of(judged.dispatch.properties[i], HALF_NUMBER) is not None:
                properties = moved_property(judged.dispatch.properties[i], HALF_NUMBER, half)
                if properties != judged.dispatch.properties[i]:
                    judged.change(i, "properties", properties, "half queue")

    def _keep(self, judged: Judged, numbers: Numbers, start: int, end: int) -> None:
        """Write a run of neighbouring whole records; those that change in more than a shift are listed one by one."""
        single = set(judged.changes) | numbers.wrong | ({0} if judged.mended else set())
        moved = start + np.flatnonzero(numbers.by[start:end])
        single.update(i for i in moved.tolist() if has_record_crc(judged.dispatch.properties[i]))
        stops = sorted(i for i in single | numbers.cuts if start <= i < end)
        at = start
        for i in stops:
            self._write_run(judged, numbers, at, i)
            at = i
            if i in single:
                self._write_changed(judged, i, numbers)
                at = i + 1
        self._write_run(judged, numbers, at, end)
        self._before = neighbour_of(judged, end - 1)

    def _write_run(self, judged: Judged, numbers: Numbers, start: int, end: int) -> None:
        if start >= end:
            return
        block = judged.block
        first, last = int(block.starts[start]), int(block.starts[end - 1] + block.head["size"][end - 1])
        data = before = block.data[first:last]
        rows = start + np.flatnonzero(numbers.by[start:end])
        shifts: list[Shift] = []
        if len(rows):
            data = _with_offsets(before, block.starts[rows] - first, numbers.new[rows])
            topics = judged.dispatch.topic_ids[rows].tolist()
            places = set(zip(topics, numbers.queue_ids[rows].tolist(), numbers.by[rows].tolist(), strict=True))
            shifts = [Shift(numbers.topics[t], q, by) for t, q, by in sorted(places)]
        offset = int(block.offsets[start])
        self._writer.write(offset, data, self._neighbour(judged, start))
        self._proof.add(
            Kept(offset=offset, size=len(data), records=end - start, sha256=digest(data), shifts=shifts,
                 sha256_before=digest(before) if shifts else None)
        )  # fmt: skip
        self.total.kept += end - start
        self.total.changed += len(rows)
        self._before = neighbour_of(judged, end - 1)

    def _write_changed(self, judged: Judged, i: int, numbers: Numbers) -> None:
        before = now = judged.block.record(i)
        values = dict(judged.changes.get(i, {}))
        why = list(judged.why.get(i, []))
        if judged.mended is not None:
            before = judged.mended.before
            values.setdefault(judged.mended.field, judged.mended.value)
            why.append("lengths and CRC")
        if numbers.by[i]:
            values["queueOffset"] = int(numbers.new[i])
        else:
            values.pop("queueOffset", None)  # what was wrong with it is what the new number happens to be
        if not values:
            self._write_run(judged, numbers, i, i + 1)
            return
        after = with_fields(now, values)
        offset = int(judged.block.offsets[i])
        old = {name: read_field(before, name, layout=after) for name in values}
        fields = {name: (_shown(old[name]), _shown(value)) for name, value in values.items()}
        reasons = ", ".join(dict.fromkeys([*why, *(["numbering"] if numbers.by[i] else [])]))
        self._writer.write(offset, after, self._neighbour(judged, i))
        self._proof.add(Changed.of(offset, before, after, fields, reasons))
        self.total.kept += 1
        self.total.changed += 1
        self._before = neighbour_of(judged, i)

    def _neighbour(self, judged: Judged, i: int) -> Neighbour:
        return self._before or neighbour_of(judged, i)

    def _drop_record(self, judged: Judged, i: int) -> None:
        head = judged.block.head
        self._drop(
            Dropped(
                offset=int(judged.block.offsets[i]), size=int(head["size"][i]), reason=judged.reasons[i],
                topic=judged.dispatch.topic(i), queue_id=int(head["queue_id"][i]),
                queue_offset=int(head["queue_offset"][i]),
            )
        )  # fmt: skip

    def _drop(self, line: Dropped) -> None:
        """Note what is lost; the gap is filled when the next record (or the blank) is written."""
        if line.size > 0:
            self._proof.add(line)
            self.total.dropped += 1
            self.total.dropped_bytes += line.size


def is_queued(judged: Judged) -> Column:
    """Which records get a consumequeue unit, by their new sysFlag."""
    queued: Column = judged.dispatch.queued
    for i, changes in judged.changes.items():
        if isinstance(flag := changes.get("sysFlag"), int):
            queued[i] = flag & TRANSACTION_MASK in (TRANSACTION_NOT_TYPE, TRANSACTION_COMMIT_TYPE)
    return queued


def _names(judged: Judged) -> list[str]:
    return [name.decode("utf-8", "replace") for name in judged.dispatch.topics]


def _topic_id(names: list[str], topic: str) -> int:
    if topic not in names:
        names.append(topic)
    return names.index(topic)


def _first_numbers(judged: Judged | None) -> dict[tuple[str, int], int]:
    """The first queue offset of each queue in a block, as its records say it."""
    if judged is None:
        return {}
    rows = np.flatnonzero(judged.good & judged.dispatch.queued)
    head = judged.block.head
    pairs = judged.dispatch.topic_ids[rows] << 17 | head["queue_id"][rows].astype(np.int64) & 0x1FFFF
    first = rows[np.unique(pairs, return_index=True)[1]].tolist()
    result = {}
    for i in first:
        number = judged.changes.get(i, {}).get("queueOffset", int(head["queue_offset"][i]))
        if isinstance(number, int):
            result[judged.dispatch.topic(i), int(head["queue_id"][i])] = number
    return result


def _with_offsets(data: bytes, starts: Column, numbers: Column) -> bytes:
    """Records with other queue offsets: `starts` are the positions of those that change."""
    raw = np.frombuffer(data, np.uint8).copy()
    raw[starts[:, None] + QUEUE_OFFSET_COLUMNS] = (
        numbers.astype(QUEUE_OFFSET_DTYPE).view(np.uint8).reshape(-1, QUEUE_OFFSET_DTYPE.itemsize)
    )
    return raw.tobytes()


def _shown(value: int | bytes) -> Value:
    return value.hex() if isinstance(value, bytes) else value
