"""Asking before a dangerous change: on a terminal the name of what it touches is to be typed.

Without a terminal nobody can be asked. Scripts and cron jobs that were written for Apache's tool give no `--yes` and
expect the change, so it is made, and the journal has what was there before; with `required` it is refused instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin import standard_input
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.declare import Declaration

#: `yes` there is `--yes` for every command; `required` refuses what nobody can be asked about; `ask` is the default.
SWITCH = "ROCKETMQ_OPS_CONFIRM"
#: What is typed for a command that touches everything, as it was given no name.
ALL = "all"


def require_consent(declaration: Declaration, values: dict[str, Any], plan: Sequence[str], *, yes: bool) -> None:
    """Return when the change may be made. Raises CommandError when it may not, with nothing sent.

    `plan` are the lines that say what will change.
    """
    name = name_to_type(declaration, values, yes=yes)
    if name is not None:
        require_typed(name, "".join(f"{tr(line)}\n" for line in plan))


def name_to_type(declaration: Declaration, values: dict[str, Any], *, yes: bool) -> str | None:
    """What has to be typed before the change is made; None where nobody is asked, and it may be made.

    Raises CommandError when it may not, with nothing sent.
    """
    wish = os.environ.get(SWITCH, "ask")
    if wish not in ("ask", "yes", "required"):
        raise CommandError(
            f"invalid {SWITCH} '{wish}': expected ask, yes or required", "correct or unset it", ExitCode.USAGE
        )
    if yes or wish == "yes":
        return None
    if not (standard_input.is_terminal() and sys.stderr.isatty()):
        if wish == "required":
            raise CommandError(
                "nothing was changed: the change has to be confirmed, and there is no terminal to ask on",
                "give --yes",
                ExitCode.REFUSED,
            )
        return None
    return touched(declaration, values)


def require_typed(name: str, plan: str) -> None:
    """Show a plan and have its name typed. Raises CommandError when something else was, with nothing sent."""
    if _answer(plan, name) != name:
        raise CommandError(
            f"nothing was changed: '{name}' was not typed", "run it again, or give --yes", ExitCode.REFUSED
        )


def touched(declaration: Declaration, values: dict[str, Any]) -> str:
    """The name of what the change touches, as it was given."""
    found = next((values[name] for name in declaration.dangerous if values.get(name) is not None), ALL)
    return ":".join(map(str, found)) if isinstance(found, tuple) else str(found)


def _answer(plan: str, name: str) -> str:
    import signal

    from rocketmq_ops.mqadmin.render.output import safe_text

    # The event loop takes the first Ctrl-C as a wish to cancel its task, which waits here for a line.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.stdout.flush()
        question = tr(f"Type {name} to do so:")
        sys.stderr.write(f"{safe_text(plan + question)} ")
        sys.stderr.flush()
        return standard_input.line()
    finally:
        signal.signal(signal.SIGINT, usual)
