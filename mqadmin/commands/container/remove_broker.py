"""`mqadmin removeBroker`: stop a broker of a broker container."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.container import ContainerChange
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import ContainerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


def _identity(text: str) -> tuple[str, str, int]:
    """CLUSTER:BROKER_NAME:BROKER_ID."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"invalid broker '{text}': expected CLUSTER:BROKER_NAME:BROKER_ID")
    return parts[0], parts[1], natural(parts[2])


@command(
    result=ContainerChange,
    changes=True,
    dangerous=("broker_identity",),
    example="mqadmin removeBroker -c 127.0.0.1:10811 -b DefaultCluster:broker-b:0",
)
async def remove_broker(
    run: Run,
    broker_container_addr: ContainerAddress,
    broker_identity: Annotated[
        tuple[str, str, int],
        Opt("-b", "--brokerIdentity", help="the broker", parse=_identity, metavar="CLUSTER:BROKER_NAME:BROKER_ID"),
    ],
) -> Outcome:
    """The container decides whether it has the broker. Name servers that are given are asked whether it is gone."""
    async with run.admin() as admin:
        change = await admin.containers.remove(broker_container_addr, *broker_identity, plan=run.plan)
    notes = []
    if change.registered_before is False:
        notes.append(f"the name servers do not list {change.broker}: the container alone says whether it has it")
    if change.planned:
        line = f"would remove {change.broker} from {broker_container_addr}"
        return Outcome(data=change, blocks=[line], status="planned", notes=notes)
    if change.registered:
        notes.append(f"the name servers still list {change.broker}: see `mqadmin clusterList`")
    return Outcome(data=change, blocks=[f"remove broker from {broker_container_addr} success"], notes=notes)
