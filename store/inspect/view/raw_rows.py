"""Raw units as rows: consumequeue units, index entries, checkpoint, delay offsets and op messages of transactions.

Each function yields structs in the order of the files; filters that a kind does not know are ignored by the caller's
choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import numpy as np

from rocketmq_ops.common.delay_levels import parse_delay_levels
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_OP_HALF_TOPIC
from rocketmq_ops.store.inspect.reading.blocks import Broken, OnBroken
from rocketmq_ops.store.inspect.reading.broker_config import read_config
from rocketmq_ops.store.inspect.reading.checkpoint import read_checkpoint
from rocketmq_ops.store.inspect.reading.index_files import read_entries, read_header, slots_of
from rocketmq_ops.store.inspect.reading.property_bytes import property_of
from rocketmq_ops.store.inspect.reading.queue_units import queue_bounds, units_of
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.selector import Selector
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.checkpoint import CHECKPOINT
from rocketmq_ops.store.layout.consume_queue_ext import is_address
from rocketmq_ops.store.layout.index import capacity_of

RAW_KINDS = ("consumequeue", "index", "checkpoint", "delay-offsets", "transactions")


class UnitRow(msgspec.Struct, rename="camel"):
    """A consumequeue unit. `deliver_timestamp` (ms) is what tagsCode means in the schedule topic; `pre_blank` marks
    filler."""

    topic: str
    queue_id: int
    queue_offset: int
    commit_log_offset: int
    size: int
    tags_code: int
    deliver_timestamp: int | None = None
    pre_blank: bool = False


class IndexRow(msgspec.Struct, rename="camel"):
    """An index entry. `store_timestamp` (ms) is exact to the second; `previous` is the entry before it in its slot."""

    file: str
    number: int
    slot: int
    key_hash: int
    commit_log_offset: int
    seconds: int
    store_timestamp: int
    previous: int


class CheckpointRow(msgspec.Struct, rename="camel"):
    """One field of the checkpoint: ms for timestamps, bytes for offsets."""

    field: str
    value: int


class DelayOffsetRow(msgspec.Struct, rename="camel"):
    """How far a delay level was delivered: `offset` of `max_offset` units of its queue; `delay` in ms of the default
    levels."""

    level: int
    queue_id: int
    delay: int | None
    offset: int
    max_offset: int
    waiting: int


class OpMessageRow(msgspec.Struct, rename="camel"):
    """An op message: the half messages (queue offsets in the half topic's queue) that it marks as committed or rolled
    back."""

    queue_id: int
    queue_offset: int
    commit_log_offset: int
    store_timestamp: int
    tag: str
    half_queue_offsets: list[int]


RawRow = UnitRow | IndexRow | CheckpointRow | DelayOffsetRow | OpMessageRow
ROW_OF_KIND: dict[str, type[msgspec.Struct]] = {
    "consumequeue": UnitRow, "index": IndexRow, "checkpoint": CheckpointRow, "delay-offsets": DelayOffsetRow,
    "transactions": OpMessageRow,
}  # fmt: skip


def raw_rows(
    store: StoreDirectory, kind: str, selection: Selection, on_broken: OnBroken, slots: int | None = None
) -> Iterator[RawRow]:
    """The rows of one of RAW_KINDS that a selection wants, as far as its fields apply to the kind."""
    if kind == "consumequeue":
        return unit_rows(store, selection)
    if kind == "index":
        return index_rows(store, selection, on_broken, slots)
    if kind == "checkpoint":
        return checkpoint_rows(store)
    if kind == "delay-offsets":
        return delay_offset_rows(store)
    return op_message_rows(store, selection, on_broken)


def unit_rows(store: StoreDirectory, want: Selection) -> Iterator[UnitRow]:
    """The units in use, queue by queue."""
    for (topic, queue_id), chain in store.queues.items():
        if (want.topic is not None and topic != want.topic) or want.queue_id not in (None, queue_id):
            continue
        scheduled = topic == SCHEDULE_TOPIC
        for unit in units_of(topic, queue_id, chain, want.begin_queue_offset, want.end_queue_offset):
            if not want.begin_offset <= unit.offset < want.end_offset:
                continue
            timed = scheduled and not unit.pre_blank and not is_address(unit.tags_code)
            deliver = unit.tags_code if timed else None
            yield UnitRow(
                topic, queue_id, unit.queue_offset, unit.offset, unit.size, unit.tags_code, deliver, unit.pre_blank
            )


def index_rows(
    store: StoreDirectory, want: Selection, on_broken: OnBroken, slots: int | None = None, batch: int = 8192
) -> Iterator[IndexRow]:
    """The entries of all index files in the order in which they were put."""
    for file in store.index_files:
        header, number = read_header(file), slots_of(file.size, slots)
        if header is None or not number:
            on_broken(Broken(0, file.size, "index", f"index/{file.path.name} cannot be an index file, by its size"))
            continue
        room = capacity_of(file.size, number)
        if not 1 <= header.count <= room:
            on_broken(
                Broken(
                    0,
                    file.size,
                    "index",
                    f"index/{file.path.name} has an impossible count of {header.count - 1} entries",
                )
            )
        at, end = 1, min(max(header.count, 1), room)
        while at < end:
            entries = read_entries(file, number, at, min(batch, end - at))
            if not len(entries):
                break
            times = entries["seconds"].astype(np.int64) * 1000 + header.begin_timestamp
            columns = [entries["hash"], entries["offset"], entries["seconds"], times, entries["previous"]]
            for key_hash, offset, seconds, time, previous in zip(*[c.tolist() for c in columns], strict=True):
                if want.begin_offset <= offset < want.end_offset and want.begin_time <= time <= want.end_time:
                    yield IndexRow(file.path.name, at, key_hash % number, key_hash, offset, seconds, time, previous)
                at += 1


def checkpoint_rows(store: StoreDirectory) -> Iterator[CheckpointRow]:
    """The fields of the checkpoint; none when it is missing or too short."""
    values = read_checkpoint(store) or {}
    for name in CHECKPOINT.labels:
        if name in values:
            yield CheckpointRow(name, values[name])


def delay_offset_rows(store: StoreDirectory) -> Iterator[DelayOffsetRow]:
    """The delay levels that were used, with what still waits in their queues."""
    content = read_config(store, "delayOffset.json")
    table = content.get("offsetTable") if isinstance(content, dict) else None
    offsets = {int(k): v for k, v in (table or {}).items() if str(k).isdigit() and isinstance(v, int)}
    levels = set(offsets) | {queue + 1 for topic, queue in store.queues if topic == SCHEDULE_TOPIC}
    delays = parse_delay_levels()
    for level in sorted(levels):
        chain = store.queues.get((SCHEDULE_TOPIC, level - 1))
        maximum = queue_bounds(chain)[1] if chain is not None else 0
        offset = offsets.get(level, 0)
        delay = delays[level - 1] if 0 < level <= len(delays) else None
        yield DelayOffsetRow(level, level - 1, delay, offset, maximum, max(0, maximum - offset))


def op_message_rows(store: StoreDirectory, want: Selection, on_broken: OnBroken) -> Iterator[OpMessageRow]:
    """The op messages of transactions, in the order of the log."""
    wanted = msgspec.structs.replace(want, topic=TRANS_OP_HALF_TOPIC)
    for block, rows in Selector(store, wanted, on_broken=on_broken).found():
        for row in rows.tolist():
            head = block.head[row]
            body_at, at = int(block.body_at[row]), int(block.properties_at[row])
            body = block.data[body_at : body_at + int(head["body_length"])]
            properties = block.data[at : at + int(block.properties_length[row])]
            tag = property_of(properties, b"TAGS")
            yield OpMessageRow(
                int(head["queue_id"]), int(head["queue_offset"]), int(block.offsets[row]), int(head["store_timestamp"]),
                (tag or b"").decode("utf-8", "replace"), [int(n) for n in re.findall(rb"\d+", body)],
            )  # fmt: skip
