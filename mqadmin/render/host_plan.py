"""How the plan of a host's changes looks."""

from __future__ import annotations

from rocketmq_ops.housekeeping.host.changes import Plan
from rocketmq_ops.mqadmin.lang import tr_message


def plan_lines(plan: Plan, verb: str) -> list[str]:
    """Each file with its lines and what makes it take effect, then what is left to do by hand."""
    lines: list[str] = []
    for file in plan.files:
        lines.append(f"{tr_message(verb if file.changed else 'unchanged')} /{file.path}")
        if file.changed:
            lines += [f"    {line}" for line in file.text.splitlines()]
        lines.append(tr_message(f"  takes effect with: {file.activate}"))
    lines += [
        tr_message(f"by hand {item.id}: {item.current}, wanted {item.wanted}: {item.hand}") for item in plan.by_hand
    ]
    lines += map(tr_message, plan.notes)
    return lines or ["nothing to change"]
