"""Figures of a store in one pass: sizes, rates by minute, largest topics and producers, distinct keys, time gaps.

Works on columns; memory is bounded by the number of topics, minutes and hosts, not of messages.
"""

from __future__ import annotations

import heapq
from typing import Any, Final

import msgspec
import numpy as np

from rocketmq_ops.common.addresses import unpack_host
from rocketmq_ops.common.record_layout import V6_FLAGS
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.store.inspect.reading.blocks import hosts_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns, DispatchDeriver
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.selector import Selector
from rocketmq_ops.store.inspect.view.cardinality import Cardinality

MINUTE: Final = 60_000
MAX_NAMES: Final = 20_000  # topics, tags and hosts that are counted apart; what comes later is summed up as one
OTHERS: Final = "(others)"


class NameRow(msgspec.Struct, rename="camel", kw_only=True):
    """Messages and bytes (of records) under one name: a topic, a tag, a producer's address. Times in ms."""

    name: str
    messages: int
    bytes: int
    first_time: int
    last_time: int


class SizeRow(msgspec.Struct, rename="camel"):
    """How many records have a size in [low, high) bytes."""

    low: int
    high: int
    messages: int


class MinuteRow(msgspec.Struct, rename="camel"):
    """One minute (ms of its begin) with messages and bytes stored in it."""

    minute: int
    messages: int
    bytes: int


class GapRow(msgspec.Struct, rename="camel"):
    """Nothing was stored for `milliseconds`: from one message's time to that of the next, which is at
    `commit_log_offset`."""

    begin: int
    end: int
    milliseconds: int
    commit_log_offset: int


class DistinctRow(msgspec.Struct, rename="camel"):
    """How many values there are, how many distinct, and by which method."""

    what: str
    values: int
    distinct: int
    method: str


class StoreStats(msgspec.Struct, rename="camel", kw_only=True):
    """The whole of `store stats`. Sizes in bytes, times in ms."""

    messages: int
    bytes: int
    body_bytes: int
    compressed: int
    transactional: int
    first_time: int | None
    last_time: int | None
    backward_steps: int
    topics: list[NameRow]
    tags: list[NameRow]
    producers: list[NameRow]
    sizes: list[SizeRow]
    minutes: list[MinuteRow]
    gaps: list[GapRow]
    distinct: list[DistinctRow]


class _Names:
    """Sums by name."""

    def __init__(self) -> None:
        self._sums: dict[Any, list[int]] = {}

    def add(self, name: Any, messages: int, size: int, first: int, last: int) -> None:
        row = self._sums.get(name)
        if row is None:
            if len(self._sums) >= MAX_NAMES:
                name = OTHERS
            row = self._sums.setdefault(name, [0, 0, first, last])
        row[0] += messages
        row[1] += size
        row[2], row[3] = min(row[2], first), max(row[3], last)

    def top(self, count: int) -> list[NameRow]:
        """The names with the most bytes."""
        best = heapq.nlargest(count, self._sums.items(), key=lambda item: item[1][1])
        return [
            NameRow(name=_text(name), messages=s[0], bytes=s[1], first_time=s[2], last_time=s[3]) for name, s in best
        ]

    def __len__(self) -> int:
        return len(self._sums)


class StatsCollector:
    """Feed it with a selector; `gap_ms` is the shortest gap that counts, `top` how many of each list are kept."""

    def __init__(self, *, top: int = 10, gap_ms: int = MINUTE) -> None:
        self._top = top
        self._gap_ms = gap_ms
        self._deriver = DispatchDeriver()
        self._totals = dict.fromkeys(("messages", "bytes", "body_bytes", "compressed", "transactional"), 0)
        self._first: int | None = None
        self._last: int | None = None
        self._backward = 0
        self._topics, self._tags, self._producers = _Names(), _Names(), _Names()
        self._sizes = np.zeros(34, np.int64)
        self._minutes: dict[int, list[int]] = {}
        self._gaps: list[tuple[int, int, int, int]] = []
        self._keys, self._unique = Cardinality(), Cardinality()

    def run(self, selector: Selector) -> StoreStats:
        """Read all that the selector finds. Raises RocketMQError when a file cannot be read."""
        for block, rows in selector.found():
            self._block(block, rows, self._deriver.derive(block))
        return self._result()

    def _block(self, block: Block, rows: Column, dispatch: DispatchColumns) -> None:
        head = block.head[rows]
        sizes, times = head["size"].astype(np.int64), head["store_timestamp"].astype(np.int64)
        totals = self._totals
        totals["messages"] += len(rows)
        totals["bytes"] += int(sizes.sum())
        totals["body_bytes"] += int(head["body_length"].sum())
        totals["compressed"] += int(np.count_nonzero(head["sys_flag"] & COMPRESSED_FLAG))
        totals["transactional"] += int(np.count_nonzero(head["sys_flag"] & TRANSACTION_MASK != TRANSACTION_NOT_TYPE))
        self._sizes += np.bincount(np.log2(np.maximum(sizes, 1)).astype(np.int64), minlength=34)[:34]
        self._times(times, sizes, block.offsets[rows])
        self._sum(self._topics, dispatch.topic_ids[rows], dispatch.topics, sizes, times)
        self._by_tag(dispatch, rows, sizes, times)
        self._by_producer(block, rows, head, sizes, times)
        picked = rows.tolist()
        self._keys.add(key for i in picked for key in (dispatch.keys[i] or b"").split(b" ") if key)
        self._unique.add(unique for i in picked if (unique := dispatch.unique_keys[i]))

    def _times(self, times: Column, sizes: Column, offsets: Column) -> None:
        before = np.concatenate(([self._last if self._last is not None else times[0]], times[:-1]))
        steps = times - before
        self._backward += int(np.count_nonzero(steps < 0))
        for i in np.flatnonzero(steps >= self._gap_ms).tolist():
            gap = (int(steps[i]), int(before[i]), int(times[i]), int(offsets[i]))
            if len(self._gaps) < self._top:
                heapq.heappush(self._gaps, gap)
            else:
                heapq.heappushpop(self._gaps, gap)
        self._first = int(times[0]) if self._first is None else self._first
        self._last = int(times[-1])
        minutes, inverse = np.unique(times // MINUTE, return_inverse=True)
        counts, sums = np.bincount(inverse), np.bincount(inverse, weights=sizes)
        for minute, count, size in zip(minutes.tolist(), counts.tolist(), sums.tolist(), strict=True):
            row = self._minutes.setdefault(minute, [0, 0])
            row[0] += count
            row[1] += int(size)

    @staticmethod
    def _sum(names: _Names, ids: Column, texts: list[Any], sizes: Column, times: Column) -> None:
        used, inverse = np.unique(ids, return_inverse=True)
        counts, sums = np.bincount(inverse), np.bincount(inverse, weights=sizes)
        low, high = np.full(len(used), 1 << 62), np.zeros(len(used), np.int64)
        np.minimum.at(low, inverse, times)
        np.maximum.at(high, inverse, times)
        columns = [c.tolist() for c in (used, counts, sums, low, high)]
        for number, count, size, first, last in zip(*columns, strict=True):
            names.add(texts[number], count, int(size), first, last)

    def _by_tag(self, dispatch: DispatchColumns, rows: Column, sizes: Column, times: Column) -> None:
        found: dict[bytes | None, int] = {}
        ids = [found.setdefault(dispatch.tags[i], len(found)) for i in rows.tolist()]
        self._sum(self._tags, np.array(ids), list(found), sizes, times)

    def _by_producer(self, block: Block, rows: Column, head: Column, sizes: Column, times: Column) -> None:
        if bool((head["sys_flag"] & V6_FLAGS).any()):
            hosts = [unpack_host(hosts_of(block, row)[0])[0] for row in rows.tolist()]
            found: dict[str, int] = {}
            ids = [found.setdefault(host, len(found)) for host in hosts]
            self._sum(self._producers, np.array(ids), list(found), sizes, times)
            return
        addresses, inverse = np.unique(head["born_ip"], return_inverse=True)
        texts = [unpack_host(int(ip).to_bytes(4, "big") + bytes(4))[0] for ip in addresses]
        self._sum(self._producers, inverse, texts, sizes, times)

    def _result(self) -> StoreStats:
        minutes = sorted(self._minutes.items())
        distinct = [("keys", self._keys), ("unique keys", self._unique)]
        gaps = sorted(self._gaps, reverse=True)
        return StoreStats(
            **self._totals,
            first_time=self._first,
            last_time=self._last,
            backward_steps=self._backward,
            topics=self._topics.top(self._top),
            tags=self._tags.top(self._top),
            producers=self._producers.top(self._top),
            sizes=[SizeRow(1 << i, 2 << i, int(n)) for i, n in enumerate(self._sizes) if n],
            minutes=[MinuteRow(minute * MINUTE, count, size) for minute, (count, size) in minutes],
            gaps=[GapRow(begin, end, length, offset) for length, begin, end, offset in gaps],
            distinct=[DistinctRow(what, c.total, c.estimate, c.method) for what, c in distinct]
            + [
                DistinctRow(
                    what, self._totals["messages"], len(names), "exact" if len(names) < MAX_NAMES else "at least"
                )
                for what, names in (("topics", self._topics), ("tags", self._tags), ("producer hosts", self._producers))
            ],
        )


def _text(name: Any) -> str:
    if name is None:
        return "(none)"
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
