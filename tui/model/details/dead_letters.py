"""The dead letters of a group: what it gave up on, where that came from, and the command lines that bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rocketmq_ops.client.admin.messages.message_results import view
from rocketmq_ops.client.admin.messages.message_send import origin_of
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
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
from rocketmq_ops.tui.model.details.messages import facts_of, find, nothing_text, row_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

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
        of_topic = msgspec.structs.replace(asking, address=Address("messages", topic, asking.address.options))
        try:
            found = await find(of_topic, looking)
        except NotFoundError:
            if asking.name not in asking.moment.groups:  # it may be no group at all
                await asking.admin.groups.progress(asking.name)
            return Section(note="this group has no dead letters")
        nothing = nothing_text(asking.address) or "this group has no dead letters"
        section = table_of(_COLUMNS, [letter(topic, message) for message in found.messages], nothing)
        shown, *facts = facts_of(asking.address, found)
        return also(section, found.failures, shown, Fact("Topic", topic), *facts)

    return (Part("letters", "Dead letters", letters),)


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
