"""What a rule declares, whoever applies it: the doctor to facts of a cluster, the lint to the lines of a file.

`docs/doctor.md` is generated from these declarations.
"""

from __future__ import annotations

import msgspec

from rocketmq_ops.housekeeping.findings import Finding, Severity


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as people read it. `remedy` is what is advised where a hit brings no remedy of its own."""

    #: Stable: subject, a dot, and what is wrong.
    id: str
    severity: Severity
    #: One sentence: what is wrong when it fires, and what follows from that.
    summary: str
    remedy: str
    #: When it fires although nothing is wrong. Empty where that cannot be.
    false_alarms: str = ""

    @property
    def subject(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    def finding(self, hit: Hit) -> Finding:
        """A hit as a finding of this rule."""
        return Finding(
            id=self.id,
            severity=self.severity,
            target=hit.target,
            evidence=hit.evidence,
            remedy=hit.remedy or self.remedy,
        )


class Hit(msgspec.Struct, frozen=True):
    """Where a rule fires: what it is about, and what was seen, with figures and units."""

    target: str
    evidence: str
    remedy: str = ""
