"""How findings of housekeeping look, and the exit code that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rocketmq_ops.housekeeping.findings import Finding, Severity, worst
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.render.outcome import Cell, Table

#: By the worst finding. What could not be judged is a partial answer.
EXIT: Final = {
    Severity.OK: ExitCode.OK,
    Severity.INFO: ExitCode.OK,
    Severity.UNKNOWN: ExitCode.PARTIAL,
    Severity.WARNING: ExitCode.STORE_WARNING,
    Severity.CRITICAL: ExitCode.STORE_CRITICAL,
}
#: How many there are of each severity, for people.
_COUNTED: Final = {
    "critical": "{count} critical",
    "warning": "{count} warning",
    "unknown": "{count} unknown",
    "info": "{count} info",
    "ok": "{count} ok",
}
_WORST_FIRST: Final = tuple(reversed(Severity))


def exit_of(findings: Sequence[Finding]) -> ExitCode:
    """The exit code that these findings mean."""
    return EXIT[worst(finding.severity for finding in findings)]


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, the worst first, else as they come."""
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.severity))


def counts_of(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings there are of each severity that there is, the worst first."""
    counts = {severity.value: sum(f.severity is severity for f in findings) for severity in _WORST_FIRST}
    return {name: count for name, count in counts.items() if count}


def finding_blocks(findings: Sequence[Finding]) -> list[Table | str]:
    """A table of the findings, and what to do about each kind; rules that lack the same facts are one line."""
    rows: list[list[Cell]] = []
    unknown: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.severity is Severity.UNKNOWN:
            unknown.setdefault((finding.target, finding.evidence), []).append(finding.id)
        else:
            rows.append([finding.severity.upper(), finding.id, finding.target, finding.evidence])
    rows += [["UNKNOWN", _named(ids), target, evidence] for (target, evidence), ids in unknown.items()]
    if not rows:
        return ["no findings"]
    blocks: list[Table | str] = [
        Table(["#SEVERITY", "#ID", "#TARGET", "#EVIDENCE"], rows, ours=("#SEVERITY", "#EVIDENCE")),
        "",
    ]
    judged = [f for f in findings if f.remedy and f.severity is not Severity.UNKNOWN]
    remedies = dict.fromkeys(f"{f.id}: {tr_message(f.remedy)}" for f in judged)
    if remedies:
        blocks += ["to do:", *("  " + line for line in remedies), ""]
    told = ", ".join(_COUNTED[name].format(count=count) for name, count in counts_of(findings).items())
    blocks.append(tr_message(told))
    return blocks


def _named(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more rules"
