"""`mqadmin updateNamesrvConfig`: change one key of the name servers' configuration."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import Key, Value
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    example="mqadmin updateNamesrvConfig -k orderMessageEnable -v true",
)
async def update_namesrv_config(
    run: Run,
    key: Key,
    value: Value,
) -> Outcome:
    """On every name server given. A key that a name server does not have is refused with the nearest one."""
    async with run.admin() as admin:
        report = await admin.configs.update_namesrvs(key, value, plan=run.plan)
    return change_outcome(report, _describe, f"{key} is '{value}' already")


def _describe(change: Change) -> str:
    return f"update name server config success, {change.target}"
