"""`mqadmin profile use`: choose the profile that is used when none is named."""

from __future__ import annotations

from rocketmq_ops.mqadmin.connecting.profiles import overrides_of_default
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.local import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.profiles import ProfileReport, existing_file, profile_outcome, view_of
from rocketmq_ops.mqadmin.run import Run


@command(result=ProfileReport, offline=True, example="mqadmin profile use prod")
async def profile_use(run: Run, name: ProfileName) -> Outcome:
    """A note says what goes before the default profile here, such as NAMESRV_ADDR."""
    file = existing_file()
    settings = file.settings(name)
    file.use(name)
    notes = file.save() + [f"{source} goes before the default profile" for source in overrides_of_default()]
    return profile_outcome(file.path, view_of(settings, default=True), notes)
