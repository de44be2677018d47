"""`mqadmin skipAccumulatedMessage`: set a group's offsets to the end of the queues."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.offsets.offset import END, ResetReport, ResetRequest
from rocketmq_ops.mqadmin.commands.offset.reset_offset_by_time import reset_outcome
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import Cluster
from rocketmq_ops.mqadmin.options.topics import Force, Group, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ResetReport,
    rows="queues",
    changes=True,
    dangerous=("group",),
    example="mqadmin skipAccumulatedMessage -g my_group -t TopicTest --plan",
)
async def skip_accumulated_message(
    run: Run,
    group: Group,
    topic: TopicName,
    force: Annotated[Force, "false moves no queue forward"] = None,
    cluster: Annotated[Cluster | None, "only on this cluster, or the parent topic of an lmq"] = None,
) -> Outcome:
    """What was not consumed yet is skipped. Every queue is read back, as with resetOffsetByTime -s -1."""
    wanted = ResetRequest(group=group, topic=topic, timestamp=END, force=force is not False, cluster=cluster)
    async with run.admin() as admin:
        report = await admin.offsets.reset(wanted, plan=run.plan)
    return reset_outcome(report)
