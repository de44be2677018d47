"""`mqadmin addBroker`: start a broker in a broker container."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.replicas.container import ContainerChange
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import ContainerAddress
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ContainerChange,
    changes=True,
    example="mqadmin addBroker -c 127.0.0.1:10811 -b /etc/rocketmq/broker-b.conf",
)
async def add_broker(
    run: Run,
    broker_container_addr: ContainerAddress,
    config_path: Annotated[
        str, Opt("-b", "--brokerConfigPath", help="the broker's configuration file, on the container's machine")
    ],
) -> Outcome:
    """A container does not list its brokers: `mqadmin clusterList` shows the new one once it has registered."""
    async with run.admin() as admin:
        change = await admin.containers.add(broker_container_addr, config_path, plan=run.plan)
    if change.planned:
        line = f"would add the broker of {config_path} to {broker_container_addr}"
        return Outcome(data=change, blocks=[line], status="planned")
    return Outcome(data=change, blocks=[f"add broker to {broker_container_addr} success"])
