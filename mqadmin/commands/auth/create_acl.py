"""`mqadmin createAcl`: create entries of a subject's ACL on brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import ChangeReport
from rocketmq_ops.mqadmin.access_options import Actions, Decision, Resources, SourceIps, entries_of
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.accounts import Subject
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.remoting.bodies.auth import PolicyEntryInfo


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin createAcl -c DefaultCluster -s User:alice -r Topic:orders,Group:* -a Pub,Sub -d Allow",
)
async def create_acl(
    run: Run,
    subject: Subject,
    resources: Resources,
    actions: Actions,
    decision: Decision,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    source_ip: SourceIps | None = None,
) -> Outcome:
    """Entries of the same resources are replaced, others stay: brokers treat createAcl and updateAcl alike."""
    entries = entries_of(resources, actions, source_ip, decision)
    return await put_entries(run, "create", subject, entries, broker_addr, cluster_name)


async def put_entries(
    run: Run,
    verb: str,
    subject: str,
    entries: list[PolicyEntryInfo],
    broker_addr: str | None,
    cluster_name: str | None,
) -> Outcome:
    """What createAcl and updateAcl do."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.acls.put(brokers, subject, entries, plan=run.plan)
    return change_outcome(
        report, lambda change: f"{verb} acl to {change.target} success.", f"'{subject}' has these entries already"
    )
