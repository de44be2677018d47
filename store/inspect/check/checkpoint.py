"""Checks the checkpoint against the records: each of its times is the store time of a record, each offset a record's
border."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.store.files.checkpoint import without_notes
from rocketmq_ops.store.inspect.check.commitlog import CommitLogCheck
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.checkpoint import CHECKPOINT, FIELDS, FILE_SIZE

TIMES: Final = 3  # the first three fields are times, the others offsets
DISPATCHED: Final = "logicsPhysicalOffset"  # where a record begins; no slave has it ahead of its log


class CheckpointCheck:
    """Feed `block()` with every block, then call `finish()`."""

    def __init__(self, store: StoreDirectory, report: Report) -> None:
        self.report = report
        self.data = store.small_file("checkpoint")
        self._max_offset = store.commitlog.max_offset
        whole = self.data is not None and len(self.data) >= FIELDS.size
        self._values = FIELDS.unpack_from(self.data) if whole and self.data else (0,) * len(CHECKPOINT.labels)
        self._borne_out = [value == 0 for value in self._values]

    def block(self, block: Block) -> None:
        """See which of the values the block's records bear out."""
        times = block.head["store_timestamp"]
        for i, (value, known) in enumerate(zip(self._values, self._borne_out, strict=True)):
            if known:
                continue
            if i < TIMES:
                self._borne_out[i] = bool((times == value).any())
            elif block.offsets[0] <= value <= block.offsets[-1] + block.head["size"][-1]:
                found = bool((block.offsets == value).any())
                if CHECKPOINT.labels[i] != DISPATCHED:
                    found = found or bool((block.offsets + block.head["size"] == value).any())
                self._borne_out[i] = found

    def finish(self, log: CommitLogCheck, *, live: bool = False) -> None:
        """Report what no record bears out; `log` has been walked to its end."""
        data = self.data
        if data is None:
            if log.last_store_time:
                self.report.add("CP-MISSING", "the checkpoint is missing", file="checkpoint")
            return
        if len(data) != FILE_SIZE:
            self.report.add(
                "CP-LENGTH", f"the checkpoint has {len(data)} bytes, not {FILE_SIZE}", file="checkpoint",
                expected=FILE_SIZE, actual=len(data),
            )  # fmt: skip
        if len(data) < FIELDS.size:
            return
        if any(without_notes(data)[FIELDS.size :]):
            self.report.add(
                "CP-TRAILING", "bytes behind the last field are not zero: unknown to this version", file="checkpoint",
                position=FIELDS.size,
            )  # fmt: skip
        places = zip(CHECKPOINT.labels, CHECKPOINT.at.values(), self._values, strict=True)
        for i, (name, position, value) in enumerate(places):
            if self._borne_out[i] or (
                self._may_be_time(value, log, live) if i < TIMES else self._may_be_offset(name, value, log, live=live)
            ):
                continue
            self.report.add(
                "CP-VALUE", f"{name} is {value}, which matches no "
                f"record", file="checkpoint", position=position, field=name,
                actual=value, firstStoreTimestamp=log.first_store_time, lastStoreTimestamp=log.last_store_time,
            )  # fmt: skip

    def _may_be_time(self, value: int, log: CommitLogCheck, live: bool) -> bool:
        """Times of records that have expired, or that a running broker has stored meanwhile, cannot be looked up."""
        if value < 0:
            return False
        expired = log.chain.min_offset > 0 and value < log.first_store_time
        return expired or not log.first_store_time or (live and value > log.last_store_time)

    def _may_be_offset(self, name: str, value: int, log: CommitLogCheck, *, live: bool) -> bool:
        """The border of a file, an expired record, or (on a slave) what its master was ahead."""
        if name == DISPATCHED and not 0 <= value < log.end_offset:
            return live and value >= 0
        if value < 0 or value > self._max_offset:
            return value == -1
        return value < log.chain.min_offset or value >= log.end_offset or (value % max(log.file_size, 1)) == 0
