"""Replays the proof of a salvage against the store it made, and against the damaged one where that is still at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from ...common.errors import CorruptDataError
from ...common.message_codec import BadRecordError, read_record
from ...common.record_layout import SIZE_AND_MAGIC
from ...common.sysflag import TRANSACTION_ROLLBACK_TYPE, transaction_type
from .check import check_store
from .findings import Severity
from .proof import PROOF_NAME, Changed, Dropped, Header, Kept, Line, Total, read_proof
from .salvage import effective_chain
from .source import FileChain, StoreDirectory

MAX_PROBLEMS: Final = 100


class VerifyResult(msgspec.Struct, kw_only=True):
    """`problems` is empty when the proof holds; `compared_with_source` tells whether the damaged store was read too."""

    records: int
    changed: int
    dropped_bytes: int
    compared_with_source: bool
    problems: list[str]

    @property
    def ok(self) -> bool:
        """True when everything that the proof claims is so."""
        return not self.problems


def verify(target: Path, source: Path | None = None) -> VerifyResult:
    """Replay `target`'s proof. Raises RocketMQError when a store or the proof cannot be read."""
    saved = StoreDirectory(target)
    damaged = effective_chain(StoreDirectory(source).commitlog) if source is not None else None
    replay = _Replay(saved.commitlog, damaged)
    for line in read_proof(target / PROOF_NAME):
        replay.line(line)
    replay.finish()
    worst = check_store(saved).report
    for finding in worst.findings:
        if Severity[finding.severity.upper()] >= Severity.ERROR:
            replay.problem(f"{finding.id}: {finding.message}")
    saved.close()
    return VerifyResult(
        records=replay.seen.kept, changed=replay.seen.changed, dropped_bytes=replay.seen.dropped_bytes,
        compared_with_source=damaged is not None, problems=replay.problems,
    )  # fmt: skip


class _Replay:
    def __init__(self, saved: FileChain, damaged: FileChain | None) -> None:
        self.seen = Total()
        self.problems: list[str] = []
        self._saved = saved
        self._damaged = damaged
        self._header: Header | None = None
        self._total: Total | None = None
        self._at = 0

    def problem(self, text: str) -> None:
        """Note what does not hold; at most MAX_PROBLEMS are kept."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def line(self, line: Line) -> None:
        """Check one line of the proof."""
        if isinstance(line, Header):
            self._header, self._at = line, line.min_offset
            return
        if self._header is None:
            raise CorruptDataError("the proof does not begin with its header", "salvage again")
        if isinstance(line, Total):
            self._total = line
            return
        self._place(line)
        if isinstance(line, Kept):
            self.seen.kept += line.records
            self._kept(line)
        elif isinstance(line, Changed):
            self.seen.kept += 1
            self.seen.changed += 1
            self._changed(line)
        else:
            self.seen.dropped += 1
            self.seen.dropped_bytes += line.size
            self._dropped(line)

    def _place(self, line: Kept | Changed | Dropped) -> None:
        """Lines follow each other without a gap, except over the blank that ends a file."""
        assert self._header is not None
        size = self._header.file_size
        if line.offset != self._at:
            into = line.offset - self._header.min_offset
            if line.offset < self._at or into % size or self._at < line.offset - size or not self._is_blank(self._at):
                self.problem(f"the proof says nothing of {self._at} to {line.offset}")
        self._at = line.offset + line.size

    def _is_blank(self, offset: int) -> bool:
        data = self._saved.read(offset, 8)
        assert self._header is not None
        left = self._header.file_size - (offset - self._header.min_offset) % self._header.file_size
        return len(data) == 8 and SIZE_AND_MAGIC.unpack(data)[0] == left and read_blank(data)

    def _kept(self, line: Kept) -> None:
        for name, chain in self._both():
            data = chain.read(line.offset, line.size)
            if hashlib.sha256(data).hexdigest() != line.sha256:
                self.problem(f"{line.records} kept record(s) at {line.offset} are not the same in the {name} store")
        records, at = 0, 0
        data = self._saved.read(line.offset, line.size)
        try:
            while at < len(data):
                record = read_record(data, at)
                if record is None:
                    break
                at, records = at + record.size, records + 1
        except BadRecordError as error:
            self.problem(f"kept record at {line.offset + at}: {error}")
        if records != line.records:
            self.problem(f"{records} records at {line.offset}, the proof says {line.records}")

    def _changed(self, line: Changed) -> None:
        for name, chain in self._both():
            digest = hashlib.sha256(chain.read(line.offset, line.size)).hexdigest()
            if digest != (line.sha256 if name == "salvaged" else line.sha256_before):
                self.problem(f"the changed record at {line.offset} is not as said in the {name} store")
        try:
            record: Any = read_record(self._saved.read(line.offset, line.size))
            if (record.queue_id, record.queue_offset) != (line.queue_id[1], line.queue_offset[1]):
                self.problem(f"the changed record at {line.offset} has other values than the proof says")
        except (BadRecordError, AttributeError) as error:
            self.problem(f"the changed record at {line.offset}: {error}")

    def _dropped(self, line: Dropped) -> None:
        """Nothing that a broker would dispatch stands where something was dropped."""
        at, end = line.offset, line.offset + line.size
        while at < end:
            data = self._saved.read(at, end - at)
            if not data.strip(b"\0"):
                return
            try:
                record = read_record(data)
            except BadRecordError as error:
                self.problem(f"in the dropped range at {line.offset}: {error}")
                return
            if record is None:
                return
            if transaction_type(record.sys_flag) != TRANSACTION_ROLLBACK_TYPE:
                self.problem(f"a record stands at {at}, where the proof says that all was dropped")
                return
            at += record.size

    def _both(self) -> list[tuple[str, FileChain]]:
        return [("salvaged", self._saved), *([("damaged", self._damaged)] if self._damaged else [])]

    def finish(self) -> None:
        """Compare the totals."""
        if self._total is None:
            self.problem("the proof has no last line: the salvage did not end")
        elif self._total != self.seen:
            self.problem(f"the totals of the proof are {self._total}, its lines add up to {self.seen}")


def read_blank(data: bytes) -> bool:
    """True when these bytes begin a blank."""
    return read_record(data) is None
