"""Queue locks of orderly consumers: which client may consume which queue of a group, for how long.

A lock lives `LOCK_MAX_LIVE_TIME_MS` after its last renewal. Nothing is persisted: after a restart the clients lock
again. No request handling here. Mirrors org.apache.rocketmq.broker.client.rebalance.RebalanceLockManager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

LOCK_MAX_LIVE_TIME_MS = 60_000
#: When a group has more, the expired ones are forgotten: queues can be named at will.
MANY_LOCKS = 10_000

#: topic, broker name, queue id: what MessageQueue.equals compares.
QueueKey = tuple[str, str, int]


class LockEntry:
    """One locked queue: the client that holds it and when it last renewed (ms of the manager's clock)."""

    __slots__ = ("client_id", "seen_ms")

    def __init__(self, client_id: str, seen_ms: int) -> None:
        self.client_id = client_id
        self.seen_ms = seen_ms

    def is_expired(self, now_ms: int) -> bool:
        return now_ms - self.seen_ms > LOCK_MAX_LIVE_TIME_MS


class RebalanceLockManager:
    """Locks by group and queue. `clock` returns ms and is never set."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.table: dict[str, dict[QueueKey, LockEntry]] = {}

    def is_lock_all_expired(self, group: str) -> bool:
        """True when no queue of the group is held: its consumers are not orderly, or none is connected."""
        now = self._clock()
        return all(entry.is_expired(now) for entry in self.table.get(group, {}).values())

    def try_lock_batch(self, group: str, queues: Iterable[QueueKey], client_id: str) -> list[QueueKey]:
        """Lock or renew the queues for the client; the queues that it now holds, in the order asked for."""
        now = self._clock()
        entries = self.table.setdefault(group, {})
        if len(entries) > MANY_LOCKS:
            for queue in [queue for queue, entry in entries.items() if entry.is_expired(now)]:
                del entries[queue]
        locked: list[QueueKey] = []
        for queue in queues:
            entry = entries.get(queue)
            if entry is None:
                entries[queue] = LockEntry(client_id, now)
                locked.append(queue)
            elif entry.client_id == client_id or entry.is_expired(now):
                entry.client_id = client_id
                entry.seen_ms = now
                locked.append(queue)
        return locked

    def unlock_batch(self, group: str, queues: Iterable[QueueKey], client_id: str) -> None:
        """Give up those of the queues that this client holds; others are left alone."""
        entries = self.table.get(group)
        if entries is None:
            return
        for queue in queues:
            entry = entries.get(queue)
            if entry is not None and entry.client_id == client_id:
                del entries[queue]
