"""`mqadmin deleteUser`: delete a user from brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.accounts import UserName
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    dangerous=("username",),
    example="mqadmin deleteUser -c DefaultCluster -u alice --plan",
)
async def delete_user(
    run: Run,
    username: UserName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Each broker keeps its own users: with -c it is deleted from all."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.users.delete(brokers, username, plan=run.plan)
    nothing = f"there is no user '{username}' there, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"delete user to {change.target} success."
