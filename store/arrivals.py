"""When consumers may see a message, and who hears of it (mirrors MessageArrivingListener).

What lives here: the listener that held pulls are woken by, and the messages that stay hidden until their record is
synced. What does not: the sync (`flush.py`), what a listener does.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Container

from rocketmq_ops.store.queue.consume_queue import ConsumeQueue

log = logging.getLogger(__name__)

#: Called for each message that consumers may now read: topic, queue id, queue offset after it, last field of its
#: unit (tag hash), store timestamp (ms), properties.
ArrivingListener = Callable[[str, int, int, int, int, dict[str, str]], None]


#: A message waiting for the sync of its record: end of the record, queue, and what `arrived` is called with.
_Hidden = tuple[int, ConsumeQueue, int, int, int, dict[str, str]]


class _All:
    """Every topic."""

    def __contains__(self, topic: object) -> bool:
        return True


class MessageArrivals:
    """The messages of one store that become visible. All on the loop's thread."""

    __slots__ = ("_hidden", "_listener", "topics")

    def __init__(self) -> None:
        self._listener: ArrivingListener | None = None
        #: The topics of which the listener wants to hear: `arrived` has to be called for them alone.
        self.topics: Container[str] = ()
        self._hidden: deque[_Hidden] = deque()

    def listen(self, listener: ArrivingListener, topics: Container[str] | None = None) -> None:
        """Call `listener` for every message of `topics`, which may change; None is all topics."""
        self._listener = listener
        self.topics = topics if topics is not None else _All()

    def arrived(
        self, queue: ConsumeQueue, next_offset: int, code: int, timestamp: int, properties: dict[str, str]
    ) -> None:
        """Consumers may read the queue up to `next_offset` by now. Never raises."""
        if self._listener is None:
            return
        try:
            self._listener(queue.topic, queue.queue_id, next_offset, code, timestamp, properties)
        except Exception:
            log.exception("a held pull of topic %s could not be woken", queue.topic)

    def hide(
        self, end: int, queue: ConsumeQueue, next_offset: int, code: int, timestamp: int, properties: dict[str, str]
    ) -> None:
        """Let consumers see a message once its record is durable, so that they never see one that gets lost."""
        self._hidden.append((end, queue, next_offset, code, timestamp, properties))

    def synced(self, end: int) -> None:
        """Show what was hidden, as the commitlog is durable up to the offset `end`."""
        hidden = self._hidden
        while hidden and hidden[0][0] <= end:
            _, queue, next_offset, code, timestamp, properties = hidden.popleft()
            queue.max_offset = next_offset
            if queue.topic in self.topics:
                self.arrived(queue, next_offset, code, timestamp, properties)

    def forget(self, queue: ConsumeQueue) -> None:
        """The queue is deleted: what is hidden of it is never shown."""
        if self._hidden:
            self._hidden = deque(message for message in self._hidden if message[1] is not queue)

    @property
    def any_hidden(self) -> bool:
        """True while a message waits for the sync."""
        return bool(self._hidden)
