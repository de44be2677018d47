"""One waiting message: reading it, and putting it into its own topic or, to wait on, into the timer topic once more.

Mirrors convert, convertMessage and doPut of TimerMessageStore.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.broker.send.inner_messages import encode_properties
from rocketmq_ops.broker.send.put_answers import STORED
from rocketmq_ops.broker.send.stored_copies import StoredMessage, put_copy, read_stored
from rocketmq_ops.common.javatypes import parse_int, parse_long
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_SEPARATOR,
    PROPERTY_TIMER_DEL_UNIQKEY,
    PROPERTY_TIMER_DEQUEUE_MS,
    PROPERTY_TIMER_ENQUEUE_MS,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TIMER_ROLL_TIMES,
    PROPERTY_UNIQ_KEY,
    start_of,
    stored_value,
    string_to_properties,
)
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import NEVER_STORED

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_REAL_TOPIC, _REAL_QUEUE_ID = start_of(PROPERTY_REAL_TOPIC), start_of(PROPERTY_REAL_QUEUE_ID)
_OUT_MS, _ROLL_TIMES = start_of(PROPERTY_TIMER_OUT_MS), start_of(PROPERTY_TIMER_ROLL_TIMES)
_UNIQ_KEY, _DEL_UNIQ_KEY = start_of(PROPERTY_UNIQ_KEY), start_of(PROPERTY_TIMER_DEL_UNIQKEY)


class Waiting(NamedTuple):
    """A message of the timer topic."""

    stored: StoredMessage
    #: Where it goes at its time; empty when it has nowhere to go.
    topic: str

    @property
    def time(self) -> int:
        """When it is due, ms. Raises ValueError."""
        return parse_long(stored_value(self.stored.text, _OUT_MS) or "")

    @property
    def key(self) -> str:
        """By what it is recalled (TimerMessageStore.buildDeleteKey)."""
        return delete_key(self.topic, stored_value(self.stored.text, _UNIQ_KEY) or "")

    @property
    def deletes(self) -> str | None:
        """The key of the message that this one recalls."""
        return _recalled(self.topic, stored_value(self.stored.text, _DEL_UNIQ_KEY))


def delete_key(topic: str, unique_key: str) -> str:
    """By what a waiting message is recalled."""
    return f"{topic}+{unique_key}"


def recalled_key(topic: str, properties: dict[str, str]) -> str | None:
    """The `delete_key` that a message of the timer topic recalls, None when it is no recall."""
    return _recalled(topic, properties.get(PROPERTY_TIMER_DEL_UNIQKEY))


def _recalled(topic: str, key: str | None) -> str | None:
    """Apache's 5.5 writes the unique key alone, unless appendTopicForTimerDeleteKey is set."""
    return key if key is None or key.startswith(f"{topic}+") else delete_key(topic, key)


def _with(text: str, added: dict[str, str]) -> str:
    """Stored properties, and some more that they get, or whose values change."""
    if not any(start_of(name) in text for name in added):
        return text + encode_properties(added).decode()
    return PROPERTY_SEPARATOR + encode_properties(string_to_properties(text) | added).decode()


class TimerDelivery:
    """Reads and puts the waiting messages of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._failures = LogRate()

    def read(self, physical: int, size: int) -> Waiting | None:
        """The message at a commitlog offset, None when it is no longer there. Raises BadRecordError."""
        view = self._controller.store.message_at(physical, size)
        stored = read_stored(view, check_crc=False) if view is not None else None
        if stored is None:
            log.warning("timer message at commitlog offset %d is gone and skipped", physical)
            return None
        return Waiting(stored, stored_value(stored.text, _REAL_TOPIC) or "")

    def put(self, waiting: Waiting, write_time: int, *, rolls: bool) -> bool:
        """Put the message where it goes now; False when that has to be tried again.

        `write_time`: when it came into the wheel (ms). Raises ValueError when it has nowhere to go."""
        controller, text = self._controller, waiting.stored.text
        added = {PROPERTY_TIMER_ENQUEUE_MS: str(write_time), PROPERTY_TIMER_DEQUEUE_MS: str(controller.clock())}
        if rolls:
            topic, queue_id = TIMER_TOPIC, 0
            added[PROPERTY_TIMER_ROLL_TIMES] = str(parse_int(stored_value(text, _ROLL_TIMES) or "0") + 1)
        else:
            topic, queue_id = waiting.topic, parse_int(stored_value(text, _REAL_QUEUE_ID) or "")
        size = self._put(waiting, topic, queue_id, _with(text, added))
        if size < 0:
            return False
        if size:
            controller.stats.topic_counters(topic).add(1, size)
        return True

    def _put(self, waiting: Waiting, topic: str, queue_id: int, text: str) -> int:
        """Put a message with new properties; its size in the commitlog, 0 when it never can be put, -1 when that has to
        be tried again."""
        controller, record = self._controller, waiting.stored.record
        status, size = put_copy(controller.store, waiting.stored, topic, queue_id, text, record.sys_flag)
        if status in NEVER_STORED:
            log.error(
                "timer message at commitlog offset %d cannot be stored and is skipped: %s",
                record.physical_offset, status.name,
            )  # fmt: skip
            return 0
        if status not in STORED:
            if self._failures.due(controller.clock()):
                log.warning("timer messages cannot be delivered: %s; trying again", status.name)
            return -1
        return size
