"""`mqadmin updateKvConfig`: set one key of the name servers' KV configuration."""

from __future__ import annotations

from ...client.admin.changes import Change, ChangeReport
from ..declare import command
from ..options import Key, Namespace, Value
from ..outcome import Outcome
from ..report import change_outcome
from ..run import Run


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
