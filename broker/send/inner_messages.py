"""InnerMessages made by the broker itself: from stored messages, and turned into delayed ones.

What is put, and when, is the business of the processors and services. Mirrors the message building of
AbstractSendMessageProcessor and HookUtils.handleScheduleMessage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.timer.timer_parking import TIMER_PROPERTIES, park
from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.javatypes import parse_int
from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    MessageExt,
)
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_NOT_TYPE, transaction_type
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, is_topic_too_long
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def encode_properties(properties: dict[str, str]) -> bytes:
    """The record's form of properties, each ended by its separator as Apache's broker stores them."""
    return "".join([f"{name}\x01{value}\x02" for name, value in properties.items()]).encode("utf-8", "replace")


def delay_level(properties: dict[str, str]) -> int:
    """The DELAY property; 0 when it is missing. Raises ValueError when it is not a number."""
    text = properties.get(PROPERTY_DELAY_TIME_LEVEL)
    return parse_int(text) if text else 0


def copy_of(message: MessageExt, topic: str, queue_id: int, properties: dict[str, str]) -> InnerMessage:
    """A message to put that takes body, flags, birth and reconsume times from a stored one (body as stored)."""
    return InnerMessage(
        topic=topic,
        queue_id=queue_id,
        body=message.body,
        properties=properties,
        properties_bytes=encode_properties(properties),
        born_host=pack_host(*message.born_host),
        born_timestamp=message.born_timestamp,
        flag=message.flag,
        sys_flag=message.sys_flag,
        reconsume_times=message.reconsume_times,
    )


def schedule(message: InnerMessage, controller: BrokerController) -> PutStatus | None:
    """Send a message with a delay level to the delay topic, one with a time of delivery to the timer topic; its topic
    and queue are kept in properties.

    Levels above the highest count as the highest, and a level counts more than a time. None when the message may be
    put; the status to answer with when it wants a time that cannot be kept, or its topic is one that the store does
    not take.
    """
    if is_topic_too_long(message.topic):
        return PutStatus.MESSAGE_ILLEGAL
    if transaction_type(message.sys_flag) not in (TRANSACTION_NOT_TYPE, TRANSACTION_COMMIT_TYPE):
        return None
    properties = message.properties
    try:
        level = delay_level(properties)
    except ValueError:
        return PutStatus.MESSAGE_ILLEGAL
    if level <= 0:
        topic = message.topic
        refused = park(message, controller)
        if message.topic is not topic:
            message.properties_bytes = encode_properties(properties)
        return refused
    for name in TIMER_PROPERTIES:
        properties.pop(name, None)
    level = min(level, controller.delay.max_delay_level)
    properties[PROPERTY_DELAY_TIME_LEVEL] = str(level)
    properties[PROPERTY_REAL_TOPIC] = message.topic
    properties[PROPERTY_REAL_QUEUE_ID] = str(message.queue_id)
    message.properties_bytes = encode_properties(properties)
    message.topic = SCHEDULE_TOPIC
    message.queue_id = level - 1
    return None
