"""`mqadmin deleteSubGroup`: delete a consumer group."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import GroupName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    dangerous=("group_name",),
    example="mqadmin deleteSubGroup -c DefaultCluster -g my_group --plan",
)
async def delete_sub_group(
    run: Run,
    group_name: GroupName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    remove_offset: Annotated[bool | None, Opt("-r", "--removeOffset", help="delete the group's offsets too")] = None,
) -> Outcome:
    """With -c its retry and dead-letter topics in that cluster go too, as with Apache's tool; with -b they stay.

    With both the broker alone is changed. A broker that creates groups by itself makes it anew for a consumer.
    """
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.groups.delete(
            group_name,
            broker_addr=broker_addr,
            cluster=cluster,
            remove_offset=bool(remove_offset),
            plan=run.plan,
        )
    nothing = f"there is no group '{group_name}' there, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    what = "subscription group" if change.kind == "group" else change.kind
    return f"{change.action} {what} [{change.name}] from [{change.target}] success."
