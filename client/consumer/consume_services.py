"""Feeds pulled messages to the listener: many at a time, or each queue in its order.

Mirrors ConsumeMessageConcurrentlyService and ConsumeMessageOrderlyService.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from rocketmq_ops.client.consumer.listener import (
    ConsumeContext,
    ConsumeResult,
    Fate,
    call_listener,
    fates,
    restore_topic,
)
from rocketmq_ops.client.consumer.offset_store import update
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.send_back import DEFAULT_MAX_RECONSUME_TIMES, send_back, send_to_retry_topic
from rocketmq_ops.client.trace_text import EXCEPTION, FAILED, SUCCESS, TIME_OUT
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.tasks import Tasks, run_later

if TYPE_CHECKING:
    from rocketmq_ops.client.consumer.push_consumer import PushConsumer

log = logging.getLogger(__name__)

#: Pause before messages that could not be given back, or were not tried, are given to the listener here again.
CONSUME_AGAIN_SECONDS = 5.0

ENDLESS = (1 << 31) - 1


class ConcurrentService:
    """Workers that take batches from one list; the order of messages does not count."""

    def __init__(self, consumer: PushConsumer) -> None:
        self._consumer = consumer
        self._waiting: asyncio.Queue[tuple[ProcessQueue, list[MessageExt]]] = asyncio.Queue()
        self._tasks = Tasks()

    def start(self) -> None:
        """Start the workers."""
        for _ in range(self._consumer.settings.concurrency):
            self._tasks.start(self._work(), f"consume {self._consumer.group}")

    async def stop(self, *, patient: bool = True) -> None:
        """End the workers; what waits is left to whoever gets the queue next."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        await self._tasks.stop()

    def attach(self, queue: ProcessQueue) -> None:
        """Nothing to do for a new queue: its batches come by `submit`."""

    def submit(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        """Queue messages in batches of at most `batch_size`."""
        size = self._consumer.settings.batch_size
        for i in range(0, len(messages), size):
            self._waiting.put_nowait((queue, messages[i : i + size]))

    async def _work(self) -> None:
        while True:
            queue, messages = await self._waiting.get()
            if queue.dropped:
                continue
            queue.in_flight += 1
            try:
                # Shielded: a stop cancels waiting for the next batch, never a listener in the middle of one.
                await asyncio.shield(run_later(self._consume(queue, messages), "consume a batch"))
            except Exception:
                log.exception("consuming from %s failed", queue.queue)
            finally:
                queue.in_flight -= 1
                queue.changed.set()

    async def _consume(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        consumer = self._consumer
        context = ConsumeContext(consumer.namespace.unwrap_queue(queue.queue))
        restore_topic(messages, consumer.group, consumer.namespace)
        started = time.monotonic()
        result = await consumer.call(messages, context)
        untried, failed = _not_consumed(messages, result, context)
        consumed = len(messages) - len(untried) - len(failed)
        consumer.stats.consumed(queue.queue.topic, consumed, len(failed), time.monotonic() - started)
        if queue.released:
            return  # who has the queue by now gets all of it: what is given back too, it would get twice
        done, again = messages, untried
        if failed and consumer.settings.broadcasting:
            log.warning("broadcasting: %d messages of %s failed and are dropped", len(failed), queue.queue)
        elif failed:
            again = untried + [message for message in failed if not await self._give_back(message, context)]
        if again:
            done = [message for message in messages if message not in again]
            self._tasks.start(self._submit_later(queue, again), f"consume again {queue.queue.topic}")
        offset = queue.remove(done)
        if offset is not None and not queue.released:  # it may be, since what failed was given back
            update(consumer.offsets.table, queue.queue, offset, increase_only=True)

    async def _give_back(self, message: MessageExt, context: ConsumeContext) -> bool:
        limit = self._consumer.settings.max_reconsume_times
        limit = DEFAULT_MAX_RECONSUME_TIMES if limit < 0 else limit
        instance, group = self._consumer.instance, self._consumer.group
        ok = await send_back(instance, group, message, context.delay_level, limit)
        if not ok:
            message.reconsume_times += 1
        return ok

    async def _submit_later(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        await asyncio.sleep(CONSUME_AGAIN_SECONDS)
        if not queue.dropped:
            self.submit(queue, messages)


class OrderlyService:
    """One consuming task a queue, `concurrency` listeners at a time over all queues."""

    def __init__(self, consumer: PushConsumer) -> None:
        self._consumer = consumer
        self._slots = asyncio.Semaphore(consumer.settings.concurrency)
        self._tasks = Tasks()

    def start(self) -> None:
        """Nothing: tasks come with their queues."""

    async def stop(self, *, patient: bool = True) -> None:
        """Wait for the tasks: their queues are dropped, so that each ends after the batch it is at; else end them."""
        await (self._tasks.finish() if patient else self._tasks.stop())

    def attach(self, queue: ProcessQueue) -> None:
        """Start the task of a new queue."""
        self._tasks.start(self._run(queue), f"consume {queue.queue.topic} {queue.queue.queue_id}")

    def submit(self, queue: ProcessQueue, messages: list[MessageExt]) -> None:
        """Nothing: the queue's task was woken when they were put."""

    async def _run(self, queue: ProcessQueue) -> None:
        consumer = self._consumer
        done: dict[int, MessageExt] = {}
        while not queue.dropped:
            if not queue.messages:
                queue.changed.clear()
                await queue.changed.wait()
                continue
            if not consumer.settings.broadcasting and not queue.lock_valid:
                await consumer.lock_again(queue)
                continue
            try:
                async with self._slots, queue.consume_lock:
                    pause_ms = 0 if queue.dropped else await self._consume(queue, done)
            except Exception:
                log.exception("consuming from %s failed", queue.queue)
                pause_ms = consumer.settings.suspend_queue_ms
            if pause_ms:
                await asyncio.sleep(pause_ms / 1000)

    async def _consume(self, queue: ProcessQueue, done: dict[int, MessageExt]) -> int:
        """Consume the oldest batch; how many ms the queue has to rest.

        `done` are messages of it that need no further call, by their `id`: what follows comes when all of it is done.
        """
        consumer = self._consumer
        batch = queue.first(consumer.settings.batch_size)
        messages = [message for message in batch if id(message) not in done]
        context = ConsumeContext(consumer.namespace.unwrap_queue(queue.queue))
        restore_topic(messages, consumer.group, consumer.namespace)
        queue.in_flight = len(messages)
        started = time.monotonic()
        try:
            result = await consumer.call(messages, context)
        finally:
            queue.in_flight = 0
        context.ack_index = None  # of no meaning in order
        untried, failed = _not_consumed(messages, result, context)
        consumed = len(messages) - len(untried) - len(failed)
        consumer.stats.consumed(queue.queue.topic, consumed, len(failed), time.monotonic() - started)
        again = untried + [message for message in failed if not await self._given_up(message)]
        if again:
            done.update({id(message): message for message in messages if message not in again})
            return context.suspend_ms or consumer.settings.suspend_queue_ms
        done.clear()
        offset = queue.remove(batch)
        if offset is not None and not queue.released:
            update(consumer.offsets.table, queue.queue, offset, increase_only=False)
        return 0

    async def _given_up(self, message: MessageExt) -> bool:
        """Count the failure; whether the retry topic has it, which gives what is over the limit to the dead letters."""
        consumer = self._consumer
        limit = consumer.settings.max_reconsume_times
        limit = ENDLESS if limit < 0 else limit
        if message.reconsume_times >= limit and await send_to_retry_topic(
            consumer.instance, consumer.group, message, limit
        ):
            return True
        message.reconsume_times += 1
        return False


def _not_consumed(
    messages: list[MessageExt], result: ConsumeResult, context: ConsumeContext
) -> tuple[list[MessageExt], list[MessageExt]]:
    """Those of a batch that were not tried, and those that failed."""
    ended = list(zip(messages, fates(messages, result, context), strict=True))
    return (
        [message for message, fate in ended if fate is Fate.UNTRIED],
        [message for message, fate in ended if fate is Fate.FAILED],
    )


async def listen(
    consumer: PushConsumer, messages: list[MessageExt], context: ConsumeContext
) -> tuple[ConsumeResult, int]:
    """The listener's answer, and the ConsumeReturnType of it; a failure is logged and means RECONSUME_LATER."""
    code = EXCEPTION
    settings = consumer.settings
    # In order, a message given again while its listener is at it would be consumed twice at a time (cleanExpiredMsg).
    timeout_ms = None if settings.orderly else settings.consume_timeout_ms
    try:
        result = await call_listener(consumer.listener, consumer.executor, messages, context, timeout_ms)
        return result, SUCCESS if result == ConsumeResult.SUCCESS else FAILED
    except Exception as error:
        if timeout_ms is not None and isinstance(error, TimeoutError):
            log.warning("the listener took over %d ms for %s", timeout_ms, context.queue)
            code = TIME_OUT
        else:
            log.exception("the listener failed for a message of %s", context.queue)
    return ConsumeResult.RECONSUME_LATER, code
