"""What `--plan` shows: the changes that a command would make, and whom they touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rocketmq_ops.client.admin.changes import Change, ChangingResult

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.render.outcome import Outcome
    from rocketmq_ops.mqadmin.run import Run


async def planned(run: Run, values: dict[str, Any]) -> Outcome:
    """The outcome of a command under `--plan`, with whom it touches."""
    outcome = await run.declaration.function(run, **values)
    await show_affected(run, outcome)
    return outcome


def changes_of(outcome: Outcome) -> list[Change]:
    """The typed changes of an outcome."""
    return outcome.data.as_changes() if isinstance(outcome.data, ChangingResult) else []


async def show_affected(run: Run, outcome: Outcome) -> None:
    """Add to a plan whom it touches: the connected clients, and how far groups are behind.

    Where a server does not tell, the plan is partial.
    """
    from rocketmq_ops.client.admin.affected import affected
    from rocketmq_ops.mqadmin.render.affected import affected_blocks

    moving = [change for change in changes_of(outcome) if change.state == "planned"]
    if not moving or not isinstance(outcome.data, ChangingResult):
        return
    async with run.admin() as admin:
        found = await affected(admin, moving)
    outcome.data.affected = found
    outcome.blocks = [*outcome.blocks, *affected_blocks(found)]
    outcome.errors = [*outcome.errors, *found.failures]
    outcome.notes = [*outcome.notes, *found.notes]
    if found.failures and outcome.status == "planned":
        outcome.status = "partial"
