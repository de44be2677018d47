"""`mqadmin shell`: commands in one warm process."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.local import GivenFile
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class ShellEnd(msgspec.Struct, rename="camel"):
    """The exit code of the last line that failed, 0 where none did. It is not printed: stdout is that of the lines."""

    exit_code: int


@command(result=ShellEnd, offline=True, example="mqadmin shell -n 127.0.0.1:9876")
async def shell(
    run: Run,
    script: Annotated[GivenFile | None, "run the lines of this file; none: of stdin, or of you at a terminal"] = None,
) -> Outcome:
    """A line is what follows mqadmin: `topicList -c`. Imports and connections stay, so that a line takes milliseconds.

    At a terminal there are history and completion with the cluster's names, Ctrl-C ends a command and not the shell,
    `use PROFILE` or `use HOST:PORT` turns to another cluster, and exit or Ctrl-D ends it. Lines of a file or a pipe are
    run to the end, and the exit code is that of the last one that failed; `#` begins a comment.
    """
    from rocketmq_ops.mqadmin.shell import run_shell

    code = run_shell(script, run.options.namesrv, run.options.profile, run.options.lang)
    return Outcome(data=ShellEnd(code), text="", exit_code=ExitCode(code))
