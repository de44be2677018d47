"""Who waits for slaves to have a message: one table for all, looked at when a slave reports (GroupTransferService).

What lives here: how many slaves a message needs, and the waiting. What does not: the slaves' connections
(`ha_service.py`), what the sender is answered (`broker/send/stored_answers.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import PutStatus

log = logging.getLogger(__name__)

ReplicatedCallback = Callable[[PutStatus], None]


class Slaves(Protocol):
    """What is known of the slaves that are connected."""

    def acked(self, count: int) -> int:
        """The offset below which so many slaves (1 or more) have everything, -1 when there are not so many."""

    def in_sync(self) -> int:
        """How many slaves lack less than haMaxGapNotInSync."""

    def wake(self) -> None:
        """Send what there is, soon."""


class GroupTransfer:
    """The waits of one broker. All on the loop's thread."""

    def __init__(self, config: MessageStoreConfig, slaves: Slaves, *, acting_master: Callable[[], bool]) -> None:
        """`acting_master`: whether enableSlaveActingMaster is set, without which Apache does not count the replicas."""
        self._config = config
        self._slaves = slaves
        self._acting_master = acting_master
        self._waiting: deque[tuple[int, float, int, ReplicatedCallback]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timeouts = LogRate()
        self._drained: asyncio.Event | None = None

    def _replicas_needed(self) -> int:
        """Replicas that must have a message, the master among them (CommitLog.calcNeedAckNums).

        Under SYNC_MASTER one slave is waited for where Apache 4.9 waits for it; 5.x does so with inSyncReplicas above
        1 only, and a SYNC_MASTER that waits for nobody would be an ASYNC_MASTER."""
        config = self._config
        if not self._acting_master():
            return max(config.inSyncReplicas, 2)
        needed = config.inSyncReplicas
        if config.enableAutoInSyncReplicas:
            needed = max(min(needed, 1 + self._slaves.in_sync()), config.minInSyncReplicas)
        return needed

    def refusal(self) -> PutStatus | None:
        """Why no message may be stored now: IN_SYNC_REPLICAS_NOT_ENOUGH, under enableSlaveActingMaster; or None."""
        if not self._acting_master() or self._replicas_needed() <= 1 + self._slaves.in_sync():
            return None
        return PutStatus.IN_SYNC_REPLICAS_NOT_ENOUGH

    def when_replicated(self, end_offset: int, callback: ReplicatedCallback) -> None:
        """Call back with PUT_OK once enough slaves have the commitlog up to `end_offset`, with FLUSH_SLAVE_TIMEOUT
        after slaveTimeout; at once, in this call, where nobody is waited for, or with SLAVE_NOT_AVAILABLE where one
        slave is enough and there is none that could have it soon."""
        acks = self._replicas_needed() - 1
        if acks <= 0 or self._slaves.acked(acks) >= end_offset:
            callback(PutStatus.PUT_OK)
            return
        if self._config.inSyncReplicas <= 1 and not self._slaves.in_sync():
            callback(PutStatus.SLAVE_NOT_AVAILABLE)
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.slaveTimeout / 1000
        self._waiting.append((end_offset, deadline, acks, callback))
        if self._timer is None or deadline < self._timer.when():  # slaveTimeout may have become shorter
            self._time_at(loop, deadline)
        self._slaves.wake()

    def reported(self) -> None:
        """A slave has reported: answer all whose messages have enough slaves now."""
        waiting = self._waiting
        acks, have = 0, -1
        while waiting:
            if waiting[0][2] != acks:
                acks = waiting[0][2]
                have = self._slaves.acked(acks)
            if waiting[0][0] > have:
                return
            self._answer_first(PutStatus.PUT_OK)

    def stop(self) -> None:
        """Answer FLUSH_SLAVE_TIMEOUT to all who wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._answer_first(PutStatus.FLUSH_SLAVE_TIMEOUT)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def longest_wait_ms(self) -> int:
        """How long the first of them has waited."""
        if not self._waiting:
            return 0
        left = self._waiting[0][1] - asyncio.get_running_loop().time()
        return max(0, self._config.slaveTimeout - int(left * 1000))

    async def drain(self) -> None:
        """Wait until nobody waits any more."""
        if self._waiting:
            self._drained = asyncio.Event()
            await self._drained.wait()

    def _answer_first(self, status: PutStatus) -> None:
        callback = self._waiting.popleft()[3]
        if not self._waiting and self._drained is not None:
            self._drained.set()
        try:
            callback(status)
        except Exception:
            log.exception("an answer after a replication failed")

    def _time_at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and self._waiting[0][1] <= now:
            end, _, acks, _ = self._waiting[0]
            if self._timeouts.due(int(now * 1000)):
                log.warning(
                    "%d slaves did not have the commitlog up to %d within slaveTimeout=%d ms",
                    acks, end, self._config.slaveTimeout,
                )  # fmt: skip
            self._answer_first(PutStatus.FLUSH_SLAVE_TIMEOUT)
        if self._waiting:
            self._time_at(loop, self._waiting[0][1])
