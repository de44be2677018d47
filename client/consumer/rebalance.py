"""Which queues this consumer holds: taken and given up as clients come and go. Mirrors RebalanceImpl.

Pulling and consuming of a held queue are in `pull_loop` and `consume_services`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.by_broker import QueueCall, broker_by_broker
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, FROM_TIMESTAMP
from rocketmq_ops.client.consumer.locks import QueueLocks
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.pull_loop import PullLoop
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.common.topics import is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.client.consumer.group_consumer import GroupConsumer

log = logging.getLogger(__name__)

#: How long an orderly queue's listener is waited for before its lock is given up another time.
GIVE_UP_WAIT_SECONDS = 1.0


class Rebalancer:
    """The queues of one push consumer."""

    def __init__(self, consumer: GroupConsumer) -> None:
        self._consumer = consumer
        self.held: dict[MessageQueue, ProcessQueue] = {}
        self._pulls: dict[ProcessQueue, asyncio.Task[None]] = {}
        #: Where queues that were just reset are to be consumed from.
        self._reset_to: dict[MessageQueue, int] = {}
        self._locks = QueueLocks(consumer)
        self._working = asyncio.Lock()
        #: Set once at the end: a rebalance that is under way gives up and takes nothing any more, as what is held then
        #: belongs to the stop, which waits for its listeners and saves its offsets.
        self.closing = False

    async def rebalance(self) -> bool:
        """Go through all subscribed topics. A topic that cannot be looked up keeps its queues; a queue whose broker
        does not answer is not taken now, and holds up none of the other brokers'.

        False when it is to be tried again soon: a queue of this client's share is not held, as its broker did not
        answer or its lock is still another's; a listener is still at an orderly queue that another client waits for, or
        its lock could not be given back; or no broker answered who is in the group.
        """
        async with self._working:
            topics = sorted(self._consumer.topics())
            shares = await asyncio.gather(*map(self._my_queues, topics), return_exceptions=True)
            mine: dict[str, set[MessageQueue]] = {}
            for topic, share in zip(topics, shares, strict=True):
                if isinstance(share, RocketMQError):
                    self._failed(topic, share)
                elif isinstance(share, BaseException):
                    log.error("rebalancing %s of %s failed", topic, self._consumer.group, exc_info=share)
                elif share is not None:
                    mine[topic] = share
            await self._apply(mine)
            # What was given up and not taken at once may be another client's by now; the rest waits for its listener.
            waiting = {queue for queue, held in self.held.items() if held.dropped}
            self._reset_to = {queue: offset for queue, offset in self._reset_to.items() if queue in waiting}
            # A broker that answers, but not with the group's clients, calls for a rebalance when it knows them.
            unknown = any(isinstance(share, BaseException) and not isinstance(share, BrokerError) for share in shares)
            whole = all(share <= self.held.keys() for share in mine.values())
            return whole and not unknown and not waiting and not self._locks.left(self.held)

    def _failed(self, what: object, error: RocketMQError) -> None:
        # Once it stops, the broker does not know the client any more.
        level = logging.DEBUG if self.closing else logging.WARNING
        log.log(level, "rebalancing %s of %s failed: %s", what, self._consumer.group, error)

    async def _my_queues(self, topic: str) -> set[MessageQueue] | None:
        """This client's share; None when it cannot be computed now."""
        consumer = self._consumer
        assigned = consumer.assigned()
        if assigned is not None:
            return {queue for queue in assigned if queue.topic == topic}
        instance = consumer.instance
        queues = instance.routes.subscribe_queues(topic)
        if not queues:
            await instance.routes.refresh(topic)
            queues = instance.routes.subscribe_queues(topic)
        if not queues:
            return None
        if consumer.settings.broadcasting:
            return set(queues)
        client_ids = await instance.consumer_ids(topic, consumer.group)
        if not client_ids:
            return None
        return set(consumer.settings.allocate(consumer.group, instance.client_id, sorted(queues), client_ids))

    async def _apply(self, mine: dict[str, set[MessageQueue]]) -> None:
        """Give up what is not ours any more, take what is new, of each topic; neither once the consumer stops."""
        topics, unwanted = self._consumer.topics(), list[ProcessQueue]()
        for queue, held in self.held.items():
            share = mine.get(queue.topic, set() if queue.topic not in topics else None)
            if share is not None and (queue not in share or held.dropped or held.pull_expired):
                unwanted.append(held)
        calls = [] if self.closing else await self._let_all_go(unwanted)
        wanted = {queue for share in mine.values() for queue in share}
        # A queue of the share is taken with the lock that is left of it; others must not keep the next client waiting.
        left = self._locks.left(self.held) - wanted
        calls += self._locks.give_back(queue for queue in left if queue.topic in mine or queue.topic not in topics)
        calls += [(queue, partial(self._take, queue)) for queue in sorted(wanted - set(self.held))]
        await broker_by_broker(calls, self._failed)

    async def _take(self, queue: MessageQueue) -> None:
        """Hold a queue from the right offset on; not now when its lock cannot be had, or the consumer stops."""
        if self.closing:
            return
        consumer = self._consumer
        held = ProcessQueue(queue)
        if consumer.settings.orderly and not consumer.settings.broadcasting:
            if not await self._locks.ask(queue.broker_name, [queue]):
                return
            held.mark_locked(True)
        if not consumer.settings.broadcasting:
            consumer.offsets.table.pop(queue, None)
        reset_to = self._reset_to.get(queue)
        if reset_to is None:
            held.next_offset = await self.start_offset(queue)
        else:
            # Apache's broker has several threads: asked now, it may not have applied yet what was sent before.
            held.next_offset = consumer.offsets.table[queue] = reset_to
        self._hold(held)

    def _hold(self, held: ProcessQueue) -> None:
        consumer, queue = self._consumer, held.queue
        self.held[queue] = held
        consumer.service.attach(held)
        loop = PullLoop(consumer, held, consumer.service.submit)
        self._pulls[held] = run_later(loop.run(), f"pull {queue.topic} {queue.queue_id}")

    async def _stop_pulling(self, held: ProcessQueue) -> None:
        held.drop()
        pulling = self._pulls.pop(held, None)
        if pulling is not None:
            pulling.cancel()
            await asyncio.gather(pulling, return_exceptions=True)

    async def seek(self, queue: MessageQueue, offset: int) -> bool:
        """Pull a held queue anew from an offset, and forget what was pulled; False when it is not held any more."""
        async with self._working:
            held = self.held.get(queue)
            if held is None or held.dropped:
                return False
            await self._stop_pulling(held)
            self.begin_anew(held, offset)
            return True

    def begin_anew(self, held: ProcessQueue, offset: int) -> ProcessQueue:
        """Forget what was pulled of a held queue, whose pulling ends, and hold it from an offset on."""
        held.drop()
        self._pulls.pop(held, None)
        again = ProcessQueue(held.queue)
        again.next_offset = offset
        self._hold(again)
        return again

    async def start_offset(self, queue: MessageQueue) -> int:
        """The saved offset, else what `consume_from_where` says (computePullFromWhere)."""
        consumer = self._consumer
        saved = await consumer.offsets.read(queue)
        if saved is not None and saved >= 0:
            return saved
        where = consumer.settings.consume_from_where
        if where == FROM_FIRST_OFFSET:
            return 0
        if where == FROM_TIMESTAMP and not is_retry_topic(queue.topic):
            timestamp = consumer.settings.consume_timestamp_ms
            return await queue_api.search_offset(consumer.instance, queue, timestamp)
        if is_retry_topic(queue.topic) and where != FROM_TIMESTAMP:
            return 0
        return await queue_api.max_offset(consumer.instance, queue)

    async def _let_all_go(self, queues: list[ProcessQueue]) -> list[QueueCall]:
        """See `_let_go`: listeners are waited for side by side, so that many that hang hold up nobody for long."""
        return [call for calls in await asyncio.gather(*map(self._let_go, queues)) for call in calls]

    async def _let_go(self, held: ProcessQueue) -> list[QueueCall]:
        """Stop pulling; what is to be asked of the broker then: to save the offset. The lock is given back behind that.

        While a listener is at an orderly queue it stays held, and the next rebalance tries again.
        """
        consumer, queue = self._consumer, held.queue
        if self.held.get(queue) is not held:
            return []  # moved meanwhile: another is held in its place
        await self._stop_pulling(held)
        if consumer.settings.broadcasting:
            self._forget(held)
            return []
        if consumer.settings.orderly:
            try:
                async with asyncio.timeout(GIVE_UP_WAIT_SECONDS), held.consume_lock:
                    pass
            except TimeoutError:
                held.try_unlock_times += 1
                return []
        self._forget(held)
        offset = consumer.offsets.table.pop(queue, None)
        if offset is None or not consumer.may_save(held):
            return []
        save = partial(queue_api.update_consumer_offset, consumer.instance, consumer.group, queue, offset)
        address = self._locks.address(queue)
        if address in (None, consumer.instance.routes.master(queue.broker_name)):
            return [(queue, save)]
        # Whoever gets the lock there reads the offset there, and not from the slave that is in the route.
        return [(queue, save), (queue, partial(save, address=address))]

    def _forget(self, held: ProcessQueue) -> None:
        held.released = True
        self.held.pop(held.queue, None)

    # --- locks of orderly queues ----------------------------------------------------------------------------------

    async def refresh_locks(self) -> None:
        """Renew the locks of all held queues, one request a broker."""
        by_broker: defaultdict[str, list[MessageQueue]] = defaultdict(list)
        for queue in self.held:
            by_broker[queue.broker_name].append(queue)
        await asyncio.gather(*(self.lock(broker_name, queues) for broker_name, queues in by_broker.items()))

    async def lock(self, broker_name: str, queues: list[MessageQueue]) -> None:
        """Ask for locks and note which were given; what was not asked, or not answered, leaves them to run out."""
        try:
            locked = await self._locks.ask(broker_name, queues)
        except RocketMQError as error:
            log.warning("locking queues on %s failed: %s", broker_name, error)
            return
        for queue in queues:
            held = self.held.get(queue)
            if locked is None or held is None:
                continue
            if queue not in locked or held.lock_kept:
                held.mark_locked(queue in locked)
            elif not held.dropped:
                await self._regained(held)

    async def _regained(self, held: ProcessQueue) -> None:
        """Go on with a queue whose lock was another client's meanwhile, or may have been: from where that one has come
        to, which saved its offset before it gave the lock back. Java's client gives its listener what it holds, out of
        order, and saves its own offset over the other's."""
        consumer = self._consumer
        try:
            saved = await queue_api.consumer_offset(consumer.instance, consumer.group, held.queue)
        except RocketMQError as error:
            log.warning("reading the offset of %s failed: %s", held.queue, error)
            return
        if held.dropped:
            return
        if saved is not None and saved > consumer.offsets.table.get(held.queue, -1):
            log.warning("%s was another client's meanwhile, and is consumed from offset %d on", held.queue, saved)
            self.move(held, saved)
        else:
            held.mark_locked(True)

    # --- resets and end -------------------------------------------------------------------------------------------

    async def reset(self, offsets: dict[MessageQueue, int], wait_seconds: float = 10.0) -> None:
        """Consume held queues from other offsets: drop them, save the offsets, and have them taken anew."""
        async with self._working:
            held = [self.held[queue] for queue in offsets if queue in self.held]
            for process_queue in held:
                process_queue.drop()
            deadline, calls = time.monotonic() + wait_seconds, list[QueueCall]()
            for process_queue in held:
                await _until_idle(process_queue, deadline)
                self._drop_for(process_queue, offsets[process_queue.queue])
                calls += await self._let_go(process_queue)
            await broker_by_broker(calls, self._failed)
        self._consumer.instance.rebalance_immediately()

    def move(self, held: ProcessQueue, offset: int) -> None:
        """Consume a held queue from where its broker moved it: the next rebalance, at once, takes it anew.

        What a listener still has counts for nothing (updateAndFreezeOffset in DefaultMQPushConsumerImpl.pullMessage).
        """
        self._drop_for(held, offset)
        self._consumer.instance.rebalance_immediately()

    def _drop_for(self, held: ProcessQueue, offset: int) -> None:
        """Drop what was pulled of a queue, and have it taken anew at an offset, which is the one to save by now."""
        held.drop()
        held.released = True
        self._consumer.offsets.table[held.queue] = self._reset_to[held.queue] = offset

    async def give_up_all(self) -> None:
        """At the end: every queue."""
        async with self._working:
            calls = await self._let_all_go(list(self.held.values()))
            calls += self._locks.give_back(self._locks.left(self.held))
            await broker_by_broker(calls, self._failed)


async def _until_idle(queue: ProcessQueue, deadline: float) -> None:
    """Wait until no listener has a message of the queue, at most until `deadline` (monotonic seconds)."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
            while queue.in_flight:
                queue.changed.clear()
                await queue.changed.wait()
