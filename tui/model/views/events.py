"""What changed in the last ten minutes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Kind, Row, Table

COLUMNS: Final = (
    Column(key="time", title="When", kind=Kind.MOMENT),
    Column(key="kind", title="Kind", kind=Kind.STATE, drop=1),
    Column(key="target", title="What", least=12),
    Column(key="text", title="Change", kind=Kind.STATE, least=20),
)


class EventList:
    """See `View`."""

    name, aliases, title = "events", ("e", "ev", "event", "changes"), "Events"

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.events

    def table(self, moment: Moment, address: Address) -> Table:
        """See `View`."""
        rows = [
            Row(
                key=f"{event.time_ms} {event.kind} {event.target} {event.text}",
                cells=(event.time_ms, event.kind, event.target, event.text),
                health=event.health,
                opens=event.opens,
            )
            for event in moment.events
        ]
        return Table(columns=COLUMNS, rows=rows, note="" if rows else "no change was seen in the last ten minutes")
