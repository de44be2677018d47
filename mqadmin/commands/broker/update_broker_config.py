"""`mqadmin updateBrokerConfig`: change one key of brokers' configuration."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName, Key, Value
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateBrokerConfig -b 127.0.0.1:10911 -k slaveReadEnable -v true",
)
async def update_broker_config(
    run: Run,
    key: Key,
    value: Value,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    update_all_broker: Annotated[bool | None, Opt("-a", "--updateAllBroker", help="with -c: on the slaves too")] = None,
) -> Outcome:
    """A key that the broker does not have is refused, with the nearest one. -b goes before -c."""
    if update_all_broker is not None and cluster_name is None:
        raise usage("-a needs -c", "name the cluster, or each broker with -b")
    async with run.admin() as admin:
        cluster = None if broker_addr is not None else cluster_name
        brokers = await admin.cluster.targets(broker_addr, cluster, with_slaves=bool(update_all_broker))
        report = await admin.configs.update_brokers(brokers, key, value, plan=run.plan)
    return change_outcome(report, _describe, f"{key} is '{value}' already")


def _describe(change: Change) -> str:
    return f"update broker config success, {change.target}"
