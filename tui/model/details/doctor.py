"""What the doctor finds in the cluster: its rules, applied to facts that are asked for when the screen is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from rocketmq_ops.housekeeping.doctor.examine import GIVEN, SUBJECTS, examine, needed, rules_of
from rocketmq_ops.housekeeping.doctor.gather import gather
from rocketmq_ops.housekeeping.findings import Finding
from rocketmq_ops.tui.model.address import AddressError
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Part, Section, also, steady, table_of
from rocketmq_ops.tui.model.details.last import names_of, not_listed
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

COLUMNS: Final = (
    Column(key="severity", title="Severity", kind=Kind.STATE),
    Column(key="rule", title="Rule", least=12),
    Column(key="target", title="About", least=10),
    Column(key="evidence", title="Evidence", kind=Kind.SENTENCE, least=24),
    Column(key="remedy", title="Remedy", kind=Kind.SENTENCE, least=24, drop=1),
)


def parts(asking: Asking) -> Sequence[Part]:
    """The one part of `:doctor` and `:doctor/SUBJECT`. Facts are asked for once, as `mqadmin doctor` asks."""

    async def findings() -> Section:
        subject = asking.name or None
        if subject is not None and subject not in SUBJECTS:
            raise AddressError(f"there is no subject '{subject}'", f"the subjects are {', '.join(SUBJECTS)}")
        rules = rules_of(subject)
        facts = await gather(asking.admin, needed(rules) - GIVEN)
        found = await asyncio.to_thread(examine, facts, rules)
        moment = asking.moment
        return also(finding_section(found, len(rules), facts.taken_at), not_listed(moment, names_of(moment)))

    return (Part("findings", "Findings", findings),)


def finding_section(found: Sequence[Finding], rules: int, taken_ms: int) -> Section:
    """The findings, the worst first, with what was seen and what to do."""
    rows = [
        Row(
            key=key,
            cells=(finding.severity.value, finding.id, finding.target, finding.evidence, finding.remedy),
            health=Health(finding.severity.value),
        )
        for key, finding in zip(steady(f"{each.id} {each.target}" for each in found), found, strict=True)
    ]
    rows.sort(key=lambda row: worst_first(row.health))
    facts = (
        Fact("Rules", rules, Kind.COUNT),
        Fact("Findings", len(rows), Kind.COUNT),
        Fact("Examined", taken_ms, Kind.MOMENT),
    )
    return also(table_of(COLUMNS, rows, "nothing was found"), (), *facts)
