"""`mqadmin profile show`: what a profile says, or what a command would connect by here and now."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.connecting.credentials import with_credentials
from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path
from rocketmq_ops.mqadmin.connecting.profiles import choose
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import not_found
from rocketmq_ops.mqadmin.options.local import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.profiles import ProfileReport, existing_file, profile_outcome, view_of
from rocketmq_ops.mqadmin.run import Run


@command(result=ProfileReport, offline=True, example="mqadmin profile show prod")
async def profile_show(
    run: Run,
    name: Annotated[ProfileName | None, "name of the profile; without one, what a command here connects by"] = None,
) -> Outcome:
    """Without a name, options, environment and files are looked at in the order in which commands do, and what decided
    is shown. No secret is read or shown."""
    if name is not None:
        file = existing_file()
        return profile_outcome(file.path, view_of(file.settings(name), default=file.default == name))
    settings = choose(run.options.namesrv, run.options.profile)
    if settings is None:
        raise not_found(
            "nothing says which name server to use", "pass -n HOST:PORT, or `mqadmin profile add` a profile"
        )
    found = ProfileFile.read()
    settings = with_credentials(settings, run.options.credentials)
    is_default = settings.profile is not None and found is not None and found.default == settings.profile
    return profile_outcome(profiles_path(), view_of(settings, default=is_default))
