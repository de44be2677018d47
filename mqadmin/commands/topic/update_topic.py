"""`mqadmin updateTopic`: create a topic or change some settings of it."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import ForceQueues, Order, Permission, TopicAttributes, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateTopic -c DefaultCluster -t TopicTest -r 8 -w 8",
)
async def update_topic(
    run: Run,
    topic: TopicName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    topic_attributes: TopicAttributes | None = None,
    read_queue_nums: Annotated[
        int | None, Opt("-r", "--readQueueNums", help="number of read queues (new topic: 8)", parse=natural)
    ] = None,
    write_queue_nums: Annotated[
        int | None, Opt("-w", "--writeQueueNums", help="number of write queues (new topic: 8)", parse=natural)
    ] = None,
    perm: Annotated[Permission | None, "permission: 2 W, 4 R, 6 RW (new topic: 6)"] = None,
    order: Order = None,
    unit: Annotated[bool | None, Opt("-u", "--unit", help="whether it is a unit topic")] = None,
    has_unit_sub: Annotated[bool | None, Opt("-s", "--hasUnitSub", help="whether it has unit subs")] = None,
    force: ForceQueues = False,
) -> Outcome:
    """A setting that is not given keeps its value on each broker; Apache's tool sets it back to the default.

    More write than read queues, and fewer read queues than have unread messages, are refused without --force.

    With -o true the order configuration on the name servers follows.
    """
    settings = TopicSettings(
        read_queue_nums=read_queue_nums,
        write_queue_nums=write_queue_nums,
        perm=perm,
        order=order,
        unit=unit,
        has_unit_sub=has_unit_sub,
        attributes=topic_attributes or {},
    )
    async with run.admin() as admin:
        report = await admin.topics.update(
            topic, settings, broker_addr=broker_addr, cluster=cluster_name, plan=run.plan, force=force
        )
    return change_outcome(report, describe, f"topic '{topic}' has these settings already")


def describe(change: Change) -> str:
    """What Apache's tool says of a changed topic."""
    if change.kind == "orderConf":
        return f"set orderConf. orderConf=[{change.fields[0].after}], {change.target}"
    return f"{change.action} topic to {change.target} success."
