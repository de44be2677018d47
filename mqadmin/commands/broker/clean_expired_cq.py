"""`mqadmin cleanExpiredCQ`: delete consumequeues whose messages are all gone."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.cleaning import Cleaning, CleaningReport, clean
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, Cluster
from rocketmq_ops.mqadmin.render.cleaning import cleaning_outcome
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=CleaningReport,
    rows="brokers",
    changes=True,
    dangerous=("broker_addr", "cluster"),
    example="mqadmin cleanExpiredCQ -c DefaultCluster --plan",
)
async def clean_expired_cq(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster: Annotated[Cluster | None, "all brokers of this cluster (default: of all clusters)"] = None,
) -> Outcome:
    """Masters and slaves are asked, those of all clusters without -b and -c.

    On Apache's brokers a queue whose messages have all expired begins again at offset 0: a group that had come further
    does not see what follows until its offset is reset. Ours keeps the queue's last file, and goes on where it was.
    """
    async with run.admin() as admin:
        report = await clean(admin, Cleaning.EXPIRED_QUEUES, broker_addr=broker_addr, cluster=cluster, plan=run.plan)
    return cleaning_outcome(report)
