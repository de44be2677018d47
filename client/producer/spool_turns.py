"""Turns of a send spool: of each order key one request is on its way at a time, so that order is that of the calls.

What is called meanwhile waits in a line and goes together as the next request: a burst of one key takes fewer requests
than it has messages, and no call overtakes one before it that is tried again, or that is being kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import Final

import msgspec

from rocketmq_ops.client.api.send import SendResult
from rocketmq_ops.client.producer.spool_disk import Kept, SpoolDisk
from rocketmq_ops.client.producer.spool_entries import Spooled, result_at
from rocketmq_ops.client.producer.spool_records import Note
from rocketmq_ops.client.producer.spool_sender import BATCH_MESSAGES, SpoolSender
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import PROPERTY_UNIQ_KEY, Message
from rocketmq_ops.common.tasks import Tasks

#: Why a message is kept that was not tried.
BEHIND_OTHERS: Final = "its time was over while those before it with its order key were sent"

Outcome = SendResult | Spooled


class _Call(msgspec.Struct, eq=False):
    """A call that waits for its turn: its message, when its time is over on the loop's clock, and what became of it."""

    message: Message
    deadline: float
    outcome: asyncio.Future[Outcome]

    def answer(self, outcome: Outcome | Exception) -> None:
        """Tell it what became of it, unless it was cancelled."""
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class SpoolTurns:
    """The first tries of messages, and their way to the disk; what runs is one of `tasks`."""

    def __init__(self, sender: SpoolSender, disk: SpoolDisk, tasks: Tasks) -> None:
        self._sender = sender
        self._disk = disk
        self._tasks = tasks
        #: Of each topic and order key that has a request on its way: the calls whose turn has not come.
        self._lines: dict[tuple[str, str], deque[_Call]] = {}
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def close(self) -> None:
        """Take no more calls, and wait until those that are under way have sent or kept: each has its own time."""
        self._closed = True
        await self._idle.wait()
        await self._tasks.finish()  # of calls that were cancelled, what goes on

    async def send(self, message: Message, order_key: str | None, timeout_ms: int) -> Outcome:
        """Send a message or keep it, behind those of its order key. Raises what does not pass, and as `append`."""
        if self._closed or not self._disk.is_open:
            raise self._disk.not_open()
        self._calls += 1
        self._idle.clear()
        try:
            return await self._send(message, order_key, timeout_ms)
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _send(self, message: Message, order_key: str | None, timeout_ms: int) -> Outcome:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_ms / 1000
        if order_key is None:
            return await self._send_one(message, None, deadline, Note())
        key = message.topic, order_key
        line = self._lines.get(key)
        if line is not None:
            call = _Call(message, deadline, loop.create_future())
            line.append(call)
            return await call.outcome
        line = self._lines[key] = deque()
        try:
            return await self._send_one(message, order_key, deadline, Note())
        finally:
            if line:
                self._tasks.start(self._send_line(key, line), "send in order")
            else:
                del self._lines[key]

    async def _send_line(self, key: tuple[str, str], line: deque[_Call]) -> None:
        try:
            while line:
                calls = list(islice(line, BATCH_MESSAGES))
                calls = calls[: self._sender.together([call.message for call in calls])]
                for _ in calls:
                    line.popleft()
                # Of a call that was cancelled before its turn nothing is sent.
                if calls := [call for call in calls if not call.outcome.done()]:
                    await self._send_calls(calls, key[1])
        finally:
            del self._lines[key]
            for call in line:
                call.outcome.cancel()

    async def _send_calls(self, calls: list[_Call], order_key: str) -> None:
        """Send calls as one request, or keep them in their order; each gets its outcome."""
        note = Note()
        try:
            if len(calls) > 1 and await self._send_together(calls, order_key, note):
                return
            for call in calls:
                one = Note(tries=note.tries, open_try=note.open_try, reason=note.reason)
                try:
                    if call.deadline > asyncio.get_running_loop().time():
                        call.answer(await self._send_one(call.message, order_key, call.deadline, one))
                    else:
                        one.reason = one.reason or BEHIND_OTHERS
                        call.answer(await self._keep(call.message, order_key, one))
                except Exception as error:
                    call.answer(error)
        finally:
            for call in calls:
                call.outcome.cancel()

    async def _send_together(self, calls: list[_Call], order_key: str, note: Note) -> bool:
        """Whether they were sent as one request; else each has to be seen to, with what is noted."""
        messages = [call.message for call in calls]
        late = calls[0].deadline <= asyncio.get_running_loop().time()
        if late or self._sender.waits(messages[0].topic):
            return False
        try:
            sent = await self._sender.send_now(messages, order_key, calls[-1].deadline, note)
        except RocketMQError:
            note.tries = 0  # it may be for one of them alone: which one is found one by one
            return False
        if sent is None:
            return False
        for i, call in enumerate(calls):
            call.answer(result_at(sent, i, call.message))
        return True

    async def _send_one(self, message: Message, order_key: str | None, deadline: float, note: Note) -> Outcome:
        if not self._sender.waits(message.topic):
            sent = await self._sender.send_now([message], order_key, deadline, note)
            if sent is not None:
                return sent
        return await self._keep(message, order_key, note)

    async def _keep(self, message: Message, order_key: str | None, note: Note) -> Spooled:
        """Keep a message: also when the caller is cancelled now, since what is in the file is sent."""
        return await asyncio.shield(self._tasks.start(self._append(message, order_key, note), "keep a message"))

    async def _append(self, message: Message, order_key: str | None, note: Note) -> Spooled:
        record = await self._disk.append(Kept(message, order_key, now_ms()), note)
        self._sender.add(message.topic, record)
        return Spooled(record.number, message.properties[PROPERTY_UNIQ_KEY])
