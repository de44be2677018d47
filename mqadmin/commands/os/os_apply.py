"""`mqadmin os apply`: writes the drop-in files of `os plan`."""

from __future__ import annotations

import socket
from typing import Annotated

from rocketmq_ops.housekeeping.host.changes import Plan, apply, plan_of, root_of
from rocketmq_ops.housekeeping.host.items import store_place
from rocketmq_ops.housekeeping.host.record import RefusedError
from rocketmq_ops.mqadmin.confirm import require_consent
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.housekeeping import BrokerStore, ForceHost, HostRoot
from rocketmq_ops.mqadmin.render.host_plan import plan_lines
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=Plan,
    rows="files",
    name="path",
    offline=True,
    changes=True,
    dangerous=("root",),
    example="mqadmin os apply --root /tmp/copy-of-a-host",
)
async def os_apply(
    run: Run,
    root: HostRoot | None = None,
    store: BrokerStore | None = None,
    force: Annotated[ForceHost, "overwrite files of ours that somebody has changed since they were applied"] = False,
) -> Outcome:
    """Writes drop-in files only, and no others: the running kernel stays as it is, and no cache is dropped.

    A second apply changes nothing. `os undo` brings back every byte as it was before the first one. On this machine
    it needs root, and on a terminal the host's name is to be typed; with `--root` neither.
    """
    host = root_of(root)
    plan = plan_of(host, store_place(host, store))
    if run.plan or not plan.writes:
        return Outcome(
            data=plan, status="planned" if plan.writes else "unchanged", blocks=plan_lines(plan, "would write")
        )
    if host.is_this_host:
        require_consent(
            run.declaration, {"root": socket.gethostname()}, plan_lines(plan, "would write"), yes=run.options.yes
        )
    try:
        apply(host, plan, force=force)
    except RefusedError as error:
        raise CommandError(error.cause, error.next_step, ExitCode.REFUSED) from error
    return Outcome(data=plan, blocks=plan_lines(plan, "wrote"))
