"""A part of a screen of one thing against what was recorded of it: figures by their change, texts by what they were."""

from __future__ import annotations

import msgspec

from rocketmq_ops.tui.model.table import Health, Kind, Row, Table


def against(now: Table, then: Table) -> tuple[Table, dict[str, Row]]:
    """The table with what texts were before, where they are others now, and the rows of then by their keys.

    Those have the columns of now: what was not recorded is unknown.
    """
    places = [then.place(column.key) for column in now.columns]
    before = {
        row.key: msgspec.structs.replace(row, cells=tuple(None if at is None else row.cells[at] for at in places))
        for row in then.rows
    }
    texts = [at for at, column in enumerate(now.columns) if column.kind is Kind.TEXT]
    rows = [_with_texts(row, before.get(row.key), texts) for row in now.rows]
    return msgspec.structs.replace(now, rows=rows), before


def _with_texts(row: Row, then: Row | None, texts: list[int]) -> Row:
    if then is None:
        return row
    cells = list(row.cells)
    for at in texts:
        was = then.cells[at]
        if was is not None and cells[at] is not None and str(was) != str(cells[at]):
            cells[at] = f"{was} → {cells[at]}"
    if tuple(cells) == row.cells:
        return row
    health = Health.INFO if row.health is Health.OK else row.health
    return msgspec.structs.replace(row, cells=tuple(cells), health=health)
