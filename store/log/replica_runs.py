"""Runs of a master's records: those of the common kind, each the next one of its queue, are dispatched together.

What lives here: reading a run, and putting it into queues and index. What does not: all other records
(`replica_appender.py`). A slave has to keep up with a master that stores in batches, so this is written for speed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import (
    PROPERTY_KEYS,
    PROPERTY_SEPARATOR,
    PROPERTY_TAGS,
    PROPERTY_UNIQ_KEY,
    start_of,
    stored_value,
)
from rocketmq_ops.common.record_layout import MAGIC_V1, V6_FLAGS
from rocketmq_ops.common.sysflag import TRANSACTION_MASK
from rocketmq_ops.store.arrivals import MessageArrivals
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.index.key_sink import MessageKeys
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE
from rocketmq_ops.store.layout.record import HEAD_OF_RUN
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

_NOT_COMMON: Final = V6_FLAGS | TRANSACTION_MASK
#: Bytes behind a body at least: the topic's length, and that of the properties.
_LEAST_BEHIND_BODY: Final = 3
#: Records of a run at most.
_MOST_RECORDS: Final = 256
_MOST_TOPICS: Final = 10_000
_TAGS: Final = start_of(PROPERTY_TAGS)
_UNIQ_KEY: Final = start_of(PROPERTY_UNIQ_KEY)
_KEYS: Final = start_of(PROPERTY_KEYS)
_NO_QUEUES: Final[dict[int, ConsumeQueue]] = {}


class Run(NamedTuple):
    """Records one behind the other, none or more: the offset behind them; where the last one begins, and when it was
    stored (ms)."""

    records: int
    end: int
    last: int
    timestamp: int


class _Units:
    """What a run has for one queue."""

    __slots__ = ("next_offset", "numbers", "queue")

    def __init__(self, queue: ConsumeQueue) -> None:
        self.queue = queue
        self.next_offset = queue.next_offset
        #: Commitlog offset, size and tag hash of each unit, in one row.
        self.numbers: list[int] = []


class RunDispatcher:
    """Dispatches runs into the queues and the index of one store."""

    def __init__(
        self, table: dict[str, dict[int, ConsumeQueue]], index: IndexService, arrivals: MessageArrivals
    ) -> None:
        """`table`: the queues by topic and id. Of topics whose messages somebody waits for there are no runs."""
        self._table = table
        self._index = index
        self._arrivals = arrivals
        #: Topics by their bytes in a record, with the length.
        self._topics: dict[bytes, str] = Bounded(_MOST_TOPICS)

    def note_topic(self, topic: str) -> None:
        """Records of the topic may be in runs from now on."""
        name = topic.encode()
        if len(name) <= 127:
            self._topics[bytes((len(name),)) + name] = topic

    def dispatch(self, file: MappedFile, start: int) -> Run:
        """Dispatch the run that begins at an offset: as many records as are whole and of the common kind.

        Raises OSError, then none of them is dispatched."""
        view, base, wrote, unpack = file.view, file.base, file.wrote, HEAD_OF_RUN.unpack_from
        units: dict[ConsumeQueue, _Units] = {}
        keys: list[MessageKeys] = []
        position, last, timestamp = start - base, -1, 0
        least, most = HEAD_OF_RUN.size + _LEAST_BEHIND_BODY, _MOST_RECORDS
        topic_field, topic, at = b"", "", 0
        queues: dict[int, _Units] = {}
        of_topics: dict[bytes, dict[int, _Units]] = {}
        while position + least <= wrote and len(keys) < most:
            size, magic, queue_id, queue_offset, physical, sys_flag, stored, body_length = unpack(view, position)
            topic_at, end = position + HEAD_OF_RUN.size + body_length, position + size
            if (
                magic != MAGIC_V1 or sys_flag & _NOT_COMMON or physical != base + position or end > wrote
                or body_length < 0 or topic_at + _LEAST_BEHIND_BODY > end
            ):  # fmt: skip
                break
            behind = bytes(view[topic_at:end])
            if not topic_field or not behind.startswith(topic_field):
                topic_field = behind[: 1 + behind[0]]
                found = self._topics.get(topic_field)
                if found is None or found in self._arrivals.topics:
                    break
                topic, at = found, len(topic_field) + 2
                queues = of_topics.setdefault(topic_field, {})
            of_queue = queues.get(queue_id)
            if of_queue is None:
                queue = self._table.get(topic, _NO_QUEUES).get(queue_id)
                if queue is None or queue.is_delay:
                    break
                of_queue = queues[queue_id] = units[queue] = _Units(queue)
                most = min(most, queue.file_queue.file_size // CQ_UNIT_SIZE)  # room is made in two files at most
            if (
                of_queue.next_offset != queue_offset or len(behind) < at
                or behind[at - 2] << 8 | behind[at - 1] != len(behind) - at
            ):  # fmt: skip
                break
            properties = PROPERTY_SEPARATOR + behind[at:].decode("utf-8", "replace")
            tags = stored_value(properties, _TAGS)
            of_queue.numbers += (physical, size, tags_hash(tags) if tags else 0)
            of_queue.next_offset = queue_offset + 1
            keys.append((topic, stored_value(properties, _UNIQ_KEY), stored_value(properties, _KEYS), physical, stored))
            last, position, timestamp = physical, end, stored
        self._put(units, keys)
        return Run(len(keys), base + position, last, timestamp)

    def _put(self, units: dict[ConsumeQueue, _Units], keys: list[MessageKeys]) -> None:
        for queue, of_queue in units.items():
            count = len(of_queue.numbers) // 3
            if queue.room < count:
                queue.make_room(count)
        for queue, of_queue in units.items():
            queue.put_units(of_queue.numbers)
            queue.max_offset = queue.next_offset
        if keys:
            self._index.sink.put_run(keys)
