"""`mqadmin exportPopRecord`: have brokers move pop records from RocksDB back to their own topics."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.rocksdb import ExportReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.export import export_outcome
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ExportReport,
    rows="brokers",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin exportPopRecord -c DefaultCluster -d true",
)
async def export_pop_record(
    run: Run,
    cluster_name: Annotated[ClusterName | None, "all brokers of this cluster, slaves too"] = None,
    broker_addr: BrokerAddress | None = None,
    dry_run: Annotated[bool | None, Opt("-d", "--dryRun", help="true: show what would be done, as --plan")] = None,
) -> Outcome:
    """Before a broker is set back to pop records in messages (popConsumerKVServiceEnable=false).

    With -d true nothing is done; Apache's tool exports then, and does nothing with -d false. With both -b and -c the
    broker alone is asked.
    """
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.rocksdb.export_pop_records(
            broker_addr=broker_addr, cluster=cluster, plan=run.plan or bool(dry_run)
        )
    return export_outcome(report, "no broker keeps pop records in RocksDB: nothing was exported")
