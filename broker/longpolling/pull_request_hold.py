"""Long polling: pulls that found nothing wait here until a message arrives in their queue or their time is over.

The store calls `message_arriving` for every dispatched message; woken pulls are collected and executed together
once per loop turn, so that a burst of messages is answered with one read. Executing a pull is the pull processor's.
Mirrors org.apache.rocketmq.broker.longpolling.PullRequestHoldService.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.store.filter import MessageFilter

log = logging.getLogger(__name__)

#: How often timed out pulls are looked for. Apache's sweeps every 5 s; a finer sweep honours short suspend times.
SWEEP_INTERVAL_MS = 1_000
#: After this long a pull is answered when its queue has grown, even by messages that it does not want: so the
#: consumer's offset moves on past them.
GROWTH_CHECK_MS = 5_000


class HeldPull:
    """One waiting pull: `offset` is the queue offset it waits for, `deadline_ms` when it is answered anyway.

    `tag_codes` are the hash codes of the wanted tags, None for every message; `record_filter` is a filter that has to
    see the record itself. `suspend_ms` is how long it waits.
    """

    __slots__ = (
        "channel",
        "deadline_ms",
        "growth_check_ms",
        "header",
        "offset",
        "record_filter",
        "request",
        "tag_codes",
    )

    def __init__(
        self,
        channel: Channel,
        request: RemotingCommand,
        header: Any,
        offset: int,
        message_filter: MessageFilter | None,
        now_ms: int,
        suspend_ms: int,
    ) -> None:
        self.channel = channel
        self.request = request
        self.header = header
        self.offset = offset
        self.tag_codes = None if message_filter is None else message_filter.tag_codes
        self.record_filter = message_filter if message_filter is not None and message_filter.checks_record else None
        self.deadline_ms = now_ms + suspend_ms
        self.growth_check_ms = now_ms + GROWTH_CHECK_MS


class PullRequestHold:
    """Held pulls by topic and queue.

    `max_offset(topic, queue_id)` and `record_of(topic, queue_id, offset)` are the store's, `clock` is one that nobody
    sets, in ms. The pull processor sets `execute`, which runs a pull again without the right to wait.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        max_offset: Callable[[str, int], int],
        record_of: Callable[[str, int, int], memoryview | None],
    ) -> None:
        self.clock = clock
        self._max_offset = max_offset
        self._record_of = record_of
        self.execute: Callable[[HeldPull], None] = lambda pull: None
        #: Runs a woken pull by `execute`, which it is given, while somebody looks on.
        self.onlooker: Callable[[HeldPull, Callable[[HeldPull], None]], None] | None = None
        self.table: dict[str, dict[int, list[HeldPull]]] = {}
        self._woken: list[HeldPull] = []

    def __len__(self) -> int:
        return sum(len(pulls) for queues in self.table.values() for pulls in queues.values())

    def hold(self, topic: str, queue_id: int, pull: HeldPull) -> None:
        """Let a pull wait."""
        self.table.setdefault(topic, {}).setdefault(queue_id, []).append(pull)

    def message_arriving(
        self,
        topic: str,
        queue_id: int,
        next_offset: int,
        tags_code: int,
        store_timestamp: int = 0,
        properties: Any = None,
    ) -> None:
        """A message was dispatched: wake the pulls of its queue that want it.

        `next_offset` is the queue offset after the message. Called for every message, so the way out for a topic
        that no pull waits for is one lookup.
        """
        queues = self.table.get(topic)
        if queues is None:
            return
        pulls = queues.get(queue_id)
        if not pulls:
            return
        kept = []
        for pull in pulls:
            codes = pull.tag_codes
            if (
                next_offset > pull.offset
                and (codes is None or tags_code in codes)
                and (pull.record_filter is None or self._wants(pull, topic, queue_id, next_offset - 1))
            ):
                self._wake(pull)
            else:
                kept.append(pull)
        self._keep(topic, queue_id, kept)

    def _wants(self, pull: HeldPull, topic: str, queue_id: int, offset: int) -> bool:
        record = self._record_of(topic, queue_id, offset)
        return record is not None and pull.record_filter is not None and pull.record_filter.matches_record(record)

    def sweep(self) -> None:
        """Wake the pulls whose time is over or whose queue has grown, forget those of closed connections."""
        now = self.clock()
        for topic, queues in list(self.table.items()):
            for queue_id, pulls in list(queues.items()):
                max_offset = self._max_offset(topic, queue_id)
                kept = []
                for pull in pulls:
                    if pull.channel.closed:
                        continue
                    takes_all = pull.tag_codes is None and pull.record_filter is None
                    grown = max_offset > pull.offset and (takes_all or now >= pull.growth_check_ms)
                    if grown or now >= pull.deadline_ms:
                        self._wake(pull)
                    else:
                        kept.append(pull)
                self._keep(topic, queue_id, kept)

    def wake_all(self) -> None:
        """Answer every held pull now, before a stop closes its connection.

        Apache's broker leaves them unanswered, which its clients report as an error of the connection. An answer says
        what is true, that the queue has nothing new, and is what they get at the end of every pull's time.
        """
        for queues in self.table.values():
            for pulls in queues.values():
                self._woken.extend(pulls)
        self.table.clear()
        self._run()

    def _keep(self, topic: str, queue_id: int, kept: list[HeldPull]) -> None:
        queues = self.table[topic]
        if kept:
            queues[queue_id] = kept
            return
        del queues[queue_id]
        if not queues:
            del self.table[topic]

    def _wake(self, pull: HeldPull) -> None:
        if not self._woken:
            asyncio.get_running_loop().call_soon(self._run)
        self._woken.append(pull)

    def _run(self) -> None:
        woken, self._woken = self._woken, []
        for pull in woken:
            if not pull.channel.closed:
                try:
                    if self.onlooker is None:
                        self.execute(pull)
                    else:
                        self.onlooker(pull, self.execute)
                except Exception as error:
                    log.exception("a held pull of %s failed", pull.channel.remote)
                    remark = f"{type(error).__name__}: {error}"
                    pull.channel.send(pull.request.reply(ResponseCode.SYSTEM_ERROR, remark))
