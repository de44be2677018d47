"""`mqadmin topicStatus`: the offsets of each queue of a topic."""

from __future__ import annotations

from rocketmq_ops.client.admin.topic import TopicStatus
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options import LmqCluster, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(result=TopicStatus, rows="queues", example="mqadmin topicStatus -t TopicTest --output json")
async def topic_status(
    run: Run,
    topic: TopicName,
    cluster: LmqCluster | None = None,
) -> Outcome:
    """A queue without a message has no time. The put rate is unknown on brokers before 5.0."""
    async with run.admin() as admin:
        found = await admin.topics.status(topic, cluster)
    table = Table(["#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated"], [])
    for queue in found.queues:
        updated = human_time(queue.last_update_timestamp) if queue.last_update_timestamp is not None else ""
        table.rows.append([queue.broker_name, queue.queue_id, queue.min_offset, queue.max_offset, updated])
    rate = "unknown" if found.put_tps is None else f"{found.put_tps:.2f}"
    return Outcome(
        data=found,
        blocks=[table, "", f"Topic Put TPS: {rate}"],
        status=status(found.failures, empty=not found.queues),
        errors=list(found.failures),
        notes=[] if found.queues else [f"no broker reported any queue of topic '{topic}'"],
    )
