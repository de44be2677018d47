"""`mqadmin brokerConsumeStats`: the progress of every group on one broker."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.stats import BrokerConsumeStats
from rocketmq_ops.client.admin.brokers.stats import broker_consume_stats as read
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress
from rocketmq_ops.mqadmin.options.topics import Order
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, positive

_COLUMNS = [
    *("#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime"),
]


@command(
    result=BrokerConsumeStats,
    rows="queues",
    name="group",
    java="broker",
    example="mqadmin brokerConsumeStats -b 127.0.0.1:10911 -l 1000",
)
async def broker_consume_stats(
    run: Run,
    broker_addr: BrokerAddress,
    timeout_millis: Annotated[
        int | None, Opt("-t", "--timeoutMillis", help="timeout of this request in ms", parse=positive, metavar="MS")
    ] = None,
    level: Annotated[int, Opt("-l", "--level", help="only queues at least so many messages behind (default 0)")] = 0,
    order: Annotated[Order, "whether to show ordered topics only"] = None,
) -> Outcome:
    """Apache's command leaves out queues of which nothing was consumed yet; here they are there, without a time.

    Diff Total is over all queues of the broker (with -o true of its ordered topics), shown or not.
    """
    async with run.admin() as admin:
        found = await read(admin, broker_addr, ordered_only=bool(order), least_diff=level, timeout_ms=timeout_millis)
    table = Table(_COLUMNS, [])
    for queue in found.queues:
        table.rows.append(
            [
                queue.topic,
                queue.group,
                queue.broker_name,
                queue.queue_id,
                queue.broker_offset,
                queue.consumer_offset,
                queue.diff,
                "" if queue.last_timestamp is None else human_time(queue.last_timestamp),
            ]
        )
    return Outcome(
        data=found,
        blocks=[table, "", f"Diff Total: {found.total_diff}"],
        status="ok" if found.queues else "empty",
        notes=[] if found.queues else ["no group has an offset that far behind on this broker"],
    )
