"""Messages of a topic: the newest, of one queue, by key, by id, of a time, by a condition; at most so many."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.client.admin.messages.message_results import MessageView, ScanReport, ScanRequest, tag_filter
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.filter.conditions import FIELDS, SQL92, Condition, condition
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_TAGS, PROPERTY_UNIQ_KEY, MessageExt, MessageQueue
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.bodies import head_of
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, table_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

#: Messages that are shown, and that are asked of one queue, at most.
MOST: Final = 200
COLUMNS: Final = (
    Column(key="time", title="Stored", kind=Kind.MOMENT),
    Column(key="key", title="Keys", least=10),
    Column(key="tag", title="Tag", drop=2),
    Column(key="broker", title="Broker", drop=3, least=10),
    Column(key="queue", title="Queue", kind=Kind.COUNT, drop=3),
    Column(key="offset", title="Offset", kind=Kind.COUNT, drop=1),
    Column(key="size", title="Size", kind=Kind.BYTES, drop=2),
    Column(key="body", title="Body", least=20),
    Column(key="id", title="Message id", least=32, drop=4),
)
#: So many messages at the end of each queue are looked through for a tag, one after the other until enough have it;
#: and while it follows what comes.
REACHES: Final = (400, 6_400, 51_200)
FOLLOWING: Final = (400,)
#: So many messages are read in all for a condition, which is looked at here and not by brokers; and while it follows,
#: of each queue in one look.
READ_FOR_CONDITION: Final = 12_800
FOLLOWING_CONDITION: Final = 400
_OPTIONS: Final = ("key", "id", "tag", "where", "begin", "end", "broker", "queue", "from", "follow",
                   "sort", "filter", "compare", "part")  # fmt: skip
#: What is offered behind the `?`: values that many want, else the name alone.
_OFFERED: Final = (
    "key=",
    "id=",
    "tag=",
    "where=",
    "where=sql92: ",
    "begin=10m",
    "begin=1h&end=30m",
    "queue=0&broker=",
    "follow=1",
)
#: What is offered within a condition, and where a name may stand in one.
_IN_CONDITION: Final = (*FIELDS, "body")
_WORD: Final = re.compile(r"(?:^|\(|\b(?:and|or|not)\s)\s*([\w.]+)\Z", re.IGNORECASE)
#: Options that say how rows are arranged.
_ARRANGED: Final = ("sort", "filter", "compare", "part")
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO: Final = re.compile(r"(\d+)([smhd])")


class Following:
    """What was read while it follows by a condition, so that each look reads only what has come since."""

    def __init__(self) -> None:
        self._address: Address | None = None
        #: Where each queue was read to.
        self.read_to: dict[MessageQueue, int] = {}
        #: The newest messages that meet the condition, by their keys.
        self.kept: dict[str, MessageExt] = {}
        #: More had come than is read in one look, so that some were passed over.
        self.passed_over = False

    def begin(self, address: Address) -> None:
        """Go on, or begin anew for another address; how rows are arranged makes none."""
        options = tuple(option for option in address.options if option[0] not in _ARRANGED)
        address = msgspec.structs.replace(address, options=options)
        if address != self._address:
            self._address, self.read_to, self.kept, self.passed_over = address, {}, {}, False

    def take(self, messages: Iterable[MessageExt]) -> list[MessageExt]:
        """With these, the newest first, no more than are shown."""
        self.kept.update((key_of(message), message) for message in messages)
        newest = _newest_first(self.kept.values())[:MOST]
        self.kept = {key_of(message): message for message in newest}
        return newest


def parts(asking: Asking, following: Following | None = None) -> Sequence[Part]:
    """The one part of `:messages/TOPIC`, by the options of its address: `key`, `id`, `begin` and `end`, `tag`, `where`,
    and `broker` with `queue` and `from` (an offset)."""

    async def found() -> Section:
        return message_section(asking, await find(asking, following))

    return (Part("messages", "Messages", found),)


def time_of(text: str, now_ms: int) -> int:
    """A time: ms since 1970, `10m` ago, or `2026-11-27T14:02` of the local clock. Raises AddressError."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_ms - int(ago[1]) * _UNITS[ago[2]]
    if text.isdecimal() and len(text) >= 12:
        return int(text)
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise AddressError(
            f"invalid time '{text}': expected 10m, 2026-11-27T14:02 or milliseconds", "correct it in the address"
        ) from None


class Found(NamedTuple):
    """Messages, the newest first, and what failed. `truncated`: there are more.

    `looked_through`: so many messages of each queue were looked through for the tag or the condition, and not all that
    it has: those at its end, or `onward` from where the address begins.
    """

    messages: list[MessageExt]
    failures: list[Failure]
    truncated: bool = False
    looked_through: int | None = None
    onward: bool = False
    #: Some that came while it follows were not looked at.
    passed_over: bool = False


async def find(asking: Asking, following: Following | None = None) -> Found:
    """The messages that the address asks for; `following` is what was read while it follows. Raises AddressError for
    options that it cannot have, RocketMQError."""
    _check(asking.address)
    admin, topic, address = asking.admin, asking.name, asking.address
    now = asking.moment.time_ms
    begin_text, end_text = address.option("begin"), address.option("end")
    begin = time_of(begin_text, now) if begin_text else None
    end = time_of(end_text, now) if end_text else None
    where = _condition(address)
    key, message_id = address.option("key"), address.option("id")
    if key:
        found, failures = await admin.messages.query(
            topic, key, max_num=MOST, begin=begin or 0, end=LONG_MAX if end is None else end
        )
        return Found(_meeting(address, where, found[::-1]), failures, truncated=len(found) >= MOST)
    if message_id:
        return Found(_meeting(address, where, [await admin.messages.by_id(topic, message_id)]), [])
    return await _Scan(asking, begin, end, where, following or Following()).found()


def _condition(address: Address) -> Condition | None:
    text = address.option("where")
    if not text:
        return None
    try:
        return condition(text)
    except ValueError as error:
        raise AddressError(str(error), "correct it in the address") from None


def _meeting(address: Address, where: Condition | None, messages: Iterable[MessageExt]) -> list[MessageExt]:
    """Those of messages that were found by a key or an id that the rest of the address is true of."""
    tagged = tag_filter(address.option("tag") or "*")
    broker, queue = address.option("broker"), address.option("queue")
    return [
        message
        for message in messages
        if tagged(message)
        and (where is None or where(message))
        and broker in (None, message.broker_name)
        and queue in (None, str(message.queue_id))
    ]


def _check(address: Address) -> None:
    unknown = next((name for name, _ in address.options if name not in _OPTIONS), None)
    if unknown is not None:
        near = nearest_name(unknown, _OPTIONS)
        known = f"known are {', '.join(_OPTIONS)}"
        raise AddressError(
            f"unknown option '{unknown}' in the address", f"did you mean '{near}'?" if near is not None else known
        )


class _Scan:
    """Reads queues beside each other; without a time or an offset, the last of each. A tag is looked for further back:
    brokers leave out the others. So are messages that meet a condition, but less far: they are looked at here."""

    def __init__(
        self, asking: Asking, begin: int | None, end: int | None, where: Condition | None, following: Following
    ) -> None:
        self._admin, self._topic, self._address = asking.admin, asking.name, asking.address
        self._begin, self._end, self._where = begin, end, where
        start = self._address.option("from")
        self._start = int(start) if start is not None and start.isdecimal() else None
        self._tag = self._address.option("tag") or "*"
        self._following = following
        #: Of each queue: messages that are shown; that are looked through, one number after the other.
        self._each = MOST
        self._reaches: tuple[int, ...] = ()

    async def found(self) -> Found:
        """What was found in all of them."""
        broker, number = self._address.option("broker"), self._address.option("queue")
        queues = {
            queue: at
            for queue, at in (await self._admin.messages.queues(self._topic)).items()
            if broker in (None, queue.broker_name) and number in (None, str(queue.queue_id))
        }
        self._each = max(MOST // max(len(queues), 1), 1)
        self._reaches = self._how_far(len(queues))
        follows = self._where is not None and self._address.option("follow") is not None
        if follows:
            self._following.begin(self._address)

        named = {f"{queue.broker_name} queue {queue.queue_id}": queue for queue in queues}  # as failures name them

        async def read(name: str) -> Found:
            return await (self._onward if follows else self._read)(named[name], queues[named[name]])

        fan = await self._admin.fan_out(named, read)
        if queues:
            fan.require_some(f"reading {self._topic}")
        found = list(fan.answers.values())
        failures = [*fan.failures, *(failure for each in found for failure in each.failures)]
        kept = [message for each in found for message in each.messages]
        kept = self._following.take(kept) if follows else _newest_first(kept)
        stopped = next((each for each in found if each.looked_through is not None), None)
        return Found(
            kept[:MOST],
            failures,
            any(each.truncated for each in found) or len(kept) > MOST,
            None if stopped is None else stopped.looked_through,
            stopped is not None and stopped.onward,
            follows and self._following.passed_over,
        )

    def _how_far(self, queues: int) -> tuple[int, ...]:
        if self._where is not None:
            share = max(READ_FOR_CONDITION // max(queues, 1), self._each)
            return (share,) if share <= FOLLOWING_CONDITION else (FOLLOWING_CONDITION, share)
        if self._tag == "*":
            return (self._each,)
        return FOLLOWING if self._address.option("follow") is not None else REACHES

    async def _scanned(self, queue: MessageQueue, first: int | None, limit: int) -> tuple[Found, ScanReport]:
        kept: deque[MessageExt] = deque(maxlen=self._each)
        more = False

        def keep(message: MessageExt) -> MessageView | None:
            nonlocal more
            if self._where is None or self._where(message):
                more = len(kept) == self._each
                kept.append(message)
            return None

        wanted = ScanRequest(
            topic=self._topic,
            limit=limit,
            expression=self._tag,
            begin_timestamp=self._begin,
            end_timestamp=self._end,
            broker_name=queue.broker_name,
            queue_id=queue.queue_id,
            begin_offset=first,
        )
        report = await self._admin.messages.scan(wanted, keep)
        bounded = limit != LONG_MAX and self._where is not None
        return Found(list(kept), report.failures, more if bounded else report.truncated), report

    async def _read(self, queue: MessageQueue, broker: str) -> Found:
        if self._begin is not None or self._end is not None or self._start is not None:
            limit = self._each if self._where is None else self._reaches[-1]
            found, report = await self._scanned(queue, self._start, limit)
            if self._where is not None and report.truncated:
                return found._replace(looked_through=limit, onward=True)
            return found
        last = await self._admin.offsets.max_offset(broker, self._topic, queue.queue_id)
        whole = self._tag == "*" and self._where is None
        low = 0 if whole else await self._admin.offsets.min_offset(broker, self._topic, queue.queue_id)
        found = Found([], [])
        for reach in self._reaches:
            first = max(last - reach, 0)
            found, _ = await self._scanned(queue, first, LONG_MAX)
            if len(found.messages) >= self._each or first <= low:
                return found
        return found if whole else found._replace(looked_through=self._reaches[-1])

    async def _onward(self, queue: MessageQueue, broker: str) -> Found:
        """What has come since the last look."""
        last = await self._admin.offsets.max_offset(broker, self._topic, queue.queue_id)
        before = self._following.read_to.get(queue)
        first = max(last - FOLLOWING_CONDITION, 0)
        if before is not None:
            self._following.passed_over |= first > before
            first = max(first, before)
        if first >= last:
            return Found([], [])
        found, report = await self._scanned(queue, first, LONG_MAX)
        if not report.failures:
            self._following.read_to[queue] = report.queues[0].end_offset
        return found


def _newest_first(messages: Iterable[MessageExt]) -> list[MessageExt]:
    return sorted(messages, key=lambda message: (message.store_timestamp, message.commit_log_offset), reverse=True)


def message_section(asking: Asking, found: Found) -> Section:
    """The messages as rows."""
    nothing = nothing_text(asking.address) or "no message was found"
    section = table_of(COLUMNS, [row_of(asking.name, message) for message in found.messages], nothing)
    return also(section, found.failures, *facts_of(asking.address, found))


def nothing_text(address: Address) -> str:
    """What is said where no message is what the address asks for; empty where it asks for all."""
    if address.option("where"):
        return "no message that was read meets the condition"
    chosen = any(name not in (*_ARRANGED, "follow") for name, _ in address.options)
    return "no message was found" if chosen else ""


def facts_of(address: Address, found: Found) -> list[Fact]:
    """How many are shown, and how far it was looked."""
    facts = [Fact("Shown", len(found.messages), Kind.COUNT)]
    looked = ""
    if address.option("where") and address.option("follow") is not None:
        looked = f"the last {FOLLOWING_CONDITION} messages of each queue when it began to follow, and what came since"
    elif found.looked_through is not None and found.onward:
        looked = f"the first {found.looked_through} messages of each queue from there on; a later begin goes further"
    elif found.looked_through is not None:
        looked = f"the last {found.looked_through} messages of each queue; begin=1h goes further back"
    if looked:
        facts.append(Fact("Looked through", looked, Kind.SENTENCE))
    if found.passed_over:
        text = f"more than {FOLLOWING_CONDITION} messages of a queue came between two looks: some were not looked at"
        facts.append(Fact("Passed over", text, Kind.SENTENCE, Health.WARNING))
    if found.truncated:
        text = f"there are more than the {MOST} that are shown: narrow the time, or name a queue"
        facts.append(Fact("More", text, Kind.SENTENCE))
    return facts


def completed(options: str) -> list[str]:
    """What the options of an address may go on as, behind its `?`."""
    at = options.rfind("&") + 1
    done, last = options[:at], options[at:]
    name, equals, value = last.partition("=")
    if name == "where" and equals and value:
        word = _WORD.search(value)
        if word is None or value.count("'") % 2 or SQL92.match(value):
            return []
        return [options[: len(options) - len(word[1])] + each for each in _IN_CONDITION if each.startswith(word[1])]
    taken = {each.partition("=")[0] for each in done.split("&")}
    left = [each for each in _OFFERED if each.partition("=")[0] not in taken]
    if equals and not value:  # another one than this, as long as it says nothing
        left.sort(key=lambda each: not each.startswith(last))
        return [done + each for each in left]
    return [done + each for each in left if each.startswith(last)]


def key_of(message: MessageExt) -> str:
    """Which message it is: its row's key."""
    return f"{message.broker_name}:{message.queue_id}:{message.queue_offset}:{message.offset_msg_id}"


def row_of(topic: str, message: MessageExt) -> Row:
    """One message; Enter opens it by its queue and offset, which a broker finds without an index."""
    place = (
        ("broker", message.broker_name or ""),
        ("queue", str(message.queue_id)),
        ("offset", str(message.queue_offset)),
        ("id", message.offset_msg_id),
    )
    return Row(
        key=key_of(message),
        cells=(
            message.store_timestamp,
            message.properties.get(PROPERTY_KEYS, ""),
            message.properties.get(PROPERTY_TAGS, ""),
            message.broker_name,
            message.queue_id,
            message.queue_offset,
            message.store_size,
            head_of(message.body),
            message.properties.get(PROPERTY_UNIQ_KEY) or message.offset_msg_id,
        ),
        opens=Address("message", topic, place),
    )
