"""Settings side by side of servers or clients of which some do not answer: what each of these told last stays in its
column, cell by cell, beside what the others say now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from rocketmq_ops.tui.model.details.detail import ABSENT, BETWEEN_THEM, OF, worst
from rocketmq_ops.tui.model.table import Health, Row, Table, Value, by_key, worst_first

#: The column that says how a row differs.
_DIFFERS: Final = "differs"


def with_columns(table: Table, untold: Collection[str], before: Table, told_ms: int) -> Table:
    """A table of `side_by_side` with its columns `untold`, by their keys, as they stand in the table of before, which
    was told at `told_ms` (ms since 1970). Rows that have cells of then are marked with the age of the oldest."""
    keys = [column.key for column in before.columns]
    filled = frozenset(untold).intersection(keys)
    if not filled:
        return table
    columns = table.columns
    if {column.key for column in columns} == {*keys}:  # each stays in its place
        columns = tuple(sorted(columns, key=lambda column: keys.index(column.key)))
    now, was = by_key(table), by_key(before)
    rows = []
    for name in now | was:
        row, old = now.get(name), was.get(name)
        there, then = _cells(table, row), _cells(before, old)
        if row is None and all(then.get(key) in (None, ABSENT) for key in filled):
            continue  # who had it has answered, and has it no more
        cells: dict[str, Value] = {}
        for key in (column.key for column in columns):
            now_here = there.get(key)
            if key.startswith(OF) and key not in filled:  # of who has answered all is known that there is
                cells[key] = ABSENT if row is None and key not in untold else now_here
            else:
                cells[key] = then.get(key) if now_here is None else now_here
        made = _row(name, cells, row, then)
        if old is not None and any(cells[key] is not None for key in filled):  # that all is well is not known now
            since = min(told_ms, old.stale_since or told_ms)
            made = msgspec.structs.replace(made, health=worst([made.health, Health.UNKNOWN]), stale_since=since)
        rows.append(made)
    rows.sort(key=lambda row: (worst_first(row.health), row.key))
    return msgspec.structs.replace(table, columns=columns, rows=rows, note="" if rows else table.note)


def _cells(table: Table, row: Row | None) -> dict[str, Value]:
    """The cells of a row by the keys of their columns."""
    return {} if row is None else {column.key: cell for column, cell in zip(table.columns, row.cells, strict=True)}


def _row(name: str, cells: dict[str, Value], row: Row | None, then: Mapping[str, Value]) -> Row:
    """The row of these cells; how it differs is seen in what is told now and before together. What differed before and
    was no fault, as each has its own, is none still."""
    health = row.health if row is not None else Health.OK
    if health is not Health.WARNING and len(_values(cells)) > 1:
        if len(_values(then)) > 1 and then[_DIFFERS] != BETWEEN_THEM:
            cells[_DIFFERS] = then[_DIFFERS]
        else:
            cells[_DIFFERS], health = BETWEEN_THEM, Health.WARNING
    return Row(key=name, cells=tuple(cells.values()), health=health)


def _values(cells: Mapping[str, Value]) -> set[Value]:
    return {value for key, value in cells.items() if key.startswith(OF) and value is not None}
