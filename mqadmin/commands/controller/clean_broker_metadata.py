"""`mqadmin cleanBrokerMetadata`: make the controllers forget replicas of a broker."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import BrokerNameBn, ClusterName, ControllerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


def _ids(text: str) -> tuple[int, ...]:
    """Broker ids, separated by `;`."""
    return tuple(natural(part) for part in text.split(";") if part.strip())


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    dangerous=("broker_name",),
    example="mqadmin cleanBrokerMetadata -a 127.0.0.1:9878 -bn broker-a -c DefaultCluster -b 3 --plan",
)
async def clean_broker_metadata(
    run: Run,
    controller_address: ControllerAddress,
    broker_name: BrokerNameBn,
    cluster_name: Annotated[ClusterName | None, "the broker's cluster, needed without -l"] = None,
    broker_ids: Annotated[
        tuple[int, ...] | None,
        Opt("-b", "--brokerControllerIdsToClean", help="ids separated by ';', all without it", parse=_ids),
    ] = None,
    clean_living: Annotated[bool, Opt("-l", "--cleanLivingBroker", help="clean replicas that are alive too")] = False,
) -> Outcome:
    """The controller refuses to forget a replica that is alive unless -l is given."""
    if cluster_name is None and not clean_living:
        raise usage("-c is missing", "name the cluster, by which the controller finds out whether the broker is alive")
    async with run.admin() as admin:
        report = await admin.controllers.clean(
            controller_address, cluster_name, broker_name, broker_ids, living=clean_living, plan=run.plan
        )
    nothing = f"the controller knows no such replica of {broker_name}, nothing was cleaned"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"clear broker {change.name} metadata from controller success!"
