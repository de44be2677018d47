"""`mqadmin getBrokerConfig`: the configuration of brokers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.brokers.config import ConfigReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


class ConfigEntry(msgspec.Struct, rename="camel"):
    """One key of one server, for CSV."""

    address: str
    key: str
    value: str


@command(
    result=ConfigReport,
    csv=ConfigEntry,
    any_of=(("broker_addr", "cluster_name"),),
    java="broker",
    example="mqadmin getBrokerConfig -b 127.0.0.1:10911",
)
async def get_broker_config(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
) -> Outcome:
    """Keys are sorted. With both -b and -c the broker alone is asked."""
    async with run.admin() as admin:
        brokers = await admin.cluster.to_read(broker_addr, cluster_name)
        found = await admin.configs.broker_configs(brokers)
    return config_outcome(found, by_cluster=broker_addr is None)


def config_outcome(found: ConfigReport, *, by_cluster: bool = False) -> Outcome:
    """The outcome of reading configurations, of this command and of getNamesrvConfig."""
    blocks: list[Table | str] = []
    for server in found.servers:
        head = server.address
        if by_cluster:
            slave = f"My Master: {server.master}=====Slave: {server.address}"
            head = slave if server.broker_id else f"Master: {server.address}"
        blocks.append(f"============{head}============")
        if server.config is None:
            blocks.append("unknown")
        else:
            blocks += [f"{key:<50}=  {value}" for key, value in server.config.items()]
        blocks.append("")
    entries = [ConfigEntry(s.address, key, value) for s in found.servers for key, value in (s.config or {}).items()]
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures),
        errors=list(found.failures),
        csv_rows=entries,
    )
