"""`mqadmin topicStatus`: the offsets of each queue of a topic."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.topics.topic_status import TopicStatus
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import LmqCluster
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(result=TopicStatus, rows="queues", java="topic", example="mqadmin topicStatus -t TopicTest --output json")
async def topic_status(
    run: Run,
    topic: TopicName,
    cluster: LmqCluster | None = None,
    store_times: Annotated[
        bool, Opt("--store-times", help="with the store times of each queue's first and last message")
    ] = False,
) -> Outcome:
    """A queue without a message has no time. The put rate is unknown on brokers before 5.0.

    --store-times has each broker look them up in its commitlog: what consumers can still get begins at the first.
    """
    async with run.admin() as admin:
        found = await admin.topics.status(topic, cluster, store_times=store_times)
    table = Table(["#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated"], [])
    if store_times:
        table.columns += ["#First Stored", "#Last Stored"]
    for queue in found.queues:
        row: list[Cell] = [queue.broker_name, queue.queue_id, queue.min_offset, queue.max_offset]
        row.append(_time(queue.last_update_timestamp))
        if store_times:
            row += [_time(queue.earliest_store_timestamp), _time(queue.latest_store_timestamp)]
        table.rows.append(row)
    rate = None if found.put_tps is None else f"{found.put_tps:.2f}"
    return Outcome(
        data=found,
        blocks=[table, "", labelled("Topic Put TPS", rate, ": ")],
        status=status(found.failures, empty=not found.queues),
        errors=list(found.failures),
        notes=[] if found.queues else [f"no broker reported any queue of topic '{topic}'"],
    )


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else human_time(milliseconds)
