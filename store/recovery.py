"""Recovery: what is done to the files of a store before it takes messages again.

What lives here: where to begin reading the commitlog, walking its records, deciding where it ends, and cutting
what follows (mirrors recoverNormally and recoverAbnormally of CommitLog). What does not: the units of a record
(`dispatcher.py`), the validity of single units (`consume_queue.py`).

Apache's broker takes the first invalid record for the end. Here it is the end too, unless a valid record follows
that was durable at the last checkpoint: then the invalid one was damaged later, and it is stepped over and
reported instead of giving up all that follows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ..common.message_codec import BadRecordError, RecordView, read_record, record_properties, record_topic
from ..common.record_layout import MAGIC_V1, MAGIC_V2
from .checkpoint import StoreCheckpoint
from .commit_log import CommitLog
from .consume_queue import ConsumeQueue
from .dispatcher import GapError, Redispatcher
from .mapped_file import MappedFile

log = logging.getLogger(__name__)

_MAGICS = tuple(magic.to_bytes(4, "big", signed=True) for magic in (MAGIC_V1, MAGIC_V2))
_SCAN_STEP = 1 << 20


class DamagedRange(msgspec.Struct):
    """Bytes of the commitlog that hold no valid record although valid ones follow."""

    offset: int
    end: int
    reason: str


class RecoveryReport(msgspec.Struct):
    """What recovery found and did. Offsets in bytes of the commitlog."""

    #: True when the last broker on this store was stopped cleanly.
    clean: bool
    #: Where reading of records began, and where the commitlog ends now.
    start_offset: int = 0
    end_offset: int = 0
    #: Why the end is there: `unused`, `no file`, or the reason of a BadRecordError.
    end_reason: str = ""
    records_read: int = 0
    units_written: int = 0
    units_repaired: int = 0
    #: Units cut from consumequeues because their record is not in the commitlog.
    units_cut: int = 0
    #: Units that no record could be found for.
    units_lost: int = 0
    damaged: list[DamagedRange] = msgspec.field(default_factory=list)
    elapsed_ms: int = 0


class Recovery:
    """One recovery of the commitlog and the consumequeues, which are loaded already."""

    def __init__(
        self,
        commit_log: CommitLog,
        queues: Callable[[], Iterable[ConsumeQueue]],
        checkpoint: StoreCheckpoint,
        redispatcher: Redispatcher,
        *,
        clean: bool,
        check_crc: bool,
        index_from: int | None,
    ) -> None:
        self._log = commit_log
        self._files = commit_log.rows.files
        self._queues = queues
        self._checkpoint = checkpoint
        self._redispatcher = redispatcher
        self._check_crc = check_crc
        #: Commitlog offset from which the index needs its records again, None when it needs none.
        self._index_from = index_from
        self.report = RecoveryReport(clean)
        self._blank_of_last = 0
        #: Store timestamp (ms) of the last record read, 0 if none was.
        self.last_timestamp = 0

    def run(self) -> RecoveryReport:
        """Do it. Raises OSError."""
        began = time.monotonic()
        report = self.report
        for queue in self._queues():
            queue.recover(clean=report.clean)
        if self._files:
            self._walk_with_second_try()
        else:
            report.end_reason = "no file"
            for queue in self._queues():
                queue.destroy()
        for queue in self._queues():
            queue.correct_min_offset(self._log.min_offset)
            queue.max_offset = queue.next_offset
        report.units_written = self._redispatcher.units_written
        report.units_repaired = self._redispatcher.units_repaired
        report.units_lost = self._redispatcher.units_lost
        report.elapsed_ms = int((time.monotonic() - began) * 1000)
        return report

    def _walk_with_second_try(self) -> None:
        report = self.report
        index = self._first_file()
        try:
            end = self._walk(index)
        except GapError as gap:
            topic, queue_id, have, need = gap.args
            log.warning(
                "units %d to %d of queue %d of %s are missing, all records are read again",
                have, need - 1, queue_id, topic,
            )  # fmt: skip
            report.damaged.clear()
            report.records_read = 0
            end = self._walk(0)
        report.end_offset = end
        lost = self._log.rows.truncate(end)
        log.info("the commitlog ends at %d (%s), %d bytes cut", end, report.end_reason, lost)
        for queue in self._queues():
            report.units_cut += queue.truncate_dirty(end)
        if not report.clean:
            # What a killed process has written may be in memory only; it counts as stored from now on.
            for file in self._files:
                if file.base >= report.start_offset:
                    file.flushed = 0
            self._log.rows.flushed_where = report.start_offset
            self._log.rows.flush()
        else:
            self._log.rows.flushed_where = end
            for file in self._files:
                file.flushed = file.wrote

    # -- where to begin

    def _first_file(self) -> int:
        """Index of the file to begin with."""
        files = self._files
        if self.report.clean:
            known = max((queue.max_physical_offset for queue in self._queues()), default=-1)
            index = self._last_file_not_after(known)
        else:
            index = len(files) - 1
            while index > 0 and not self._begins_before_checkpoint(files[index]):
                index -= 1
        if self._index_from is not None:
            index = min(index, self._last_file_not_after(self._index_from))
        return index

    def _last_file_not_after(self, offset: int) -> int:
        index = len(self._files) - 1
        while index > 0 and self._files[index].base > offset:
            index -= 1
        return index

    def _begins_before_checkpoint(self, file: MappedFile) -> bool:
        """True when every message before this file is durable in its consumequeue (isMappedFileMatchedRecover)."""
        try:
            record = read_record(file.view, 0, check_crc=False)
        except BadRecordError:
            return False
        return record is not None and 0 < record.store_timestamp <= self._checkpoint.min_timestamp()

    # -- walking

    def _walk(self, index: int) -> int:
        """Read and dispatch all records from a file on; returns where the commitlog ends."""
        report = self.report
        report.start_offset = self._files[index].base
        self._redispatcher.from_first_file = index == 0
        position = 0
        while index < len(self._files):
            file = self._files[index]
            try:
                position = self._walk_file(file, position)
            except BadRecordError as bad:
                after = self._durable_record_after(index, bad.offset)
                end = file.base + bad.offset
                report.end_reason = "unused" if bad.reason == "magic" and not any(self._head(file, bad)) else bad.reason
                if after is None:
                    return end
                index, position = after
                report.damaged.append(DamagedRange(end, self._files[index].base + position, bad.reason))
                log.error("no valid record at %d: %s; stepped over to %d", end, bad, report.damaged[-1].end)
                continue
            index, position = index + 1, 0
        report.end_reason = "blank"
        last = self._files[-1]
        return last.base + self._blank_of_last

    def _head(self, file: MappedFile, bad: BadRecordError) -> memoryview:
        return file.view[bad.offset : bad.offset + 8]

    def _walk_file(self, file: MappedFile, position: int) -> int:
        """Dispatch the records of one file up to its blank. Raises BadRecordError."""
        view = file.view
        report = self.report
        dispatch = self._redispatcher.dispatch
        while True:
            record = read_record(view, position, check_crc=self._check_crc)
            if record is None:
                self._blank_of_last = position
                return position
            if record.physical_offset != file.base + position:
                raise BadRecordError(position, "offset", f"its record says it lies at {record.physical_offset}")
            dispatch(record_topic(view, record), record_properties(view, record), record)
            report.records_read += 1
            position += record.size
            self.last_timestamp = record.store_timestamp

    def _durable_record_after(self, index: int, position: int) -> tuple[int, int] | None:
        """The place of a later record that was durable at the last checkpoint, None when there is none."""
        if self.last_timestamp >= self._checkpoint.physic_msg_timestamp:
            return None
        for file in self._files[index:]:
            for record in self._records_after(file, position):
                if record.store_timestamp <= self._checkpoint.physic_msg_timestamp:
                    return self._files.index(file), record.start
                return None
            position = -1
        return None

    def _records_after(self, file: MappedFile, position: int) -> Iterator[RecordView]:
        """Valid records of a file behind a position, found by their magic and their own offset."""
        start = position + 1
        while start < file.size:
            if not file.file.may_have_data_from(start):
                return
            piece = bytes(file.view[start : start + _SCAN_STEP + 8])
            for found in _magic_positions(piece):
                try:
                    record = read_record(file.view, start + found - 4, check_crc=self._check_crc)
                except BadRecordError:
                    continue
                if record is not None and record.physical_offset == file.base + record.start:
                    yield record
            start += _SCAN_STEP


def _magic_positions(piece: bytes) -> list[int]:
    """Positions of record magics in some bytes, each with four bytes in front of it, in order."""
    positions = []
    for magic in _MAGICS:
        at = piece.find(magic, 4)
        while at >= 0:
            positions.append(at)
            at = piece.find(magic, at + 1)
    return sorted(positions)
