"""`mqadmin getSyncStateSet`: the replicas of brokers and which are in sync, as the controller knows them."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.controller import ReplicaReport, ReplicaSet
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerName, ClusterName, ControllerAddress, Interval
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ReplicaReport,
    rows="sets",
    any_of=(("broker_name", "cluster_name"),),
    example="mqadmin getSyncStateSet -a 127.0.0.1:9878 -b broker-a",
)
async def get_sync_state_set(
    run: Run,
    controller_address: ControllerAddress,
    broker_name: BrokerName | None = None,
    cluster_name: Annotated[ClusterName | None, "all broker names of this cluster, from the name servers"] = None,
    interval: Interval | None = None,
) -> Outcome:
    """The leader of the controllers is asked, whichever is named. -b goes before -c, and needs no name server."""
    async with run.admin() as admin:

        async def once() -> Outcome:
            names = [broker_name] if broker_name is not None else []
            if broker_name is None:
                names = [b.broker_name for b in await admin.cluster.brokers(cluster_name) if b.broker_name is not None]
            found = await admin.controllers.replicas(controller_address, list(dict.fromkeys(names)))
            return Outcome(
                data=found,
                blocks=[block for replicas in found.sets for block in replica_blocks(replicas)],
                status=status(found.failures),
                errors=list(found.failures),
            )

        return await repeated(run, interval, once)


def replica_blocks(found: ReplicaSet) -> list[Table | str]:
    """The replicas of one broker name, of this command and of electMaster."""
    head = [
        ("#brokerName", found.broker_name),
        ("#MasterBrokerId", found.master_id),
        ("#MasterAddr", found.master_address),
        ("#MasterEpoch", found.master_epoch),
        ("#SyncStateSetEpoch", found.sync_state_set_epoch),
        ("#SyncStateSetNums", sum(replica.in_sync for replica in found.replicas)),
    ]
    lines: list[Table | str] = [labelled(name, value) for name, value in head]
    columns = ["#BrokerId", "#BrokerAddr", "#InSync", "#Alive"]
    return [*lines, Table(columns, [[r.broker_id, r.address, r.in_sync, r.alive] for r in found.replicas]), ""]
