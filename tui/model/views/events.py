"""What changed in the last ten minutes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.events import SHOWN_MS
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Kind, Row, Table
from rocketmq_ops.tui.model.views.nothing import brokers_tell, silence, unheard, withheld_text

COLUMNS: Final = (
    Column(key="time", title="When", kind=Kind.MOMENT),
    Column(key="kind", title="Kind", kind=Kind.STATE, drop=1),
    Column(key="target", title="What", least=12),
    Column(key="text", title="Change", kind=Kind.STATE, least=20),
)


class EventList:
    """See `View`."""

    name, aliases, title = "events", ("e", "ev", "event", "changes"), "Events"
    columns, options = COLUMNS, ()
    sort = "time"

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.events

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
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
        note, failed = _note(moment, bool(rows))
        return Table(columns=COLUMNS, rows=rows, note=note, failed=failed)


def _note(moment: Moment, some: bool) -> tuple[str, bool]:
    """What cannot be seen now, and whether that is a failure; else, where there is none, since when none was seen."""
    if moment.watched_ms is None and not moment.live:
        return unheard(moment), False
    silent = silence(moment)
    if silent and brokers_tell(moment):
        return f"which brokers come and go is not known: {silent}", True
    if silent:
        return f"what changes is not known: {silent}", True
    if some:
        return "", False
    refused = withheld_text(moment)
    if refused:
        return refused, True
    if moment.watched_ms is None:
        return unheard(moment), False
    if moment.time_ms - moment.watched_ms < SHOWN_MS:
        return f"no change was seen since {time_of_day(moment.watched_ms)}: before, nobody has looked", False
    return "no change was seen in the last ten minutes", False
