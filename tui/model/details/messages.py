"""Messages of a topic: the newest, of one queue, by key, by id, of a time, by a condition; at most so many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from rocketmq_ops.client.admin.messages.message_results import tag_filter
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.filter.conditions import FIELDS, SQL92, Condition, condition
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_TAGS, PROPERTY_UNIQ_KEY, MessageExt
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.bodies import head_of
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, table_of
from rocketmq_ops.tui.model.details.last import not_listed, silent_brokers
from rocketmq_ops.tui.model.details.looking import MOST, Found, Look, Looking, Wanted, key_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row
from rocketmq_ops.tui.model.taken import ARRANGED

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
#: Options of addresses of messages, and of dead letters.
OPTIONS: Final = ("key", "id", "tag", "where", "begin", "end", "broker", "queue", "from", "follow")
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
#: The names of facts that say that not all is shown: there is more, and how far it was looked.
MORE: Final = "More"
LOOKED: Final = "Looked through"
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO: Final = re.compile(r"(\d+)([smhd])")


def parts(asking: Asking, looking: Looking | None = None) -> Sequence[Part]:
    """The one part of `:messages/TOPIC`, by the options of its address: `key`, `id`, `begin` and `end`, `tag`, `where`,
    and `broker` with `queue` and `from` (an offset)."""

    async def found() -> Section:
        return message_section(asking, await find(asking, looking))

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


async def find(asking: Asking, looking: Looking | None = None) -> Found:
    """The messages that the address asks for; `looking` is what was looked at before. What brokers have of them that no
    name server lists is not looked at, and said. Raises AddressError for a time or a condition that is none,
    RocketMQError."""
    try:
        found = await _find(asking, looking)
    except NotFoundError:
        found = Found([], _not_listed(asking))
        if not found.failures:
            raise
        return found
    if found.messages and asking.address.option("id"):
        return found
    return found._replace(failures=[*found.failures, *_not_listed(asking)])


def _not_listed(asking: Asking) -> list[Failure]:
    """Why brokers that have a part of the topic do not tell of it; of one that the address names alone."""
    seen, broker = asking.moment.topics.get(asking.name), asking.address.option("broker")
    return not_listed(asking.moment, [name for name in (seen.on if seen is not None else ()) if broker in (None, name)])


async def _find(asking: Asking, looking: Looking | None) -> Found:
    admin, topic, address = asking.admin, asking.name, asking.address
    wanted = wanted_of(asking)
    begin, end, where = wanted.begin, wanted.end, wanted.where
    key, message_id = address.option("key"), address.option("id")
    if key:
        found, failures = await admin.messages.query(
            topic, key, max_num=MOST, begin=begin or 0, end=LONG_MAX if end is None else end
        )
        return Found(_meeting(address, where, found[::-1]), failures, truncated=len(found) >= MOST)
    if message_id:
        return Found(_meeting(address, where, [await admin.messages.by_id(topic, message_id)]), [])
    return await Look(admin, wanted, looking or Looking()).found()


def wanted_of(asking: Asking) -> Wanted:
    """What an address without a key or an id looks for. Raises AddressError for a time or a condition that is none."""
    address, now = asking.address, asking.moment.time_ms
    begin, end, start = address.option("begin"), address.option("end"), address.option("from")
    return Wanted(
        topic=asking.name,
        begin=time_of(begin, now) if begin else None,
        end=time_of(end, now) if end else None,
        start=int(start) if start is not None and start.isdecimal() else None,
        tag=address.option("tag") or "*",
        where=_condition(address),
        broker=address.option("broker"),
        queue=address.option("queue"),
        follows=address.option("follow") is not None,
    )


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


def check(address: Address) -> None:
    """Raises AddressError for a time or a condition that is none, and for a time that ends before it begins."""
    now = now_ms()
    times = (address.option(name) for name in ("begin", "end"))
    begin, end = (time_of(text, now) if text else None for text in times)
    if begin is not None and end is not None and begin > end:
        raise AddressError("begin is after end", "give the earlier time as begin")
    _condition(address)


def message_section(asking: Asking, found: Found) -> Section:
    """The messages as rows. While it follows, those stay that were shown of what cannot be read now."""
    nothing = nothing_text(asking.address) or "no message was found"
    rows = [row_of(asking.name, message) for message in found.messages]
    section = also(table_of(COLUMNS, rows, nothing), found.failures, *facts_of(asking.address, found))
    if not found.failures or not rows or asking.address.option("follow") is None:
        return section
    told = {row.key for row in rows}
    silent = silent_brokers(found.failures, asking.moment)
    unread = {(queue.broker_name, queue.queue_id) for queue in found.unread}
    broker, queue_id = (next(at for at, each in enumerate(COLUMNS) if each.key == key) for key in ("broker", "queue"))

    def lacks(row: Row) -> Health | None:
        unheard = row.cells[broker] in silent or (row.cells[broker], row.cells[queue_id]) in unread
        return Health.OK if unheard and row.key not in told else None  # a message that was told does not change

    return msgspec.structs.replace(section, lacks=lacks)


def nothing_text(address: Address) -> str:
    """What is said where no message is what the address asks for; empty where it asks for all."""
    if address.option("where"):
        return "no message that was read meets the condition"
    chosen = any(name not in (*ARRANGED, "follow") for name, _ in address.options)
    return "no message was found" if chosen else ""


def facts_of(address: Address, found: Found) -> list[Fact]:
    """How many are shown, and how far it was looked."""
    facts = [Fact("Shown", len(found.messages), Kind.COUNT)]
    recent, looked, through = found.recent, f"{found.looked:,}", ""
    if recent is not None and address.option("where"):
        through = f"the last {recent} messages of each queue when it began to follow, and what came since"
    elif recent is not None:
        through = f"the last {recent} messages of each queue"
    elif found.goes_on and address.option("follow") is not None:
        through = f"{looked} messages from there on, and not all that there are"
    elif found.before:
        through = _beside_those_before(found)
    elif found.unanswered:
        through = f"{looked} messages: press n to ask again for what was not answered"
    elif found.goes_on and found.onward:
        through = f"{looked} messages from there on: press n to look at more"
    elif found.goes_on:
        through = f"{looked} messages, the newest: press n to look further back"
    if through:
        facts.append(Fact(LOOKED, through, Kind.SENTENCE))
    if found.passed_over:
        text = f"more than {recent} messages of a queue came between two looks: some were not looked at"
        facts.append(Fact("Passed over", text, Kind.SENTENCE, Health.WARNING))
    if found.truncated:
        count = len(found.messages)
        text = f"there are more than the {count} that are shown: narrow the time, or name a queue"
        facts.append(Fact(MORE, text, Kind.SENTENCE))
    return facts


def _beside_those_before(found: Found) -> str:
    """What is said where the next ones are shown in place of those that were."""
    count, before = f"{len(found.messages):,}", f"{found.before:,}"
    if found.onward:
        more = "press n to look at more, r to begin anew" if found.goes_on else "press r to begin anew"
    else:
        more = "press n to look further back, r for the newest" if found.goes_on else "press r for the newest"
    if found.unanswered:
        more = "press n to ask again for what was not answered, r to begin anew"
    if found.again:
        return f"{count} messages that were not answered before, beside {before}: {more}"
    if found.onward:
        return f"{count} messages behind the first {before}: {more}"
    return f"{count} messages before the newest {before}: {more}"


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
