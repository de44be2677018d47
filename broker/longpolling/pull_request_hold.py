"""Long polling: pulls that found nothing wait here until a message arrives in their queue or their time is over.

The store calls `message_arriving` for every dispatched message; woken pulls are collected and executed together
once per loop turn, so that a burst of messages is answered with one read; those of a consumer that does not drain its
answers, once it does. Executing a pull is the pull processor's.
Mirrors org.apache.rocketmq.broker.longpolling.PullRequestHoldService, which holds as many pulls as come. Here there is
a bound on those of one connection and on all, beyond which a pull is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.common.log_rate import LogRate
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
#: A pull counts once, and once more for each of so many bytes of its request, and characters of its own expression:
#: of `a||b||...` each tag is an entry of a set, so that a character takes some 30 bytes.
_COUNTED_BYTES: Final = 1024
_COUNTED_CHARACTERS: Final = 64
#: Why a pull is refused. The words behind the bracket are those of Apache's full queues, which operators look for.
TOO_MANY: Final = (
    "[OVERLOAD]system busy, start flow control for a while: as many pulls wait for a message as may, {} {}={}"
)


class HeldPull:
    """One waiting pull: `offset` is the queue offset it waits for, `deadline_ms` when it is answered anyway.

    `tag_codes` are the hash codes of the wanted tags, None for every message; `record_filter` is a filter that has to
    see the record itself. `suspend_ms` is how long it waits. `count` is what it counts towards the bounds, 0 once it
    is answered; `woken`, that it waits for no message any more, but may wait for its consumer to drain its answers.
    """

    __slots__ = (
        "channel",
        "count",
        "deadline_ms",
        "growth_check_ms",
        "header",
        "offset",
        "record_filter",
        "request",
        "tag_codes",
        "woken",
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
        self.woken = False
        source, expression = request.ext_source, header.subscription
        if (
            type(source) is bytes
            and len(source) < _COUNTED_BYTES
            and (expression is None or len(expression) < _COUNTED_CHARACTERS)
            and not request.body
        ):
            self.count = 1
        else:
            self.count = _trimmed(request, expression)


def _trimmed(request: RemotingCommand, expression: str | None) -> int:
    """Take from a request what keeps the whole read that it came with; what it counts towards the bounds."""
    request.body = b""  # pulls have none
    if type(request.ext_source) is memoryview:
        request.ext_source = bytes(request.ext_source)
    count = 1 + request.source_bytes // _COUNTED_BYTES
    return count if expression is None else count + len(expression) // _COUNTED_CHARACTERS


class PullRequestHold:
    """Held pulls by topic and queue.

    `max_offset(topic, queue_id)` and `record_of(topic, queue_id, offset)` are the store's, `clock` is one that nobody
    sets, in ms. The bounds are the configuration's, as it is at the time. The pull processor sets `execute`, which runs
    a pull again without the right to wait.
    """

    def __init__(
        self,
        config: BrokerConfig,
        clock: Callable[[], int],
        max_offset: Callable[[str, int], int],
        record_of: Callable[[str, int, int], memoryview | None],
    ) -> None:
        self._config = config
        self.clock = clock
        self._max_offset = max_offset
        self._record_of = record_of
        self.execute: Callable[[HeldPull], None] = lambda pull: None
        #: Runs a woken pull by `execute`, which it is given, while somebody looks on.
        self.onlooker: Callable[[HeldPull, Callable[[HeldPull], None]], None] | None = None
        self.table: dict[str, dict[int, list[HeldPull]]] = {}
        self._woken: list[HeldPull] = []
        #: What is left of a sweep whose turn was over.
        self._steps: Iterator[None] | None = None
        #: What the held pulls count together, and those of each open connection that has some: also of the woken ones,
        #: until they are answered.
        self.count = 0
        self.count_of_channel: dict[Channel, int] = {}
        #: How many woken pulls wait for each connection whose consumer takes no answers; none of them is in the table.
        self.undrained: dict[Channel, int] = {}
        #: Pulls refused since the start.
        self.refused = 0
        self._lines = LogRate()

    def __len__(self) -> int:
        return sum(len(pulls) for queues in self.table.values() for pulls in queues.values())

    def hold(self, topic: str, queue_id: int, pull: HeldPull) -> str | None:
        """Let a pull wait; why it may not, or None."""
        config, channel, count = self._config, pull.channel, pull.count
        of_channel = self.count_of_channel.get(channel, 0) + count
        of_all = self.count + count
        if of_channel > config.maxHeldPullsPerConnection:
            limit = config.maxHeldPullsPerConnection
            return self._refuse(pull, TOO_MANY.format("of one connection", "maxHeldPullsPerConnection", limit))
        if of_all > config.maxHeldPulls:
            return self._refuse(pull, TOO_MANY.format("of all", "maxHeldPulls", config.maxHeldPulls))
        self.count_of_channel[channel] = of_channel
        self.count = of_all
        self.table.setdefault(topic, {}).setdefault(queue_id, []).append(pull)
        return None

    def _refuse(self, pull: HeldPull, why: str) -> str:
        self.refused += 1
        if self._lines.due(self.clock()):
            more = f" ({self._lines.missed} more were not logged)" if self._lines.missed else ""
            log.warning(
                "a pull of %s by group %s from %s was refused: %s%s", pull.header.topic, pull.header.consumer_group,
                pull.channel.remote, why, more,
            )  # fmt: skip
        return why

    def _release(self, pull: HeldPull) -> None:
        """A pull is answered, or will not be: give back what it counts."""
        count, pull.count = pull.count, 0
        of_channel = self.count_of_channel.get(pull.channel)
        if of_channel is None:  # closed, and given back then
            return
        self.count -= count
        if of_channel > count:
            self.count_of_channel[pull.channel] = of_channel - count
        else:
            del self.count_of_channel[pull.channel]

    def channel_closed(self, channel: Channel) -> None:
        """Give back what the pulls of a closed connection count. They themselves go with the next sweep; those that
        waited for it to drain are gone."""
        self.count -= self.count_of_channel.pop(channel, 0)
        self.undrained.pop(channel, None)

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
        wanted_by = pull.record_filter
        return record is not None and wanted_by is not None and wanted_by.matches_record(record, 0, len(record))

    def sweep(self, turn: Turn) -> None:
        """Wake the pulls whose time is over or whose queue has grown, forget those of closed connections: of the queues
        for which there is time in this turn. The next one goes on."""
        steps, self._steps = self._steps or self._sweep(), None
        for _ in steps:
            if turn.is_over():
                self._steps = steps
                return

    def _sweep(self) -> Iterator[None]:
        """A sweep, a queue a step; between two steps pulls come and go."""
        for topic in list(self.table):
            for queue_id in list(self.table.get(topic, ())):
                pulls = self.table.get(topic, {}).get(queue_id)
                if pulls is None:
                    continue
                now = self.clock()
                max_offset = self._max_offset(topic, queue_id)
                kept = []
                for pull in pulls:
                    if pull.channel.closed:
                        self._release(pull)
                        continue
                    takes_all = pull.tag_codes is None and pull.record_filter is None
                    grown = max_offset > pull.offset and (takes_all or now >= pull.growth_check_ms)
                    if grown or now >= pull.deadline_ms:
                        self._wake(pull)
                    else:
                        kept.append(pull)
                self._keep(topic, queue_id, kept)
                yield

    def wake_all(self) -> None:
        """Answer every held pull now, before a stop closes its connection.

        Apache's broker leaves them unanswered, which its clients report as an error of the connection. An answer says
        what is true, that the queue has nothing new, and is what they get at the end of every pull's time.
        Those of a consumer that does not drain its answers are answered once it does, and at a stop not at all.
        """
        for queues in self.table.values():
            for pulls in queues.values():
                for pull in pulls:
                    self._wake(pull)
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
        if pull.woken:  # before, where a failure kept it in the table
            return
        pull.woken = True
        if not self._woken:
            asyncio.get_running_loop().call_soon(self._run)
        self._woken.append(pull)

    def _run(self) -> None:
        woken, self._woken = self._woken, []
        for pull in woken:
            channel = pull.channel
            if channel.closed or channel.is_drained:
                self._answer(pull)
            else:  # as many answers are unsent as may be
                self.undrained[channel] = self.undrained.get(channel, 0) + 1
                channel.when_drained(partial(self._answer_drained, pull))

    def _answer_drained(self, pull: HeldPull) -> None:
        waiting = self.undrained.pop(pull.channel, 1) - 1
        if waiting:
            self.undrained[pull.channel] = waiting
        self._answer(pull)

    def _answer(self, pull: HeldPull) -> None:
        self._release(pull)
        if pull.channel.closed:
            return  # its consumer gets nothing, so nothing may be taken or counted as got by it
        try:
            if self.onlooker is None:
                self.execute(pull)
            else:
                self.onlooker(pull, self.execute)
        except Exception as error:
            log.exception("a held pull of %s failed", pull.channel.remote)
            remark = f"{type(error).__name__}: {error}"
            pull.channel.send(pull.request.reply(ResponseCode.SYSTEM_ERROR, remark))
