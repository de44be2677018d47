"""Recovery: what is done to the files of a store before it takes messages again.

What lives here: where to begin reading the commitlog, walking its records, deciding where it ends, and cutting
what follows (mirrors recoverNormally and recoverAbnormally of CommitLog). What does not: the units of a record
(`dispatch.py`), the validity of single units (`queue/consume_queue.py`).

Apache's broker takes the first invalid record for the end. Here it is the end too, unless a valid record follows
that was durable at the last checkpoint: then the invalid one was damaged later, and it is stepped over and
reported instead of giving up all that follows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from zlib import crc32

import msgspec

from rocketmq_ops.common.message_codec import BadRecordError, RecordView, read_record, record_properties, record_topic
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    HEAD_V4,
    MAGIC,
    MAGIC_POSITION,
    MAGIC_V1,
    MAGIC_V2,
    SIZE_AND_MAGIC,
)
from rocketmq_ops.common.sysflag import BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG, TRANSACTION_MASK
from rocketmq_ops.store.dispatch import GapError, Redispatch
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.layout.blank import END_FILE_MIN_BLANK, blank_of
from rocketmq_ops.store.layout.consume_queue import PLACEHOLDER_SIZE
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.log.half_written import is_half_written
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore

log = logging.getLogger(__name__)

_MAGICS = tuple(MAGIC.pack(magic) for magic in (MAGIC_V1, MAGIC_V2))
_SCAN_STEP = 1 << 20
_NOT_COMMON = BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG | TRANSACTION_MASK


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
    #: Units that were all that is left of their messages, as there is no file of the commitlog.
    units_orphaned: int = 0
    damaged: list[DamagedRange] = msgspec.field(default_factory=list)


class Recovery:
    """One recovery of the commitlog and the consumequeues, which are loaded already."""

    def __init__(
        self,
        commit_log: CommitLog,
        queues: ConsumeQueueStore,
        checkpoint: StoreCheckpoint,
        redispatch: Redispatch,
        *,
        clean: bool,
        check_crc: bool,
        index_from: int,
        read_all: bool = False,
    ) -> None:
        """`read_all`: read every record although the last stop was clean, for queues are missing."""
        self._log = commit_log
        self._files = commit_log.file_queue.files
        self._queues = queues
        self._checkpoint = checkpoint
        self._redispatch = redispatch
        self._check_crc = check_crc
        #: The index has every record up to this commitlog offset; far beyond the end after most clean stops.
        self._index_from = index_from
        self._read_all = read_all
        self.report = RecoveryReport(clean)
        #: Records stored after this time (ms) may be torn; after a clean stop none is. Of the messages stored in the
        #: very millisecond of the last durable one some may not be.
        self._durable_until = 1 << 62 if clean else checkpoint.physic_msg_timestamp - 1
        #: Store timestamp (ms) of the last record read, 0 if none was.
        self.last_timestamp = 0
        #: The highest one (ms), and by how many ms a later record was below one before it: the clock was set back.
        self.latest_timestamp = self.set_back_ms = 0

    def run(self) -> RecoveryReport:
        """Do it. Raises OSError."""
        report = self.report
        walk_from = self._files[self._file_after_crash()].base if self._files and not report.clean else 0
        for queue in self._queues:
            queue.recover(clean=report.clean, walk_from=walk_from)
        if self._files:
            self._walk_with_second_try()
        else:
            self._go_on_without_log()
        min_offset = self._log.min_offset if self._files else self._log.begin
        for queue in self._queues:
            queue.correct_min_offset(min_offset)
            queue.max_offset = queue.next_offset
        report.units_written = self._redispatch.units_written
        report.units_repaired = self._redispatch.units_repaired
        report.units_lost = self._redispatch.units_lost
        return report

    def _go_on_without_log(self) -> None:
        """Of a commitlog that is lost keep what the queues show: their ends, behind which new messages go.

        (Apache's broker deletes the queues, which begin again at 0.) A queue may also have got to the disk before the
        very first file of the commitlog did; then nothing was durable, and nothing is lost."""
        report = self.report
        report.end_reason = "no file"
        if report.clean or self._checkpoint.physic_msg_timestamp > 0:
            end = max((queue.max_physical_offset for queue in self._queues), default=0)
            if end > 0:
                file_size = self._log.file_queue.file_size
                self._log.begin = report.start_offset = report.end_offset = -(-end // file_size) * file_size
                for queue in self._queues:
                    queue.correct_min_offset(0)  # placeholders do not count
                    report.units_orphaned += queue.next_offset - queue.min_offset
                return
        for queue in self._queues:
            queue.destroy()

    def _walk_with_second_try(self) -> None:
        report = self.report
        index, position = self._first_place()
        try:
            end = self._walk(index, position)
        except GapError as gap:
            topic, queue_id, have, need = gap.args
            log.warning(
                "units %d to %d of queue %d of %s are missing, all records are read again",
                have, need - 1, queue_id, topic,
            )  # fmt: skip
            end = self._walk_anew()
        if self._read_all and self._redispatch.headless:
            for queue in self._redispatch.headless:
                log.warning("the first files of queue %d of %s are missing", queue.queue_id, queue.topic)
                queue.destroy()
            end = self._walk_anew()
        report.end_offset = end
        lost = self._log.file_queue.truncate(end)
        if report.end_reason in ("unused", "no file"):
            log.info("the commitlog ends at %d, behind it the files hold no record", end)
        else:
            log.warning("the commitlog ends at %d (%s), %d bytes of its files cut", end, report.end_reason, lost)
        for queue in self._queues:
            report.units_cut += queue.truncate_dirty(end)
        if not report.clean:
            # What a killed process has written may be in memory only; it counts as stored from now on.
            self._log.file_queue.flush_all_from(min(report.start_offset, end))
            for queue in self._queues:
                queue.file_queue.flush_all_from(queue.file_queue.flushed_where)
        else:
            self._log.file_queue.flushed_where = end
            for file in self._files:
                file.flushed = file.wrote

    def _walk_anew(self) -> int:
        self.report.damaged.clear()
        self.report.records_read = 0
        self._redispatch.begin_anew()
        return self._walk(0, 0)

    # -- where to begin

    def _first_place(self) -> tuple[int, int]:
        """Index of the file and position in it to begin with."""
        if self._read_all:
            return 0, 0
        if not self.report.clean:
            return self._file_after_crash(), 0
        place = self._after_clean_stop()
        if self._index_from >= self._log.file_queue.max_offset:
            return place
        return min(place, (self._last_file_not_after(self._index_from), 0))

    def _file_after_crash(self) -> int:
        """Index of the file from which on units or index entries may be missing after an unclean stop."""
        files = self._files
        index = len(files) - 1
        while index > 0 and not self._begins_before_checkpoint(files[index]):
            index -= 1
        return min(index, self._last_file_not_after(self._index_from))

    def _after_clean_stop(self) -> tuple[int, int]:
        """The last record that has a unit: everything before it was dispatched. Its file's start if it is broken."""
        units = [queue.raw_unit(queue.next_offset - 1) for queue in self._queues if queue.next_offset]
        last = max((unit for unit in units if unit is not None and unit[1] != PLACEHOLDER_SIZE), default=None)
        if last is None:
            return 0, 0
        index = self._last_file_not_after(last[0])
        file = self._files[index]
        position = last[0] - file.base
        try:
            record = _record_at(file, position) if 0 <= position < file.size else None
        except BadRecordError:
            record = None
        if record is None or record.physical_offset != last[0] or record.size != last[1]:
            return index, 0
        return index, position

    def _last_file_not_after(self, offset: int) -> int:
        index = len(self._files) - 1
        while index > 0 and self._files[index].base > offset:
            index -= 1
        return index

    def _begins_before_checkpoint(self, file: MappedFile) -> bool:
        """True when every message before this file is durable in its consumequeue (isMappedFileMatchedRecover)."""
        try:
            record = _record_at(file, 0, check_crc=False)
        except BadRecordError:
            return False
        return record is not None and 0 < record.store_timestamp <= self._checkpoint.min_timestamp()

    # -- walking

    def _walk(self, index: int, position: int) -> int:
        """Read and dispatch all records from a place on; returns where the commitlog ends."""
        report = self.report
        report.start_offset = self._files[index].base + position
        self._redispatch.from_first_file = index == 0 and position == 0
        while index < len(self._files):
            file = self._files[index]
            try:
                blank_at = self._walk_file(file, position)
            except BadRecordError as bad:
                after = self._durable_record_after(index, bad.offset)
                end = file.base + bad.offset
                unused = bad.reason == "magic" and not any(file.file.read(bad.offset, SIZE_AND_MAGIC.size))
                report.end_reason = "unused" if unused else bad.reason
                if after is None:
                    return end
                index, position = after
                report.damaged.append(DamagedRange(end, self._files[index].base + position, bad.reason))
                log.error("no valid record at %d: %s; stepped over to %d", end, bad, report.damaged[-1].end)
                continue
            index, position = index + 1, 0
        report.end_reason = "blank"
        return self._files[-1].base + blank_at

    def _walk_file(self, file: MappedFile, position: int) -> int:
        """Dispatch the records of one file up to its blank; returns the blank's position. Raises BadRecordError."""
        view = file.view
        report = self.report
        redispatch = self._redispatch
        while True:
            position = self._skip_known(file, position)
            record = _record_at(file, position, check_crc=self._check_crc)
            if record is None:
                if not report.clean:
                    _mend_blank(file, position)
                return position
            if record.physical_offset != file.base + position:
                raise BadRecordError(position, "offset", f"its record says it lies at {record.physical_offset}")
            if record.store_timestamp > self._durable_until and is_half_written(
                view, record.topic_at, position + record.size, record.properties_length
            ):
                raise BadRecordError(position, "torn", "a part of its topic or properties is missing")
            redispatch.dispatch(record_topic(view, record), record_properties(view, record), record)
            report.records_read += 1
            position += record.size
            self.last_timestamp = timestamp = record.store_timestamp
            if timestamp >= self.latest_timestamp:
                self.latest_timestamp = timestamp
            else:
                self.set_back_ms = max(self.set_back_ms, self.latest_timestamp - timestamp)

    def _skip_known(self, file: MappedFile, position: int) -> int:
        """Step over valid records of the common kind that need no dispatch; returns where to look closer.

        This is the walk over what a killed broker had dispatched long ago, so it is written for speed."""
        view, base, limit = file.view, file.base, file.filled
        known_until = self._redispatch.known_until
        unpack, check_crc = HEAD_V4.unpack_from, self._check_crc
        last, latest, set_back = self.last_timestamp, self.latest_timestamp, self.set_back_ms
        count = 0
        while position + HEAD_V4.size + 4 <= limit:
            (
                size, magic, body_crc, queue_id, _, queue_offset, physical, sys_flag, _, _, store_timestamp, _, _, _,
                body_length,
            ) = unpack(view, position)  # fmt: skip
            topic_at = position + HEAD_V4.size + body_length
            end = position + size
            if (
                magic != MAGIC_V1 or sys_flag & _NOT_COMMON or physical != base + position or end > limit
                or body_length < 0 or topic_at + 3 > end
            ):  # fmt: skip
                break
            properties_at = topic_at + 3 + view[topic_at]
            if properties_at > end or (view[properties_at - 2] << 8 | view[properties_at - 1]) != end - properties_at:
                break
            if check_crc and crc32(view[position + HEAD_V4.size : topic_at]) & 0x7FFFFFFF != body_crc:
                break
            if store_timestamp > self._durable_until and is_half_written(view, topic_at + 1, end, end - properties_at):
                break
            if physical >= known_until(bytes(view[topic_at + 1 : properties_at - 2]), queue_id, queue_offset):
                break
            position = end
            last = store_timestamp
            if last >= latest:
                latest = last
            elif latest - last > set_back:
                set_back = latest - last
            count += 1
        self.last_timestamp, self.latest_timestamp, self.set_back_ms = last, latest, set_back
        self.report.records_read += count
        return position

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
            piece = file.file.read(start, _SCAN_STEP + SIZE_AND_MAGIC.size)
            for found in _magic_positions(piece):
                try:
                    record = _record_at(file, start + found - MAGIC_POSITION, check_crc=self._check_crc)
                except BadRecordError:
                    continue
                if record is not None and record.physical_offset == file.base + record.start:
                    yield record
            start += _SCAN_STEP


def _record_at(file: MappedFile, position: int, *, check_crc: bool = True) -> RecordView | None:
    """As `read_record` in the view of a loaded file, of which nothing is touched that has no disk block.

    Raises BadRecordError, and OSError when the disk is full and a hole has to be filled amid a valid record."""
    end = position + SIZE_AND_MAGIC.size
    if end <= file.size:
        if not file.readable(position, end):
            raise BadRecordError(position, "magic", "nothing was written here")
        size, magic = SIZE_AND_MAGIC.unpack_from(file.view, position)
        if magic != BLANK_MAGIC and file.filled < position + size <= file.size:
            try:
                read_record(file.file.read(position, size), check_crc=check_crc)
            except BadRecordError as bad:
                raise BadRecordError(position, bad.reason, bad.detail) from None
            file.readable(file.filled, position + size)
    return read_record(file.view, position, check_crc=check_crc)


def _mend_blank(file: MappedFile, position: int) -> None:
    """Put right the size of a blank where a power cut has torn it off the magic, in another sector. Raises OSError."""
    left = file.size - position
    if SIZE_AND_MAGIC.unpack_from(file.view, position)[0] != left:
        file.file.reserve(position, position + SIZE_AND_MAGIC.size)
        file.view[position : position + END_FILE_MIN_BLANK] = blank_of(left)


def _magic_positions(piece: bytes) -> list[int]:
    """Positions of record magics in some bytes, each with four bytes in front of it, in order."""
    positions = []
    for magic in _MAGICS:
        at = piece.find(magic, MAGIC_POSITION)
        while at >= 0:
            positions.append(at)
            at = piece.find(magic, at + 1)
    return sorted(positions)
