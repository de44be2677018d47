"""`mqadmin updateKvConfig`: set one key of the name servers' KV configuration."""

from __future__ import annotations

from typing import Annotated

from ...client.admin.changes import Change, ChangeReport
from ..declare import Opt, command
from ..outcome import Outcome
from ..report import change_outcome
from ..run import Run


@command(result=ChangeReport, rows="changes", changes=True, example="mqadmin updateKvConfig -s MY_SPACE -k k1 -v v1")
async def update_kv_config(
    run: Run,
    namespace: Annotated[str, Opt("-s", "--namespace", help="namespace of the key")],
    key: Annotated[str, Opt("-k", "--key", help="key")],
    value: Annotated[str, Opt("-v", "--value", help="its new value")],
) -> Outcome:
    """On every name server given, each read back."""
    async with run.admin() as admin:
        report = await admin.kv.put(namespace, key, value, plan=run.plan)
    return change_outcome(report, _describe, f"{namespace}/{key} is '{value}' already")


def _describe(change: Change) -> str:
    return f"{change.action} kv config to namespace success, {change.target}"
