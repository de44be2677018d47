"""Putting a stored message into another topic: most of its record is taken over without decoding it.

A half message that is committed, a delayed message and a timer whose time has come go into their own topic with the
body and the properties that they have. Of the properties few are asked for, so they are read out of their text.
What lives here: reading such a record, and the put. What does not: where a message goes, and what a refusal means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import (
    PROPERTY_KEYS,
    PROPERTY_SEPARATOR,
    PROPERTY_TAGS,
    PROPERTY_UNIQ_KEY,
    start_of,
    stored_value,
    string_to_properties,
)
from rocketmq_ops.common.message_codec import RecordView, read_record, record_born_host
from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.dispatch import enters_consume_queue
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.store.message_store import MessageStore

_UNIQ_KEY, _TAGS, _KEYS = start_of(PROPERTY_UNIQ_KEY), start_of(PROPERTY_TAGS), start_of(PROPERTY_KEYS)


class StoredMessage(NamedTuple):
    """A record, and what is read of it."""

    record: RecordView
    view: memoryview
    #: The properties as they are stored, a separator before and behind them.
    text: str


class Copied(NamedTuple):
    """What came of a put, and the bytes that it wrote."""

    status: PutStatus
    size: int


def read_stored(view: memoryview, *, check_crc: bool = True) -> StoredMessage | None:
    """The message of a record, None at a blank. Raises BadRecordError."""
    record = read_record(view, check_crc=check_crc)
    if record is None:
        return None
    text = PROPERTY_SEPARATOR + str(view[record.properties_at : record.start + record.size], "utf-8", "replace")
    return StoredMessage(record, view, text if text[-1] == PROPERTY_SEPARATOR else text + PROPERTY_SEPARATOR)


def put_copy(
    store: MessageStore, stored: StoredMessage, topic: str, queue_id: int, text: str, sys_flag: int, prepared: int = 0
) -> Copied:
    """Put a stored message into a queue, with properties as `StoredMessage.text` has them.

    `prepared`: offset in the commitlog of the half message that is committed.
    """
    record, view = stored.record, stored.view
    tags = stored_value(text, _TAGS)
    message = InnerMessage(
        topic, queue_id, view[record.body_at : record.body_at + record.body_length], {},
        text[1:].encode("utf-8", "replace"), record_born_host(view, record), record.born_timestamp, record.flag,
        sys_flag, record.reconsume_times, prepared, tags_hash(tags) if tags else 0,
    )  # fmt: skip
    appender = store.appender
    if (
        enters_consume_queue(sys_flag)
        and not sys_flag & INNER_BATCH_FLAG
        and topic != SCHEDULE_TOPIC
        and not appender.shows_properties(topic)
        and appender.put_plain(message, stored_value(text, _UNIQ_KEY), stored_value(text, _KEYS)) >= 0
    ):
        return Copied(PutStatus.PUT_OK, store.commit_log.last_size)
    message.properties = string_to_properties(text)
    result = store.put_message(message)
    return Copied(result.status, result.wrote_bytes)
