"""`mqadmin updateControllerConfig`: change one key of the controllers' configuration."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ControllerAddress, Key, Value
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    example="mqadmin updateControllerConfig -a 127.0.0.1:9878 -k notifyBrokerRoleChanged -v true",
)
async def update_controller_config(run: Run, controller_address: ControllerAddress, key: Key, value: Value) -> Outcome:
    """On every controller of -a. A key that a controller does not have is refused with the nearest one."""
    async with run.admin() as admin:
        report = await admin.configs.update_controllers(controller_address, key, value, plan=run.plan)
    return change_outcome(report, _describe, f"{key} is '{value}' already")


def _describe(change: Change) -> str:
    return f"update controller config success, {change.target}"
