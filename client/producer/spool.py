"""A send spool: messages are kept on the disk while no broker answers, and sent in their order when one does.

This module is the spool as applications see it. Whose turn it is to be sent at first is in `spool_turns`, what is sent
again when in `spool_sender`, the file in `spool_file`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.client.api.send import SendResult
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.client.producer.spool_disk import SpoolDisk
from rocketmq_ops.client.producer.spool_entries import Spooled, SpoolEntry, entry_of
from rocketmq_ops.client.producer.spool_records import SpoolState
from rocketmq_ops.client.producer.spool_sender import SpoolSender
from rocketmq_ops.client.producer.spool_turns import SpoolTurns
from rocketmq_ops.common.message import PROPERTY_UNIQ_KEY, Message
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.common.unique_id import UniqueIdFactory


class SendSpool:
    """Sends by `producer`, and keeps what no broker answers for; an async context manager.

    Messages of one topic and `order_key` are sent in the order of their `send` calls, also of calls at the same time.
    While one of a topic is kept, all that are called behind it are kept too, and sent in the order in which they were
    kept. The file has at most `max_bytes`; what is sent gives way to new messages. A try follows a failed one after
    `retry_ms`, and twice as much each time, up to `max_retry_ms`. `on_settled` is called on the loop with the
    SpoolEntry of each message that was kept, and then sent or refused; it may be a coroutine function.
    """

    def __init__(
        self,
        folder: str | Path,
        producer: Producer,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        retry_ms: int = 1_000,
        max_retry_ms: int = 30_000,
        on_settled: Callable[[SpoolEntry], Any] | None = None,
    ) -> None:
        self._producer = producer
        self._disk = SpoolDisk(folder, max_bytes)
        self._pauses_ms = (retry_ms, max_retry_ms)
        self._on_settled = on_settled
        self._sending = Tasks()
        self._ids = UniqueIdFactory()
        self._begin()

    def _begin(self) -> None:
        self._sender = SpoolSender(self._producer, self._disk, self._pauses_ms, self._on_settled)
        self._turns = SpoolTurns(self._sender, self._disk, self._sending)

    async def __aenter__(self) -> SendSpool:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Read what an earlier process has left, and begin to send it. The producer has to be started.

        Raises ClientError for a folder that cannot be used, or that another process uses, CorruptDataError for a file
        that is no spool.
        """
        await self._disk.open()
        self._begin()
        waiting = self._disk.records(SpoolState.WAITING)
        for record, kept in zip(waiting, await self._disk.read(waiting), strict=True):
            if kept is not None:
                self._sender.add(kept.message.topic, record)
        self._sending.start(self._sender.run(), "send spool")

    async def close(self) -> None:
        """End after the calls that are under way, which send or keep; what waits stays in the folder for `open`.

        A call may take its `timeout_ms`; one that begins meanwhile raises ClientError.
        """
        if not self._disk.is_open:
            return
        self._sender.close()
        await self._turns.close()
        await self._disk.close()

    async def send(
        self, message: Message, *, order_key: str | None = None, timeout_ms: int | None = None
    ) -> SendResult | Spooled:
        """Send a message, or keep it: when this returns it is in a broker or on this disk.

        Messages of equal `order_key` go to one queue, as with `select_by_hash`, one request at a time: what is called
        meanwhile follows as the next, and is kept where `timeout_ms` are over before its turn. Raises ClientError for a
        message that every broker would refuse, BrokerError where one refused it for good, SpoolFullError where it would
        have to be kept and there is no room: then it is neither sent nor kept.
        """
        self._producer.check(message)
        properties = dict(message.properties)
        properties.setdefault(PROPERTY_UNIQ_KEY, self._ids.create())
        message = msgspec.structs.replace(message, properties=properties)
        return await self._turns.send(message, order_key, timeout_ms or self._producer.settings.send_timeout_ms)

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._sender.waiting

    async def drained(self) -> None:
        """Wait until nothing waits any more: all is sent, or refused."""
        await self._sender.emptied()

    async def report(self) -> list[SpoolEntry]:
        """What became of each message that was kept, in their order; those that were forgotten are not in it."""
        records = self._disk.records()
        return list(map(entry_of, records, await self._disk.read(records)))

    async def retry_refused(self) -> int:
        """Send what was refused again, behind what waits of its topic; how many there are."""
        refused = self._disk.records(SpoolState.REFUSED)
        kepts = await self._disk.read(refused)
        for record in refused:
            record.note.state, record.note.settled_ms = SpoolState.WAITING, 0
        await self._disk.note(refused, durable=True)
        for record, kept in zip(refused, kepts, strict=True):
            if kept is not None:
                self._sender.add(kept.message.topic, record)
        return len(refused)

    async def forget(self) -> int:
        """Take what is settled or damaged out of the file, and of the report: how many there were."""
        return await self._disk.forget()
