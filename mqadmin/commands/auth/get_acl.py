"""`mqadmin getAcl`: the ACL of one subject on brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.access import AclReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import usage
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
    example="mqadmin getAcl -c DefaultCluster -s User:alice",
)
async def get_acl(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    subject: Subject | None = None,
) -> Outcome:
    """With -c on every broker that has one."""
    if subject is None:
        raise usage("-s is missing", "name the subject, such as User:alice, or list all with `mqadmin listAcl`")
    async with run.admin() as admin:
        found = await admin.acls.get(await admin.cluster.chosen(broker_addr, cluster_name), subject)
    return Outcome(
        data=found,
        blocks=[acl_table(found.entries)],
        status=status(found.failures, empty=not found.entries),
        errors=list(found.failures),
    )
