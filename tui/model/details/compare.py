"""A part of a screen of one thing against what was recorded of it: figures by their change, texts by what they were."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from rocketmq_ops.tui.model.asked import FRESH_MS, told
from rocketmq_ops.tui.model.compared import marked
from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.model.details.secret_settings import hides_secrets
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Health, Kind, Row, Table


class Past(NamedTuple):
    """Rows of a part to compare with. `whole`: what is not among them was not there; `old_ms`: when they were asked,
    to the minute, where that was long before. `too_large`: they were too many to keep."""

    table: Table
    whole: bool = False
    old_ms: int | None = None
    too_large: bool = False


def past_of(part: Part, then: Moment, kept_as: str) -> Past | None:
    """What a moment has of a part: what the screen was told about then, else what is known of the cluster anyway, else
    what the screen was told last before. `kept_as`: the name that its answers are kept under; empty: they are not."""
    asked = told(then.asked, kept_as) if kept_as else None
    fresh = asked is not None and asked.whole and then.time_ms - asked.asked_ms <= FRESH_MS
    made = None if (fresh and asked is not None and not asked.too_large) or part.then is None else part.then(then)
    if made is not None and made.table is not None:
        return Past(made.table, part.whole)
    if asked is None:
        return None
    whole = asked.whole and not asked.too_large
    return Past(asked.table, whole, None if fresh else asked.asked_ms, asked.too_large)


def compared(now: Table, then: Past, *, whole: bool) -> tuple[Table, dict[str, Row]]:
    """See `against`; with what is new and what is gone, where all is known of then, and of now (`whole`)."""
    table, before = against(now, then.table)
    return marked(table, before, come=True, gone=whole) if then.whole else (table, before)


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
        if hides_secrets(was) or hides_secrets(cells[at]):
            continue
        if was is not None and cells[at] is not None and str(was) != str(cells[at]):
            cells[at] = f"{was} → {cells[at]}"
    if tuple(cells) == row.cells:
        return row
    health = Health.INFO if row.health is Health.OK else row.health
    return msgspec.structs.replace(row, cells=tuple(cells), health=health)
