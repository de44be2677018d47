"""`mqadmin updateGlobalWhiteAddr`: set the addresses that need no signature on brokers before 5.3.3."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import names


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    dangerous=("broker_addr", "cluster_name"),
    example="mqadmin updateGlobalWhiteAddr -c DefaultCluster -g 10.10.103.*,192.168.0.*",
)
async def update_global_white_addr(
    run: Run,
    addresses: Annotated[
        list[str],
        Opt("-g", "--globalWhiteRemoteAddresses", help="addresses separated by ','", parse=names, metavar="ADDRESSES"),
    ],
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    file: Annotated[
        str | None, Opt("-p", "--aclFileFullPath", help="ACL file on the broker's machine (default its own)")
    ] = None,
) -> Outcome:
    """They replace those of the file. A broker with several files shows the addresses of all of them together."""
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.plain_acls.put_white_addresses(brokers, addresses, file, plan=run.plan)
    return change_outcome(report, _describe, "the addresses are so already")


def _describe(change: Change) -> str:
    return f"update global white remote addresses to {change.target} success."
