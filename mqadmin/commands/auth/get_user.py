"""`mqadmin getUser`: one user on brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.user import UserReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.accounts import UserName
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.access_tables import user_table
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=UserReport,
    rows="users",
    one_of=(("broker_addr", "cluster_name"),),
    example="mqadmin getUser -c DefaultCluster -u alice",
)
async def get_user(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    username: UserName | None = None,
) -> Outcome:
    """With -c on every broker that has the user. The password is never shown."""
    if username is None:
        raise usage("-u is missing", "name the user, or list all with `mqadmin listUser`")
    async with run.admin() as admin:
        found = await admin.users.get(await admin.cluster.chosen(broker_addr, cluster_name), username)
    return Outcome(
        data=found,
        blocks=[user_table(found.users)],
        status=status(found.failures, empty=not found.users),
        errors=list(found.failures),
    )
