"""`mqadmin os script`: the check of a host as a shell script, for one without Python."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class HostScript(msgspec.Struct, rename="camel"):
    """The script, and where it lies on this machine."""

    path: str
    script: str


@command(result=HostScript, offline=True, example="mqadmin os script > os.sh")
async def os_script(run: Run) -> Outcome:
    """POSIX sh without dependencies: copy it to the host and run `sh os.sh check` there. It finds what
    `mqadmin os check` finds, and writes and undoes the same files."""
    found = _shipped()
    return Outcome(data=found, blocks=[found.script.rstrip("\n")])


def _shipped() -> HostScript:
    path = shipped_path("scripts/os.sh")
    return HostScript(path, Path(path).read_text("utf-8"))
