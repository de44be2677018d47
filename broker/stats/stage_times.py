"""When messages that ask for it went through each stage: read, appended, dispatched, flushed, pull woken, answered.

What lives here: noting the times, and the bounded table of them, from which a request for runtime figures takes them
(`common/stage_times.py` says how both are asked for). What does not: the message's way itself, which is the one of all
messages that take the long way. Nothing is done for other messages: the clock of a connection's reads begins with its
first request for times, and held pulls are looked at only while one of them waits for such a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.stage_times import StageTable, StageTimes
from rocketmq_ops.store.inner_message import PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.longpolling.pull_request_hold import HeldPull
    from rocketmq_ops.remoting.channel import Channel
    from rocketmq_ops.remoting.frame_codec import RawRequestHandler
    from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult

#: Messages whose times are kept, at most.
MAX_MESSAGES: Final = 2_048
#: How long held pulls are looked at for a message that wakes none, seconds.
WATCH_SECONDS: Final = 30.0


class _ReadClock:
    """Notes when a frame of one connection was read, before it is decoded."""

    __slots__ = ("_inner", "read_ns")

    def __init__(self, inner: RawRequestHandler | None) -> None:
        """`inner` is what handled the connection's frames before they are decoded until now."""
        self._inner = inner
        self.read_ns = perf_counter_ns()

    def __call__(self, raw: bytes, body: bytes | bytearray | memoryview) -> bytes | None:
        self.read_ns = perf_counter_ns()
        return None if self._inner is None else self._inner(raw, body)


class _Noted:
    """One message: when its frame was read, and the times after it."""

    __slots__ = ("begun_ns", "times")

    def __init__(self, begun_ns: int) -> None:
        self.begun_ns = begun_ns
        self.times = StageTimes()

    def note(self, stage: str) -> None:
        setattr(self.times, stage, (perf_counter_ns() - self.begun_ns) // 1000)


class NotedStages:
    """The times of one broker's messages that ask for them."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._table: Bounded[tuple[str, int, int], _Noted] = Bounded(MAX_MESSAGES)
        #: By queue, with its offset, the messages that a held pull waits for.
        self._awaited: Bounded[tuple[str, int], list[tuple[int, _Noted]]] = Bounded(MAX_MESSAGES)
        self._end_of_watch: asyncio.TimerHandle | None = None

    def clock_reads(self, channel: Channel) -> None:
        """From now on, note when each frame of a connection is read."""
        if not isinstance(channel.raw_request_handler, _ReadClock):
            channel.raw_request_handler = _ReadClock(channel.raw_request_handler)

    def put(self, channel: Channel, message: InnerMessage) -> PutMessageResult:
        """`MessageStore.put_message` for a message that asks for its times."""
        clock = channel.raw_request_handler
        noted = _Noted(clock.read_ns if isinstance(clock, _ReadClock) else perf_counter_ns())
        self.clock_reads(channel)
        place = (message.topic, message.queue_id)
        held = self._controller.held_pulls.table.get(message.topic, {}).get(message.queue_id)
        result = self._controller.store.put_message(message, noted.note)
        if result.status is not PutStatus.PUT_OK:
            return result
        self._table[*place, result.queue_offset] = noted
        self._controller.store.flush.after_flush(
            result.wrote_offset + result.wrote_bytes, lambda: noted.note("flushed")
        )
        if held:
            self._await_pull(place, result.queue_offset, noted)
        return result

    def take(self, topic: str) -> StageTable:
        """The times of a topic's messages, which are forgotten with that."""
        found = [key for key in self._table if key[0] == topic]
        return {(queue_id, offset): self._table.pop((topic, queue_id, offset)).times for _, queue_id, offset in found}

    # -- held pulls

    def _await_pull(self, place: tuple[str, int], offset: int, noted: _Noted) -> None:
        waiting = self._awaited.get(place, [])
        if len(waiting) < MAX_MESSAGES:
            self._awaited[place] = [*waiting, (offset, noted)]
        if self._end_of_watch is not None:
            self._end_of_watch.cancel()
        self._controller.held_pulls.onlooker = self._execute
        loop = asyncio.get_running_loop()
        self._end_of_watch = loop.call_at(loop.time() + WATCH_SECONDS, self._end_watch)

    def _end_watch(self) -> None:
        if self._end_of_watch is not None:
            self._end_of_watch.cancel()
            self._end_of_watch = None
            self._controller.held_pulls.onlooker = None
        self._awaited.clear()

    def _execute(self, pull: HeldPull, execute: Callable[[HeldPull], None]) -> None:
        """Answer a held pull, and note it of the messages that it finds."""
        topic, queue_id = place = (pull.header.topic, pull.header.queue_id)
        waiting = self._awaited.get(place, [])
        visible = self._controller.store.max_offset(topic, queue_id) if waiting else 0
        found = [noted for offset, noted in waiting if pull.offset <= offset < visible]
        for noted in found:
            noted.note("woken")
        execute(pull)
        if found:
            # The answer leaves in a callback of the loop that was scheduled just now, or before.
            asyncio.get_running_loop().call_soon(_answered, found)
            self._awaited[place] = [item for item in waiting if item[1] not in found]
            if not any(self._awaited.values()):
                self._end_watch()


def _answered(found: list[_Noted]) -> None:
    for noted in found:
        noted.note("answered")
