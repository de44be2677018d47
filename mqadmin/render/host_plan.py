"""How the plan of a host's changes looks."""

from __future__ import annotations

from rocketmq_ops.housekeeping.host.changes import Plan


def plan_lines(plan: Plan, verb: str) -> list[str]:
    """Each file with its lines and what makes it take effect, then what is left to do by hand."""
    lines: list[str] = []
    for file in plan.files:
        lines.append(f"{verb if file.changed else 'unchanged'} /{file.path}")
        if file.changed:
            lines += [f"    {line}" for line in file.text.splitlines()]
        lines.append(f"  takes effect with: {file.activate}")
    lines += [f"by hand {item.id}: {item.current}, wanted {item.wanted}: {item.hand}" for item in plan.by_hand]
    lines += plan.notes
    return lines or ["nothing to change"]
