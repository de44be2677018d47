"""`mqadmin listUser`: the users of brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.user import UserReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.access_tables import user_table
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=UserReport,
    rows="users",
    one_of=(("broker_addr", "cluster_name"),),
    example="mqadmin listUser -c DefaultCluster",
)
async def list_user(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    contains: Annotated[str | None, Opt("-f", "--filter", help="only users whose name contains it")] = None,
) -> Outcome:
    """Each broker keeps its own users: with -c every broker's are listed. Passwords are never shown."""
    async with run.admin() as admin:
        found = await admin.users.listing(await admin.cluster.chosen(broker_addr, cluster_name), contains)
    return Outcome(
        data=found,
        blocks=[user_table(found.users)],
        status=status(found.failures, empty=not found.users),
        errors=list(found.failures),
    )
