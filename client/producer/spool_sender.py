"""What of a send spool is sent when: the lanes of its topics, and the tries; `spool_disk` keeps what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from rocketmq_ops.client.api.send import SendResult
from rocketmq_ops.client.errors import BrokerError, ClientError, NoRouteError
from rocketmq_ops.client.producer.producer import Producer, select_by_hash
from rocketmq_ops.client.producer.spool_disk import Kept, SpoolDisk
from rocketmq_ops.client.producer.spool_entries import SpoolEntry, entry_of, result_at, sent_note
from rocketmq_ops.client.producer.spool_records import Note, Record, SpoolState, reason_of
from rocketmq_ops.common.clock import now_ms, steady_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import PROPERTY_MESSAGE_TYPE, Message, MessageQueue
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.topics import is_retry_topic
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingError

log = logging.getLogger(__name__)

#: Messages and bytes of bodies that are sent again as one request, at most.
BATCH_MESSAGES = 32
BATCH_BYTES = 256 * 1024


class NoQueueError(ClientError):
    """No queue is known to send to: no broker was asked."""


#: What passes with the outage; a BrokerError only if it is retriable.
PASSING = (RemotingError, BrokerError, NoRouteError, NoQueueError)


def passes(error: RocketMQError) -> bool:
    """Whether the same message may be sent later."""
    return isinstance(error, PASSING) and (not isinstance(error, BrokerError) or error.retriable)


def _unanswered(error: RocketMQError) -> bool:
    """Whether a broker may have stored the message all the same."""
    return isinstance(error, RemotingError) and not isinstance(error, RemotingConnectError)


class Lane:
    """What waits of one topic, the oldest first."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        #: So many are to be sent one by one: a batch of them was refused.
        self.singly = 0
        #: The broker that the last try failed with.
        self.failed_broker: str | None = None


class SpoolSender:
    """Sends what waits, a lane for each topic, until it is closed; `on_settled` gets the entry of what is settled."""

    def __init__(
        self,
        producer: Producer,
        disk: SpoolDisk,
        pauses_ms: tuple[int, int],
        on_settled: Callable[[SpoolEntry], Any] | None,
    ) -> None:
        self._producer = producer
        self._disk = disk
        self._pause_ms, self._longest_pause_ms = pauses_ms
        self._on_settled = on_settled
        self._waits = LogRate()
        self._lanes: dict[str, Lane] = {}
        self._came = asyncio.Event()
        self._closing = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    # --- what waits -----------------------------------------------------------------------------------------------

    def add(self, topic: str, record: Record) -> None:
        """A message waits behind the others of its topic."""
        self._lanes.setdefault(topic, Lane()).records.append(record)
        self._empty.clear()
        self._came.set()

    def waits(self, topic: str) -> bool:
        """Whether a message of the topic waits."""
        lane = self._lanes.get(topic)
        return lane is not None and bool(lane.records)

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return sum(len(lane.records) for lane in self._lanes.values())

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self._empty.wait()

    def close(self) -> None:
        """Have `run` end after the tries that are under way."""
        self._closing.set()

    # --- tries ----------------------------------------------------------------------------------------------------

    async def send_now(
        self, messages: list[Message], order_key: str | None, deadline: float, note: Note
    ) -> SendResult | None:
        """Send messages as one request, until `deadline` on the loop's clock; None when they have to wait, for what is
        in `note` then.

        Raises what does not pass, and of several messages what a broker or this client says of their request.
        """
        loop = asyncio.get_running_loop()
        failed_broker = None
        while note.tries <= self._producer.settings.retry_times:
            note.tries += 1
            try:
                queue = await self._queue(messages[0], order_key, failed_broker)
                failed_broker = queue.broker_name
                return await self._try(messages, queue, max(int((deadline - loop.time()) * 1000), 1))
            except RocketMQError as error:
                note.open_try, note.reason = note.open_try or _unanswered(error), reason_of(error)
                if not passes(error) or (len(messages) > 1 and isinstance(error, BrokerError)):
                    raise
                log.info("a message of %s was not sent: %s", messages[0].topic, error)
                if isinstance(error, NoQueueError) or loop.time() >= deadline:
                    break
        return None

    async def _queue(self, message: Message, order_key: str | None, failed_broker: str | None) -> MessageQueue:
        try:
            if order_key is not None:
                return select_by_hash(await self._producer.queues(message.topic), message, order_key)
            return await self._producer.next_queue(message.topic, failed_broker)
        except RocketMQError as error:
            raise NoQueueError(str(error), error.next_step) from error

    async def _try(self, messages: list[Message], queue: MessageQueue, timeout_ms: int | None) -> SendResult:
        """One try on one queue, so that it is known what became of it."""
        if len(messages) == 1:
            return await self._producer.send(messages[0], queue=queue, timeout_ms=timeout_ms)
        return await self._producer.send_batch(messages, queue=queue, timeout_ms=timeout_ms)

    # --- lanes ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what waits, with longer and longer pauses while nothing can be sent, until it is closed."""
        pause_ms = self._pause_ms
        while not self._closing.is_set():
            if not self.waiting:
                self._empty.set()
                await _first(self._came, self._closing)
                self._came.clear()
                continue
            before = self.waiting
            await asyncio.gather(*(self._send_lane(lane) for lane in list(self._lanes.values()) if lane.records))
            if self.waiting:
                pause_ms = self._pause_ms if self.waiting < before else min(pause_ms * 2, self._longest_pause_ms)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_ms / 1000):
                        await self._closing.wait()
        if not self.waiting:
            self._empty.set()

    async def _send_lane(self, lane: Lane) -> None:
        try:
            while lane.records and not self._closing.is_set() and await self._send_first(lane):
                pass
        except (OSError, RocketMQError) as error:
            log.warning("the spool %s cannot go on for now: %s", self._disk.folder, error)
        except Exception:
            log.exception("sending from the spool %s failed; it is tried again", self._disk.folder)

    async def _send_first(self, lane: Lane) -> bool:
        """Send the oldest messages of a lane as one request; False when that has to be tried again later."""
        records, kepts = await self._next_batch(lane)
        if not records:
            return True
        for record in records:
            note = record.note
            note.tries += 1
            note.maybe_twice = note.maybe_twice or note.open_try
            note.open_try = True
        await self._disk.note(records, durable=True)
        try:
            queue = await self._queue(kepts[0].message, kepts[0].order_key, lane.failed_broker)
            lane.failed_broker = queue.broker_name
            result = await self._try([kept.message for kept in kepts], queue, None)
        except RocketMQError as error:
            return await self._failed(lane, records, kepts, error)
        lane.failed_broker = None
        for i, (record, kept) in enumerate(zip(records, kepts, strict=True)):
            record.note = sent_note(record.note, result_at(result, i, kept.message))
        await self._settle(lane, records, kepts)
        return True

    async def _next_batch(self, lane: Lane) -> tuple[list[Record], list[Kept]]:
        records: list[Record] = []
        kepts: list[Kept] = []
        oldest = list(islice(lane.records, 1 if lane.singly else BATCH_MESSAGES))
        for record, kept in zip(oldest, await self._disk.read(oldest), strict=True):
            if kept is None:
                lane.records.remove(record)
                continue
            if kepts and kept.order_key != kepts[0].order_key:
                break
            records.append(record)
            kepts.append(kept)
        n = self.together([kept.message for kept in kepts])
        return records[:n], kepts[:n]

    def together(self, messages: Sequence[Message]) -> int:
        """How many of these messages of one topic and order key, from the first on, may be one request."""
        size = 0
        for n, message in enumerate(messages):
            size += len(message.body)
            if n and (
                size > BATCH_BYTES
                or message.wait_store_msg_ok != messages[0].wait_store_msg_ok
                or not self._may_be_in_a_batch(message)
                or not self._may_be_in_a_batch(messages[0])
            ):
                return n
        return len(messages)

    def _may_be_in_a_batch(self, message: Message) -> bool:
        return not (
            message.waits
            or len(message.body) >= self._producer.settings.compress_over
            or is_retry_topic(message.topic)
            or PROPERTY_MESSAGE_TYPE in message.properties
        )

    async def _failed(self, lane: Lane, records: list[Record], kepts: list[Kept], error: RocketMQError) -> bool:
        for record in records:
            record.note.open_try, record.note.reason = _unanswered(error), reason_of(error)
        refused = not passes(error) and self._producer.started
        if len(records) > 1 and (refused or isinstance(error, BrokerError)):
            lane.singly = len(records)  # it may be for one of them alone: which one is found one by one
            await self._disk.note(records, durable=False)
            return True
        if refused:
            (record,) = records
            record.note.state, record.note.settled_ms = SpoolState.REFUSED, now_ms()
            log.error("message %d of the spool %s is refused: %s", record.number, self._disk.folder, error)
            await self._settle(lane, records, kepts)
            return True
        await self._disk.note(records, durable=False)
        level = logging.WARNING if self._waits.due(steady_ms()) else logging.INFO
        log.log(level, "messages wait in the spool %s (%d): %s", self._disk.folder, self.waiting, error)
        return False

    async def _settle(self, lane: Lane, records: list[Record], kepts: list[Kept]) -> None:
        """The next try's note takes this one to the disk: until then it counts as one that may be sent twice."""
        for _ in records:
            lane.records.popleft()
        lane.singly = max(lane.singly - len(records), 0)
        await self._disk.note(records, durable=not lane.records)
        if self._on_settled is None:
            return
        for record, kept in zip(records, kepts, strict=True):
            try:
                outcome = self._on_settled(entry_of(record, kept))
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception:
                log.exception("on_settled failed for message %d of the spool", record.number)


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of these is set."""
    tasks = Tasks()
    waiting = [tasks.start(event.wait(), "wait") for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.stop()
