"""What the prober of this machine finds, as events: out of the history that it keeps of the same cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.events import SHOWN_MS
from rocketmq_ops.tui.model.moment import Event
from rocketmq_ops.tui.model.table import Health

#: Findings that one run is the first or the last to have, an event each; of more it is said how many.
_MOST: Final = 5
_OPENS: Final = Address("probe")


class Probed:
    """Looks at the history again when it has changed. Not for the loop: it reads files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._until_ms = 0

    def look(self, now_ms: int) -> list[Event]:
        """What was found since the last look, or in the last ten minutes, the latest first. Raises HistoryError."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        seen = tuple(each.stat().st_mtime_ns if each.exists() else 0 for each in files)
        if seen == self._seen or not self._path.exists():
            return []
        with History.read(self._path) as history:
            changes = found.found(history, max(self._until_ms, now_ms - SHOWN_MS), now_ms)
        self._seen = seen
        events = [
            event
            for before, after in pairwise(changes)
            if after.time_ms > self._until_ms
            for event in _events(before.findings, after)
        ]
        if changes:
            self._until_ms = max(self._until_ms, changes[-1].time_ms)
        return events[::-1]


def _events(before: Sequence[Finding], after: found.FoundAt) -> Iterator[Event]:
    was, is_now = _by_key(before), _by_key(after.findings)
    begun = [finding for key, finding in is_now.items() if key not in was]
    over = [finding for key, finding in was.items() if key not in is_now]
    for finding in begun[:_MOST]:
        yield _event(after.time_ms, finding.target, finding.evidence, Health(finding.severity.value))
    for finding in over[:_MOST]:
        yield _event(after.time_ms, finding.target, f"{finding.id} is not found any more", Health.OK)
    left = max(len(begun) - _MOST, 0) + max(len(over) - _MOST, 0)
    if left:
        yield _event(after.time_ms, f"{left}", "findings more have come or gone", Health.INFO)


def _by_key(findings: Sequence[Finding]) -> dict[tuple[str, str], Finding]:
    return {(each.id, each.target): each for each in findings if each.severity is not Severity.OK}


def _event(time_ms: int, target: str, text: str, health: Health) -> Event:
    return Event(time_ms=time_ms, kind="prober", target=target, text=text, health=health, opens=_OPENS)
