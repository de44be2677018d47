"""What the prober's runs found, kept in the history beside their figures: written when it is not as it was before.

Bounded as the history is, by age and bytes; and of one run the worst findings, their texts cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.housekeeping.findings import Finding
from rocketmq_ops.housekeeping.history.file import History

_NAME: Final = "probe.findings"
#: Findings of a run that are kept, and characters of a text.
MOST: Final = 200
MOST_CHARACTERS: Final = 1000


class FoundAt(NamedTuple):
    """The findings since a run (ms since 1970), until the next of these."""

    time_ms: int
    findings: list[Finding]


def keep(history: History, time_ms: int, findings: Sequence[Finding]) -> None:
    """Keep what a run found, which are sorted, the worst first. Raises HistoryError."""
    kept = [
        msgspec.structs.replace(
            finding, evidence=finding.evidence[:MOST_CHARACTERS], remedy=finding.remedy[:MOST_CHARACTERS]
        )
        for finding in findings[:MOST]
    ]
    history.put_text(time_ms, _NAME, msgspec.json.encode(kept).decode())


def found(history: History, begin_ms: int, end_ms: int) -> list[FoundAt]:
    """What was found between two times, the oldest first, with what was in force at the beginning; nothing of runs that
    kept none. Raises HistoryError."""
    return [
        FoundAt(time_ms, msgspec.json.decode(body, type=list[Finding]))
        for time_ms, body in history.text_between(_NAME, begin_ms, end_ms)
    ]


def since(changes: Sequence[FoundAt]) -> list[tuple[Finding, int]]:
    """The findings of the last of these, each with the time since when it has been found without a gap."""
    if not changes:
        return []
    result = []
    for finding in changes[-1].findings:
        begun = changes[-1].time_ms
        for each in reversed(changes[:-1]):
            if not any((other.id, other.target) == (finding.id, finding.target) for other in each.findings):
                break
            begun = each.time_ms
        result.append((finding, begun))
    return result
