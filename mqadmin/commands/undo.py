"""`mqadmin undo`: bring back what a change has replaced."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import not_found
from rocketmq_ops.mqadmin.journal.entries import records
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.mqadmin.journal.undo import undo as undo_changes
from rocketmq_ops.mqadmin.options.local import ChangeId
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    dangerous=("change_id",),
    offline_with=("change_id",),
    example="mqadmin undo 12 --plan",
)
async def undo(run: Run, change_id: ChangeId) -> Outcome:
    """On the name servers, and with the profile, of the change; -n and --profile name others. What cannot be brought
    back is named, with the reason. Undoing is a change like others: it is read back, and can be undone.
    """
    return undo_outcome(change_id, await undone(run, change_id))


async def undone(run: Run, change_id: int, *, made_by: str | None = None) -> ChangeReport:
    """Undo a change of the journal, of the command `made_by` only if given. Raises CommandError if it is not there."""
    journal = JournalFile()
    record = records(journal).get(change_id)
    if record is None or made_by not in (None, record.started.command):
        missing = (
            f"there is no change {change_id} in {journal.path}"
            if made_by is None
            else f"there is no change {change_id} of `mqadmin {made_by}` in {journal.path}"
        )
        raise not_found(missing, "`mqadmin history` lists them")
    run.connect_as(record.started.name_servers, record.started.profile)
    async with run.admin() as admin:
        return await undo_changes(admin, record, plan=run.plan)


def undo_outcome(change_id: int, report: ChangeReport) -> Outcome:
    """The outcome of undoing, of this command and of others' `--undo`."""
    return change_outcome(report, _describe, f"everything is as it was before change {change_id}")


def _describe(change: Change) -> str:
    return f"{change.action} {change.kind} {change.name} on {change.target} success."
