"""Replays the proof of a salvage against the store it made, and against the damaged one where that is still at hand.

Without the damaged store, digests prove that what was kept is what the proof says; with it, that it is what was there,
too, and that each change is the one that the proof declares."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_topic
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.record_layout import QUEUE_OFFSET, QUEUE_OFFSET_POSITION, SIZE_AND_MAGIC
from rocketmq_ops.common.sysflag import TRANSACTION_ROLLBACK_TYPE, transaction_type
from rocketmq_ops.store.inspect.check.check_store import CheckOptions, check_store
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.salvage.arrange import arrange
from rocketmq_ops.store.inspect.salvage.proof import (
    PROOF_NAME,
    Changed,
    Config,
    Doubtful,
    Dropped,
    Header,
    Ignored,
    Kept,
    Line,
    Total,
    Value,
    digest,
    read_proof,
)
from rocketmq_ops.store.inspect.salvage.record_fields import read_field, with_fields
from rocketmq_ops.store.inspect.salvage.salvage_store import counts_as_doubt

MAX_PROBLEMS: Final = 100


class VerifyResult(msgspec.Struct, kw_only=True):
    """`problems` is empty when the proof holds; `compared_with_source`: the damaged store was read too."""

    records: int
    changed: int
    dropped_bytes: int
    compared_with_source: bool
    problems: list[str]

    @property
    def ok(self) -> bool:
        """True when everything that the proof claims is so."""
        return not self.problems


def verify(target: Path, damaged: Path | None = None, delay_levels: list[int] | None = None) -> VerifyResult:
    """Replay `target`'s proof. Raises RocketMQError when a store or the proof cannot be read."""
    saved = StoreDirectory(target)
    replay = _Replay(saved, None if damaged is None else StoreDirectory(damaged))
    try:
        for line in read_proof(target / PROOF_NAME):
            replay.line(line)
        replay.finish()
    except CorruptDataError as error:
        replay.problem(str(error))
    report = check_store(saved, CheckOptions(delay_levels=delay_levels)).report
    undeclared = replay.findings(report.counts)
    for finding in report.findings:
        if finding.id in undeclared:
            replay.problem(f"{finding.id}: {finding.message}")
    saved.close()
    return VerifyResult(
        records=replay.seen.kept, changed=replay.seen.changed, dropped_bytes=replay.seen.dropped_bytes,
        compared_with_source=damaged is not None, problems=replay.problems,
    )  # fmt: skip


class _Replay:
    def __init__(self, saved: StoreDirectory, damaged: StoreDirectory | None) -> None:
        self.seen = Total()
        self.problems: list[str] = []
        self._store = saved
        self._saved = saved.commitlog
        self._damaged_store = damaged
        self._damaged: FileChain | None = None
        self._header: Header | None = None
        self._total: Total | None = None
        self._at = 0
        self._blank_until = -1  # the end of a file whose blank begins in a dropped range
        self._gap: tuple[int, int] | None = None  # what neighbouring dropped lines cover: one filler may span them

    def problem(self, text: str) -> None:
        """Note what does not hold; at most MAX_PROBLEMS are kept."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def line(self, line: Line) -> None:
        """Check one line of the proof. Raises CorruptDataError when the first is not the header."""
        if isinstance(line, Header):
            self._header, self._at = line, line.min_offset
            if self._damaged_store is not None:
                self._damaged = arrange(self._damaged_store.commitlog, line.file_size).chain
        elif self._header is None:
            raise CorruptDataError("the proof does not begin with its header", "salvage again")
        elif isinstance(line, Total):
            self._total = line
        elif isinstance(line, Config):
            self._config(line)
        elif isinstance(line, Kept | Changed | Dropped):
            self._range(line)
        else:
            assert isinstance(line, Doubtful | Ignored)  # nothing in the new store to compare with

    def _range(self, line: Kept | Changed | Dropped) -> None:
        self._place(line)
        if isinstance(line, Dropped):
            self.seen.dropped += 1
            self.seen.dropped_bytes += line.size
            start = self._gap[0] if self._gap else line.offset
            self._gap = (start, line.offset + line.size)
            return
        self._check_gap()
        if isinstance(line, Kept):
            self.seen.kept += line.records
            self._kept(line)
        else:
            self.seen.kept += 1
            self.seen.changed += 1
            self._changed(line)

    def _place(self, line: Kept | Changed | Dropped) -> None:
        """Lines follow each other without a gap, except over the blank that ends a file."""
        if line.offset != self._at:
            self._check_gap()
            blank = self._blank_until == line.offset or self._is_blank(self._at)
            if line.offset != self._file_end(self._at) or not blank:
                self.problem(f"the proof has no line for offsets {self._at} to {line.offset}")
        self._at = line.offset + line.size

    def _file_end(self, offset: int) -> int:
        assert self._header is not None
        return offset + self._header.file_size - (offset - self._header.min_offset) % self._header.file_size

    def _is_blank(self, offset: int) -> bool:
        data = self._saved.read(offset, 8)
        left = self._file_end(offset) - offset
        return len(data) == 8 and SIZE_AND_MAGIC.unpack(data)[0] == left and read_record(data) is None

    def _kept(self, line: Kept) -> None:
        data = self._saved.read(line.offset, line.size)
        differ = plural(line.records, "kept record differs", "kept records differ")
        if digest(data) != line.sha256:
            self.problem(f"at {line.offset} {differ} from the proof")
            return
        before = line.sha256_before or line.sha256
        if self._damaged is not None and digest(self._damaged.read(line.offset, line.size)) != before:
            self.problem(f"at {line.offset} {differ} from the damaged store")
        undone = bytearray(data)
        shifts = {(s.topic, s.queue_id): s.by for s in line.shifts}
        records = moved = 0
        for record in self._records(data, line.offset):
            records += 1
            by = shifts.get((record_topic(data, record), record.queue_id)) if shifts else None
            if by is not None and transaction_type(record.sys_flag) in (0, 8):
                at = record.start + QUEUE_OFFSET_POSITION
                QUEUE_OFFSET.pack_into(undone, at, record.queue_offset + by)
                moved += 1
        self.seen.changed += moved
        if records != line.records:
            self.problem(f"{plural(records, 'record', 'records')} at {line.offset}, the proof has {line.records}")
        if shifts and digest(bytes(undone)) != line.sha256_before:
            self.problem(f"the records at {line.offset} changed in more than the queue offsets in the proof")

    def _records(self, data: bytes, offset: int) -> list[RecordView]:
        found: list[RecordView] = []
        at = 0
        try:
            while at < len(data) and (record := read_record(data, at)) is not None:
                found.append(record)
                at += record.size
        except BadRecordError as error:
            self.problem(f"kept record at {offset + at}: {error}")
        return found

    def _changed(self, line: Changed) -> None:
        after = self._saved.read(line.offset, line.size)
        if digest(after) != line.sha256:
            self.problem(f"the changed record at {line.offset} differs from the proof")
            return
        try:
            read_record(after)
            values = {name: read_field(after, name) for name in line.fields}
        except (BadRecordError, StopIteration) as error:
            self.problem(f"the changed record at {line.offset}: {error}")
            return
        if any(not _same(values[name], new) for name, (_, new) in line.fields.items()):
            self.problem(f"the changed record at {line.offset} has values that differ from the proof")
        if self._damaged is not None:
            before = self._damaged.read(line.offset, line.size)
            if digest(before) != line.sha256_before or with_fields(before, values, layout=after) != after:
                self.problem(
                    f"the changed record at {line.offset} differs from what the damaged store and the changes give"
                )

    def _check_gap(self) -> None:
        """Nothing that a broker would dispatch stands where something was dropped."""
        if self._gap is None:
            return
        at, end = self._gap
        start, self._gap = at, None
        while at < end:
            data = self._saved.read(at, min(end - at, 8))
            if len(data) < 8 or not any(data):
                if self._anything(at, end):
                    self.problem(f"there are bytes behind {at}, where the proof has everything dropped")
                return
            try:
                record = read_record(self._saved.read(at, max(SIZE_AND_MAGIC.unpack(data)[0], 8)))
            except BadRecordError as error:
                self.problem(f"in the dropped range at {start}: {error}")
                return
            if record is None:
                at = self._blank_until = self._file_end(at)  # all that follows in the file is unused
                continue
            if transaction_type(record.sys_flag) != TRANSACTION_ROLLBACK_TYPE:
                self.problem(f"there is a record at {at}, where the proof has everything dropped")
                return
            at += record.size

    def _anything(self, start: int, end: int) -> bool:
        from rocketmq_ops.store.inspect.reading.resync import first_nonzero

        place: tuple[StoreFile, int] | None = self._saved.at(start)
        return place is not None and first_nonzero(place[0], place[1], place[1] + end - start) is not None

    def _config(self, line: Config) -> None:
        data = self._store.small_file(f"config/{line.name}")
        if ("" if data is None else digest(data)) != line.sha256:
            self.problem(f"config/{line.name} differs from the file that the salvage wrote")

    def findings(self, counts: dict[str, int]) -> set[str]:
        """A check of the new store finds what the proof declares, no less and no more; the kinds where it does not."""
        declared = self._total.findings if self._total else {}
        kinds = {k for k in counts if counts_as_doubt(k)} | set(declared)
        wrong = {k for k in kinds if counts.get(k, 0) != declared.get(k, 0)}
        for kind in sorted(wrong):
            if self._total is not None:
                found = plural(counts.get(kind, 0), "finding", "findings")
                self.problem(
                    f"a check of the salvaged store reports {found} {kind}, the proof declares {declared.get(kind, 0)}"
                )
        return wrong

    def finish(self) -> None:
        """Compare the totals."""
        self._check_gap()
        if self._total is None:
            self.problem("the proof has no totals: the salvage was not completed")
            return
        self.seen.findings = self._total.findings
        if self._total != self.seen:
            self.problem(f"the totals of the proof are {self._total}, its lines add up to {self.seen}")


def _same(value: int | bytes, shown: Value) -> bool:
    return (value.hex() if isinstance(value, bytes) else value) == shown
