"""Checks the commitlog by itself: the chain of files and records, CRCs, and every field against what is possible.

What a record says of its queue and keys is compared with consumequeue and index elsewhere; this module hands over the
blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from rocketmq_ops.common.message_codec import BadRecordError, read_record
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.record_layout import MAGIC_POSITION, SIZE, SIZE_AND_MAGIC, V6_FLAGS
from rocketmq_ops.common.sysflag import (
    COMPRESSED_FLAG,
    COMPRESSION_LZ4_TYPE,
    COMPRESSION_TYPE_MASK,
    COMPRESSION_ZLIB_TYPE,
    COMPRESSION_ZSTD_TYPE,
    KNOWN_FLAGS,
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_MASK,
)
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.check.log_files import usable_files
from rocketmq_ops.store.inspect.predict.prediction import DEFAULT_RESERVED_HOURS
from rocketmq_ops.store.inspect.predict.reach import HOUR_MS
from rocketmq_ops.store.inspect.reading.damage import Damage
from rocketmq_ops.store.inspect.reading.resync import find_blank, first_nonzero, next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Column, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreFile

#: What findings call a column that has another name.
_EVIDENCE: Final = {"prepared_transaction_offset": "prepared_offset"}
_ZLIB, _LZ4, _ZSTD = (b"\x78",), (b"\x04\x22\x4d\x18",), (b"\x28\xb5\x2f\xfd",)
# How a body begins by the compression type in sysFlag; clients before 5.0 name none and use zlib.
_PACKED: Final = {0: _ZLIB, COMPRESSION_LZ4_TYPE: _LZ4, COMPRESSION_ZSTD_TYPE: _ZSTD, COMPRESSION_ZLIB_TYPE: _ZLIB}
_ANY_PACKED: Final = _ZLIB + _LZ4 + _ZSTD
CHECK_WINDOW: Final = 4 << 20  # bytes; what is derived from a block takes several times as much
SETTLE_TRIES: Final = 20
SETTLE_SECONDS: Final = 0.01
MAX_SHIFTS: Final = 1_000
NO_HOST: Final = -1  # of a record whose hosts are IPv6
DAY_MS: Final = 86_400_000
BORN_AHEAD_MS: Final = DAY_MS  # how far a producer's clock may be ahead before it is reported
BORN_BEHIND_MS: Final = 3650 * DAY_MS


def differs_in_one_byte(a: int, b: int) -> bool:
    """True when two store hosts (address and port in one number) differ in one byte, as one that went wrong does."""
    return sum(1 for byte in (a ^ b).to_bytes(8, "big") if byte) == 1


class CommitLogCheck:
    """One pass over the commitlog. `blocks()` yields every sound block after its own checks."""

    def __init__(
        self, chain: FileChain, report: Report, *, crc: bool = True, reserved_hours: int = DEFAULT_RESERVED_HOURS,
        live: bool = False, file_size: int | None = None,
        due_in_front: Callable[[tuple[int, int]], int] | None = None,
    ) -> None:  # fmt: skip
        self.chain = chain
        self.file_size = file_size or chain.file_size
        self.report = report
        self.damages: list[Damage] = []
        self.end_offset = chain.min_offset  # where the last readable record ends
        self.first_store_time = 0
        self.last_store_time = 0
        self._crc = crc
        self._live = live
        #: How many messages before the log were not yet consumed or delivered, by the first and the last record's time.
        self._due_in_front = due_in_front
        self._reserved_ms = reserved_hours * HOUR_MS
        self._previous_time = 0
        self._shifts: dict[int, dict[int, int]] = {}
        self._counts: dict[int, int] = {}  # records of each file
        self._blanks: set[int] = set()  # files whose blank has another magic
        self._last: tuple[StoreFile, int, bytes] | None = None
        self._ends: list[tuple[StoreFile, Stop]] = []
        self._host_tail: list[tuple[int, StoreFile, int]] = []  # host, file and offset of the last two records
        self._hosts: set[int] = set()  # those of two records in a row
        self._odd_hosts: list[tuple[int, StoreFile, int]] = []

    def blocks(self, start: int = 0, progress: Callable[[int], None] | None = None) -> Iterator[Block]:
        """Check every file from commitlog offset `start` (a record's) on; the blocks are yielded in order."""
        for file in self._files():
            if file.base + self.file_size > start:
                yield from self._file(file, max(0, start - file.base), progress)
        self._check_ends()
        self._check_last()
        self._check_shifts()
        self._check_odd_hosts()
        self._check_first()

    def _name(self, file: StoreFile) -> str:
        return f"commitlog/{file.path.name}"

    def _files(self) -> list[StoreFile]:
        return usable_files(self.chain, self.report, self.damages, self.file_size, live=self._live)

    def _file(self, file: StoreFile, position: int, progress: Callable[[int], None] | None) -> Iterator[Block]:
        patience = SETTLE_TRIES if self._live else 0
        while True:
            stop: Stop | None = None
            for item in walk_file(file, position, crc=self._crc, window=CHECK_WINDOW):
                if isinstance(item, Stop):
                    stop = item
                    break
                self._check_block(item)
                self.end_offset = int(item.offsets[-1] + item.head["size"][-1])
                self._counts[file.base] = self._counts.get(file.base, 0) + item.count
                self._last = (item.file, int(item.offsets[-1]), item.record(item.count - 1))
                self.report.count("records", item.count)
                if progress:
                    progress(self.end_offset)
                yield item
            assert stop is not None
            if patience and stop.kind not in ("full", "blank", "zero"):
                patience -= 1  # the broker may be writing this very record
                time.sleep(SETTLE_SECONDS)
                position = stop.offset - file.base
                continue
            resumed = self._after_stop(file, stop)
            if resumed is None:
                self._ends.append((file, stop))
                return
            position = resumed

    def _after_stop(self, file: StoreFile, stop: Stop) -> int | None:
        """Where in the file to continue after a stop before its end, None to continue in the next file."""
        position = stop.offset - file.base
        if stop.kind == "full" or position >= file.size:
            return None
        if stop.kind == "blank":
            self._check_blank(file, position, stop)
            return None
        resumed = next_record(file, position + 1)
        if resumed is None and self._is_blank_without_magic(file, position, stop):
            return None
        if resumed is None:
            resumed = find_blank(file, position)
        if resumed is None:
            return None
        kind = {"zero": "CL-HOLE", "magic": "CL-MAGIC", "size": "CL-SIZE", "short": "CL-SIZE"}.get(
            stop.kind, "CL-LENGTHS"
        )
        self.damages.append(Damage(stop.offset, file.base + resumed, kind))
        self.report.add(
            kind, f"{resumed - position} bytes at {stop.offset} are not a record ({stop.detail or stop.kind})",
            file=self._name(file), position=position, offset=stop.offset, length=resumed - position,
            resumesAt=file.base + resumed,
        )  # fmt: skip
        return resumed

    def _is_blank_without_magic(self, file: StoreFile, position: int, stop: Stop) -> bool:
        """A size that reaches exactly to the file's end, then nothing but zeros: a blank whose magic is damaged."""
        size = int.from_bytes(file.read(position, SIZE.size), "big", signed=True)
        after = position + SIZE_AND_MAGIC.size
        if stop.kind != "magic" or size != file.size - position or first_nonzero(file, after) is not None:
            return False
        self.report.add(
            "CL-BLANK", "the magic of the blank that ends the file is damaged", file=self._name(file),
            position=position + MAGIC_POSITION, offset=stop.offset,
        )  # fmt: skip
        self._blanks.add(file.base)
        return True

    def _check_blank(self, file: StoreFile, position: int, stop: Stop) -> None:
        left = file.size - position
        size = int.from_bytes(file.read(position, SIZE.size), "big", signed=True)
        if size != left:
            self.report.add(
                "CL-BLANK", f"the blank says {size} bytes, {left} are left in the file", file=self._name(file),
                position=position, offset=stop.offset, expected=left, actual=size,
            )  # fmt: skip
        self._check_trailing(file, position + SIZE_AND_MAGIC.size)

    def _check_trailing(self, file: StoreFile, position: int) -> None:
        if position < file.size and (at := first_nonzero(file, position)) is not None:
            self.report.add(
                "CL-TRAILING", "bytes that are not zero follow the last record of the file", file=self._name(file),
                position=at, offset=file.base + at,
            )  # fmt: skip

    def _check_ends(self) -> None:
        """Judge where each file ended: only the last file with records may end without a blank."""
        for file, stop in self._ends:
            followed = self.end_offset > file.end
            if file.size < self.file_size and stop.kind != "blank":
                if followed or stop.kind == "short":
                    self.damages.append(Damage(stop.offset, file.base + self.file_size, "CL-LENGTH"))
                continue
            if stop.kind in ("blank", "full") or file.base in self._blanks:
                continue
            position = stop.offset - file.base
            dirty = first_nonzero(file, position)
            if stop.kind == "zero" and dirty is None and not followed:
                continue
            if followed:
                self.damages.append(Damage(stop.offset, file.end, "CL-HOLE"))
                self.report.add(
                    "CL-HOLE" if dirty is None else "CL-MAGIC",
                    f"no record from {stop.offset} to the end of the file, but later files hold records",
                    file=self._name(file), position=position, offset=stop.offset, length=file.size - position,
                )  # fmt: skip
            elif stop.kind == "zero":
                self._check_trailing(file, position)
            elif position == 0 and stop.kind != "short":
                self.damages.append(Damage(stop.offset, file.end, "CL-MAGIC"))
                self.report.add(
                    "CL-MAGIC", f"the file does not begin with a record ({stop.detail or stop.kind})",
                    file=self._name(file), position=0, offset=stop.offset, length=file.size,
                )  # fmt: skip
            else:
                self.damages.append(Damage(stop.offset, file.end, "CL-TORN"))
                self.report.add(
                    "CL-TORN", f"the log ends in a torn record at {stop.offset} ({stop.detail or stop.kind})",
                    file=self._name(file), position=position, offset=stop.offset, reason=stop.kind,
                )  # fmt: skip
        self.damages.sort(key=lambda d: d.start)

    def _check_last(self) -> None:
        """The last record can be whole by its lengths and yet end in zeros: no CRC covers topic and properties."""
        if self._last is None or self._live:
            return
        file, offset, data = self._last
        text_end = len(data) if data[-2:] != b"\0\0" else len(data) - 2
        record = read_record(data, check_crc=False)
        if record is None or (record.properties_length == 0 and data[text_end - 1]):
            return
        if data[-1] == 0:
            self.report.add(
                "CL-TORN", f"the last record ends in zeros, as if only its first part was written (record at "
                f"{offset}); recovery accepts it as whole", file=self._name(file),
                position=offset - file.base, offset=offset, length=len(data), severity=Severity.ERROR, reason="zeros",
            )  # fmt: skip

    def _check_block(self, block: Block) -> None:
        head = block.head
        if block.crc_ok is not None:
            for i in np.flatnonzero(~block.crc_ok):
                if self._live and self._settled(block, int(i)):
                    continue
                self._record("CL-CRC", block, int(i), "the CRC of the body differs from that in the record", "body_crc")
        moved = head["physical_offset"] != block.offsets
        if moved.any():
            self._physical(block, moved)
        flags = head["sys_flag"]
        self._each(
            block, (flags & ~KNOWN_FLAGS) != 0, "CL-BITS", "sysFlag has bits unknown to this version", "sys_flag"
        )
        self._each(
            block, (flags & COMPRESSION_TYPE_MASK != 0) & (flags & COMPRESSED_FLAG == 0), "CL-FLAG",
            "sysFlag names a compression type, but the body is not marked as compressed", "sys_flag",
        )  # fmt: skip
        self._each(
            block, (flags & COMPRESSED_FLAG != 0) & ~self._looks_packed(block), "CL-FLAG",
            "sysFlag marks the body as compressed, but it does not begin like a compressed one", "sys_flag",
        )  # fmt: skip
        self._each(
            block, (head["queue_id"] < 0) | (head["queue_id"] > 65535), "CL-QUEUE-ID", "impossible queueId", "queue_id"
        )
        self._each(block, head["queue_offset"] < 0, "CL-QUEUE-OFFSET", "negative queueOffset", "queue_offset")
        self._each(
            block, (head["reconsume_times"] < 0) | (head["reconsume_times"] > 100_000), "CL-RECONSUME",
            "impossible reconsumeTimes", "reconsume_times",
        )  # fmt: skip
        plain = flags & TRANSACTION_MASK != TRANSACTION_COMMIT_TYPE
        prepared = head["prepared_transaction_offset"]
        self._each(
            block, (plain & (prepared != 0)) | (prepared < 0) | (prepared > block.offsets), "CL-PREPARED",
            "impossible preparedTransactionOffset", "prepared_transaction_offset",
        )  # fmt: skip
        self._check_times(block)
        self._check_hosts(block)

    def _settled(self, block: Block, i: int) -> bool:
        """True when a record whose CRC did not fit has become whole: it was being written when it was read."""
        start, size = int(block.offsets[i]) - block.file.base, int(block.head["size"][i])
        try:
            return read_record(block.file.read(start, size)) is not None
        except BadRecordError:
            return False

    def _each(self, block: Block, wrong: Column, kind: str, message: str, field: str) -> None:
        if wrong.any():
            for i in np.flatnonzero(wrong):
                self._record(kind, block, int(i), message, field)

    def _record(
        self, kind: str, block: Block, i: int, message: str, field: str, severity: Severity | None = None
    ) -> None:
        offset = int(block.offsets[i])
        self.report.add(
            kind, f"{message} (record at {offset})", file=self._name(block.file), position=offset - block.file.base,
            offset=offset, length=int(block.head["size"][i]), severity=severity, field=_EVIDENCE.get(field, field),
            value=int(block.head[field][i]),
        )  # fmt: skip

    def _physical(self, block: Block, moved: Column) -> None:
        shifts = self._shifts.setdefault(block.file.base, {})
        for i in np.flatnonzero(moved):
            shift = int(block.head["physical_offset"][i] - block.offsets[i])
            if shift in shifts or len(shifts) < MAX_SHIFTS:
                shifts[shift] = shifts.get(shift, 0) + 1
            self._record(
                "CL-PHYSICAL",
                block,
                int(i),
                "the record names a commitlog offset other than its own",
                "physical_offset",
            )

    def _check_shifts(self) -> None:
        """A file whose records are all off by the same distance carries another file's name."""
        for base, shifts in self._shifts.items():
            if not shifts:
                continue
            shift, count = max(shifts.items(), key=lambda item: item[1])
            if count >= 2 and 2 * count > self._counts.get(base, 0) and shift % max(self.file_size, 1) == 0:
                self.report.add(
                    "CL-SWAPPED", f"by its records this is file {base + shift:020d}", file=f"commitlog/{base:020d}",
                    offset=base, records=count,
                )  # fmt: skip

    @staticmethod
    def _looks_packed(block: Block) -> Column:
        """True where the body begins like a zlib, lz4 or zstd stream, or is empty."""
        result = np.ones(block.count, np.bool_)
        for i in np.flatnonzero(block.head["sys_flag"] & COMPRESSED_FLAG):
            start = int(block.body_at[i])
            kind = int(block.head["sys_flag"][i]) & COMPRESSION_TYPE_MASK
            magics = _PACKED.get(kind, _ANY_PACKED)
            result[i] = block.data[start : start + 4].startswith(magics)
        return result

    def _check_times(self, block: Block) -> None:
        times = block.head["store_timestamp"].astype(np.int64)
        before = np.concatenate(([self._previous_time or times[0]], times[:-1]))
        after = np.concatenate((times[1:], [max(times[-1], before[-1])]))
        odd = ((times < before) | (times > after)) & (before <= after)
        self._each(block, odd, "CL-TIME", "storeTimestamp is not between those of its neighbours", "store_timestamp")
        back = (times < before) & (before > after) & ~odd
        if back.any():
            i = int(np.flatnonzero(back)[0])
            self._record(
                "CL-CLOCK", block, i, "storeTimestamp goes back: the broker's clock was set back", "store_timestamp"
            )
        self._previous_time = int(times[-1])
        if not self.first_store_time:
            self.first_store_time = int(times[0])
        self.last_store_time = int(times[-1])
        born = block.head["born_timestamp"].astype(np.int64)
        self._each(
            block, (born > times + BORN_AHEAD_MS) | (born < times - BORN_BEHIND_MS) | (born <= 0), "CL-BORN",
            "bornTimestamp is far from storeTimestamp", "born_timestamp",
        )  # fmt: skip

    def _check_hosts(self, block: Block) -> None:
        head = block.head
        v4 = head["sys_flag"] & V6_FLAGS == 0
        for field in ("born_port", "store_port"):
            self._each(block, v4 & ((head[field] < 0) | (head[field] > 65535)), "CL-HOST", "impossible port", field)
        host = head["store_ip"].astype(np.int64) << 16 | (head["store_port"].astype(np.int64) & 0xFFFF)
        host[~v4] = NO_HOST
        before = self._host_tail
        self._host_tail = [
            (int(host[k]), block.file, int(block.offsets[k])) for k in range(max(0, block.count - 2), block.count)
        ]
        if len(self._host_tail) < 2:
            self._host_tail = [*before[-1:], *self._host_tail]
        if bool((host == host[0]).all()) and all(value == host[0] for value, _, _ in before):
            self._hosts.add(int(host[0]))
            return
        self._judge_hosts(block, host, before)

    def _judge_hosts(self, block: Block, host: Column, before: list[tuple[int, StoreFile, int]]) -> None:
        """Keep each host that differs by one byte from the same host before and after it; `before` are the last two
        records of the block before. Hosts of several records in a row are those of a broker."""
        values = [value for value, _, _ in before] + host.tolist()
        for k in range(1, len(values) - 1):
            value, left = values[k], values[k - 1]
            if value == left or value == values[k + 1]:
                self._hosts.add(value)
            elif left == values[k + 1] and NO_HOST not in (value, left) and differs_in_one_byte(value, left):
                i = k - len(before)
                file, offset = (block.file, int(block.offsets[i])) if i >= 0 else before[k][1:]
                if len(self._odd_hosts) < MAX_SHIFTS:
                    self._odd_hosts.append((value, file, offset))

    def _check_odd_hosts(self) -> None:
        for value, file, offset in self._odd_hosts:
            if value not in self._hosts:
                self.report.add(
                    "CL-HOST", f"storeHost differs from that of its neighbours (record at {offset})",
                    file=self._name(file), position=offset - file.base, offset=offset, field="store_ip",
                    value=value >> 16,
                )  # fmt: skip

    def _check_first(self) -> None:
        base = self.chain.min_offset
        if not self.chain.files or base == 0 or not self.first_store_time:
            return
        times = (self.first_store_time, self.last_store_time)
        recent = self.last_store_time - self.first_store_time < self._reserved_ms
        due = self._due_in_front(times) if recent and self._due_in_front is not None else 0
        self.report.add(
            "CL-FIRST",
            f"the log begins at {base}: the files before are missing"
            + (", though younger than fileReservedTime" if recent else "")
            + (f"; they held {plural(due, 'message', 'messages')} not yet consumed or delivered" if due else ""),
            file=f"commitlog/{base:020d}", offset=0, length=base,
            severity=Severity.CRITICAL if due else Severity.WARNING if recent else Severity.INFO,
            oldestStoreTimestamp=self.first_store_time, reservedHours=self._reserved_ms // HOUR_MS,
        )  # fmt: skip
