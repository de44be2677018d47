"""Why a list has no rows, or may lack some: what it would be made of was not heard yet, as nobody answers or a server
refuses to tell; it was not recorded; or there is nothing."""

from __future__ import annotations

from collections.abc import Collection

from rocketmq_ops.common.errors import some_of
from rocketmq_ops.tui.model.alarms import withheld
from rocketmq_ops.tui.model.broker_state import signs
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.moment import Answered, Moment
from rocketmq_ops.tui.model.table import Column, Table


def without_rows(columns: tuple[Column, ...], moment: Moment, none: str | None) -> Table:
    """The table that says so; `none`: what there is none of, where that has been answered, and None where not yet."""
    silent = silence(moment) or withheld_text(moment)
    note = silent or none or unheard(moment)
    return Table(columns=columns, rows=[], note=note, failed=bool(silent))


def unheard(moment: Moment) -> str:
    """Why nothing was heard where nobody is silent."""
    if moment.live:
        return "waiting for the first answer"
    return "this was not recorded" if moment.groups_ms is not None else "no cluster is looked at"


def silence(moment: Moment) -> str:
    """Who does not answer, or refuses to, of those that everything is asked of, and since when; empty where somebody
    tells."""
    if not moment.name_servers:
        return next((failure.cause for failure in moment.failures), "")
    seen = list(moment.name_servers.items())
    if all(server.outdated for _, server in seen):
        refusing, servers = any(server.refusing for _, server in seen), some_of([_since(*each) for each in seen])
        return f"no name server lists its brokers: {servers}" if refusing else f"no name server answers: {servers}"
    brokers = [(broker.label, broker) for broker in moment.brokers.values()]
    if not brokers or not all(broker.dead for _, broker in brokers):
        return ""
    servers = some_of([_since(*each) for each in brokers])
    return f"no broker answers: {servers}"


def brokers_tell(moment: Moment) -> bool:
    """Whether any broker tells of itself now."""
    return any(broker.answered_ms is not None and not broker.outdated for broker in moment.brokers.values())


def silent_note(moment: Moment, untold: Collection[str] = ()) -> str:
    """Whose queues are not among what a list says; empty where all brokers tell. `untold`: brokers, by their names,
    that have never told, whether or not they are silent by now."""
    silent = {*signs(moment.brokers.values()), *untold}
    return f"the queues on {', '.join(sorted(silent))} are unknown" if silent else ""


def withheld_text(moment: Moment) -> str:
    """What a broker that answers has refused to tell; empty where none has."""
    refused = withheld(moment.failures, moment.brokers.values())
    return f"not known: {refused.cause}" if refused is not None else ""


def _since(name: str, server: Answered) -> str:
    time = time_of_day(server.failing_since or server.refusing_since or 0)
    if server.refusing and server.failure is not None:
        return f"{name} since {time}: {server.failure.cause}"
    return f"{name} since {time}"
