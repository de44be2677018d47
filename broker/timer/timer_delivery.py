"""One waiting message: reading it, and putting it into its own topic or, to wait on, into the timer topic once more.

Mirrors convert, convertMessage and doPut of TimerMessageStore.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.broker.send.inner_messages import encode_properties
from rocketmq_ops.broker.send.put_answers import STORED
from rocketmq_ops.common.javatypes import parse_int
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_DEL_UNIQKEY,
    PROPERTY_TIMER_DEQUEUE_MS,
    PROPERTY_TIMER_ENQUEUE_MS,
    PROPERTY_TIMER_ROLL_TIMES,
    PROPERTY_UNIQ_KEY,
)
from rocketmq_ops.common.message_codec import RecordView, read_record, record_hosts, record_properties
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import NEVER_STORED, InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


class Waiting(NamedTuple):
    """A message of the timer topic."""

    record: RecordView
    view: memoryview
    properties: dict[str, str]

    @property
    def topic(self) -> str:
        """Where it goes at its time; empty when it has nowhere to go."""
        return self.properties.get(PROPERTY_REAL_TOPIC, "")

    @property
    def key(self) -> str:
        """By what it is recalled (TimerMessageStore.buildDeleteKey)."""
        return delete_key(self.topic, self.properties.get(PROPERTY_UNIQ_KEY, ""))

    @property
    def deletes(self) -> str | None:
        """The key of the message that this one recalls."""
        return recalled_key(self.topic, self.properties)


def _copy_of(waiting: Waiting, topic: str, queue_id: int) -> InnerMessage:
    """As `inner_messages.copy_of`, straight from the record: of a message only properties and place are new."""
    record, properties = waiting.record, waiting.properties
    return InnerMessage(
        topic=topic,
        queue_id=queue_id,
        body=waiting.view[record.body_at : record.body_at + record.body_length],
        properties=properties,
        properties_bytes=encode_properties(properties),
        born_host=record_hosts(waiting.view, record)[0],
        born_timestamp=record.born_timestamp,
        flag=record.flag,
        sys_flag=record.sys_flag,
        reconsume_times=record.reconsume_times,
    )


def delete_key(topic: str, unique_key: str) -> str:
    """By what a waiting message is recalled."""
    return f"{topic}+{unique_key}"


def recalled_key(topic: str, properties: dict[str, str]) -> str | None:
    """The `delete_key` that a message of the timer topic recalls, None when it is no recall.

    Apache's 5.5 writes the unique key alone, unless appendTopicForTimerDeleteKey is set."""
    key = properties.get(PROPERTY_TIMER_DEL_UNIQKEY)
    return key if key is None or key.startswith(f"{topic}+") else delete_key(topic, key)


class TimerDelivery:
    """Reads and puts the waiting messages of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._failures = LogRate()

    def read(self, physical: int, size: int) -> Waiting | None:
        """The message at a commitlog offset, None when it is no longer there. Raises BadRecordError."""
        view = self._controller.store.message_at(physical, size)
        record = read_record(view, check_crc=False) if view is not None else None
        if view is None or record is None:
            log.warning("timer message at commitlog offset %d is gone and skipped", physical)
            return None
        return Waiting(record, view, record_properties(view, record))

    def put(self, waiting: Waiting, write_time: int, *, rolls: bool) -> bool:
        """Put the message where it goes now; False when that has to be tried again.

        `write_time`: when it came into the wheel (ms). Raises ValueError when it has nowhere to go."""
        controller, properties = self._controller, waiting.properties
        if rolls:
            topic, queue_id = TIMER_TOPIC, 0
            properties[PROPERTY_TIMER_ROLL_TIMES] = str(parse_int(properties.get(PROPERTY_TIMER_ROLL_TIMES, "0")) + 1)
        else:
            topic, queue_id = waiting.topic, parse_int(properties.get(PROPERTY_REAL_QUEUE_ID, ""))
        properties[PROPERTY_TIMER_ENQUEUE_MS] = str(write_time)
        properties[PROPERTY_TIMER_DEQUEUE_MS] = str(controller.clock())
        result = controller.store.put_message(_copy_of(waiting, topic, queue_id))
        if result.status in NEVER_STORED:
            log.error(
                "timer message at commitlog offset %d cannot be stored and is skipped: %s",
                waiting.record.physical_offset, result.status.name,
            )  # fmt: skip
            return True
        if result.status not in STORED:
            if self._failures.due(controller.clock()):
                log.warning("timer messages cannot be delivered: %s; trying again", result.status.name)
            return False
        counters = controller.stats.topic_counters(topic)
        counters.put_nums += 1
        counters.put_times += 1
        counters.put_size += result.wrote_bytes
        return True
