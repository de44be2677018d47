"""`mqadmin getBrokerEpoch`: the masters' terms in the logs of brokers of controller mode."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.ha import BrokerEpochs, EpochReport
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import See
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerName, ClusterName, Interval
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.output import cell_text
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run


@command(
    result=EpochReport,
    rows="brokers",
    name="broker.address",
    any_of=(("broker_name", "cluster_name"),),
    example="mqadmin getBrokerEpoch -b broker-a",
)
async def get_broker_epoch(
    run: Run,
    broker_name: BrokerName | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    interval: Interval | None = None,
) -> Outcome:
    """Each term lasts from an offset of the commitlog to another; the last one ends where the log ends."""
    async with run.admin() as admin:

        async def once() -> Outcome:
            brokers = await admin.cluster.brokers(cluster_name if broker_name is None else None)
            if broker_name is not None:
                brokers = [broker for broker in brokers if broker.broker_name == broker_name]
            if not brokers:
                raise NotFoundError(f"there is no broker '{broker_name}'", see=See("cluster.listing"))
            found = await admin.ha.epochs(brokers)
            return Outcome(
                data=found,
                blocks=[block for broker in found.brokers for block in _blocks(broker)],
                status=status(found.failures),
                errors=list(found.failures),
            )

        return await repeated(run, interval, once)


def _blocks(found: BrokerEpochs) -> list[Table | str]:
    broker = found.broker
    head = [
        labelled("#clusterName", broker.cluster),
        labelled("#brokerName", broker.broker_name),
        labelled("#brokerAddr", broker.address),
        labelled("#brokerId", broker.broker_id),
    ]
    if found.epochs is None:
        return [*head, cell_text(None), ""]
    rows = [[each.epoch, each.start_offset, each.end_offset] for each in found.epochs]
    return [*head, Table(["#Epoch", "#StartOffset", "#EndOffset"], [list(row) for row in rows]), ""]
