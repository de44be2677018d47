"""`mqadmin switchTimerEngine`: have brokers keep timer messages in RocksDB or in the timer wheel's file."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.broker_switches import ENGINE_NAMES, TimerEngine
from rocketmq_ops.client.admin.brokers.broker_switches import switch_timer_engine as switch
from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin switchTimerEngine -b 127.0.0.1:10911 -e R",
)
async def switch_timer_engine(
    run: Run,
    engine_type: Annotated[
        TimerEngine,
        Opt("-e", "--engineType", help="R: RocksDB timeline, F: file of the timer wheel", parse=one_of("R", "F")),
    ],
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
) -> Outcome:
    """The broker's settings are read back. For R the broker must have been started with timerRocksDBEnable=true."""
    async with run.admin() as admin:
        report = await switch(admin, engine_type, broker_addr=broker_addr, cluster=cluster_name, plan=run.plan)
    return change_outcome(report, _describe, f"the timer engine is {ENGINE_NAMES[engine_type]} already")


def _describe(change: Change) -> str:
    return f"switchTimerEngine to {change.name} success, {change.target}"
