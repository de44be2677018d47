"""`mqadmin profile remove`: delete a profile from the file."""

from __future__ import annotations

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.local import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.profiles import ProfileRemoval, ProfileView, existing_file, profile_table, view_of
from rocketmq_ops.mqadmin.run import Run


@command(result=ProfileRemoval, offline=True, example="mqadmin profile remove old")
async def profile_remove(run: Run, name: ProfileName) -> Outcome:
    """Shows what it was, and which profile is the default now. One that cannot be used is removed too. When it was the
    default, the file names none afterwards. `profiles.yaml.bak` still has it."""
    file = existing_file()
    default = file.default == name
    notes = []
    try:
        view = view_of(file.settings(name), default=default)
    except RocketMQError as error:
        view = ProfileView(name, default, [], None, None, None, str(file.path))
        notes.append(f"it could not be used: {error.cause}")
    file.remove(name)
    notes += file.save()
    if default and len(file.names) > 1:
        notes.append("it was the default profile: `mqadmin profile use` chooses another")
    if view.secret_key_from is not None and view.secret_key_from.startswith("stored"):
        notes.append(f"its secret key is still in {file.path}.bak: delete that file when it must be gone")
    now = f"the default profile is '{file.default}' now" if file.default else "no profile is the default now"
    blocks: list[Table | str] = [f"profile '{name}' is removed from {file.path}", profile_table(view), now]
    return Outcome(data=ProfileRemoval(str(file.path), view, file.default), blocks=blocks, notes=notes)
