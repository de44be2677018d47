"""`mqadmin removeColdDataFlowCtrGroupConfig`: delete a group's threshold of cold reads."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin removeColdDataFlowCtrGroupConfig -c DefaultCluster -g my_group",
)
async def remove_cold_data_flow_ctr_group_config(
    run: Run,
    consumer_group: ConsumerGroup,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
) -> Outcome:
    """The broker's own threshold counts for the group then. With both -b and -c the broker alone is changed."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name)
        report = await admin.cold_data.set_threshold(brokers, consumer_group, None, plan=run.plan)
    nothing = f"'{consumer_group}' has no threshold of its own there, nothing was removed"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"remove broker cold read threshold success, {change.target}"
