"""Where queues and groups stand: the offsets and times that statistics and lag are made of.

Shared by the administration of topics, groups and statistics; no request handling. Offsets count messages of a queue,
times are ms since the epoch. Mirrors the loops of AdminBrokerProcessor.getTopicStatsInfo, getConsumeStats and
queryConsumeTimeSpan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.remoting.bodies import OffsetWrapper, QueueTimeSpan, TopicOffset

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def message_queue(controller: BrokerController, topic: str, queue_id: int) -> MessageQueue:
    """The queue of this broker."""
    return MessageQueue(topic=topic, broker_name=controller.config.brokerName, queue_id=queue_id)


def topic_offset(controller: BrokerController, topic: str, queue_id: int) -> TopicOffset:
    """First, next offset and time of the last message of a queue."""
    store = controller.store
    max_offset = max(0, store.max_offset(topic, queue_id))
    return TopicOffset(
        min_offset=max(0, store.min_offset(topic, queue_id)),
        max_offset=max_offset,
        last_update_timestamp=store.store_time(topic, queue_id, max_offset - 1) if max_offset else 0,
    )


def progress(controller: BrokerController, group: str, topic: str, queue_id: int, *, pulled: bool) -> OffsetWrapper:
    """How far a group is with a queue.

    `lastTimestamp` is the store time of the last message that the group consumed; with `pulled` the offset it has
    pulled to is reported too, which the statistics of a whole broker leave at 0.
    """
    store, offsets = controller.store, controller.offsets
    consumed = max(0, offsets.query(group, topic, queue_id))
    wrapper = OffsetWrapper(broker_offset=max(0, store.max_offset(topic, queue_id)), consumer_offset=consumed)
    if pulled:
        wrapper.pull_offset = max(consumed, offsets.query_pull(group, topic, queue_id))
    if consumed:
        wrapper.last_timestamp = max(0, store.store_time(topic, queue_id, consumed - 1))
    return wrapper


def subscribed_topics(controller: BrokerController, group: str, topics: set[str]) -> list[str]:
    """Those of `topics` that the group still consumes, sorted: all while none of its consumers is connected.

    What the group sent back is always its own to consume, whatever its consumers say they subscribe.
    """
    info = controller.consumers.get(group)
    if info is None or not info.subscriptions:
        return sorted(topics)
    own = retry_topic(group)
    find = controller.consumers.find_subscription
    return sorted(topic for topic in topics if topic == own or find(group, topic) is not None)


def time_span(controller: BrokerController, group: str, topic: str, queue_id: int) -> QueueTimeSpan:
    """Store times of a queue's first, last and last consumed message, and how long the next one has waited."""
    store = controller.store
    max_offset = store.max_offset(topic, queue_id)
    consumed = controller.offsets.query(group, topic, queue_id)
    earliest = store.earliest_store_time(topic, queue_id)
    span = QueueTimeSpan(
        message_queue=message_queue(controller, topic, queue_id),
        min_time_stamp=earliest,
        max_time_stamp=store.store_time(topic, queue_id, max_offset - 1),
        consume_time_stamp=store.store_time(topic, queue_id, consumed - 1) if consumed > 0 else earliest,
        delay_time=0,
    )
    if consumed < max_offset:
        span.delay_time = controller.clock() - store.store_time(topic, queue_id, consumed)
    return span
