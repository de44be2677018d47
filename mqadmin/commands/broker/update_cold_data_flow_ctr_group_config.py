"""`mqadmin updateColdDataFlowCtrGroupConfig`: set how much a group may read from disk."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateColdDataFlowCtrGroupConfig -c DefaultCluster -g my_group -v 3145728",
)
async def update_cold_data_flow_ctr_group_config(
    run: Run,
    consumer_group: ConsumerGroup,
    threshold: Annotated[int, Opt("-v", "--threshold", help="bytes that it may read in a period", parse=natural)],
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
) -> Outcome:
    """Read back from each broker, which forgets it when it stops. With both -b and -c the broker alone is changed."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name)
        report = await admin.cold_data.set_threshold(brokers, consumer_group, threshold, plan=run.plan)
    return change_outcome(report, _describe, f"the threshold of '{consumer_group}' is {threshold} already")


def _describe(change: Change) -> str:
    return f"updateColdDataFlowCtrGroupConfig success, {change.target}"
