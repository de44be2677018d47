"""Pulls one queue into its ProcessQueue for as long as the queue is this client's. Mirrors PullMessageService.

One task a queue; flow control pauses it, and what it pulls is handed to the consume service.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.api.pull import PullStatus
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.errors import (
    BrokerError,
    FilterDataError,
    FlowControlError,
    SubscriptionNotExistError,
    SubscriptionNotLatestError,
)
from rocketmq_ops.client.queue_api import PullResult
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.remoting.errors import RemotingConnectError

if TYPE_CHECKING:
    from rocketmq_ops.client.consumer.group_consumer import GroupConsumer

log = logging.getLogger(__name__)

#: Seconds between looks at a queue that holds too much; it is looked at at once when a message is consumed.
FLOW_CONTROL_PAUSE = 0.05


class PullLoop:
    """The pulling task of one queue; `submit` takes what it pulled."""

    def __init__(
        self, consumer: GroupConsumer, queue: ProcessQueue, submit: Callable[[ProcessQueue, list[MessageExt]], None]
    ) -> None:
        self._consumer = consumer
        self._queue = queue
        self._submit = submit
        self._broker_id = MASTER_ID

    async def run(self) -> None:
        """Pull until the queue is dropped."""
        queue, consumer, announced = self._queue, self._consumer, False
        while not queue.dropped:
            if not await self._may_pull():
                continue
            queue.last_pull = time.monotonic()
            queue.last_pull_ms = now_ms()
            try:
                result = await self._pull()
            except FlowControlError:
                await asyncio.sleep(FLOW_CONTROL_PAUSE)
            except (SubscriptionNotExistError, SubscriptionNotLatestError):
                # When that was in vain, as the broker refuses the heartbeat, it is as after any other failure.
                await asyncio.sleep(consumer.settings.retry_pull_ms / 1000 if announced else 0)
                await consumer.instance.send_heartbeats()
                announced = True
                await asyncio.sleep(FLOW_CONTROL_PAUSE)
            except (RocketMQError, CorruptDataError) as error:
                if not queue.dropped:
                    log.warning("pulling %s failed: %s", queue.queue, error)
                    await self._after(error)
                    await asyncio.sleep(consumer.settings.retry_pull_ms / 1000)
            else:
                announced = False
                if not queue.dropped:
                    await self._take(result)

    async def _may_pull(self) -> bool:
        """False after a pause, when the consumer is suspended, the queue holds too much, or its lock is missing."""
        queue, settings = self._queue, self._consumer.settings
        if self._consumer.paused(queue.queue):
            queue.last_pull = time.monotonic()  # a paused task is not a stuck one
            await asyncio.sleep(FLOW_CONTROL_PAUSE)
            return False
        if settings.orderly and not settings.broadcasting and not queue.locked:
            await self._consumer.lock_again(queue)
            return False
        too_wide = not settings.orderly and queue.span > settings.max_span
        most, most_bytes = settings.held_limits(len(self._consumer.rebalancer.held))
        if len(queue.messages) > most or queue.size > most_bytes or too_wide:
            queue.last_pull = time.monotonic()
            queue.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLOW_CONTROL_PAUSE):
                    await queue.changed.wait()
            return False
        return True

    async def _pull(self) -> PullResult:
        queue, consumer = self._queue, self._consumer
        settings = consumer.settings
        commit = None
        if not settings.broadcasting and consumer.may_save(queue):
            commit = consumer.offsets.table.get(queue.queue) or None
        subscription = consumer.subscription(queue.queue.topic)
        return await queue_api.pull(
            consumer.instance,
            consumer.group,
            queue.queue,
            subscription,
            queue.next_offset,
            max_nums=settings.pull_batch_size,
            suspend_ms=settings.pull_suspend_ms,
            timeout_ms=settings.pull_timeout_ms,
            commit_offset=commit,
            # Clients that choose their queues may select differently: what a heartbeat says is the last one's.
            send_expression=consumer.assigned() is not None,
            broker_id=self._broker_id,
            hooks=consumer.hooks,
        )

    async def _take(self, result: PullResult) -> None:
        queue, consumer = self._queue, self._consumer
        self._broker_id = result.suggest_broker_id
        if result.status == PullStatus.OFFSET_ILLEGAL:
            await self._moved(result)
            return
        queue.next_offset = result.next_begin_offset
        if result.status == PullStatus.FOUND:  # one that waited for nothing says nothing of how long pulls take
            consumer.stats.pulled(queue.queue.topic, len(result.messages), time.monotonic() - queue.last_pull)
        if result.messages:
            queue.put(result.messages)
            self._submit(queue, result.messages)
        elif not queue.messages:
            consumer.passed_over(queue.queue, result.next_begin_offset)

    async def _moved(self, result: PullResult) -> None:
        """Go on where the broker says. What is held is kept if the broker just deleted what came after it."""
        queue, consumer = self._queue, self._consumer
        before, offset = queue.next_offset, result.next_begin_offset
        log.warning("offset %d of %s is moved to %d", before, queue.queue, offset)
        if before < offset == result.min_offset:
            queue.skip_to(offset)
            if not queue.messages:
                consumer.passed_over(queue.queue, offset)
            return
        if offset == before:
            await asyncio.sleep(consumer.settings.retry_pull_ms / 1000)
        if offset == result.max_offset < before and queue.messages:
            # The queue's end is gone. Java drops what it holds of the part that is left; here that is pulled again.
            offset = min(offset, next(iter(queue.messages)))
        if not queue.dropped:
            consumer.moved(queue, offset)

    async def _after(self, error: RocketMQError) -> None:
        """Fetch the route again, or announce the group, when the error says that what is known may be outdated."""
        self._broker_id = MASTER_ID
        if isinstance(error, FilterDataError):
            await self._consumer.instance.send_heartbeats()
        if isinstance(error, RemotingConnectError) or (isinstance(error, BrokerError) and error.refresh_route):
            with contextlib.suppress(RocketMQError):
                await self._consumer.instance.routes.refresh(self._queue.queue.topic)
