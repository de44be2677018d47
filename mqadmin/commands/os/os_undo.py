"""`mqadmin os undo`: brings back what `os apply` has replaced."""

from __future__ import annotations

import socket
from typing import Annotated

import msgspec

from rocketmq_ops.housekeeping.host.changes import root_of, undo, undoable
from rocketmq_ops.housekeeping.host.record import RefusedError
from rocketmq_ops.mqadmin.confirm import require_consent
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_heading
from rocketmq_ops.mqadmin.options.housekeeping import ForceHost, HostRoot
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class UndoneFile(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A file, and whether it was there before (then `restore`) or not (`remove`)."""

    path: str
    action: str


class HostUndo(msgspec.Struct, rename="camel", kw_only=True):
    """What was, or would be, brought back."""

    root: str
    files: list[UndoneFile]


@command(
    result=HostUndo,
    rows="files",
    name="path",
    offline=True,
    changes=True,
    dangerous=("root",),
    example="mqadmin os undo --root /tmp/copy-of-a-host",
)
async def os_undo(
    run: Run,
    root: HostRoot | None = None,
    force: Annotated[ForceHost, "undo files too that somebody has changed since they were applied"] = False,
) -> Outcome:
    """Every byte is as before the first apply: files that were there come back, the others go.

    The running kernel keeps its settings until the host is restarted.
    """
    host = root_of(root)
    actions = {"old": "restore", "new": "remove"}
    files = [UndoneFile(path=path, action=actions[kind]) for path, kind in undoable(host).items()]
    data = HostUndo(root=host.path, files=files)
    lines = [f"{tr_heading(file.action)} /{file.path}" for file in files]
    if not files:
        return Outcome(data=data, status="no_effect", blocks=["nothing to undo: nothing has been applied here"])
    if run.plan:
        return Outcome(data=data, status="planned", blocks=lines)
    if host.is_this_host:
        require_consent(run.declaration, {"root": socket.gethostname()}, lines, yes=run.options.yes)
    try:
        undo(host, force=force)
    except RefusedError as error:
        raise CommandError(error.cause, error.next_step, ExitCode.REFUSED) from error
    return Outcome(data=data, blocks=[*lines, "running settings stay as they are until the host is restarted"])
