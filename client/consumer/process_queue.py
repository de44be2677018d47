"""The messages of one queue that were pulled and are not consumed yet. Mirrors ProcessQueue; no I/O, no tasks.

Messages stay in the order of their offsets, so that the first one left is the offset to save.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from rocketmq_ops.common.clock import now_ms, steady_ms
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.remoting.bodies.running_info import ProcessQueueInfo

PULL_MAX_IDLE_SECONDS = 120.0
LOCK_MAX_LIVE_MS = 30_000
#: ms that a broker keeps a lock after it was asked for last (REBALANCE_LOCK_MAX_LIVE_TIME of RebalanceLockManager).
BROKER_KEEPS_MS = 60_000


class ProcessQueue:
    """One queue as this client holds it. Times are seconds of the monotonic clock unless named `_ms`."""

    def __init__(self, queue: MessageQueue) -> None:
        self.queue = queue
        self.messages: dict[int, MessageExt] = {}
        #: Bytes of the bodies held.
        self.size = 0
        #: Set when the queue is to be given away: nothing is pulled any more, no batch begins.
        self.dropped = False
        #: Set when the queue is another's: what still ends here does not count.
        self.released = False
        #: Where to pull next.
        self.next_offset = 0
        self.max_seen = -1
        #: Messages that a listener has now.
        self.in_flight = 0
        #: Set when messages came, were consumed, or the queue was dropped.
        self.changed = asyncio.Event()
        self.consume_lock = asyncio.Lock()
        self.locked = False
        #: ms of a clock that goes on while the machine sleeps, as the broker's does that keeps the lock.
        self._lock_refreshed_ms = 0
        self.last_pull = time.monotonic()
        #: As shown, ms since the epoch: of what never was, when the queue was taken.
        self.last_pull_ms = self.last_consume_ms = self.last_lock_ms = now_ms()
        #: How often its lock could not be given back, as a listener was still at it.
        self.try_unlock_times = 0

    def put(self, messages: Sequence[MessageExt]) -> None:
        """Add pulled messages; their offsets grow."""
        for message in messages:
            if message.queue_offset not in self.messages:
                self.messages[message.queue_offset] = message
                self.size += len(message.body)
                self.max_seen = message.queue_offset
        self.changed.set()

    def remove(self, messages: Sequence[MessageExt]) -> int | None:
        """Take consumed messages out: the offset to save, or None when nothing was ever pulled."""
        self.last_consume_ms = now_ms()
        for message in messages:
            if self.messages.pop(message.queue_offset, None) is not None:
                self.size -= len(message.body)
        self.changed.set()
        if self.messages:
            return next(iter(self.messages))
        return self.max_seen + 1 if self.max_seen >= 0 else None

    def skip_to(self, offset: int) -> None:
        """Pull next at a later offset; it is the one to save once all that is held is consumed."""
        self.next_offset = offset
        self.max_seen = offset - 1

    def first(self, count: int) -> list[MessageExt]:
        """The oldest messages, left where they are: an orderly consumer removes them when they are done.

        That is an attempt at them, and seen as one, also when it fails (ProcessQueue.takeMessages).
        """
        self.last_consume_ms = now_ms()
        batch = []
        for message in self.messages.values():
            batch.append(message)
            if len(batch) == count:
                break
        return batch

    @property
    def span(self) -> int:
        """Distance in messages between the oldest and the newest held."""
        if not self.messages:
            return 0
        return next(reversed(self.messages)) - next(iter(self.messages))

    def drop(self) -> None:
        """Begin to give the queue up; what is in flight may end."""
        self.dropped = True
        self.changed.set()

    def mark_locked(self, ok: bool) -> None:
        """Note the broker's answer to a lock request."""
        self.locked = ok
        if ok:
            self._lock_refreshed_ms = steady_ms()
            self.last_lock_ms = now_ms()

    @property
    def lock_valid(self) -> bool:
        """Locked, and refreshed within the time that the broker keeps a lock."""
        return self.locked and steady_ms() - self._lock_refreshed_ms < LOCK_MAX_LIVE_MS

    @property
    def lock_kept(self) -> bool:
        """Locked, and refreshed so lately that nobody else can have had the lock since."""
        return self.locked and steady_ms() - self._lock_refreshed_ms < BROKER_KEEPS_MS

    @property
    def pull_expired(self) -> bool:
        """No pull for so long that its task must be stuck."""
        return time.monotonic() - self.last_pull > PULL_MAX_IDLE_SECONDS

    def info(self, commit_offset: int) -> ProcessQueueInfo:
        """What GET_CONSUMER_RUNNING_INFO reports of it."""
        info = ProcessQueueInfo(
            commit_offset=commit_offset,
            cached_msg_count=len(self.messages),
            cached_msg_size_in_mib=self.size >> 20,
            locked=self.locked,
            try_unlock_times=self.try_unlock_times,
            last_lock_timestamp=self.last_lock_ms,
            droped=self.dropped,
            last_pull_timestamp=self.last_pull_ms,
            last_consume_timestamp=self.last_consume_ms,
        )
        if self.messages:
            info.cached_msg_min_offset = next(iter(self.messages))
            info.cached_msg_max_offset = next(reversed(self.messages))
        return info
