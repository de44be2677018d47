"""Batch consumequeues of Apache's 5.x (topics with the attribute queue.type=BatchCQ): which topics have them, their
units against the records, and their writing.

Mirrors BatchConsumeQueue and CommitLog.setBatchSizeIfNeeded. They lie in `batchconsumequeue`; a unit
stands for a record, which is one message or a batch of `INNER_NUM` messages from the queue offset `INNER_BASE` on.
Units stand one behind the other in the order of the log: their place says nothing of the queue offset.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np

from rocketmq_ops.store.inspect.check.chain import report_strangers
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.predict.broker_config import load_table
from rocketmq_ops.store.inspect.reading.damage import Damage, damage_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import Dispatch, Dispatcher
from rocketmq_ops.store.inspect.reading.property_bytes import property_of
from rocketmq_ops.store.inspect.reading.resync import whole_blocks
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory
from rocketmq_ops.store.layout.batch_consume_queue import COUNT, COUNT_POSITION, MAX_COUNT, NO_COMPACTED, UNIT

FOLDER: Final = "batchconsumequeue"
UNIT_DTYPE: Final = UNIT.dtype
UNIT_SIZE: Final = UNIT.size
DEFAULT_FILE: Final = 300_000 * UNIT_SIZE
_MAX_DESCRIPTORS: Final = 50

Key = tuple[str, int]


def batch_topics(store: StoreDirectory) -> frozenset[str]:
    """The topics that have batch queues, by their configuration or by what lies on the disk."""
    table = load_table(store, "topics.json", "5.3").entries
    return frozenset(str(name) for name in table if is_batch(table[name])) | {topic for topic, _ in store.batch_queues}


def is_batch(config: Any) -> bool:
    """True when a topic's configuration says that its queues are batch queues."""
    attributes = config.get("attributes") if isinstance(config, dict) else None
    return isinstance(attributes, dict) and attributes.get("queue.type") == "BatchCQ"


def wrong_types(store: StoreDirectory) -> list[tuple[str, str]]:
    """Topics whose queues lie in the folder of the other type, and where: Apache's 5.x then refuses to start."""
    loaded = load_table(store, "topics.json", "5.3").entries
    batch = {str(name) for name in loaded if is_batch(loaded[name])}
    found = {(topic, FOLDER) for topic, _ in store.batch_queues if topic not in batch}
    return sorted(found | {(topic, "consumequeue") for topic, _ in store.queues if topic in batch})


def usual_batch_file_size(store: StoreDirectory) -> int:
    """mapperFileSizeBatchConsumeQueue in bytes: what most of the store's batch queue files should have, else Apache's
    default."""
    sizes = Counter[int]()
    for chain in store.batch_queues.values():
        sizes[chain.file_size] += len(chain.files)
    sizes = Counter({size: count for size, count in sizes.items() if size % UNIT_SIZE == 0 and size and count})
    return sizes.most_common(1)[0][0] if sizes else DEFAULT_FILE


class TopicMask:
    """Tells which records of a block belong to topics with batch queues; remembers topics from block to block."""

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics
        self._known: list[bool] = []

    def of(self, dispatch: Dispatch) -> Column | None:
        """A mask over the records, None where there are no such topics at all."""
        if not self._topics:
            return None
        for name in dispatch.topics[len(self._known) :]:
            self._known.append(name.decode("utf-8", "replace") in self._topics)
        return np.array(self._known, np.bool_)[dispatch.topic_ids]

    def simple(self, dispatch: Dispatch) -> Column:
        """Which queued records go to ordinary queues."""
        mask = self.of(dispatch)
        return dispatch.queued if mask is None else dispatch.queued & ~mask

    def batches(self, block: Block, dispatch: Dispatch) -> list[tuple[Key, Column]]:
        """The units that the block's records of such topics should have, by queue."""
        mask = self.of(dispatch)
        rows = np.flatnonzero(dispatch.queued & mask) if mask is not None else np.zeros(0, np.int64)
        found: dict[Key, list[int]] = {}
        for row in rows.tolist():
            found.setdefault((dispatch.topic(row), int(block.head["queue_id"][row])), []).append(row)
        return [(key, units_of_records(block, dispatch, np.array(mine))) for key, mine in found.items()]


def units_of_records(block: Block, dispatch: Dispatch, rows: Column) -> Column:
    """The units that a broker puts for records."""
    units = np.zeros(len(rows), UNIT_DTYPE)
    units["offset"], units["size"] = block.offsets[rows], block.head["size"][rows]
    units["tags_code"], units["time"] = dispatch.tags_code[rows], block.head["store_timestamp"][rows]
    units["base"], units["count"] = block.head["queue_offset"][rows], 1
    units["compacted"] = NO_COMPACTED
    for i, row in enumerate(rows.tolist()):
        number, base = (_number(dispatch.properties[row], name) for name in (b"INNER_NUM", b"INNER_BASE"))
        if number is not None and base is not None and 0 < number <= MAX_COUNT:
            units["base"][i], units["count"][i] = base, number
    return units


def _number(properties: bytes, name: bytes) -> int | None:
    value = property_of(properties, name)
    return int(value) if value is not None and value.isdigit() and len(value) < 19 else None


def read_batch_units(chain: FileChain, first: int, count: int) -> Column:
    """Up to `count` units in use from unit number `first` of the files; files need not begin at a unit's multiple of
    0, since units never lie across two of them."""
    data = chain.read(chain.min_offset + first * UNIT_SIZE, count * UNIT_SIZE)
    units = np.frombuffer(data[: len(data) - len(data) % UNIT_SIZE], UNIT_DTYPE)
    unused = np.flatnonzero(units["size"] <= 0)
    return units[: int(unused[0])] if len(unused) else units


def find_batch_unit(chain: FileChain, offset: int) -> int:
    """The number of the first unit that points at or behind a commitlog offset, or that is not in use."""
    low, high = 0, (chain.max_offset - chain.min_offset) // UNIT_SIZE
    while low < high:
        middle = (low + high) // 2
        units = read_batch_units(chain, middle, 1)
        if len(units) and int(units["offset"][0]) < offset:
            low = middle + 1
        else:
            high = middle
    return low


def batch_bounds(chain: FileChain, log_start: int = 0, log_end: int = 1 << 62) -> tuple[int, int]:
    """The queue offsets [first, end) of the units that point into a range of the log."""
    first, last = read_batch_units(chain, find_batch_unit(chain, log_start), 1), find_batch_unit(chain, log_end)
    before = read_batch_units(chain, last - 1, 1) if last else first[:0]
    end = int(before["base"][0]) + int(before["count"][0]) if len(before) else 0
    return (int(first["base"][0]) if len(first) else end, end)


def newest_offset(chain: FileChain) -> int:
    """The commitlog offset that the last unit points at, -1 without units."""
    last = find_batch_unit(chain, 1 << 62)
    return int(read_batch_units(chain, last - 1, 1)["offset"][0]) if last else -1


def batch_messages(store: StoreDirectory, topics: frozenset[str], log_end: int) -> dict[Key, tuple[int, int, int]]:
    """Of each batch queue how many messages it had, by its units or the log; how many of them lie whole in the log
    before `log_end`; and the queue offset after the last of these. Reads the log."""
    mask, dispatcher = TopicMask(topics), Dispatcher()
    whole: dict[Key, list[int]] = {}
    for block in whole_blocks(store.commitlog.files, 0):
        for key, units in mask.batches(block, dispatcher.derive(block)):
            before = units[units["offset"] < log_end]
            found = whole.setdefault(key, [0, 0, 0])
            found[0] += int(units["count"].sum())
            found[1] += int(before["count"].sum())
            found[2] = max([found[2], *(before["base"] + before["count"]).tolist()])
    for key, chain in store.batch_queues.items():
        low, high = batch_bounds(chain, store.commitlog.min_offset)
        found = whole.setdefault(key, [0, 0, 0])
        found[0] = max(found[0], high - low)
    return {key: (had, kept, end) for key, (had, kept, end) in whole.items()}


class BatchQueueCheck:
    """Compares batch queues with the records: feed `block()` with every block, then call `finish()`."""

    def __init__(self, store: StoreDirectory, report: Report, topics: frozenset[str], *, live: bool = False) -> None:
        self._store, self._report, self._live = store, report, live
        self._mask = TopicMask(topics)
        self._next: dict[Key, int] = {}  # the number of the unit that should come next
        self._holes: list[tuple[Key, Column]] = []  # units that no record was found for
        self._missing: dict[Key, list[int]] = {}  # offsets of records that no unit was found for
        size = usual_batch_file_size(store)
        for key, chain in store.batch_queues.items():
            for file in chain.files:
                if file.size != size:
                    report.add(
                        "CQ-LENGTH", f"the file has {file.size} bytes, not {size}",
                        file=f"{_folder(key)}/{file.path.name}", expected=size, actual=file.size,
                    )  # fmt: skip
            report_strangers(chain, report, "CQ-STRANGER", _folder(key), size)
        for topic, folder in wrong_types(store):
            report.add(
                "CQ-TYPE", f"topic {topic} has queues in {folder}, its configuration says another type",
                file=f"{folder}/{topic}", topic=topic,
            )  # fmt: skip

    def block(self, block: Block, dispatch: Dispatch) -> None:
        """Compare the units of one block's records."""
        for key, expected in self._mask.batches(block, dispatch):
            chain = self._store.batch_queues.get(key)
            if chain is None:
                self._missing.setdefault(key, []).extend(expected["offset"].tolist())
                continue
            if key not in self._next:
                self._next[key] = find_batch_unit(chain, int(expected["offset"][0]))
            units = read_batch_units(chain, self._next[key], len(expected))
            self._report.count("units", len(units))
            if len(units) == len(expected) and bool((units["offset"] == expected["offset"]).all()):
                self._next[key] += len(units)
                self._compare(key, units, expected)
            else:
                self._one_by_one(key, chain, expected)

    def _one_by_one(self, key: Key, chain: FileChain, expected: Column) -> None:
        for i in range(len(expected)):
            number = find_batch_unit(chain, int(expected["offset"][i]))
            units = read_batch_units(chain, number, 1)
            if not len(units) or units["offset"][0] != expected["offset"][i]:
                self._missing.setdefault(key, []).append(int(expected["offset"][i]))
                continue
            if number > self._next[key]:
                self._holes.append((key, read_batch_units(chain, self._next[key], number - self._next[key])))
            self._next[key] = number + 1
            self._compare(key, units, expected[i : i + 1])

    def _compare(self, key: Key, units: Column, expected: Column) -> None:
        """Report fields that differ. A unit may stand for more messages than its record has, up to the next unit."""
        count = units["count"] < expected["count"]
        for kind, field, wrong in (
            ("CQ-SIZE", "size", units["size"] != expected["size"]),
            ("CQ-TAG", "tags_code", units["tags_code"] != expected["tags_code"]),
            ("CQ-OFFSET", "base", units["base"] != expected["base"]),
            ("CQ-OFFSET", "count", count),
        ):
            for i in np.flatnonzero(wrong).tolist():
                self._report.add(
                    kind, f"{key[0]} queue {key[1]}: a batch unit says {field} {int(units[field][i])}, its record "
                    f"{int(expected[field][i])}", file=_folder(key), offset=int(expected["offset"][i]), field=field,
                    expected=int(expected[field][i]), actual=int(units[field][i]),
                )  # fmt: skip

    def finish(self, log_start: int, log_end: int, damages: list[Damage]) -> None:
        """Judge what did not fit; `log_start` and `log_end` bound the readable log."""
        for key, chain in self._store.batch_queues.items():
            begin = self._next.get(key, find_batch_unit(chain, log_start))
            if self._live:
                continue
            while len(units := read_batch_units(chain, begin, 65536)):
                self._holes.append((key, units))
                begin += len(units)
        for key, units in self._holes:
            self._orphans(key, units, log_end, damages)
        for key, offsets in self._missing.items():
            if self._live:
                continue
            queue = self._store.batch_queues.get(key)
            kind = "CQ-NO-QUEUE" if queue is None else "CQ-MISSING"
            if queue is not None and offsets[0] > newest_offset(queue):
                kind = "CQ-BEHIND"
            self._report.add(
                kind, f"{key[0]} queue {key[1]}: {len(offsets)} record(s) have no batch unit", file=_folder(key),
                offset=offsets[0], records=len(offsets),
            )  # fmt: skip

    def _orphans(self, key: Key, units: Column, log_end: int, damages: list[Damage]) -> None:
        counts = {"CQ-BEYOND": 0, "CQ-LOST": 0, "CQ-ORPHAN": 0}
        for offset, messages in zip(units["offset"].tolist(), units["count"].tolist(), strict=True):
            hit = damage_of(damages, offset)
            counts["CQ-BEYOND" if offset >= log_end else "CQ-LOST" if hit is not None else "CQ-ORPHAN"] += messages
        for kind, messages in counts.items():
            if messages:
                what = {"CQ-BEYOND": "past the end of the log", "CQ-LOST": "in a damaged range"}.get(
                    kind, "at no record"
                )
                self._report.add(
                    kind, f"{key[0]} queue {key[1]}: batch units of {messages} message(s) point {what}",
                    file=_folder(key), offset=int(units["offset"][0]), messages=messages,
                )  # fmt: skip


def _folder(key: Key) -> str:
    return f"{FOLDER}/{key[0]}/{key[1]}"


class BatchQueueWriter:
    """Writes batch units into files of their full length. Where messages are missing before a record, the unit before
    it is made to reach up to it, so that a consumer gets past the hole. Raises OSError."""

    def __init__(self, directory: Path, store: StoreDirectory, topics: frozenset[str]) -> None:
        self._size = usual_batch_file_size(store)
        self._directory = directory
        self._mask = TopicMask(topics)
        self._end: dict[Key, tuple[int, int, int]] = {}  # bytes written, base and end of the last unit
        self._open: dict[Path, int] = {}
        self.units = 0

    @property
    def queues(self) -> int:
        """How many queues got units."""
        return len(self._end)

    def put(self, block: Block, dispatch: Dispatch) -> None:
        """Write the units of a block's records."""
        for key, units in self._mask.batches(block, dispatch):
            for unit in units:
                self._put(key, unit)
            self.units += len(units)

    def _put(self, key: Key, unit: Any) -> None:
        position, base, end = self._end.get(key, (0, 0, 0))
        new = int(unit["base"])
        if position and end < new <= base + MAX_COUNT:
            self._write(key, position - UNIT_SIZE + COUNT_POSITION, COUNT.pack(new - base))
        self._write(key, position, unit.tobytes())
        self._end[key] = (position + UNIT_SIZE, new, new + int(unit["count"]))

    def _write(self, key: Key, position: int, data: bytes) -> None:
        start = position - position % self._size
        path = self._directory / key[0] / str(key[1]) / f"{start:020d}"
        descriptor = self._open.get(path)
        if descriptor is None:
            if len(self._open) >= _MAX_DESCRIPTORS:
                os.close(self._open.pop(next(iter(self._open))))
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(descriptor, self._size)
        os.pwrite(descriptor, data, position - start)

    def close(self) -> None:
        """Sync and close all files."""
        while self._open:
            descriptor = self._open.popitem()[1]
            os.fsync(descriptor)
            os.close(descriptor)


class KeptNumbers:
    """The queue offsets of a batch queue in a salvaged store: all stay as they are."""

    moved = False

    def __init__(self) -> None:
        self._end = 0

    def seen(self, end: int) -> None:
        """A record reaches up to this queue offset."""
        self._end = max(self._end, end)

    def exact(self, old: int) -> int | None:
        """The new number of a message."""
        return old

    def new(self, old: int) -> int:
        """Where a consumer stands, never past the end of the queue."""
        return min(old, self._end)
