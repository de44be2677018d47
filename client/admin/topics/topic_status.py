"""The offsets of a topic's queues, with the times of their first and last messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.topics.topic import broker_addresses
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.topics import TOOLS_CONSUMER_GROUP

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.common.message import MessageQueue
    from rocketmq_ops.remoting.bodies import TopicOffset


class QueueStatus(msgspec.Struct, rename="camel"):
    """Offsets of one queue, in messages; the time (ms) of its last message, None when it has none.

    The store times (ms) of its first and last message are None when they were not asked for, when it has no message,
    and when the broker does not tell them: it does for queues that can be written to.
    """

    broker_name: str
    queue_id: int
    min_offset: int
    max_offset: int
    last_update_timestamp: int | None
    earliest_store_timestamp: int | None = None
    latest_store_timestamp: int | None = None


class TopicStatus(msgspec.Struct, rename="camel"):
    """The queues of a topic. `put_tps` (messages a second) is None when no broker reports it."""

    topic: str
    queues: list[QueueStatus]
    put_tps: float | None = None
    failures: list[Failure] = []


async def status(
    admin: MQAdmin, topic: str, route_topic: str | None = None, *, store_times: bool = False
) -> TopicStatus:
    """The offsets of every queue; `route_topic` (a cluster or parent topic) gives the brokers if not `topic`.

    `store_times` adds those of the first and last message, for which each broker looks into its commitlog.
    """
    route = await admin.topics.route_data(route_topic or topic)
    fan = await admin.fan_out(broker_addresses(route), lambda address: admin.topics.stats_at(address, topic))
    fan.require_some(f"reading the status of {topic}")
    table: dict[MessageQueue, TopicOffset] = {}
    rates = []
    for stats in fan.answers.values():
        table.update(stats.offset_table)
        if not math.isnan(stats.topic_put_tps):
            rates.append(stats.topic_put_tps)
    queues = [
        QueueStatus(q.broker_name, q.queue_id, o.min_offset, o.max_offset, o.last_update_timestamp or None)
        for q, o in sorted(table.items(), key=lambda item: (item[0].broker_name, item[0].queue_id))
    ]
    found = TopicStatus(topic, queues, sum(rates) if rates else None, fan.failures)
    if store_times:
        await _add_store_times(admin, found, list(fan.answers))
    return found


async def _add_store_times(admin: MQAdmin, found: TopicStatus, addresses: list[str]) -> None:
    from rocketmq_ops.client.api.stats import store_times

    # The request asks for a group's progress in time too, which is of no interest here.
    fan = await admin.fan_out(
        addresses, lambda address: store_times(admin.session, address, found.topic, TOOLS_CONSUMER_GROUP)
    )
    found.failures += fan.failures
    by_queue = {(queue.broker_name, queue.queue_id): queue for queue in found.queues}
    for span in (span for answer in fan.answers.values() for span in answer.consume_time_span_set):
        queue = by_queue.get((span.message_queue.broker_name, span.message_queue.queue_id))
        if queue is not None:
            queue.earliest_store_timestamp = span.min_time_stamp if span.min_time_stamp > 0 else None
            queue.latest_store_timestamp = span.max_time_stamp if span.max_time_stamp > 0 else None
