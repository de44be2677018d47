"""`mqadmin deleteAclConfig`: delete an account of brokers before 5.3.3."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.accounts import AccessKey
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    dangerous=("access_key",),
    example="mqadmin deleteAclConfig -c DefaultCluster -a operator --plan",
)
async def delete_acl_config(
    run: Run,
    access_key: AccessKey,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Each broker keeps its own file: with -c the account is deleted from all."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.plain_acls.delete(brokers, access_key, plan=run.plan)
    nothing = f"there is no account '{access_key}' there, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"delete plain access config account from {change.target} success."
