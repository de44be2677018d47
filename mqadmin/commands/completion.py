"""`mqadmin completion`: the script that makes a shell complete mqadmin's words."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.mqadmin.completion.scripts import SCRIPTS
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of


class CompletionScript(msgspec.Struct, rename="camel"):
    """The script for a shell."""

    shell: str
    script: str


@command(result=CompletionScript, offline=True, example='eval "$(mqadmin completion bash)"')
async def completion(
    run: Run, shell: Annotated[str, Opt("SHELL", help="bash, zsh or fish", parse=one_of(*SCRIPTS))]
) -> Outcome:
    """Put the line of the example into ~/.bashrc or ~/.zshrc (there after compinit); for fish
    `mqadmin completion fish | source` into config.fish. Tab then completes commands, options, words that options take,
    and names of the cluster's topics, groups, brokers and keys of configuration, which are kept for a minute."""
    script = SCRIPTS[shell]
    return Outcome(data=CompletionScript(shell, script), blocks=[script.rstrip("\n")])
