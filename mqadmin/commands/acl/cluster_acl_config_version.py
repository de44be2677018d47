"""`mqadmin clusterAclConfigVersion`: the ACL files of brokers before 5.3.3, and their versions."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.plain_acl import AclVersionReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(
    result=AclVersionReport,
    rows="files",
    one_of=(("broker_addr", "cluster_name"),),
    example="mqadmin clusterAclConfigVersion -c DefaultCluster",
)
async def cluster_acl_config_version(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Brokers of one cluster whose counters differ do not have the same ACLs."""
    async with run.admin() as admin:
        found = await admin.plain_acls.versions(await admin.cluster.chosen(broker_addr, cluster_name))
    columns = ["#Cluster Name", "#Broker Name", "#Broker Addr", "#AclFilePath", "#AclConfigVersionNum"]
    rows = [
        [
            each.cluster,
            each.broker_name,
            each.broker,
            each.file,
            each.counter,
            None if each.timestamp is None else human_time(each.timestamp)[:19],
        ]
        for each in found.files
    ]
    return Outcome(
        data=found,
        blocks=[Table([*columns, "#AclLastUpdateTime"], [list(row) for row in rows])],
        status=status(found.failures, empty=not found.files),
        errors=list(found.failures),
    )
