"""`mqadmin updateKvConfig`: set one key of the name servers' KV configuration."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import Key, Namespace, Value
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=ChangeReport, rows="changes", changes=True, example="mqadmin updateKvConfig -s MY_SPACE -k k1 -v v1")
async def update_kv_config(
    run: Run,
    namespace: Namespace,
    key: Key,
    value: Value,
) -> Outcome:
    """On every name server given, each read back."""
    async with run.admin() as admin:
        report = await admin.kv.put(namespace, key, value, plan=run.plan)
    return change_outcome(report, _describe, f"{namespace}/{key} is '{value}' already")


def _describe(change: Change) -> str:
    return f"{change.action} kv config to namespace success, {change.target}"
