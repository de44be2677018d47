"""Judges the records of a block: which are whole, and which damaged fields have a value that something else proves.

A field is put right where the unit that points at the record, the neighbours in the log, the body or the properties
leave one value (for a time: one range). All else is kept as it is; a check of the new store then finds it, and the
proof says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rocketmq_ops.common.compression import decompress
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.record_layout import HOST_SIZE, RECORD, V6_FLAGS
from rocketmq_ops.common.sysflag import (
    COMPRESSED_FLAG,
    COMPRESSION_TYPE_MASK,
    INNER_BATCH_FLAG,
    KNOWN_FLAGS,
    MULTI_TAGS_FLAG,
    NEED_UNWRAP_FLAG,
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_MASK,
    TRANSACTION_NOT_TYPE,
)
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_dlq_topic, is_legal_name, is_retry_topic
from rocketmq_ops.store.inspect.check.commitlog import differs_in_one_byte
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns, DispatchDeriver
from rocketmq_ops.store.inspect.reading.property_bytes import has_property, property_of
from rocketmq_ops.store.inspect.reading.queue_units import read_units
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain
from rocketmq_ops.store.inspect.salvage.mend import Mend
from rocketmq_ops.store.inspect.salvage.record_fields import (
    Value,
    with_fields,
)
from rocketmq_ops.store.layout.record import HOST_NUMBER
from rocketmq_ops.store.layout.record_crc import CRC_PROPERTY, has_record_crc, record_crc_ok

MAX_QUEUE_ID: Final = 65535
MAX_TOPIC: Final = 255
STORE_HOST_AT: Final = RECORD.at["store_host"]  # of a record whose hosts are IPv4
STORE_HOST_COLUMNS: Final = np.arange(STORE_HOST_AT, STORE_HOST_AT + HOST_SIZE)
_STREAMS: Final = {0: b"\x78", 0x100: b"\x04\x22\x4d\x18", 0x200: b"\x28\xb5\x2f\xfd", 0x300: b"\x78"}  # how they begin
_WITH_RETRIES: Final = (SCHEDULE_TOPIC, TRANS_HALF_TOPIC)


@dataclass(slots=True)
class Judged:
    """A block, its dispatch, which records are whole (`good`), why others are not, and the new values of damaged
    fields."""

    block: Block
    dispatch: DispatchColumns
    good: Column
    reasons: dict[int, str] = field(default_factory=dict)
    changes: dict[int, dict[str, Value]] = field(default_factory=dict)
    why: dict[int, list[str]] = field(default_factory=dict)
    mended: Mend | None = None  # of the block's only record: the block has it as it must be

    def change(self, i: int, name: str, value: Value, why: str) -> None:
        """Give record `i` another value in the field `name`."""
        self.changes.setdefault(i, {})[name] = value
        self.why.setdefault(i, []).append(why)

    def drop(self, i: int, reason: str) -> None:
        """Record `i` is not whole."""
        self.good[i] = False
        self.reasons[i] = reason
        self.changes.pop(i, None)


@dataclass(slots=True)
class Neighbour:
    """What the next record beyond a block says: store time (ms) and packed IPv4 store host, None where it has another
    kind."""

    time: int
    host: bytes | None


class Judge:
    """Judges blocks in the order of the log. `corrections` are what units say of records by offset, `queues` the
    damaged store's consumequeues, where the unit of a single record is looked up."""

    def __init__(
        self,
        corrections: Mapping[int, tuple[str, int, int]],
        queues: Mapping[tuple[str, int], FileChain],
        multi_tag: frozenset[str] | None,
        file_size: int,
        delay_levels: list[int] | None = None,
    ) -> None:
        self._corrections = corrections
        self._queues = queues
        self._multi_tag = multi_tag
        self._file_size = file_size
        self._deriver = DispatchDeriver(delay_levels)
        self._legal: list[bool] = []
        self._retries: list[bool] = []

    def judge(self, block: Block) -> Judged:
        """What can be said of a block without its neighbours."""
        head = block.head
        assert block.crc_ok is not None
        dispatch = self.derive(block)
        judged = Judged(block, dispatch, block.crc_ok.copy())
        for i in np.flatnonzero(~block.crc_ok).tolist():
            judged.reasons[i] = "crc"
        past = block.offsets + head["size"] > block.file.base + self._file_size - 8
        for i in np.flatnonzero(past).tolist():
            judged.drop(i, "end-of-file")
        self._places(judged)
        self._names(judged)
        self._flags(judged)
        self._numbers(judged)
        return judged

    def derive(self, block: Block) -> DispatchColumns:
        """What dispatch makes of a block."""
        return self._deriver.derive(block)

    def _places(self, judged: Judged) -> None:
        """A record that names another offset is whole when the records around it lead to it and on behind it."""
        block = judged.block
        wrong = block.head["physical_offset"] != block.offsets
        for i in np.flatnonzero(wrong & judged.good).tolist():
            around = [j for j in (i - 1, i + 1) if 0 <= j < block.count]
            if around and not any(wrong[j] for j in around):
                judged.change(i, "commitLogOffset", int(block.offsets[i]), "place")
            else:
                judged.drop(i, "misplaced")

    def _names(self, judged: Judged) -> None:
        """Topics and queues: what the unit says, and what is impossible."""
        block, dispatch = judged.block, judged.dispatch
        for name in dispatch.topics[len(self._legal) :]:
            topic = name.decode("utf-8", "replace")
            self._legal.append(0 < len(name) <= MAX_TOPIC and is_legal_name(topic))
            self._retries.append(is_retry_topic(topic) or is_dlq_topic(topic) or topic in _WITH_RETRIES)
        bad_topic = ~np.array(self._legal)[dispatch.topic_ids]
        bad_queue = (block.head["queue_id"] < 0) | (block.head["queue_id"] > MAX_QUEUE_ID)
        suspects = set(np.flatnonzero(bad_topic | bad_queue).tolist())
        if self._corrections:
            suspects.update(i for i, o in enumerate(block.offsets.tolist()) if o in self._corrections)
        for i in sorted(suspects):
            place = self._corrections.get(int(block.offsets[i]))
            if not judged.good[i]:
                continue
            if place is not None and self._by_unit(judged, i, place):
                continue
            if bad_topic[i]:
                judged.drop(i, "topic")
            elif bad_queue[i]:
                judged.drop(i, "queue-id")

    def _by_unit(self, judged: Judged, i: int, place: tuple[str, int, int]) -> bool:
        topic, queue_id, number = place
        current = judged.dispatch.topics[int(judged.dispatch.topic_ids[i])]
        name = topic.encode()
        if name != current:
            if len(name) != len(current) or not is_legal_name(topic):
                return False  # a unit of another record: damage in place does not change a length
            judged.change(i, "topic", name, "unit")
        if queue_id != judged.block.head["queue_id"][i]:
            judged.change(i, "queueId", queue_id, "unit")
        if number != judged.block.head["queue_offset"][i]:
            judged.change(i, "queueOffset", number, "unit")
        return True

    def _flags(self, judged: Judged) -> None:
        block = judged.block
        flags = block.head["sys_flag"]
        odd_bits = COMPRESSION_TYPE_MASK | COMPRESSED_FLAG | NEED_UNWRAP_FLAG | INNER_BATCH_FLAG | MULTI_TAGS_FLAG
        suspects = flags & (odd_bits | TRANSACTION_MASK) != 0
        suspects |= block.head["prepared_transaction_offset"] != 0
        for i in np.flatnonzero(suspects & judged.good).tolist():
            old, properties = int(flags[i]), judged.dispatch.properties[i]
            # Bits that are not known here may be a newer broker's: they stay.
            new = self._proper_flag(judged, i, old & KNOWN_FLAGS, properties) | (old & ~KNOWN_FLAGS)
            if new != old:
                judged.change(i, "sysFlag", new, "content")
            if new & TRANSACTION_MASK != TRANSACTION_COMMIT_TYPE and block.head["prepared_transaction_offset"][i] != 0:
                judged.change(i, "preparedTransactionOffset", 0, "no transaction")

    def _proper_flag(self, judged: Judged, i: int, flag: int, properties: bytes) -> int:
        block = judged.block
        if flag & (COMPRESSED_FLAG | COMPRESSION_TYPE_MASK):
            flag = self._compression(judged, i, flag)
        topic = judged.dispatch.topic(i)
        if flag & MULTI_TAGS_FLAG and self._multi_tag is not None and topic not in self._multi_tag:
            flag &= ~MULTI_TAGS_FLAG
        if flag & (NEED_UNWRAP_FLAG | INNER_BATCH_FLAG) and not has_property(properties, b"INNER_NUM"):
            flag &= ~(NEED_UNWRAP_FLAG | INNER_BATCH_FLAG)
        offset, prepared = int(block.offsets[i]), int(block.head["prepared_transaction_offset"][i])
        could = has_property(properties, b"TRAN_MSG") and topic != TRANS_HALF_TOPIC
        kind = flag & TRANSACTION_MASK
        if kind == TRANSACTION_NOT_TYPE:
            return flag | TRANSACTION_COMMIT_TYPE if could and 0 < prepared < offset else flag
        if kind == TRANSACTION_COMMIT_TYPE:
            return flag if could else flag & ~TRANSACTION_MASK
        if not self._has_unit(judged, i):
            return flag  # no broker dispatches it: an old broker's, or filler of an earlier salvage
        return flag & ~TRANSACTION_MASK | (TRANSACTION_COMMIT_TYPE if could and prepared else 0)

    def _has_unit(self, judged: Judged, i: int) -> bool:
        """True when the unit of the queue and offset that the record names points at it."""
        head = judged.block.head[i]
        chain = self._queues.get((judged.dispatch.topic(i), int(head["queue_id"])))
        if chain is None:
            return False
        units = read_units(chain, int(head["queue_offset"]), 1)
        return len(units) > 0 and int(units[0]["offset"]) == int(judged.block.offsets[i])

    @staticmethod
    def _compression(judged: Judged, i: int, flag: int) -> int:
        """A body that can be unpacked is compressed, one that cannot is not."""
        block = judged.block
        start = int(block.body_at[i])
        body = block.data[start : start + int(block.head["body_length"][i])]
        if not body or (flag & COMPRESSED_FLAG and body.startswith(_STREAMS.get(flag & COMPRESSION_TYPE_MASK, b"-"))):
            return flag
        for kind in dict.fromkeys((flag & COMPRESSION_TYPE_MASK, 0x300, 0x100, 0x200)):
            try:
                decompress(body, COMPRESSED_FLAG | kind)
            except (RocketMQError, ValueError):
                continue
            return flag & ~COMPRESSION_TYPE_MASK | COMPRESSED_FLAG | kind
        return flag & ~(COMPRESSION_TYPE_MASK | COMPRESSED_FLAG)

    def _numbers(self, judged: Judged) -> None:
        block, dispatch = judged.block, judged.dispatch
        retried = block.head["reconsume_times"] != 0
        for i in np.flatnonzero(retried & judged.good).tolist():
            if not self._retries[int(dispatch.topic_ids[i])]:
                judged.change(i, "reconsumeTimes", 0, "no retries")
        schedule = SCHEDULE_TOPIC.encode()
        if schedule in dispatch.topics:
            number = dispatch.topics.index(schedule)
            for i in np.flatnonzero((dispatch.topic_ids == number) & judged.good).tolist():
                # A broker's recovery stops at a delay level that is not a number.
                level = property_of(dispatch.properties[i], b"DELAY")
                if level is not None and not level.isdigit():
                    judged.drop(i, "properties")

    def settle(self, judged: Judged, before: Neighbour | None, after: Neighbour | None) -> None:
        """Compare with the neighbours in the log, then judge by the CRC over the whole record."""
        rows = np.flatnonzero(judged.good)
        if len(rows):
            _repair_times(judged, rows, before, after)
            _repair_hosts(judged, rows, before, after)
        with_crcs = CRC_PROPERTY in judged.block.data
        for i, properties in enumerate(judged.dispatch.properties if with_crcs else ()):
            if judged.good[i] and has_record_crc(properties):
                record = judged.block.record(i)
                if record_crc_ok(record):
                    # What is covered by a CRC that is right needs no repair.
                    judged.changes.pop(i, None)
                elif not record_crc_ok(_only_fields(record, judged.changes.get(i, {}))):
                    judged.drop(i, "record-crc")


def _only_fields(record: bytes, values: Mapping[str, Value]) -> bytes:
    """The record with new values under its old CRC property: right when they are the old values again."""
    return with_fields(record, values)[:-11] + record[-11:] if values else record


def _repair_times(judged: Judged, rows: Column, before: Neighbour | None, after: Neighbour | None) -> None:
    """A time that is not between its neighbours' lies between them: the earlier of them is taken."""
    times = judged.block.head["store_timestamp"][rows].astype(np.int64)
    while True:
        earlier = np.concatenate(([before.time if before else times[0]], times[:-1]))
        later = np.concatenate((times[1:], [after.time if after else max(times[-1], earlier[-1])]))
        odd = ((times < earlier) | (times > later)) & (earlier <= later)
        if not odd.any():
            return
        i = int(np.flatnonzero(odd)[0])
        times[i] = earlier[i]
        judged.change(int(rows[i]), "storeTimestamp", int(times[i]), "neighbours")


def _repair_hosts(judged: Judged, rows: Column, before: Neighbour | None, after: Neighbour | None) -> None:
    """A store host that differs in one byte from those around it, which are the same, is theirs."""
    head = judged.block.head
    rows = rows[head["sys_flag"][rows] & V6_FLAGS == 0]
    if not len(rows):
        return
    raw = np.frombuffer(judged.block.data, np.uint8)
    hosts = raw[judged.block.starts[rows][:, None] + STORE_HOST_COLUMNS].view(HOST_NUMBER)[:, 0]
    first = int.from_bytes(before.host, "big") if before and before.host else None
    last = int.from_bytes(after.host, "big") if after and after.host else None
    values = hosts.tolist() if len(np.unique(hosts)) > 1 or (first is not None and first != int(hosts[0])) else []
    for i, host in enumerate(values):
        left = values[i - 1] if i else first
        right = values[i + 1] if i + 1 < len(values) else last
        if left is not None and left == right and host != left and differs_in_one_byte(host, left):
            values[i] = left
            judged.change(int(rows[i]), "storeHost", left.to_bytes(HOST_SIZE, "big"), "neighbours")


def neighbour_of(judged: Judged, i: int) -> Neighbour:
    """What record `i` is to the next: with its new values."""
    head, changes = judged.block.head[i], judged.changes.get(i, {})
    host: bytes | None = None
    if int(head["sys_flag"]) & V6_FLAGS == 0:
        start = int(judged.block.starts[i]) + STORE_HOST_AT
        new = changes.get("storeHost")
        host = new if isinstance(new, bytes) else judged.block.data[start : start + HOST_SIZE]
    time = changes.get("storeTimestamp", int(head["store_timestamp"]))
    assert isinstance(time, int)
    return Neighbour(time, host)
