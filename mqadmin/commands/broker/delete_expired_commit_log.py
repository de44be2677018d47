"""`mqadmin deleteExpiredCommitLog`: delete expired commitlog files now."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.cleaning import Cleaning, CleaningReport, clean
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, Cluster
from rocketmq_ops.mqadmin.render.cleaning import cleaning_outcome
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run

_NOTES = ("a broker deletes within some rounds of 10 s: see commitLogMinOffset with `mqadmin brokerStatus`",)


@command(
    result=CleaningReport,
    rows="brokers",
    changes=True,
    dangerous=("broker_addr", "cluster"),
    example="mqadmin deleteExpiredCommitLog -c DefaultCluster --plan",
)
async def delete_expired_commit_log(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster: Annotated[Cluster | None, "all brokers of this cluster (default: of all clusters)"] = None,
) -> Outcome:
    """Masters and slaves are asked, those of all clusters without -b and -c.

    Files older than fileReservedTime go at once instead of at deleteWhen. Apache's brokers delete in their next rounds,
    10 s apart: the first byte of the commitlog, shown before and after, may move a little later.
    """
    async with run.admin() as admin:
        report = await clean(admin, Cleaning.EXPIRED_LOG, broker_addr=broker_addr, cluster=cluster, plan=run.plan)
    return cleaning_outcome(report, notes=_NOTES)
