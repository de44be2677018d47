"""One record of a store that is opened offline: its fields, its body, its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.view.record_view import NoRecordError, RecordView, view_at
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.bodies import lines_of
from rocketmq_ops.tui.model.details.detail import Fact, Once, Part, Section, also, table_of
from rocketmq_ops.tui.model.details.store import opened
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

_FIELDS: Final = (
    Column(key="field", title="Field", least=16),
    Column(key="at", title="Byte", kind=Kind.COUNT),
    Column(key="length", title="Length", kind=Kind.COUNT),
    Column(key="value", title="Value", least=30),
)


def parts(address: Address) -> Sequence[Part]:
    """The parts of `:record/DIRECTORY?at=OFFSET`."""
    path, at = address.name, address.option("at") or "0"
    seen = Once(lambda: asyncio.to_thread(_viewed, path, int(at) if at.isdecimal() else 0))

    async def fields() -> Section:
        return field_section(path, await seen())

    async def raw() -> Section:
        return Section(lines=lines_of(bytes.fromhex((await seen()).hex), "hex"))

    async def body() -> Section:
        text = (await seen()).body_text
        return (
            Section(note="the body is not UTF-8 text; see its bytes")
            if text is None
            else Section(lines=lines_of(text.encode(), "text") or ("",))
        )

    return (Part("fields", "Fields", fields), Part("body", "Body", body), Part("bytes", "Bytes", raw))


def _viewed(path: str, offset: int) -> RecordView:
    with opened(path) as store:
        try:
            return view_at(store, offset)
        except NoRecordError as error:
            near = f"the nearest record is at {error.nearest}" if error.nearest is not None else "see its records"
            raise RocketMQError(str(error), near) from error


def field_section(path: str, record: RecordView) -> Section:
    """The fields of a record with their bytes, and what is wrong with it."""
    rows = [
        Row(
            key=f"{field['name']} {field['offset']}",
            cells=(field["name"], field["offset"], field["length"], _value(record, field["name"])),
        )
        for field in record.fields
    ]
    message = record.message
    facts = [
        Fact("Topic", message.get("topic")),
        Fact("Stored", message.get("storeTimestamp"), Kind.MOMENT),
        Fact("File", f"{record.file} +{record.position:,}"),
        Fact("Dispatched to", "; ".join(record.dispatch) or "nowhere", Kind.SENTENCE),
    ]
    facts += [Fact("Damaged", problem, Kind.SENTENCE, health=Health.CRITICAL) for problem in record.problems]
    more = Address("record", path, (("at", str(record.next_offset)),))
    section = also(table_of(_FIELDS, rows), (), *facts)
    health = Health.CRITICAL if record.problems else Health.OK
    return msgspec.structs.replace(section, more=more, health=health)


def _value(record: RecordView, name: str) -> str:
    """What a field says; a length is that of the field it is about."""
    lengths = {f"{field['name']}Length": field["length"] for field in record.fields}
    known = {"magic": record.magic, "body": record.body_text, **lengths, **record.message}
    value = known.get(name)
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return "" if value is None else str(value)
