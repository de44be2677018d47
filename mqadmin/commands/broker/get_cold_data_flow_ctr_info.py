"""`mqadmin getColdDataFlowCtrInfo`: what groups read from disk, and their thresholds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.brokers.cold_data import ColdDataFlow, ColdDataReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.output import cell_text
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


class ColdGroupEntry(msgspec.Struct, rename="camel"):
    """One group on one broker, for CSV."""

    address: str
    group: str
    threshold: int | None
    read_bytes: int | None
    last_cold_read_timestamp: int | None
    create_timestamp: int | None


@command(
    result=ColdDataReport,
    csv=ColdGroupEntry,
    any_of=(("broker_addr", "cluster_name"),),
    example="mqadmin getColdDataFlowCtrInfo -c DefaultCluster",
)
async def get_cold_data_flow_ctr_info(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Thresholds and what was read are bytes of one period. With both -b and -c the broker alone is asked."""
    async with run.admin() as admin:
        found = await admin.cold_data.info(await admin.cluster.chosen(broker_addr, cluster_name))
    entries = [
        ColdGroupEntry(
            b.broker.address, g.group, g.threshold, g.read_bytes, g.last_cold_read_timestamp, g.create_timestamp
        )
        for b in found.brokers
        for g in b.groups or []
    ]
    return Outcome(
        data=found,
        blocks=[block for broker in found.brokers for block in _blocks(broker)],
        status=status(found.failures),
        errors=list(found.failures),
        csv_rows=entries,
    )


def _blocks(found: ColdDataFlow) -> list[Table | str]:
    head = f"============{found.broker.address}============"
    if found.groups is None:
        return [head, cell_text(None), ""]
    rows: list[list[Cell]] = [
        [
            group.group,
            "(the broker's)" if group.threshold is None else group.threshold,
            "-" if group.read_bytes is None else group.read_bytes,
            "-" if group.last_cold_read_timestamp is None else human_time(group.last_cold_read_timestamp),
            "-" if group.create_timestamp is None else human_time(group.create_timestamp),
        ]
        for group in found.groups
    ]
    return [
        head,
        labelled("cgColdReadThreshold", found.group_threshold),
        labelled("globalColdReadThreshold", found.global_threshold),
        labelled("globalAcc", found.global_read_bytes),
        Table(["#Group", "#Threshold", "#Read", "#LastColdRead", "#Created"], rows, ours=["#Threshold"]),
        "",
    ]
