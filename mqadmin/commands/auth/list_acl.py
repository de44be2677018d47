"""`mqadmin listAcl`: the ACLs of brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.access import AclReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import Subject
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.access_tables import acl_table
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=AclReport,
    rows="entries",
    one_of=(("broker_addr", "cluster_name"),),
    example="mqadmin listAcl -c DefaultCluster",
)
async def list_acl(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    subject: Annotated[Subject | None, "only subjects that contain it"] = None,
    resource: Annotated[str | None, Opt("-r", "--resource", help="only resources that contain it")] = None,
) -> Outcome:
    """Each broker keeps its own ACLs: with -c every broker's are listed."""
    async with run.admin() as admin:
        found = await admin.acls.listing(await admin.cluster.chosen(broker_addr, cluster_name), subject, resource)
    return Outcome(
        data=found,
        blocks=[acl_table(found.entries)],
        status=status(found.failures, empty=not found.entries),
        errors=list(found.failures),
    )
