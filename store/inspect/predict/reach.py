"""Which messages no consumer can get: what a store holds by queue, and what a broker's configuration leads to.

A message is out of reach when its topic is not configured, or its queue's number is not below the topic's number of
read queues: nobody is routed to it, and a pull is refused (PullMessageProcessor).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, is_dlq_topic, is_retry_topic, is_system_topic, split_topic_group
from rocketmq_ops.store.inspect.reading.batch_queues import batch_bounds
from rocketmq_ops.store.inspect.reading.broker_config import is_deleted_topic
from rocketmq_ops.store.inspect.reading.queue_units import units_in_log
from rocketmq_ops.store.inspect.reading.resync import whole_blocks
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

WRITES_OFFSETS_AFTER_MS: Final = 20_000
HOUR_MS: Final = 3_600_000


@dataclass(slots=True)
class LogQueue:
    """The messages of one queue that the log holds whole: runs (first number, count) of consecutive queue offsets in
    the order of the log. Those of a topic that was deleted and made again count from the last 0 on."""

    runs: list[list[int]] = field(default_factory=list)

    def add(self, first: int, count: int) -> None:
        """More messages with consecutive numbers."""
        last = self.runs[-1] if self.runs else None
        if last is not None and last[0] + last[1] == first:
            last[1] += count
            return
        if first == 0:
            self.runs.clear()
        self.runs.append([first, count])

    def within(self, low: int, high: int) -> int:
        """How many have a number from `low` to before `high`."""
        return sum(max(0, min(first + count, high) - max(first, low)) for first, count in self.runs)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(count for _, count in self.runs)


_logs: WeakKeyDictionary[StoreDirectory, dict[tuple[str, int], LogQueue]] = WeakKeyDictionary()


def log_queues(store: StoreDirectory) -> dict[tuple[str, int], LogQueue]:
    """The messages that the log holds whole, by queue, stepping over damage; bodies are not looked at. Read once a
    store."""
    known = _logs.get(store)
    if known is None:
        known = _logs[store] = {}
        for block in whole_blocks(store.commitlog.files, 0):
            for key, numbers, _ in queued_runs(block):
                queue = known.setdefault(key, LogQueue())
                for part in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1):
                    queue.add(int(part[0]), len(part))
    return known


def queued_runs(block: Block) -> Iterator[tuple[tuple[str, int], Any, Any]]:
    """The records of a block that get a unit, by queue: (topic, queue id), their queue offsets and their rows."""
    head = block.head
    kinds = head["sys_flag"] & TRANSACTION_MASK
    rows = np.flatnonzero((kinds == TRANSACTION_NOT_TYPE) | (kinds == TRANSACTION_COMMIT_TYPE))
    if not len(rows):
        return
    names = block.slices(block.topic_at[rows], block.topic_length[rows])
    ids: dict[bytes, int] = {}
    topics = np.fromiter((ids.setdefault(name, len(ids)) for name in names), np.int64, len(names))
    queue_ids = head["queue_id"][rows].astype(np.int64)
    order = np.lexsort((queue_ids, topics))
    rows, queue_ids, topics = rows[order], queue_ids[order], topics[order]
    by_id = list(ids)
    borders = np.flatnonzero((np.diff(topics) != 0) | (np.diff(queue_ids) != 0)) + 1
    for part in np.split(np.arange(len(rows)), borders):
        key = (by_id[int(topics[part[0]])].decode("utf-8", "replace"), int(queue_ids[part[0]]))
        yield key, head["queue_offset"][rows[part]].astype(np.int64), rows[part]


class Reach:
    """What the loaded tables of topics.json, consumerOffset.json and subscriptionGroup.json let consumers read, and
    that of delayOffset.json (None where its offsets are lost) the delay levels."""

    def __init__(
        self,
        topics: dict[Any, Any],
        offsets: dict[Any, Any],
        groups: dict[Any, Any],
        delays: dict[Any, Any] | None = None,
    ) -> None:
        self._topics = {str(name): config for name, config in topics.items() if isinstance(config, dict)}
        self._groups = groups
        self._delays = None if delays is None else {int(k): o for k, o in delays.items() if str(k).isdigit()}
        self._offsets: dict[str, list[dict[int, int]]] = {}
        for key, queues in offsets.items():
            topic, _ = split_topic_group(str(key))
            if isinstance(queues, dict):
                found = {int(q): o for q, o in queues.items() if str(q).isdigit() and isinstance(o, int)}
                self._offsets.setdefault(topic, []).append(found)

    def deleted(self, topic: str) -> bool:
        """True for a topic that others show to be deleted, when it has no queue on disk either."""
        return is_deleted_topic(self._topics, topic)

    def first_due(self, topic: str, queue_id: int) -> int | None:
        """The lowest offset that a group has reached in a queue, None without any. In the delay topic that of the
        level: one without it begins at 0."""
        if topic == SCHEDULE_TOPIC:
            return None if self._delays is None else self._delays.get(queue_id + 1, 0)
        return min((q[queue_id] for q in self._offsets.get(topic, ()) if queue_id in q), default=None)

    def read_queues(self, topic: str) -> int:
        """How many queues can be read; of a retry topic that is made again when its group comes, as many as then."""
        config = self._topics.get(topic)
        if config is None and is_retry_topic(topic):
            group = self._groups.get(topic.removeprefix("%RETRY%"))
            config = {"readQueueNums": group.get("retryQueueNums", 1) if isinstance(group, dict) else 1}
        count = (config or {}).get("readQueueNums", 16 if config is not None else 0)
        return count if isinstance(count, int) else 0

    def out_of_reach(self, topic: str, queue_id: int, low: int, high: int) -> int:
        """How many of the messages [low, high) of a queue are due to somebody who cannot get them. In a queue behind
        the read queues of a topic that has some, as when its number was reduced, only those that a group of the topic
        has not consumed."""
        if is_system_topic(topic) or is_dlq_topic(topic) or high <= low:
            return 0
        count = self.read_queues(topic)
        if queue_id < count:
            return 0
        positions = self._offsets.get(topic) if count else None
        if positions:
            low = max(low, min(queues.get(queue_id, low) for queues in positions))
        return max(0, high - low)


def barely_began(store: StoreDirectory) -> bool:
    """True when the broker was killed so soon that it may not have written its offsets: Apache's does so 10 s after its
    start and then every 5 s."""
    if not (store.root / "abort").exists():
        return False
    times = store_times(store)
    return times is not None and times[1] - times[0] < WRITES_OFFSETS_AFTER_MS


def store_times(store: StoreDirectory) -> tuple[int, int] | None:
    """When the first and the last record of the log were stored (ms), None without records."""
    files = store.commitlog.files
    first = next((int(b.head["store_timestamp"][0]) for file in files for b in whole_blocks([file], 0)), None)
    if first is None:
        return None
    for file in reversed(files):
        times = [int(block.head["store_timestamp"][-1]) for block in whole_blocks([file], 0)]
        if times:
            return first, times[-1]
    return None


def gone_in_front(
    store: StoreDirectory, reach: Reach, reserved_ms: int, times: tuple[int, int] | None = None
) -> dict[tuple[str, int], int]:
    """By queue the messages that lay before the first file of the log and that a group of the topic had not consumed or
    a delay level not delivered: units at or behind its offset point there. None where the log is so long that its first
    files may have expired (`reserved_ms`, fileReservedTime): a group that is that late has missed them, as it is meant
    to be. `times`: those of `store_times`, where they are known."""
    start = store.commitlog.min_offset
    times = times or (store_times(store) if start > 0 else None)
    if start <= 0 or times is None or times[1] - times[0] >= reserved_ms:
        return {}
    found = {}
    for queues, bounds in ((store.queues, units_in_log), (store.batch_queues, batch_bounds)):
        for key, chain in queues.items():
            position = reach.first_due(*key)
            if position is None:
                continue
            missed = bounds(chain, start)[0] - max(position, bounds(chain, 0)[0])
            if missed > 0:
                found[key] = missed
    return found
