"""The journal of changes: what was changed, by whom, what became of it, and whether it was undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rocketmq_ops.tui.changes import JournalEntry, line_of
from rocketmq_ops.tui.model.details.detail import Section, table_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row

#: Changes that are shown.
MOST: Final = 500
_COLUMNS: Final = (
    Column(key="id", title="Number", kind=Kind.COUNT),
    Column(key="time", title="Made", kind=Kind.MOMENT),
    Column(key="user", title="By", drop=1),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="line", title="Command line", least=30),
    Column(key="things", title="Things", kind=Kind.COUNT, drop=2),
)
_HEALTH: Final = {
    "done": Health.OK,
    "undone": Health.INFO,
    "partial": Health.WARNING,
    "no_effect": Health.WARNING,
    "failed": Health.CRITICAL,
    "unfinished": Health.CRITICAL,
}


def journal_section(entries: Sequence[JournalEntry]) -> Section:
    """The changes of this cluster, the latest first. The key of a row is the change's number."""
    rows = []
    for entry in entries:
        if not entry.here:
            continue
        state = "undone" if entry.undone_by else entry.status
        rows.append(
            Row(
                key=str(entry.id),
                cells=(
                    entry.id,
                    round(datetime.fromisoformat(entry.time).timestamp() * 1000),
                    entry.user,
                    state.replace("_", " "),
                    line_of(entry.words),
                    len(entry.changes),
                ),
                health=_HEALTH.get(state, Health.UNKNOWN),
            )
        )
    return table_of(_COLUMNS, rows, "nothing was changed from this machine on this cluster")
