"""`mqadmin setConsumeMode`: have a group fetch a topic by pulling or by popping."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.groups.consume_mode import Mode
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import GroupName, TopicFilter
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import integer, one_of


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin setConsumeMode -c DefaultCluster -t TopicTest -g my_group -m POP -q 2",
)
async def set_consume_mode(
    run: Run,
    topic_name: Annotated[TopicFilter, "topic name"],
    group_name: GroupName,
    mode: Annotated[Mode, Opt("-m", "--mode", help="how to fetch", parse=one_of("PULL", "POP"), metavar="PULL|POP")],
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    pop_share_queue_num: Annotated[
        int | None,
        Opt("-q", "--popShareQueueNum", help="queues that a popping client shares with others", parse=integer),
    ] = None,
) -> Outcome:
    """Takes effect for consumers that ask the broker for their queues, at their next rebalance.

    What each broker holds is read before and after. Without -q the number that is set stays, 0 where none is. With
    both -b and -c the broker alone is changed.
    """
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.groups.set_mode(
            group_name, topic_name, mode, pop_share_queue_num, broker_addr=broker_addr, cluster=cluster, plan=run.plan
        )
    return change_outcome(report, _describe, f"group '{group_name}' has this mode on topic '{topic_name}' already")


def _describe(change: Change) -> str:
    return f"set consume mode to {change.target} success."
