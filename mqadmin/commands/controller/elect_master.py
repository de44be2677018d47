"""`mqadmin electMaster`: have the controllers make a replica the master."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.controller import ElectionReport
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.commands.ha.get_sync_state_set import replica_blocks
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerNameBn, ClusterName, ControllerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import labelled
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


@command(
    result=ElectionReport,
    changes=True,
    dangerous=("broker_name",),
    example="mqadmin electMaster -a 127.0.0.1:9878 -c DefaultCluster -bn broker-a -b 2 --plan",
)
async def elect_master(
    run: Run,
    controller_address: ControllerAddress,
    cluster_name: Annotated[ClusterName, "the broker's cluster"],
    broker_name: BrokerNameBn,
    broker_id: Annotated[int, Opt("-b", "--brokerId", help="the replica to become master", parse=natural)],
) -> Outcome:
    """The replicas are shown first, and who is master is read again afterwards."""
    async with run.admin() as admin:
        report = await admin.controllers.elect(controller_address, cluster_name, broker_name, broker_id, plan=run.plan)
    outcome = Outcome(data=report)
    if report.before.master_id == broker_id:
        outcome.status = "unchanged"
        outcome.notes.append(f"{broker_id} is the master of {broker_name} already")
        outcome.blocks = replica_blocks(report.before)
    elif report.planned:
        outcome.status = "planned"
        change = f"master {_shown(report.before.master_id)} -> {broker_id}"
        outcome.blocks = [f"would elect a master of {broker_name}: {change}", *replica_blocks(report.before)]
        if broker_id not in [replica.broker_id for replica in report.before.replicas if replica.in_sync]:
            outcome.notes.append(f"{broker_id} is not in sync: the controller may refuse it, or messages are lost")
    else:
        outcome.blocks = [
            labelled("#ClusterName", report.cluster),
            labelled("#BrokerName", report.broker_name),
            labelled("#BrokerMasterAddr", report.master_address),
            labelled("#MasterEpoch", report.master_epoch),
            labelled("#SyncStateSetEpoch", report.sync_state_set_epoch),
            *(f"\t#Broker\t{member}\t{address}" for member, address in report.members.items()),
        ]
        if not report.elected:
            outcome.status = "no_effect"
            cause = f"accepted the election, but the master of {broker_name} is {_shown(report.master_id)}"
            outcome.errors.append(Failure(";".join(controller_address), cause, "see the log of the leading controller"))
    return outcome


def _shown(value: int | str | None) -> str:
    return "unknown" if value is None else str(value)
