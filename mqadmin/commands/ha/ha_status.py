"""`mqadmin haStatus`: replication between masters and slaves."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.ha import BrokerReplication, ReplicationReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName, Interval
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.output import cell_text
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(
    result=ReplicationReport,
    rows="brokers",
    name="broker.address",
    any_of=(("broker_addr", "cluster_name"),),
    example="mqadmin haStatus -c DefaultCluster",
)
async def ha_status(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    interval: Interval | None = None,
) -> Outcome:
    """Offsets are bytes of the commitlog. With both -b and -c the broker alone is asked.

    #Problem says why a slave does not replicate, and what to do; only slaves of this toolkit say it.
    """
    async with run.admin() as admin:

        async def once() -> Outcome:
            found = await admin.ha.status(await admin.cluster.chosen(broker_addr, cluster_name))
            return Outcome(
                data=found,
                blocks=[block for broker in found.brokers for block in _blocks(broker)],
                status=status(found.failures),
                errors=list(found.failures),
            )

        return await repeated(run, interval, once)


def _blocks(found: BrokerReplication) -> list[Table | str]:
    if found.role is None:
        return [labelled("#BrokerAddr", found.broker.address), cell_text(None), ""]
    if found.role == "slave":
        return [
            labelled("#SlaveAddr", found.broker.address),
            labelled("#MasterAddr", found.master_address or None),
            labelled("#CommitLogMaxOffset", found.max_offset),
            labelled("#TransferSpeed(KB/s)", _kilobytes(found.bytes_per_second)),
            labelled("#LastReadTime", _time(found.last_read_timestamp)),
            labelled("#LastWriteTime", _time(found.last_write_timestamp)),
            labelled("#MasterFlushOffset", found.master_flush_offset),
            *([labelled("#Problem", tr_message(found.problem))] if found.problem else []),
            "",
        ]
    slaves = found.slaves or []
    columns = ["#SlaveAddr", "#SlaveAckOffset", "#Diff", "#TransferSpeed(KB/s)", "#Status", "#TransferFromWhere"]
    return [
        labelled("#MasterAddr", found.broker.address),
        labelled("#MasterCommitLogMaxOffset", found.max_offset),
        labelled("#SlaveNum", len(slaves)),
        labelled("#InSyncSlaveNum", found.in_sync_slaves),
        Table(
            columns,
            [
                [
                    s.address,
                    s.ack_offset,
                    s.diff,
                    _kilobytes(s.bytes_per_second),
                    "OK" if s.in_sync else "Fall Behind",
                    s.transfer_from,
                ]
                for s in slaves
            ],
            ours=["#Status"],
        ),
        "",
    ]


def _kilobytes(rate: int | None) -> str | None:
    return None if rate is None else f"{rate / 1024:.2f}"


def _time(moment: int | None) -> str:
    return tr_heading("never") if moment is None else human_time(moment)
