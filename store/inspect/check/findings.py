"""What a check says: findings with severity, place, evidence and what to do, gathered in a report that stays small.

The kinds of finding are declared in `catalogue.py`; nothing is rendered here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

MAX_PER_KIND = 100


class Severity(IntEnum):
    """How bad a finding is. INFO needs no action; WARNING: a broker copes with it; ERROR: something that was stored
    cannot be served as it was; CRITICAL: a broker will refuse to start or will cut off messages."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3


class Finding(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One thing found. `file` is relative to the store directory; `position` counts bytes in it; `offset` is a
    commitlog offset in bytes where the finding is about one; `length` is the extent in bytes when known."""

    id: str
    severity: str
    message: str
    file: str = ""
    position: int | None = None
    offset: int | None = None
    length: int | None = None
    evidence: dict[str, Any] = {}
    action: str = ""


class Report:
    """Findings of one run: all counted by kind, the first MAX_PER_KIND of each kept."""

    def __init__(self, max_per_kind: int = MAX_PER_KIND) -> None:
        self.findings: list[Finding] = []
        self.counts: dict[str, int] = {}
        self.facts: dict[str, int] = {}
        self._max_per_kind = max_per_kind

    def add(
        self,
        kind: str,
        message: str,
        *,
        file: str = "",
        position: int | None = None,
        offset: int | None = None,
        length: int | None = None,
        severity: Severity | None = None,
        **evidence: Any,
    ) -> None:
        """Add a finding of a catalogued kind; its severity is the kind's unless given."""
        from rocketmq_ops.store.inspect.check.catalogue import CATALOGUE

        entry = CATALOGUE[kind]
        count = self.counts[kind] = self.counts.get(kind, 0) + 1
        if count > self._max_per_kind:
            return
        level = entry.severity if severity is None else severity
        self.findings.append(
            Finding(
                id=kind, severity=level.name.lower(), message=message, file=file, position=position, offset=offset,
                length=length, evidence=evidence, action=entry.action,
            )
        )  # fmt: skip

    def left(self, kind: str) -> int:
        """How many more findings of a kind would be kept."""
        return max(0, self._max_per_kind - self.counts.get(kind, 0))

    def add_uncounted(self, kind: str, amount: int) -> None:
        """Count findings of a kind of which none would be kept."""
        if amount > 0:
            self.counts[kind] = self.counts.get(kind, 0) + amount

    def count(self, fact: str, amount: int = 1) -> None:
        """Count what was examined (records, units, entries), so that a report says what it is based on."""
        self.facts[fact] = self.facts.get(fact, 0) + amount

    @property
    def worst(self) -> Severity | None:
        """The highest severity found, None when nothing was."""
        return max((Severity[f.severity.upper()] for f in self.findings), default=None)
