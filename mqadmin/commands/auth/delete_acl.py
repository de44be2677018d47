"""`mqadmin deleteAcl`: delete the ACL of a subject, or one resource of it."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.access_options import resource
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import Subject
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    dangerous=("subject",),
    example="mqadmin deleteAcl -c DefaultCluster -s User:alice -r Topic:orders --plan",
)
async def delete_acl(
    run: Run,
    subject: Subject,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    one: Annotated[
        str | None,
        Opt("-r", "--resources", help="only this resource; the whole ACL without it", parse=resource),
    ] = None,
) -> Outcome:
    """With -c on all brokers of the cluster."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.acls.delete(brokers, subject, one, plan=run.plan)
    nothing = f"'{subject}' has no such entry there, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"delete acl to {change.target} success."
