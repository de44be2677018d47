"""One message: its body, its properties, who has consumed it, and what clients traced of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from rocketmq_ops.client.admin.messages.trace import MessageTraces
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.compression import compression_name
from rocketmq_ops.common.errors import CorruptDataError, failure_of
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_TAGS, PROPERTY_UNIQ_KEY, MessageExt
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, COMPRESSION_TYPE_MASK
from rocketmq_ops.common.topics import TRACE_TOPIC
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.details.bodies import form_of, forms_of, lines_of
from rocketmq_ops.tui.model.details.consumed import consumed_by
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Once, Part, Section, also, table_of
from rocketmq_ops.tui.model.details.last import not_listed
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Value

_PROPERTIES: Final = (Column(key="name", title="Name", least=16), Column(key="value", title="Value", least=30))
_TRACE: Final = (
    Column(key="what", title="What", kind=Kind.STATE),
    Column(key="group", title="Group", least=12),
    Column(key="result", title="Result", kind=Kind.STATE),
    Column(key="after", title="After", kind=Kind.SPAN),
    Column(key="took", title="Took", kind=Kind.SPAN),
    Column(key="bar", title="Time", least=24, drop=1),
    Column(key="client", title="Client", least=14, drop=2),
    Column(key="attempt", title="Attempt", kind=Kind.COUNT, drop=3),
)
#: Cells of a bar in the waterfall.
BAR: Final = 24


def parts(asking: Asking, message: Once[MessageExt], form: Callable[[], str | None]) -> Sequence[Part]:
    """The parts of `:message/TOPIC?broker=B&queue=Q&offset=O` or `:message/TOPIC?id=ID`: of the message that was read.
    `form` says which of FORMS its body is shown in, None for the one that fits."""

    async def body() -> Section:
        return await asyncio.to_thread(body_section, await message(), form())

    async def properties() -> Section:
        found = await message()
        return table_of(
            _PROPERTIES, [Row(key=k, cells=(k, v)) for k, v in sorted(found.properties.items())], "it has none"
        )

    async def consumed() -> Section:
        return await consumed_by(asking, await message(), traces)

    async def traced() -> MessageTraces:
        found = await message()
        return await asking.admin.messages.traces(found.properties.get(PROPERTY_UNIQ_KEY) or found.offset_msg_id)

    async def trace() -> Section:
        seen = asking.moment.topics.get(TRACE_TOPIC)
        silent = not_listed(asking.moment, seen.on if seen is not None else ())
        try:
            found = await traces()
        except NotFoundError as error:
            if not silent:
                raise
            return Section(failures=(failure_of("", error), *silent), health=Health.CRITICAL)
        return also(trace_section(found), silent)

    traces = Once(traced)

    return (
        Part("body", "Body", body),
        Part("consumed", "Consumed by", consumed),
        Part("trace", "Trace", trace),
        Part("properties", "Properties", properties),
    )


def check(address: Address) -> None:
    """Raises AddressError where it does not say which message."""
    if not address.option("id") and not all(address.option(name) for name in ("broker", "queue", "offset")):
        raise AddressError(
            "the address does not say which message",
            f"give its id, as in :message/{address.name}?id=ID, or broker, queue and offset",
        )


async def read(asking: Asking) -> MessageExt:
    """The message of the address: by its queue and offset where it has them, else by its id."""
    address, messages = asking.address, asking.admin.messages
    broker, queue, offset = (address.option(name) for name in ("broker", "queue", "offset"))
    if broker and queue and offset and queue.isdecimal() and offset.isdecimal():
        return await messages.at(asking.name, broker, int(queue), int(offset))
    return await messages.by_id(asking.name, address.option("id") or "")


def body_section(message: MessageExt, form: str | None) -> Section:
    """The body, decompressed; where that fails as it is stored, with the reason."""
    shown = form if form in forms_of(message.body) else form_of(message.body)
    properties = message.properties
    facts = [
        Fact("Keys", properties.get(PROPERTY_KEYS, NOTHING)),
        Fact("Tag", properties.get(PROPERTY_TAGS, NOTHING)),
        Fact("Stored", message.store_timestamp, Kind.MOMENT),
        Fact("Produced", message.born_timestamp, Kind.MOMENT),
        Fact("Queue", f"{message.broker_name or '?'}:{message.queue_id} @ {message.queue_offset}"),
        Fact("Attempts before", message.reconsume_times, Kind.COUNT),
        Fact("Body", len(message.body), Kind.BYTES),
        Fact("Shown as", shown, Kind.STATE),
    ]
    # What decompresses takes the flag away; the type stays, which clients before 5.0 do not set.
    typed = message.sys_flag & (COMPRESSED_FLAG | COMPRESSION_TYPE_MASK)
    if typed or len(message.body) > message.store_size > 0:
        facts.append(Fact("Compressed", _compression(message.sys_flag)))
    if message.body_error is not None:
        facts.append(Fact("Damaged", message.body_error, Kind.SENTENCE, health=Health.CRITICAL))
    health = Health.CRITICAL if message.body_error is not None else Health.OK
    if not message.body:
        return Section(facts=tuple(facts), note="the body is empty", health=health)
    return Section(facts=tuple(facts), lines=lines_of(message.body, shown) or ("",), health=health)


def _compression(sys_flag: int) -> str | None:
    """By what its body was compressed; None for a type that is not known."""
    try:
        return compression_name(sys_flag)
    except CorruptDataError:
        return None


def trace_section(traces: MessageTraces) -> Section:
    """Each send and each consumption as a bar on one axis of time."""
    spans: list[tuple[int, int | None, str, str, str | None, Health, str, Value]] = []
    for sent in traces.sent:
        result, health = _result(sent.success)
        what = {"Pub": "sent", "EndTransaction": "transaction ended", "Recall": "recalled"}.get(sent.kind, sent.kind)
        spans.append((sent.timestamp, sent.cost_millis, what, sent.group, result, health, sent.client_host, NOTHING))
    for taken in traces.consumed:
        begin = taken.begin_timestamp if taken.begin_timestamp is not None else taken.end_timestamp
        if begin is None:
            continue
        result, health = _result(taken.success)
        spans.append(
            (
                begin,
                taken.cost_millis,
                "consumed",
                taken.group or "",
                result,
                health,
                taken.client_host,
                taken.retry_times,
            )
        )
    spans.sort(key=lambda span: span[0])
    first = spans[0][0] if spans else 0
    last = max((span[0] + (span[1] or 0) for span in spans), default=0)
    rows = [
        Row(
            key=f"{number} {begin}",
            cells=(what, group, result, begin - first, took, bar(begin - first, took, last - first), client, attempt),
            health=health,
            opens=Address("group", group) if what == "consumed" and group else None,
        )
        for number, (begin, took, what, group, result, health, client, attempt) in enumerate(spans)
    ]
    facts = [Fact("Began", first or None, Kind.MOMENT), Fact("Took in all", last - first if spans else None, Kind.SPAN)]
    return also(table_of(_TRACE, rows, "no client has traced it"), traces.failures, *facts)


def _result(success: bool | None) -> tuple[str | None, Health]:
    if success is None:
        return None, Health.UNKNOWN
    return ("success", Health.OK) if success else ("failed", Health.CRITICAL)


def bar(after: int, took: int | None, whole: int) -> str:
    """A span on the axis: `·` before it, blocks as long as it took, at least one; its end open where it is unknown."""
    begin = min(round(after / whole * BAR), BAR - 1) if whole else 0
    if took is None:
        return "·" * begin + "├" + "┄" * (BAR - begin - 1)
    length = max(round(took / whole * BAR) if whole else BAR, 1)
    return "·" * begin + "█" * min(length, BAR - begin)
