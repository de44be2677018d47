"""Rates of topics that no group has offsets in, as brokers count them: asked for one topic at a time, in turn."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Final

from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic, is_system_topic

#: The same topic is not asked for again before, ms; and how long an answer counts.
AGAIN_MS: Final = 30_000
COUNTS_MS: Final = 600_000


class Puts:
    """By broker and topic: when it was asked, and messages a second."""

    def __init__(self) -> None:
        self._asked: dict[str, dict[str, int]] = {}
        self._rates: dict[str, dict[str, float]] = {}
        #: Topics of which offsets say the rates; None before that is known.
        self.consumed: Collection[str] | None = None

    def next(self, address: str, topics: Collection[str], own: Container[str], now_ms: int) -> str | None:
        """Whose turn it is on a broker: of those that no group consumes the one that was asked longest ago. `own` are
        the names of brokers and clusters, whose topics are none of users."""
        if self.consumed is None:
            return None
        asked, there = self._asked.setdefault(address, {}), set(topics)
        for gone in asked.keys() - there:
            del asked[gone]
            self._rates.get(address, {}).pop(gone, None)
        wanted = [
            topic
            for topic in topics
            if topic not in self.consumed
            and topic not in own
            and asked.get(topic, 0) <= now_ms - AGAIN_MS
            and not (is_system_topic(topic) or is_retry_topic(topic) or is_dlq_topic(topic))
        ]
        topic = min(wanted, key=lambda each: asked.get(each, 0), default=None)
        if topic is not None:
            asked[topic] = now_ms
        return topic

    def forget(self, address: str) -> None:
        """A broker is not asked any more."""
        self._asked.pop(address, None)
        self._rates.pop(address, None)

    def told(self, address: str, topic: str, rate: float | None) -> None:
        """What the broker has counted; None where it did not tell."""
        rates = self._rates.setdefault(address, {})
        if rate is None:
            rates.pop(topic, None)
        else:
            rates[topic] = rate

    def said_by_offsets(self, topics: Collection[str]) -> None:
        """Offsets say the rates of these: what was counted of them before is old once they do not any more."""
        self.consumed = topics
        for rates in self._rates.values():
            for topic in [topic for topic in rates if topic in topics]:
                del rates[topic]

    def rate(self, topic: str, addresses: Iterable[str], now_ms: int) -> float | None:
        """Of all its brokers; None where one of them has not told, or not for long."""
        total = 0.0
        for address in addresses:
            rate = self._of(self._rates, address, topic)
            if rate is None or (self._of(self._asked, address, topic) or 0) < now_ms - COUNTS_MS:
                return None
            total += rate
        return total

    @staticmethod
    def _of(held: Mapping[str, Mapping[str, float]], address: str, topic: str) -> float | None:
        of_broker = held.get(address)
        return None if of_broker is None else of_broker.get(topic)
