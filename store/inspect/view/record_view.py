"""One record with all that belongs to it: its fields, its consumequeue unit, its index entries, and where it would be
dispatched.

Mirrors ReputMessageService, CommitLogDispatcherBuildConsumeQueue and CommitLogDispatcherBuildIndex. Nothing is coloured
or printed here.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from rocketmq_ops.common.record_layout import Field, fields_of
from rocketmq_ops.common.sysflag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_MASK,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC
from rocketmq_ops.store.inspect.reading.batch_queues import (
    FOLDER,
    UNIT_SIZE,
    batch_topics,
    find_batch_unit,
    read_batch_units,
    units_of_records,
)
from rocketmq_ops.store.inspect.reading.blocks import STREAM_WINDOW, Broken, block_at, plain_body
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns, DispatchDeriver, index_keys
from rocketmq_ops.store.inspect.reading.lookup import IndexLookup, Untrusted
from rocketmq_ops.store.inspect.reading.resync import next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Column, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.message_lines import MessageLines
from rocketmq_ops.store.layout.batch_consume_queue import UNIT as BATCH_UNIT
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE, UNIT


class UnitView(msgspec.Struct, rename="camel", kw_only=True):
    """The consumequeue unit at a record's place: what it holds, what it should hold, and whether they are the same."""

    file: str
    position: int
    expected: dict[str, int]
    found: dict[str, int] | None
    state: str  # ok, different, missing, none (the record gets no unit)


class IndexView(msgspec.Struct, rename="camel", kw_only=True):
    """One key of a record and the entry that leads to it; `state` is ok, missing or unknown (no usable index)."""

    key: str
    state: str
    file: str = ""
    number: int | None = None
    slot: int | None = None
    key_hash: int | None = None


class RecordView(msgspec.Struct, rename="camel", kw_only=True):
    """A record as `store show` shows it. `problems` says what is wrong with it; `dispatch` where a broker puts it."""

    file: str
    position: int
    message: dict[str, Any]
    magic: str
    sys_flags: list[str]
    problems: list[str]
    unit: UnitView
    index: list[IndexView]
    dispatch: list[str]
    next_offset: int
    fields: list[dict[str, Any]]
    body_text: str | None = None
    hex: str = ""


class NoRecordError(Exception):
    """There is no record at the offset; `nearest` is that of the record which holds it or follows it, or None."""

    def __init__(self, text: str, nearest: int | None) -> None:
        super().__init__(text)
        self.nearest = nearest


def view_at(
    store: StoreDirectory, offset: int, *, slots: int | None = None, delays: list[int] | None = None
) -> RecordView:
    """The view of the record at a commitlog offset. Raises NoRecordError; RocketMQError when a file cannot be read."""
    item = block_at(store.commitlog, offset)
    if not isinstance(item, Block):
        raise _no_record(store, offset, item)
    return view_of(store, item, slots=slots, delays=delays)


def view_of(
    store: StoreDirectory, block: Block, *, slots: int | None = None, delays: list[int] | None = None
) -> RecordView:
    """The view of the one record of a block."""
    dispatch = DispatchDeriver(delays).derive(block)
    record = block.record(0)
    offset = int(block.offsets[0])
    problems: list[Broken] = []
    line = MessageLines("none", keep_flags=True, on_broken=problems.append).lines(block, np.zeros(1, np.int64))[0]
    message: dict[str, Any] = msgspec.json.decode(line)
    found = [broken.detail for broken in problems]
    if block.crc_ok is not None and not bool(block.crc_ok[0]):
        found.append("the body does not match its CRC")
    if message["commitLogOffset"] != offset:
        found.append(f"the record names commitlog offset {message['commitLogOffset']}")
    body = plain_body(block, 0)
    fields = [{"name": f.name, "offset": f.offset, "length": f.length} for f in split_fields(record)]
    return RecordView(
        file=f"commitlog/{block.file.path.name}",
        position=offset - block.file.base,
        message=message,
        magic="v1" if record[4:8].hex() == "daa320a7" else "v2",
        sys_flags=flag_names(message["sysFlag"]),
        problems=found,
        unit=_unit(store, block, dispatch, message),
        index=_index(store, block, dispatch, slots),
        dispatch=destinations(message, dispatch),
        next_offset=offset + len(record),
        fields=fields,
        body_text=_text(body),
        hex=record.hex(),
    )


def split_fields(record: bytes) -> list[Field]:
    """The fields of a record in order of their bytes."""
    return fields_of(record)


def flag_names(flags: int) -> list[str]:
    """What the bits of a sysFlag mean."""
    transaction = {
        TRANSACTION_PREPARED_TYPE: "TRANSACTION_PREPARED",
        TRANSACTION_COMMIT_TYPE: "TRANSACTION_COMMIT",
        TRANSACTION_ROLLBACK_TYPE: "TRANSACTION_ROLLBACK",
    }
    names = [name for bit, name in ((0x1, "COMPRESSED"), (0x2, "MULTI_TAGS")) if flags & bit]
    if flags & TRANSACTION_MASK:
        names.append(transaction[flags & TRANSACTION_MASK])
    more = ((0x10, "BORNHOST_V6"), (0x20, "STOREHOST_V6"), (0x40, "NEED_UNWRAP"), (0x80, "INNER_BATCH"))
    names += [name for bit, name in more if flags & bit]
    compression = {0x100: "LZ4", 0x200: "ZSTD", 0x300: "ZLIB"}.get(flags & 0x700)
    return [*names, compression] if compression else names


def destinations(message: dict[str, Any], dispatch: DispatchColumns) -> list[str]:
    """Sentences: the queue that gets a unit, the index, and what a broker does with the message later."""
    topic, queue = message["topic"], message["queueId"]
    properties = message["properties"]
    code = int(dispatch.tags_code[0])
    places = []
    if bool(dispatch.queued[0]):
        what = "deliver time" if topic == SCHEDULE_TOPIC and "DELAY" in properties else "tag hash"
        places.append(f"consumequeue {topic}/{queue} at queue offset {message['queueOffset']} ({what} {code})")
    else:
        kind = message["sysFlag"] & TRANSACTION_MASK
        why = "rolled back" if kind == TRANSACTION_ROLLBACK_TYPE else "a prepared transaction"
        places.append(f"no consumequeue: {why} (sysFlag {message['sysFlag']})")
    keys = [key.decode("utf-8", "replace") for key in index_keys(dispatch, 0)]
    places.append(f"index under {', '.join(keys)}" if keys else "no index entry: it has no keys, or was rolled back")
    real = f"{properties.get('REAL_TOPIC')}/{properties.get('REAL_QID')}"
    if topic == SCHEDULE_TOPIC and "REAL_TOPIC" in properties:
        places.append(f"after the delay of level {properties.get('DELAY')}: {real}")
    elif topic == TRANS_HALF_TOPIC and "REAL_TOPIC" in properties:
        places.append(f"after a commit: {real}; after a rollback: nowhere")
    elif topic == TRANS_OP_HALF_TOPIC:
        places.append(f"marks half messages of {TRANS_HALF_TOPIC}/{queue} as done")
    return places


def _unit(store: StoreDirectory, block: Block, dispatch: DispatchColumns, message: dict[str, Any]) -> UnitView:
    topic, queue, number = message["topic"], message["queueId"], message["queueOffset"]
    expected = {
        "commitLogOffset": int(block.offsets[0]),
        "size": int(block.head["size"][0]),
        "tagsCode": int(dispatch.tags_code[0]),
    }
    if bool(dispatch.queued[0]) and topic in batch_topics(store):
        return _batch_unit(store, block, dispatch, topic, queue)
    chain = store.queues.get((topic, queue))
    place = chain.at(number * CQ_UNIT_SIZE) if chain is not None and number >= 0 else None
    directory = f"consumequeue/{topic}/{queue}"
    if not bool(dispatch.queued[0]):
        return UnitView(file="", position=0, expected={}, found=None, state="none")
    if place is None:
        return UnitView(file=directory, position=0, expected=expected, found=None, state="missing")
    data = place[0].read(place[1], CQ_UNIT_SIZE)
    found = None
    if len(data) == CQ_UNIT_SIZE and any(data):
        found = dict(zip(UNIT.labels, CQ_UNIT.unpack(data), strict=True))
    state = "missing" if found is None else "ok" if found == expected else "different"
    file = f"{directory}/{place[0].path.name}"
    return UnitView(file=file, position=place[1], expected=expected, found=found, state=state)


def _batch_unit(store: StoreDirectory, block: Block, dispatch: DispatchColumns, topic: str, queue: int) -> UnitView:
    wanted = units_of_records(block, dispatch, np.zeros(1, np.int64))
    expected = _batch_fields(wanted)
    chain = store.batch_queues.get((topic, queue))
    directory = f"{FOLDER}/{topic}/{queue}"
    number = find_batch_unit(chain, expected["commitLogOffset"]) if chain is not None else 0
    units = read_batch_units(chain, number, 1) if chain is not None else wanted[:0]
    if chain is None or not len(units) or units["offset"][0] != wanted["offset"][0]:
        return UnitView(file=directory, position=0, expected=expected, found=None, state="missing")
    found, place = _batch_fields(units), chain.at(chain.min_offset + number * UNIT_SIZE)
    assert place is not None
    # A unit before a hole of a salvaged store reaches up to the next one.
    same = {**found, "messages": min(found["messages"], expected["messages"])} == expected
    return UnitView(
        file=f"{directory}/{place[0].path.name}", position=place[1], expected=expected, found=found,
        state="ok" if same else "different",
    )  # fmt: skip


def _batch_fields(units: Column) -> dict[str, int]:
    return {BATCH_UNIT.label(name): int(units[name][0]) for name in ("offset", "size", "tags_code", "base", "count")}


def _index(store: StoreDirectory, block: Block, dispatch: DispatchColumns, slots: int | None) -> list[IndexView]:
    keys = [key.decode("utf-8", "replace") for key in index_keys(dispatch, 0, tags=True)]
    needed = len(index_keys(dispatch, 0))
    if not keys:
        return []
    offset, time = int(block.offsets[0]), int(block.head["store_timestamp"][0])
    try:
        index = IndexLookup(store, slots)
    except Untrusted:
        return [IndexView(key=key, state="unknown") for key in keys[:needed]]
    views = []
    for number, key in enumerate(keys):
        topic, _, bare = key.partition("#")
        try:
            entry = next((e for e in index.find(topic, bare, time - 2000, time + 2000) if e.offset == offset), None)
        except Untrusted:
            views.append(IndexView(key=key, state="unknown"))
            continue
        if entry is None and number >= needed:
            continue  # only brokers since 5.4 put tags
        if entry is None:
            views.append(IndexView(key=key, state="missing"))
        else:
            views.append(
                IndexView(
                    key=key,
                    state="ok",
                    file=f"index/{entry.file}",
                    number=entry.number,
                    slot=entry.slot,
                    key_hash=entry.key_hash,
                )
            )
    return views


def _no_record(store: StoreDirectory, offset: int, stop: Stop | None) -> NoRecordError:
    place = store.commitlog.at(offset)
    if place is None or stop is None:
        low, high = store.commitlog.min_offset, store.commitlog.max_offset
        return NoRecordError(f"no commitlog file has offset {offset}; the files have offsets {low} to {high}", None)
    file, position = place
    holder = None
    for item in walk_file(file, 0, crc=False, window=STREAM_WINDOW):
        if isinstance(item, Stop) or int(item.offsets[0]) > offset:
            break
        rows = item.offsets <= offset
        last = int(rows.sum()) - 1
        start = int(item.offsets[last])
        holder = start if offset < start + int(item.head["size"][last]) else None
    if holder is not None:
        return NoRecordError(f"offset {offset} is inside the record at {holder}", holder)
    reasons = {"zero": "nothing was written there", "blank": "the rest of the file is unused", "full": "the file ends"}
    what = reasons.get(stop.kind, f"{stop.kind}: {stop.detail}")
    found = None if stop.kind in reasons else next_record(file, position)
    return NoRecordError(f"no record at offset {offset}: {what}", None if found is None else file.base + found)


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
