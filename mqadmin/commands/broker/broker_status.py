"""`mqadmin brokerStatus`: the runtime figures of brokers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import RuntimeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


class StatusEntry(msgspec.Struct, rename="camel"):
    """One figure of one broker, for CSV."""

    address: str
    name: str
    value: str


@command(
    result=RuntimeReport,
    csv=StatusEntry,
    one_of=(("broker_addr", "cluster_name"),),
    java="broker",
    example="mqadmin brokerStatus -b 127.0.0.1:10911",
)
async def broker_status(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "all brokers of this cluster"] = None,
) -> Outcome:
    """With -c each line begins with the broker's address."""
    async with run.admin() as admin:
        brokers = await admin.cluster.to_read(broker_addr, cluster_name)
        found = await admin.cluster.runtimes(brokers)
    blocks: list[Table | str] = []
    for broker in found.brokers:
        prefix = f"{broker.broker.address:<24} " if broker_addr is None else ""
        figures = broker.figures
        if figures is None:
            blocks.append(f"{prefix}unknown")
        else:
            blocks += [f"{prefix}{name:<32}: {figures[name]}" for name in sorted(figures)]
    entries = [
        StatusEntry(b.broker.address, name, value)
        for b in found.brokers
        for name, value in sorted((b.figures or {}).items())
    ]
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures),
        errors=list(found.failures),
        csv_rows=entries,
    )
