"""Why a list has no rows: what it would be made of was not heard yet, as nobody answers or a broker refuses to tell, or
there is nothing."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.common.errors import some_of
from rocketmq_ops.tui.model.alarms import withheld
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.moment import Answered, Moment
from rocketmq_ops.tui.model.table import Column, Table


def without_rows(columns: tuple[Column, ...], moment: Moment, none: str | None) -> Table:
    """The table that says so; `none`: what there is none of, where that has been answered, and None where not yet."""
    silent = _silent(moment)
    refused = withheld(moment.failures, moment.brokers.values())
    if not silent and refused is not None:  # there may be some
        silent = f"not known: {refused.cause}"
    note = silent or none or "waiting for the first answer"
    return Table(columns=columns, rows=[], note=note, failed=bool(silent))


def _silent(moment: Moment) -> str:
    """Who does not answer of those that everything is asked of, and since when; empty where somebody does."""
    if not moment.name_servers:
        return next((failure.cause for failure in moment.failures), "")
    servers = some_of(_since(moment.name_servers.items()))
    if servers:
        return f"no name server answers: {servers}"
    servers = some_of(_since((broker.label, broker) for broker in moment.brokers.values()))
    return f"no broker answers: {servers}" if servers else ""


def _since(servers: Iterable[tuple[str, Answered]]) -> list[str]:
    """Since when each does not answer; empty where one does, or may yet."""
    said = []
    for name, server in servers:
        if server.failing_since is None:
            return []
        time = time_of_day(server.failing_since)
        said.append(f"{name} since {time}")
    return said
