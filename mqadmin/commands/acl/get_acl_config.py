"""`mqadmin getAclConfig`: the ACLs by access key of brokers before 5.3.3."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.plain_acl import Account, BrokerAcl, PlainAclReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=PlainAclReport,
    csv=Account,
    one_of=(("broker_addr", "cluster_name"),),
    example="mqadmin getAclConfig -c DefaultCluster",
)
async def get_acl_config(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Secret keys are never shown. Brokers from 5.3.3 on have users and ACLs instead: see listUser and listAcl."""
    async with run.admin() as admin:
        found = await admin.plain_acls.configs(await admin.cluster.chosen(broker_addr, cluster_name))
    return Outcome(
        data=found,
        blocks=[block for broker in found.brokers for block in _blocks(broker)],
        status=status(found.failures),
        errors=list(found.failures),
        csv_rows=[account for broker in found.brokers for account in broker.accounts],
    )


def _blocks(found: BrokerAcl) -> list[Table | str]:
    columns = ["#AccessKey", "#SecretKey", "#Admin", "#WhiteRemoteAddress", "#DefaultTopicPerm", "#DefaultGroupPerm"]
    rows = [
        [
            account.access_key,
            "******" if account.has_secret_key else "",
            account.admin,
            account.white_remote_address or "",
            account.default_topic_perm or "",
            account.default_group_perm or "",
            ",".join(account.topic_perms),
            ",".join(account.group_perms),
        ]
        for account in found.accounts
    ]
    return [
        f"============{found.broker}============",
        f"globalWhiteRemoteAddresses: {', '.join(found.global_white_addresses) or 'none'}",
        Table([*columns, "#TopicPerms", "#GroupPerms"], [list(row) for row in rows]),
        "",
    ]
