"""What a send spool says of its messages."""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.api.send import SendResult
from rocketmq_ops.client.producer.spool_disk import Kept
from rocketmq_ops.client.producer.spool_records import Note, Record, SpoolOutcome, SpoolState
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import PROPERTY_UNIQ_KEY, Message


class Spooled(msgspec.Struct, frozen=True):
    """A message is kept on the disk, and will be sent. `number` is its place, `msg_id` the unique id it will have."""

    number: int
    msg_id: str


class SpoolEntry(SpoolOutcome, kw_only=True, omit_defaults=False):
    """What is known of one kept message; times are ms since the epoch.

    `maybe_twice` counts the try that is under way. Of one that is damaged nothing but the number may be known, and that
    is 0 where it is not.
    """

    number: int
    msg_id: str = ""
    topic: str = ""
    keys: str | None = None
    kept_ms: int = 0


def entry_of(record: Record, kept: Kept | None) -> SpoolEntry:
    """The entry of a record; `kept` is None where its message cannot be read."""
    note = record.note
    entry = SpoolEntry(number=record.number, **{name: getattr(note, name) for name in SpoolOutcome.__struct_fields__})
    entry.maybe_twice = note.maybe_twice or (note.open_try and not note.settled)
    if kept is not None:
        message = kept.message
        entry.msg_id, entry.topic, entry.keys = message.properties[PROPERTY_UNIQ_KEY], message.topic, message.keys
        entry.kept_ms = kept.kept_ms
    return entry


def result_at(result: SendResult, i: int, message: Message) -> SendResult:
    """The result of the `i`-th message of a request that was answered, as if it had been sent alone."""
    ids = result.offset_msg_id.split(",")
    return msgspec.structs.replace(
        result,
        msg_id=message.properties[PROPERTY_UNIQ_KEY],
        offset_msg_id=ids[min(i, len(ids) - 1)],
        queue_offset=result.queue_offset + i,
    )


def sent_note(note: Note, result: SendResult) -> Note:
    """The note of a message that was stored."""
    return Note(
        state=SpoolState.SENT,
        tries=note.tries,
        maybe_twice=note.maybe_twice,
        settled_ms=now_ms(),
        broker_name=result.queue.broker_name,
        queue_id=result.queue.queue_id,
        queue_offset=result.queue_offset,
        offset_msg_id=result.offset_msg_id,
        status=str(result.status),
    )
