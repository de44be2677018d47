"""The dead letters of a group: what it gave up on, where that came from, and the command lines that bring it back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.client.admin.messages.message_results import Pulls, ScanRequest, view
from rocketmq_ops.client.admin.messages.message_send import origin_of
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import (
    PROPERTY_DLQ_ORIGIN_MESSAGE_ID,
    PROPERTY_KEYS,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_TAGS,
    MessageExt,
)
from rocketmq_ops.common.topics import dlq_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.bodies import head_of
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, table_of
from rocketmq_ops.tui.model.details.looking import Looking
from rocketmq_ops.tui.model.details.messages import facts_of, find, nothing_text, row_of, wanted_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

#: Pulls of one export in all, and of each of its steps.
EXPORT_PULLS: Final = 1_000
_STEP_PULLS: Final = 8

_COLUMNS: Final = (
    Column(key="time", title="Given up", kind=Kind.MOMENT),
    Column(key="origin", title="From topic", least=14),
    Column(key="key", title="Keys", least=10),
    Column(key="tag", title="Tag", drop=2),
    Column(key="attempts", title="Attempts", kind=Kind.COUNT),
    Column(key="size", title="Size", kind=Kind.BYTES, drop=2),
    Column(key="body", title="Body", least=20, drop=1),
    Column(key="first", title="First message id", least=20, drop=3),
    Column(key="id", title="Message id", least=32, drop=4),
)


def parts(asking: Asking, looking: Looking | None = None) -> Sequence[Part]:
    """The one part of `:dead-letters/GROUP`."""

    async def letters() -> Section:
        topic = dlq_topic(asking.name)
        try:
            found = await find(_of_topic(asking), looking)
        except NotFoundError:
            if asking.name not in asking.moment.groups:  # it may be no group at all
                await asking.admin.groups.progress(asking.name)
            return Section(note="this group has no dead letters")
        nothing = nothing_text(asking.address) or "this group has no dead letters"
        section = table_of(_COLUMNS, [letter(topic, message) for message in found.messages], nothing)
        shown, *facts = facts_of(asking.address, found)
        return also(section, found.failures, shown, Fact("Topic", topic), *facts)

    return (Part("letters", "Dead letters", letters),)


def _of_topic(asking: Asking) -> Asking:
    address = Address("messages", dlq_topic(asking.name), asking.address.options)
    return msgspec.structs.replace(asking, address=address)


def letter(topic: str, message: MessageExt) -> Row:
    """One dead letter. Its key ends in the id by which commands find it."""
    place = row_of(topic, message)
    properties = message.properties
    return Row(
        key=place.key,
        cells=(
            message.store_timestamp,
            origin_of(message),
            properties.get(PROPERTY_KEYS, ""),
            properties.get(PROPERTY_TAGS, ""),
            message.reconsume_times,
            message.store_size,
            head_of(message.body),
            properties.get(PROPERTY_DLQ_ORIGIN_MESSAGE_ID) or properties.get(PROPERTY_ORIGIN_MESSAGE_ID),
            message.offset_msg_id,
        ),
        health=Health.WARNING,
        opens=place.opens,
    )


def resend(group: str, rows: Sequence[Row]) -> list[str] | None:
    """The command line that sends dead letters to the topic that they came from; None for those of several topics."""
    origins = {row.cells[1] for row in rows}
    if len(origins) != 1:
        return None
    topic, origin = dlq_topic(group), origins.pop()
    words = ["queryMsgById", "-t", topic, "-i", ",".join(str(row.cells[-1]) for row in rows), "-s", "true"]
    return [*words, "--toTopic", str(origin)] if origin else words


def hand_over(group: str, row: Row, client_id: str) -> list[str]:
    """The command line that has one consumer of the group consume a dead letter now."""
    return ["queryMsgById", "-t", dlq_topic(group), "-i", str(row.cells[-1]), "-g", group, "-d", client_id]


async def export_lines(asking: Asking, topic: str, rows: Sequence[Row]) -> tuple[list[bytes], list[Failure]]:
    """The messages of rows as JSON, one each, as `--output json` of commands has them; and those that are gone."""
    lines, failures = [], []
    for row in rows:
        place = dict(row.opens.options) if row.opens is not None else {}
        try:
            message = await asking.admin.messages.at(topic, place["broker"], int(place["queue"]), int(place["offset"]))
        except RocketMQError as error:
            failures.append(asking.admin.failure_of(str(row.cells[-1]), error))
        else:
            lines.append(msgspec.json.encode(view(message)))
    return lines, failures


class Exported(NamedTuple):
    """A step of an export: messages as JSON, what failed, and of how many messages it is not known what they are, as
    all pulls are used up."""

    lines: list[bytes]
    failures: list[Failure]
    left: int = 0


async def export_all(asking: Asking) -> AsyncIterator[Exported]:
    """All that an address without a key or an id asks for, not only what is shown, a step after the other, one request
    at a time. Raises RocketMQError."""
    wanted, pulls = wanted_of(_of_topic(asking)), EXPORT_PULLS
    request = ScanRequest(
        topic=wanted.topic, limit=0, expression=wanted.tag, begin_timestamp=wanted.begin, end_timestamp=wanted.end,
        broker_name=wanted.broker, begin_offset=wanted.start,
    )  # fmt: skip
    there = await asking.admin.messages.scan(request, lambda _: None)
    yield Exported([], there.failures)
    left = 0
    for queue in there.queues:
        if wanted.queue not in (None, str(queue.queue_id)):
            continue
        at, end = queue.begin_offset, queue.end_offset
        while at < end and pulls > 0:
            lines: list[bytes] = []

            def keep(message: MessageExt, lines: list[bytes] = lines) -> None:
                if wanted.takes(message):
                    lines.append(msgspec.json.encode(view(message)))

            step = Pulls(min(_STEP_PULLS, pulls))
            pulls -= step.left
            request = msgspec.structs.replace(
                request, limit=LONG_MAX, begin_timestamp=None, end_timestamp=None, broker_name=queue.broker_name,
                queue_id=queue.queue_id, begin_offset=at, end_offset=end, pulls=step,
            )  # fmt: skip
            report = await asking.admin.messages.scan(request, keep)
            pulls += step.left
            read = next(iter(report.queues), None)
            at = read.end_offset if read is not None and report.truncated else end
            yield Exported(lines, report.failures)
        left += max(end - at, 0)
    yield Exported([], [], left)
