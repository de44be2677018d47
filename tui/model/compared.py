"""What is said while rows stand against those of ten minutes ago: that they do, or why not."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table, Value

#: What a comparison compares with, in ms before the moment that is shown.
COMPARED_MS: Final = 10 * 60_000

_CHANGE: Final = Column(key="change", title="Change", kind=Kind.STATE, least=4)


class Then(NamedTuple):
    """Rows to compare with, by their keys. `whole`: what is not among them was not there."""

    rows: dict[str, Row]
    whole: bool


def marked(now: Table, then: Mapping[str, Row], *, come: bool, gone: bool) -> tuple[Table, dict[str, Row]]:
    """The table with a column that says which rows have come since and, behind the others, those that have gone; and
    the rows of then with that column. As they are where there is none, or where that is not known of `come` or `gone`.
    """
    keys = {row.key for row in now.rows}
    new = keys - then.keys() if come else set()
    left = [row for key, row in then.items() if key not in keys] if gone else []
    if not new and not left:
        return now, dict(then)
    rows = [_said(row, "new" if row.key in new else "") for row in now.rows]
    rows += [_said(msgspec.structs.replace(row, health=Health.OK, opens=None), "gone") for row in left]
    columns = (now.columns[0], _CHANGE, *now.columns[1:])
    return msgspec.structs.replace(now, columns=columns, rows=rows), {
        key: _said(row, None) for key, row in then.items()
    }


def _said(row: Row, change: Value) -> Row:
    health = Health.INFO if change and row.health is Health.OK else row.health
    return msgspec.structs.replace(row, cells=(row.cells[0], change, *row.cells[1:]), health=health)


def any_known(rows: Iterable[Row], then: Container[str] | None) -> bool:
    """Whether one of these rows was there then, by the keys of those that were."""
    return then is not None and any(row.key in then for row in rows)


def compared_text(model: Model, *, known: bool) -> str:
    """In English. `known`: something of what is shown is known of then."""
    if known:
        return "against 10 minutes ago"
    if model.busy:
        return "reading what was 10 minutes ago …"
    span = model.span()
    if span is None:
        return "nothing is known of 10 minutes ago: nothing was recorded yet"
    time = time_of_day(span.first_ms)
    return f"nothing of this is known of 10 minutes ago; samples since {time}"
