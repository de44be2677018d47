"""A part of a screen of one thing as a recorded moment has it: what it has by itself, and what was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.asked import FRESH_MS, told
from rocketmq_ops.tui.model.broker_state import stale
from rocketmq_ops.tui.model.details.detail import Part, Section, worst
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Row, Table, by_key, worst_first

#: A state that clients alone can tell of.
STUCK: Final = "stuck"


class Recorded(NamedTuple):
    """`told_ms`: when the screen was told what of it the moment has not by itself, to the minute; None: nothing is.
    `too_large`: that was too large to keep. `partly`: the rows are the moment's, with what it lacks as it was told."""

    section: Section
    told_ms: int | None = None
    too_large: bool = False
    partly: bool = False


def recorded_of(part: Part, moment: Moment, kept_as: str) -> Recorded | None:
    """None where nothing of it is recorded. `kept_as`: the name that its answers are kept under; empty: they are not.

    What is in the moment by itself is newer, and holds; it lacks what only clients and brokers can tell.
    """
    kept = told(moment.asked, kept_as) if kept_as else None
    base = part.past(moment) if part.past is not None else None
    if kept is None or kept.too_large:
        if base is None and part.past is None and part.then is not None:
            base = _then(part, moment)
        if base is None:
            return None if kept is None else Recorded(Section(), kept.asked_ms, too_large=True)
        return Recorded(base, None if kept is None else kept.asked_ms, kept is not None)
    if base is None:
        return Recorded(kept.section, kept.asked_ms)
    if base.table is None or kept.section.table is None:
        return Recorded(base)
    if moment.time_ms - kept.asked_ms > FRESH_MS:
        return Recorded(base)
    if [each.key for each in base.table.columns] != [each.key for each in kept.table.columns]:
        section = msgspec.structs.replace(base, table=kept.table, health=worst([base.health, kept.section.health]))
        return Recorded(section, kept.asked_ms)
    table = _filled(base.table, kept.table)
    health = worst([base.health, *(row.health for row in table.rows)])
    return Recorded(msgspec.structs.replace(base, table=table, health=health), kept.asked_ms, partly=True)


class Before(NamedTuple):
    """The rows of a part as a moment had them by itself, and when that was (ms since 1970)."""

    rows: dict[str, Row]
    time_ms: int


def silent_since(moment: Moment) -> dict[str, int]:
    """The brokers that told nothing at a moment, by their names, and when each told last (ms since 1970)."""
    return stale(moment.brokers.values())


def with_before(table: Table, before: Before, silent: Collection[str]) -> Table:
    """The rows of queues of silent brokers with the figures that these told before, and their age; how the row is
    stays as it is now."""
    place, state = table.place("broker"), table.place("state")
    if place is None or table.place("queue") is None:
        return table

    def filled(row: Row) -> Row:
        was = before.rows.get(row.key)
        if was is None or row.cells[place] not in silent or len(was.cells) != len(row.cells):
            return row
        cells = tuple(
            old if now is None and at != state else now
            for at, (now, old) in enumerate(zip(row.cells, was.cells, strict=True))
        )
        return row if cells == row.cells else msgspec.structs.replace(row, cells=cells, stale_since=before.time_ms)

    return msgspec.structs.replace(table, rows=[filled(row) for row in table.rows])


def _then(part: Part, moment: Moment) -> Section | None:
    assert part.then is not None
    try:
        made = part.then(moment)
    except RocketMQError:  # it is asked of a cluster, and there is none
        return None
    return None if made is None or (made.table is None and made.lines is None) else made


def _filled(base: Table, kept: Table) -> Table:
    """The rows with what they do not know, and which are stuck, as it was told."""
    there, state = by_key(kept), base.place("state")
    rows = [_row(row, there[row.key], state) if row.key in there else row for row in base.rows]
    rows.sort(key=lambda row: worst_first(row.health))
    return msgspec.structs.replace(base, rows=rows)


def _row(row: Row, kept: Row, state: int | None) -> Row:
    cells = [was if now is None else now for now, was in zip(row.cells, kept.cells, strict=True)]
    health = row.health
    if state is not None and kept.cells[state] == STUCK and row.cells[state] != LagState.OK.value:
        health, cells[state] = kept.health, STUCK
    return msgspec.structs.replace(row, cells=tuple(cells), health=health, opens=row.opens or kept.opens)
