"""The last field of a consumequeue unit: the hash of the message's tags, in the delay topic the time of delivery.

What lives here: that field. What does not: the unit (`consume_queue.py`), and the text of delay levels
(`common/delay_levels.py`).
"""

from __future__ import annotations

from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.javatypes import parse_int
from rocketmq_ops.common.message import PROPERTY_DELAY_TIME_LEVEL, PROPERTY_TAGS
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

_UNKNOWN_LEVEL_DELAY_MS = 1000


class UnitCodes:
    """What the units of a store have in their last field."""

    __slots__ = ("delay_levels",)

    def __init__(self, delay_levels: list[int]) -> None:
        #: The delays (ms) of the levels from 1 on.
        self.delay_levels = delay_levels

    def of(self, queue: ConsumeQueue, properties: dict[str, str], timestamp: int) -> int:
        """The field of a message stored at `timestamp` (ms)."""
        tags = properties.get(PROPERTY_TAGS)
        code = tags_hash(tags) if tags else 0
        return self.deliver_time(properties, timestamp) or code if queue.is_delay else code

    def deliver_time(self, properties: dict[str, str], timestamp: int) -> int:
        """Time (ms) at which a message of the delay topic is due, 0 when it names no level (computeDeliverTimestamp).

        Levels above the highest count as the highest.
        """
        text = properties.get(PROPERTY_DELAY_TIME_LEVEL)
        try:
            level = parse_int(text) if text else 0
        except ValueError:
            level = 0
        if level <= 0:
            return 0
        return self.due(level, timestamp)

    def due(self, level: int, timestamp: int) -> int:
        """Time (ms) at which a message of a level from 1 on, stored at `timestamp`, is due."""
        level = min(level, len(self.delay_levels))
        return timestamp + (self.delay_levels[level - 1] if level else _UNKNOWN_LEVEL_DELAY_MS)
