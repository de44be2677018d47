"""What housekeeping finds: one model for the doctor's rules, the prober's expectations and the lint of files."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad a finding is, the mildest first. UNKNOWN: it could not be judged, which is neither good nor bad."""

    OK = "ok"
    INFO = "info"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"


_ORDER = tuple(Severity)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of them; OK for none."""
    return max(severities, key=_ORDER.index, default=Severity.OK)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found, for a person who has to act on it."""

    #: Stable name of the rule, as in `topics.write-more-than-read`.
    id: str
    severity: Severity
    #: What it is about: a broker, a topic, a group, an address, a file with its line.
    target: str
    #: What was seen, with figures and units.
    evidence: str
    #: What to do: a command of mqadmin, or a setting with its value. Empty where nothing is to be done.
    remedy: str = ""
