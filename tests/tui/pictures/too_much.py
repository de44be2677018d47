"""Sections with too much of everything: rows, names that are too long, figures that are too large."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.tui.model.details.detail import Fact, Section
from rocketmq_ops.tui.model.table import Kind, Row, Table, Value

_WORD = "很长的名称-and-on-"
_GROWN = frozenset({Kind.COUNT, Kind.RATE, Kind.BYTES, Kind.SPAN})


def too_much(section: Section) -> Section:
    """The section with many times what it has."""
    table = section.table
    if table is not None and table.rows:
        rows = [
            Row(
                key=f"{row.key} {number}",
                cells=tuple(
                    cell if column.right else _more(cell, column.kind, number)  # figures that are written already
                    for cell, column in zip(row.cells, table.columns, strict=True)
                ),
                health=row.health,
                opens=row.opens,
            )
            for number in range(60)
            for row in table.rows
        ]
        table = Table(columns=table.columns, rows=rows)
    lines = None if section.lines is None else tuple(f"{n} {line * 8}" for n in range(60) for line in section.lines)
    return msgspec.structs.replace(
        section,
        table=table,
        lines=lines,
        facts=tuple(Fact(f.name, _more(f.value, f.kind, 2), f.kind, f.health) for f in section.facts),
        failures=tuple(Failure(f"10.0.0.{n}:10911", _WORD * 6, RemotingConnectError.next_step) for n in range(9)),
    )


def _more(value: Value, kind: Kind, number: int) -> Value:
    if isinstance(value, str) and kind is Kind.TEXT:
        return value if number % 3 else f"{value}{_WORD * 5}"
    if isinstance(value, (int, float)) and kind in _GROWN:
        return value * 123_456_789
    return value
