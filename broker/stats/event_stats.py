"""Statistics of what happens seldom: a table of counters for each name, with a counter for each key that was seen.

What every message or pull adds to has counters of its own kind in `broker/stats/broker_stats.py`. The keys are
Apache's: `topic@queueId`, `topic@queueId@group`, `queueId@topic`, the cluster, or the kind of an event.

Mirrors those parts of BrokerStatsManager of org.apache.rocketmq.store.stats.
"""

from __future__ import annotations

from rocketmq_ops.broker.stats.stats_item import CountedItem
from rocketmq_ops.common.bounded import Bounded

QUEUE_PUT_NUMS = "QUEUE_PUT_NUMS"
QUEUE_PUT_SIZE = "QUEUE_PUT_SIZE"
QUEUE_GET_NUMS = "QUEUE_GET_NUMS"
QUEUE_GET_SIZE = "QUEUE_GET_SIZE"
#: ms that senders waited for the disk, by `queueId@topic`.
TOPIC_PUT_LATENCY = "TOPIC_PUT_LATENCY"
GROUP_GET_LATENCY = "GROUP_GET_LATENCY"
SNDBCK2DLQ_TIMES = "SNDBCK2DLQ_TIMES"
PRODUCER_REGISTER_TIME = "PRODUCER_REGISTER_TIME"
CONSUMER_REGISTER_TIME = "CONSUMER_REGISTER_TIME"
CHANNEL_ACTIVITY = "CHANNEL_ACTIVITY"
#: Of ours: transactions that were ended, by topic.
COMMITS, ROLLBACKS = "TRANSACTION_COMMITS", "TRANSACTION_ROLLBACKS"
CONNECT, CLOSE, IDLE, EXCEPTION = "CONNECT", "CLOSE", "IDLE", "EXCEPTION"
#: Keys kept of one name; when there are more all are dropped.
MAX_KEYS = 10_000


class EventStats:
    """The tables of one broker."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, CountedItem]] = {}

    def add(self, name: str, key: str, value: int = 1, times: int = 1) -> None:
        """Count `times` events that together make up `value`."""
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = Bounded(MAX_KEYS)
        item = table.get(key)
        if item is None:
            item = table[key] = CountedItem()
        item.add(value, times)

    def find(self, name: str, key: str) -> CountedItem | None:
        """The counter, None when nothing was counted under the key."""
        return self.tables.get(name, {}).get(key)

    def forget(self, part: str) -> None:
        """Forget the counters of a deleted topic or group: those that have it between the `@` of their keys."""
        for table in self.tables.values():
            for key in [key for key in table if part in key.split("@")]:
                del table[key]
