"""A part of a screen as a moment judges it: answers are asked for every ten seconds, and a judgement that the verdict
has already may have come since. What stands below the verdict is of the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from rocketmq_ops.housekeeping.lag import LagState, QueueLag
from rocketmq_ops.tui.model.details.detail import Section, worst
from rocketmq_ops.tui.model.details.group_queues import HEALTH, known_facts
from rocketmq_ops.tui.model.details.past import STUCK
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.table import Health, Row, Table, worst_first

#: The facts of a group that the looks at all groups say.
_JUDGED: Final = ("State", "Drained in", "Consumed")
#: The columns that say which queue a row is of.
_QUEUE: Final = 3


def judged(section: Section, seen: GroupSeen | None, silent: Mapping[str, Health]) -> Section:
    """The section of a group's queues, or itself where it is judged so. What clients say of a queue stays, as does a
    row that was told before. `silent`: how the brokers are that did not answer, by their names."""
    if seen is None:
        return section
    now = {fact.name: fact for fact in known_facts(seen) if fact.name in _JUDGED}
    facts = tuple([msgspec.structs.replace(now.get(fact.name, fact), now=fact.now) for fact in section.facts])
    table = section.table if section.table is None else _judged(section.table, seen.lag.queues, silent)
    if facts == section.facts and table is section.table:
        return section
    health = worst([HEALTH[seen.lag.state], *(row.health for row in (table.rows if table is not None else ()))])
    if section.failures:  # what could not be learned is no better for that
        health = worst([health, section.health])
    return msgspec.structs.replace(section, facts=facts, table=table, health=health)


def _judged(table: Table, queues: Sequence[QueueLag], silent: Mapping[str, Health]) -> Table:
    state, evidence = table.place("state"), table.place("evidence")
    if state is None or evidence is None:
        return table
    known = {(queue.topic, queue.broker, queue.queue_id): queue for queue in queues}

    def row_of(row: Row) -> Row:
        queue = known.get(row.cells[:_QUEUE])  # type: ignore[arg-type]
        if queue is None or row.stale_since is not None:
            return row
        if row.cells[state] == STUCK and queue.state is not LagState.OK:
            return row
        cells = list(row.cells)
        cells[state], cells[evidence] = queue.state.value, queue.evidence
        health = worst([HEALTH[queue.state], silent.get(queue.broker, Health.OK)])
        return msgspec.structs.replace(row, cells=tuple(cells), health=health)

    rows = [row_of(row) for row in table.rows]
    if rows == table.rows:
        return table
    rows.sort(key=lambda row: worst_first(row.health))
    return msgspec.structs.replace(table, rows=rows)
