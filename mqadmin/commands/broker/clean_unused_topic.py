"""`mqadmin cleanUnusedTopic`: delete the queues of topics that a broker no longer has."""

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
    example="mqadmin cleanUnusedTopic -c DefaultCluster --plan",
)
async def clean_unused_topic(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster: Annotated[Cluster | None, "all brokers of this cluster (default: of all clusters)"] = None,
) -> Outcome:
    """Masters and slaves are asked, those of all clusters without -b and -c.

    It deletes the consumequeues of topics that are not in the broker's topic table, system topics aside.
    """
    async with run.admin() as admin:
        report = await clean(admin, Cleaning.UNUSED_TOPICS, broker_addr=broker_addr, cluster=cluster, plan=run.plan)
    return cleaning_outcome(report)
