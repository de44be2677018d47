"""The locks of orderly queues that one consumer has at brokers, and how they are given back.

A broker keeps a lock that nobody gives back, and the queue's next consumer waits for that long. So a lock is given back
where it was had, whatever name servers say of that broker meanwhile, and again until the broker has answered; Apache's
RebalanceImpl.unlock sends it once, and to nobody when the master is in no route.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.by_broker import QueueCall
from rocketmq_ops.client.consumer.process_queue import BROKER_KEEPS_MS
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.message import MessageQueue

if TYPE_CHECKING:
    from rocketmq_ops.client.consumer.group_consumer import GroupConsumer


class Lock(NamedTuple):
    """Where a lock was asked for last, and when: the broker's address, and ms of a clock that goes on in sleep."""

    address: str
    asked_ms: int


class QueueLocks:
    """The locks that a consumer has, or may have: its request, or one behind it, was not answered."""

    def __init__(self, consumer: GroupConsumer) -> None:
        self._consumer = consumer
        self._locks: dict[MessageQueue, Lock] = {}

    async def ask(self, broker_name: str, queues: Collection[MessageQueue]) -> set[MessageQueue] | None:
        """Ask for locks of one broker's queues, and renew them: those that this client has now.

        None when nobody was asked, as the broker's master is in no route: what it had it has still.
        Raises RocketMQError.
        """
        instance = self._consumer.instance
        address = instance.routes.master(broker_name)
        if address is None:
            return None
        self._locks.update(dict.fromkeys(queues, Lock(address, steady_ms())))
        locked = await queue_api.lock_queues(instance, self._consumer.group, address, queues)
        for queue in queues:
            if queue not in locked:
                self._locks.pop(queue, None)
        return locked

    def left(self, held: Collection[MessageQueue]) -> set[MessageQueue]:
        """The queues that are not held, and whose lock the broker may still keep for this client."""
        now = steady_ms()
        for queue, lock in list(self._locks.items()):
            if queue not in held and now - lock.asked_ms > BROKER_KEEPS_MS:
                del self._locks[queue]
        return self._locks.keys() - held

    def address(self, queue: MessageQueue) -> str | None:
        """Where the lock of a queue was asked for last."""
        lock = self._locks.get(queue)
        return None if lock is None else lock.address

    def give_back(self, queues: Iterable[MessageQueue]) -> list[QueueCall]:
        """What is to be asked of brokers, each once; a lock whose broker does not answer stays known."""
        at = defaultdict[str, list[MessageQueue]](list)
        for queue in sorted(queues):
            at[self._locks[queue].address].append(queue)
        return [(of_one[0], partial(self._give_back, address, of_one)) for address, of_one in at.items()]

    async def _give_back(self, address: str, queues: list[MessageQueue]) -> None:
        await queue_api.unlock_queues(self._consumer.instance, self._consumer.group, address, queues)
        for queue in queues:
            self._locks.pop(queue, None)
