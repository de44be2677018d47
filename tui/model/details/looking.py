"""Looking through the queues of a topic: how far one look goes, what has been looked at, and where the next goes on.

A broker leaves out messages of other tags, so that a rare one may be behind any number of pulls; a condition is looked
at here. So a look is bounded by its pulls, over all queues together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_results import MessageView, Pulls, ScanRequest
from rocketmq_ops.client.admin.messages.message_scan import PULL_BATCH
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, See
from rocketmq_ops.common.filter.conditions import Condition
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.taken import ARRANGED

#: Messages that are shown, and that are asked of one queue, at most; of more queues than that one of each is shown.
MOST: Final = 200
#: Pulls of one look in all, shared out among the queues, of which each has one at least; and of one that follows.
PULLS: Final = 400
PULLS_FOLLOWING: Final = 100
#: From the end of a queue back it is looked through by so many messages at a time, the last number again and again.
STEPS: Final = (400, 6_400)
#: While it follows, so many messages of a queue are looked through in one look, at most.
FOLLOWING: Final = 400
#: Offsets of a queue, the first with, the last without.
Range = tuple[int, int]


class Looking:
    """What a screen has looked at by its address, so that it goes on from there: with what has come since while it
    follows, else with what it has not looked at yet (`goes_on`)."""

    def __init__(self, address: Address | None = None) -> None:
        self._address = address
        #: Where each queue was read to, while it follows.
        self.read_to: dict[MessageQueue, int] = {}
        #: What is left of each queue, in the order in which it is looked at; of one that is not in it, all.
        self.left: dict[MessageQueue, list[Range]] = {}
        #: The newest messages that were found, by their keys; where any is what is looked for, those that are shown.
        self.kept: dict[str, MessageExt] = {}
        #: So many were shown before those.
        self.before = 0
        #: Each look shows the next messages in place of those before.
        self.turns = False
        #: How many messages have been looked at.
        self.looked = 0
        #: Of a queue there are more than are shown.
        self.truncated = False
        #: There is more to look at, by another look.
        self.goes_on = False
        #: All of that is what the look before asked for and was not answered.
        self.unanswered = False
        #: More had come than is read in one look, so that some were passed over.
        self.passed_over = False

    def by(self, address: Address, *, goes_on: bool) -> Looking:
        """It, or a new one for another address or another time; how rows are arranged makes none."""
        options = tuple(option for option in address.options if option[0] not in ARRANGED)
        address = msgspec.structs.replace(address, options=options)
        grows = goes_on or (address.option("where") is not None and address.option("follow") is not None)
        same = address == self._address and grows
        return self if same else Looking(address)

    def turn(self, messages: Iterable[MessageExt]) -> list[MessageExt]:
        """These in place of those that were shown, the newest first."""
        self.before += len(self.kept)
        newest = newest_first(messages)
        self.kept = {key_of(message): message for message in newest}
        return newest

    def take(self, messages: Iterable[MessageExt]) -> list[MessageExt]:
        """With these, the newest first, no more than are shown."""
        self.kept.update((key_of(message), message) for message in messages)
        self.truncated |= len(self.kept) > MOST
        newest = newest_first(self.kept.values())[:MOST]
        self.kept = {key_of(message): message for message in newest}
        return newest


class Found(NamedTuple):
    """Messages, the newest first, and what failed. `truncated`: there are more.

    `looked`: so many messages were looked at for them, from the newest on, or `onward` from where the address begins.
    `goes_on`: there are others to look at. `recent`: of each queue so many of its last ones were looked at, and not
    all; while it follows.
    """

    messages: list[MessageExt]
    failures: list[Failure]
    truncated: bool = False
    looked: int = 0
    onward: bool = False
    goes_on: bool = False
    recent: int | None = None
    #: Some that came while it follows were not looked at.
    passed_over: bool = False
    #: So many were shown by the looks before, where each shows the next ones alone.
    before: int = 0
    #: All that is left to look at is what this look asked for and was not answered.
    unanswered: bool = False
    #: They are what the look before was not answered.
    again: bool = False
    #: The queues that were not read, or not to their end.
    unread: frozenset[MessageQueue] = frozenset()


class Wanted(NamedTuple):
    """What is looked for: times in ms, the offset to begin at, a tag or `*`, a condition, of a broker and a queue.
    `follows`: it is looked again and again."""

    topic: str
    begin: int | None
    end: int | None
    start: int | None
    tag: str
    where: Condition | None
    broker: str | None
    queue: str | None
    follows: bool

    @property
    def onward(self) -> bool:
        """Whether it says where it begins or ends; else it is looked from the newest messages back."""
        return not self.begin == self.end == self.start is None

    def takes(self, message: MessageExt) -> bool:
        """Whether a message with the tag is of the time, and meets the condition."""
        stored = message.store_timestamp
        in_time = (self.begin is None or self.begin <= stored) and (self.end is None or stored <= self.end)
        return in_time and (self.where is None or self.where(message))

    @property
    def whole(self) -> bool:
        """Whether any message is what is looked for."""
        return self.tag == "*" and self.where is None

    @property
    def turns(self) -> bool:
        """Whether each look shows the next messages in place of those before: of others it adds what it finds."""
        return self.whole and not self.follows


class Look:
    """One look. It reads queues beside each other; without a time, an offset, a tag or a condition the last of each."""

    def __init__(self, admin: MQAdmin, wanted: Wanted, looking: Looking) -> None:
        self._admin, self._wanted, self._looking = admin, wanted, looking
        #: Of each queue: messages that are shown, pulls, and messages that are looked through while it follows.
        self._each, self._pulls, self._recent = MOST, PULLS, FOLLOWING

    async def found(self) -> Found:
        """What was found in all queues. Raises NotFoundError where the one that is named is not there."""
        wanted, looking = self._wanted, self._looking
        queues = {
            queue: at
            for queue, at in (await self._admin.messages.queues(wanted.topic)).items()
            if wanted.broker in (None, queue.broker_name) and wanted.queue in (None, str(queue.queue_id))
        }
        if not queues and (wanted.broker, wanted.queue) != (None, None):
            raise NotFoundError(_no_queue(wanted), see=See("topics.route", wanted.topic))
        there = len(queues)
        queues = {queue: at for queue, at in queues.items() if looking.left.get(queue) != []}
        looking.turns = wanted.turns
        if wanted.turns:
            there = len(queues)
        self._each = max(MOST // max(there, 1), 1)
        self._pulls = max((PULLS_FOLLOWING if wanted.follows else PULLS) // max(len(queues), 1), 1)
        self._recent = min(FOLLOWING, self._pulls * PULL_BATCH)
        named = {f"{queue.broker_name} queue {queue.queue_id}": queue for queue in queues}  # as failures name them

        async def read(name: str) -> Found:
            return await self._read(named[name], queues[named[name]])

        fan = await self._admin.fan_out(named, read)
        if queues:
            fan.require_some(f"reading {wanted.topic}")
        found = list(fan.answers.values())
        unread = {queue for name, queue in named.items() if name not in fan.answers or fan.answers[name].failures}
        messages = [message for each in found for message in each.messages]
        # Where nothing is answered, what was shown stays: there is nothing to show in its place.
        take = looking.turn if wanted.turns and (messages or not unread) else looking.take
        kept = take(messages)
        looking.truncated |= any(each.truncated for each in found)
        waiting = {queue for queue, left in looking.left.items() if left} | unread
        left = bool(waiting) and (wanted.onward or not looking.truncated)
        looking.goes_on = left and not wanted.follows
        again, looking.unanswered = looking.unanswered, left and waiting <= unread
        return Found(
            kept,
            [*fan.failures, *(failure for each in found for failure in each.failures)],
            looking.truncated,
            looking.looked,
            wanted.onward,
            left,
            next((each.recent for each in found if each.recent is not None), None),
            looking.passed_over,
            looking.before,
            looking.unanswered,
            again,
            frozenset(unread),
        )

    async def _read(self, queue: MessageQueue, broker: str) -> Found:
        wanted = self._wanted
        if wanted.follows and wanted.where is not None:
            return await self._since(queue, broker)
        if wanted.turns and not wanted.onward:
            return await self._back(queue, broker)
        if wanted.onward or not wanted.follows:
            return await self._through(queue)
        last = await self._admin.offsets.max_offset(broker, wanted.topic, queue.queue_id)
        if wanted.whole:
            found, _ = await self._scanned(queue, max(last - self._each, 0), None, Pulls(self._pulls))
            return found
        low = await self._admin.offsets.min_offset(broker, wanted.topic, queue.queue_id)
        first = max(last - self._recent, 0)
        found, _ = await self._scanned(queue, first, None, Pulls(self._pulls))
        return found._replace(recent=self._recent if first > low else None, truncated=False)

    async def _back(self, queue: MessageQueue, broker: str) -> Found:
        """The last messages of a queue that were not shown yet."""
        known = self._looking.left.get(queue)
        last = 0 if known else await self._admin.offsets.max_offset(broker, self._wanted.topic, queue.queue_id)
        (low, end), *others = known or [(0, last)]
        first = max(end - self._each, low)
        found, to = await self._scanned(queue, first, end if known else None, Pulls(self._pulls))
        left = [(to, end)] if found.failures and to < end else []
        left += [(low, first)] if low < first and (found.truncated or found.failures) else []
        self._looking.left[queue] = left + others
        self._looking.looked += len(found.messages)
        return found._replace(truncated=False)

    async def _through(self, queue: MessageQueue) -> Found:
        """What is left of a queue, as far as its pulls go: a step after the other until enough was found."""
        wanted, pulls = self._wanted, Pulls(self._pulls)
        left = self._looking.left.get(queue)
        left = await self._all_of(queue) if left is None else list(left)
        messages: list[MessageExt] = []
        failures: list[Failure] = []
        looked, truncated, steps = 0, False, iter(STEPS)
        step = next(steps)
        while left and pulls.left > 0 and len(messages) < self._each:
            begin, end = left.pop(0)
            at = begin
            if not wanted.onward:
                read_here = wanted.where is not None and wanted.tag == "*"
                at = max(begin, end - (min(step, pulls.left * PULL_BATCH) if read_here else step))
                step = next(steps, step)
            if begin < at:
                left.insert(0, (begin, at))
            found, to = await self._scanned(queue, at, end, pulls)
            if to < end:
                left.insert(0, (to, end))
            messages += found.messages
            failures += found.failures
            truncated |= found.truncated
            looked += to - at
            if found.failures:
                break
        if wanted.whole and wanted.follows and len(messages) >= self._each:
            truncated, left = truncated or bool(left), []  # any other is what is looked for, too: there is no end
        self._looking.left[queue] = left
        self._looking.looked += looked
        return Found(messages, failures, truncated)

    async def _all_of(self, queue: MessageQueue) -> list[Range]:
        """What there is to look through in a queue."""
        report = await self._admin.messages.scan(self._request(queue, limit=0), lambda _: None)
        return [(scan.begin_offset, scan.end_offset) for scan in report.queues if scan.begin_offset < scan.end_offset]

    async def _since(self, queue: MessageQueue, broker: str) -> Found:
        """What has come since the last look."""
        looking = self._looking
        last = await self._admin.offsets.max_offset(broker, self._wanted.topic, queue.queue_id)
        before = looking.read_to.get(queue)
        first = max(last - self._recent, 0)
        if before is not None:
            looking.passed_over |= first > before
            first = max(first, before)
        if first >= last:
            return Found([], [], recent=self._recent)
        found, to = await self._scanned(queue, first, None, Pulls(self._pulls))
        if not found.failures:
            looking.read_to[queue] = to
        return found._replace(recent=self._recent, truncated=False)

    async def _scanned(self, queue: MessageQueue, begin: int, end: int | None, pulls: Pulls) -> tuple[Found, int]:
        """What a part of a queue has, the newest where that is more than is shown; and up to where it was read."""
        wanted = self._wanted
        kept: deque[MessageExt] = deque(maxlen=MOST)
        more, behind = False, begin

        def keep(message: MessageExt) -> MessageView | None:
            nonlocal more, behind
            behind = max(behind, message.queue_offset + 1)
            if wanted.takes(message):
                more |= len(kept) == MOST
                kept.append(message)
            return None

        limit = self._each if wanted.onward and wanted.where is None else LONG_MAX
        request = msgspec.structs.replace(
            self._request(queue, limit=limit), begin_timestamp=None, end_timestamp=None, begin_offset=begin,
            end_offset=end, pulls=pulls,
        )  # fmt: skip
        report = await self._admin.messages.scan(request, keep)
        scan = next(iter(report.queues), None)
        if wanted.whole and not wanted.onward:  # the last ones: there are more where others are before them
            more |= report.truncated or (scan is not None and begin > scan.min_offset)
        found = Found(list(kept), report.failures, more)
        if report.failures:
            return found, behind if end is None else min(behind, end)
        if scan is None:
            return found, begin if end is None else end
        if end is not None and report.truncated and scan.messages >= limit:
            return found, min(behind, end)
        # A queue that was made anew ends earlier than it did: nothing is left of it.
        return found, scan.end_offset if end is None or not pulls.left else end

    def _request(self, queue: MessageQueue, *, limit: int) -> ScanRequest:
        wanted = self._wanted
        return ScanRequest(
            topic=wanted.topic,
            limit=limit,
            expression=wanted.tag,
            begin_timestamp=wanted.begin,
            end_timestamp=wanted.end,
            broker_name=queue.broker_name,
            queue_id=queue.queue_id,
            begin_offset=wanted.start,
        )


def _no_queue(wanted: Wanted) -> str:
    where = f" {wanted.queue}" if wanted.queue is not None else ""
    if wanted.broker is None:
        return f"topic '{wanted.topic}' has no readable queue{where}"
    return f"broker '{wanted.broker}' has no readable queue{where} of topic '{wanted.topic}'"


def newest_first(messages: Iterable[MessageExt]) -> list[MessageExt]:
    """By when they were stored."""
    return sorted(messages, key=lambda message: (message.store_timestamp, message.commit_log_offset), reverse=True)


def key_of(message: MessageExt) -> str:
    """Which message it is: its row's key."""
    return f"{message.broker_name}:{message.queue_id}:{message.queue_offset}:{message.offset_msg_id}"
