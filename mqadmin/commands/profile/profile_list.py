"""`mqadmin profile list`: the profiles of this user."""

from __future__ import annotations

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Status, Table
from rocketmq_ops.mqadmin.render.profiles import ProfileList, ProfileView, view_of
from rocketmq_ops.mqadmin.run import Run


@command(result=ProfileList, rows="profiles", offline=True, example="mqadmin profile list")
async def profile_list(run: Run) -> Outcome:
    """The default one has a mark. A profile that cannot be used is an error, the others are listed."""
    file = ProfileFile.read()
    if file is None or not file.names:
        data = ProfileList(str(profiles_path()), [])
        return Outcome(data=data, status="empty", blocks=["no profiles; `mqadmin profile add` makes one"])
    views: list[ProfileView] = []
    errors: list[Failure] = []
    for name in file.names:
        try:
            views.append(view_of(file.settings(name), default=file.default == name))
        except RocketMQError as error:
            errors.append(Failure(name, error.cause, error.next_step, None))
    rows: list[list[Cell]] = [
        [
            "*" if view.default else "",
            view.name,
            ";".join(view.namesrv),
            view.access_key or "",
            view.secret_key_from or "",
        ]
        for view in views
    ]
    table = Table(["#DEFAULT", "#NAME", "#NAMESRV", "#ACCESS KEY", "#SECRET KEY"], rows)
    status: Status = "ok" if not errors else "partial" if views else "failed"
    return Outcome(data=ProfileList(str(file.path), views), blocks=[table], status=status, errors=errors)
