"""`mqadmin profile remove`: delete a profile from the file."""

from __future__ import annotations

from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.profiles import ProfileReport, existing_file, profile_outcome, view_of
from rocketmq_ops.mqadmin.run import Run


@command(result=ProfileReport, offline=True, example="mqadmin profile remove old")
async def profile_remove(run: Run, name: ProfileName) -> Outcome:
    """Shows what it was. When it was the default, the file names none afterwards. `profiles.yaml.bak` still has it."""
    file = existing_file()
    view = view_of(file.settings(name), default=file.default == name)
    file.remove(name)
    notes = file.save()
    if view.default and len(file.names) > 1:
        notes.append("it was the default profile: `mqadmin profile use` chooses another")
    if view.secret_key_from is not None and view.secret_key_from.startswith("stored"):
        notes.append(f"its secret key is still in {file.path}.bak: delete that file when it must be gone")
    return profile_outcome(file.path, view, notes)
