"""`mqadmin deleteKvConfig`: delete one key of the name servers' KV configuration."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import Key, Namespace
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    dangerous=("key",),
    example="mqadmin deleteKvConfig -s MY_NAMESPACE -k k1",
)
async def delete_kv_config(
    run: Run,
    namespace: Namespace,
    key: Key,
) -> Outcome:
    """On every name server given, each read back. Deleting a key that is not there is reported as having no effect."""
    async with run.admin() as admin:
        report = await admin.kv.delete(namespace, key, plan=run.plan)
    nothing = f"there is no {namespace}/{key}, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    return f"delete kv config from namespace success, {change.target}"
