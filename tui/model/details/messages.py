"""Messages of a topic: the newest, of one queue, by key, by id, of a time; at most so many."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from rocketmq_ops.client.admin.messages.message_results import MessageView, ScanRequest
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_TAGS, PROPERTY_UNIQ_KEY, MessageExt, MessageQueue
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.bodies import head_of
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, table_of
from rocketmq_ops.tui.model.table import Column, Kind, Row

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
_OPTIONS: Final = ("key", "id", "tag", "begin", "end", "broker", "queue", "from", "follow",
                   "sort", "filter", "compare", "part")  # fmt: skip
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO: Final = re.compile(r"(\d+)([smhd])")


def parts(asking: Asking) -> Sequence[Part]:
    """The one part of `:messages/TOPIC`, by the options of its address: `key`, `id`, `begin` and `end`, `tag`, and
    `broker` with `queue` and `from` (an offset)."""

    async def found() -> Section:
        return message_section(asking, await find(asking))

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
    """Messages, the newest first, and what failed. `truncated`: there are more. `looked_through`: so many messages at
    the end of each queue were looked through for the tag, and not all that it has."""

    messages: list[MessageExt]
    failures: list[Failure]
    truncated: bool = False
    looked_through: int | None = None


async def find(asking: Asking) -> Found:
    """The messages that the address asks for. Raises AddressError for options that it cannot have, RocketMQError."""
    _check(asking.address)
    admin, topic, address = asking.admin, asking.name, asking.address
    now = asking.moment.time_ms
    begin_text, end_text = address.option("begin"), address.option("end")
    begin = time_of(begin_text, now) if begin_text else None
    end = time_of(end_text, now) if end_text else None
    key, message_id = address.option("key"), address.option("id")
    if key:
        found, failures = await admin.messages.query(
            topic, key, max_num=MOST, begin=begin or 0, end=LONG_MAX if end is None else end
        )
        return Found(found[::-1], failures, truncated=len(found) >= MOST)
    if message_id:
        return Found([await admin.messages.by_id(topic, message_id)], [])
    return await _scanned(asking, begin, end)


def _check(address: Address) -> None:
    unknown = next((name for name, _ in address.options if name not in _OPTIONS), None)
    if unknown is not None:
        near = nearest_name(unknown, _OPTIONS)
        known = f"known are {', '.join(_OPTIONS)}"
        raise AddressError(
            f"unknown option '{unknown}' in the address", f"did you mean '{near}'?" if near is not None else known
        )


async def _scanned(asking: Asking, begin: int | None, end: int | None) -> Found:
    """Read queues beside each other; without a time or an offset, the last of each. A tag is looked for further back:
    brokers leave out the others."""
    admin, topic, address = asking.admin, asking.name, asking.address
    broker, number, start = (address.option(name) for name in ("broker", "queue", "from"))
    queues = {
        queue: at
        for queue, at in (await admin.messages.queues(topic)).items()
        if broker in (None, queue.broker_name) and number in (None, str(queue.queue_id))
    }
    each = max(MOST // max(len(queues), 1), 1)
    tag = address.option("tag") or "*"
    reaches = (each,) if tag == "*" else FOLLOWING if address.option("follow") is not None else REACHES

    async def scan(queue: MessageQueue, first: int | None, limit: int) -> Found:
        kept: deque[MessageExt] = deque(maxlen=each)

        def keep(message: MessageExt) -> MessageView | None:
            kept.append(message)
            return None

        wanted = ScanRequest(
            topic=topic,
            limit=limit,
            expression=tag,
            begin_timestamp=begin,
            end_timestamp=end,
            broker_name=queue.broker_name,
            queue_id=queue.queue_id,
            begin_offset=first,
        )
        report = await admin.messages.scan(wanted, keep)
        return Found(list(kept), report.failures, report.truncated)

    async def read(queue: MessageQueue) -> Found:
        if begin is not None or end is not None or (start is not None and start.isdecimal()):
            return await scan(queue, int(start) if start is not None and start.isdecimal() else None, each)
        address_of = queues[queue]
        last = await admin.offsets.max_offset(address_of, topic, queue.queue_id)
        low = await admin.offsets.min_offset(address_of, topic, queue.queue_id) if tag != "*" else 0
        found = Found([], [])
        for reach in reaches:
            first = max(last - reach, 0)
            found = await scan(queue, first, LONG_MAX)
            if len(found.messages) >= each or first <= low:
                return found
        return found if tag == "*" else found._replace(looked_through=reaches[-1])

    fan = await admin.fan_out(queues, read)
    if queues:
        fan.require_some(f"reading {topic}")
    found = list(fan.answers.values())
    failures = [*fan.failures, *(failure for each in found for failure in each.failures)]
    kept = [message for each in found for message in each.messages]
    kept.sort(key=lambda message: (message.store_timestamp, message.commit_log_offset), reverse=True)
    return Found(
        kept[:MOST],
        failures,
        any(each.truncated for each in found) or len(kept) > MOST,
        next((each.looked_through for each in found if each.looked_through is not None), None),
    )


def message_section(asking: Asking, found: Found) -> Section:
    """The messages as rows."""
    section = table_of(COLUMNS, [row_of(asking.name, message) for message in found.messages], "no message was found")
    facts = [Fact("Shown", len(found.messages), Kind.COUNT)]
    if found.looked_through is not None:
        looked = f"the last {found.looked_through} messages of each queue; begin=1h goes further back"
        facts.append(Fact("Looked through", looked, Kind.SENTENCE))
    if found.truncated:
        facts.append(
            Fact(
                "More",
                f"there are more than the {MOST} that are shown: narrow the time, or name a queue",
                Kind.SENTENCE,
            )
        )
    return also(section, found.failures, *facts)


def row_of(topic: str, message: MessageExt) -> Row:
    """One message; Enter opens it by its queue and offset, which a broker finds without an index."""
    place = (
        ("broker", message.broker_name or ""),
        ("queue", str(message.queue_id)),
        ("offset", str(message.queue_offset)),
        ("id", message.offset_msg_id),
    )
    return Row(
        key=f"{message.broker_name}:{message.queue_id}:{message.queue_offset}:{message.offset_msg_id}",
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
