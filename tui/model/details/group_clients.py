"""The clients of a consumer group: what each does, what they subscribe to, and what is wrong among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn
from rocketmq_ops.tui.model.details.detail import Fact, Section, also, side_by_side, steady, table_of
from rocketmq_ops.tui.model.details.group_queues import held_queues, says_queues
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Value, worst_first

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, ConsumerStatusReport, Problem

_CLIENTS: Final = (
    Column(key="client", title="Client", least=18),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="address", title="Address", least=14, drop=2),
    Column(key="version", title="Version", drop=4),
    Column(key="language", title="Language", drop=5),
    Column(key="queues", title="Queues", kind=Kind.COUNT),
    Column(key="cached", title="Cached", kind=Kind.COUNT, drop=1),
    Column(key="ok", title="Consumed", kind=Kind.RATE),
    Column(key="failed", title="Failed", kind=Kind.RATE, burden=True),
    Column(key="rt", title="Takes", kind=Kind.SPAN, drop=1, burden=True),
    Column(key="pulled", title="Last pull", kind=Kind.MOMENT, drop=3),
    Column(key="started", title="Started", kind=Kind.MOMENT, drop=3),
    Column(key="problem", title="Problem", kind=Kind.SENTENCE, least=20, drop=2),
)
_STATE: Final = [column.key for column in _CLIENTS].index("state")
_PROBLEMS: Final = (
    Column(key="kind", title="Problem", kind=Kind.STATE),
    Column(key="about", title="About", least=16),
    Column(key="detail", title="Evidence", kind=Kind.SENTENCE, least=30),
)
_TYPES: Final = {"actively": "pull", "passively": "push"}
#: What each kind of problem among clients is called.
PROBLEMS: Final = {
    "different_subscription": "subscriptions differ",
    "shared_id": "clients share an id",
    "not_locked": "queue not locked",
    "unlock_failed": "unlocking fails",
    "blocked": "stuck queue",
    "unassigned": "queue without a client",
    "assigned_twice": "queue with two clients",
}
#: Those that a client's own answer tells of; all others are judged where all that there are have answered.
_OWN: Final = frozenset(PROBLEMS[kind] for kind in ("not_locked", "unlock_failed", "blocked"))
#: How the names of failures begin that are those of clients.
_CLIENT: Final = "client "
_NOT_ALL: Final = "not all could be asked: what they would tell is not known"
_NOTHING_SUBSCRIBED = "they subscribe to nothing: who pulls queues of its own choice does not"
#: Clients that are asked in one look, at most.
MOST_ASKED: Final = 32


def client_section(
    group: str, found: ConsumerStatusReport, turns: ClientsInTurn | None = None, most: int = MOST_ASKED
) -> Section:
    """The clients; one that is stuck, or did not answer, comes first. `turns`: when each was asked, where that was not
    in one look, of `most` at most."""
    about: dict[str, list[str]] = {}
    for problem in found.problems:
        if problem.client_id is not None:
            about.setdefault(problem.client_id, []).append(f"{PROBLEMS[problem.kind]}: {problem.detail}")
    silent = {failure.target.removeprefix(_CLIENT): failure.cause for failure in found.failures}
    rows = [_client_row(group, client, about.get(client.client_id, []), silent) for client in found.clients]
    if turns is not None:
        rows = [_in_turn(row, client, turns) for row, client in zip(rows, found.clients, strict=True)]
    rows.sort(key=lambda row: worst_first(row.health))
    untold = _silent_brokers(found)
    section = table_of(_CLIENTS, rows, _NOT_ALL if untold else "no client of this group is online")
    facts = [
        Fact("Clients", None if untold else len(found.clients), Kind.COUNT),
        Fact("Type", _type(found.consume_type), Kind.STATE),
        Fact("Same subscriptions", _yes(found.same_subscription), Kind.STATE, _good(found.same_subscription)),
        Fact("Queues shared out", _yes(found.rebalance_ok), Kind.STATE, _good(found.rebalance_ok)),
    ]
    if turns is not None and any(row.stale_since is not None or row.cells[_STATE] is None for row in rows):
        facts.append(Fact("Asked", f"{most} clients in one look, in turn", Kind.SENTENCE))
    there = {row.key for row in rows}

    def unknown(row: Row) -> Health | None:
        return Health.UNKNOWN if row.key not in there and untold.issuperset(row.told_by) else None

    section = also(section, found.failures, *facts)
    return msgspec.structs.replace(section, lacks=unknown if untold else None)


def _silent_brokers(found: ConsumerStatusReport) -> frozenset[str]:
    """The addresses of the brokers that did not tell which clients they have: a client that has left all others may be
    there still, if it was. Other failures are of clients that did not answer, and of topics that have no route."""
    targets = (failure.target for failure in found.failures)
    return frozenset(target for target in targets if ":" in target and not target.startswith(_CLIENT))


def _in_turn(row: Row, client: ClientStatus, turns: ClientsInTurn) -> Row:
    """The row with when the client said so, where that was in an earlier look; nothing is known of one never asked."""
    if client.info is None and not client.shares_id and client.client_id not in turns.said:
        cells = list(row.cells)
        cells[_STATE] = None
        return msgspec.structs.replace(row, cells=tuple(cells), health=Health.UNKNOWN)
    return msgspec.structs.replace(row, stale_since=turns.older(client.client_id))


def _client_row(group: str, client: ClientStatus, problems: list[str], silent: dict[str, str]) -> Row:
    info = client.info
    state, health, problem = "answers", Health.OK, "; ".join(problems)
    if info is None:
        state, health = "does not answer", Health.CRITICAL
        named = client.client_id, f"{client.client_id} ({client.client_addr})"
        problem = problem or next((silent[name] for name in named if name in silent), "")
    elif any(text.startswith(PROBLEMS["blocked"]) for text in problems):
        state, health = "stuck", Health.CRITICAL
    elif problems:
        state, health = "has problems", Health.WARNING
    held = [queue for queue in info.queues if not queue.dropped] if info is not None else []
    told = says_queues(info)
    rates = info.rates if info is not None else []
    pulls = [queue.last_pull_timestamp for queue in held if queue.last_pull_timestamp is not None]
    return Row(
        key=f"{client.client_id} {client.client_addr}",
        cells=(
            client.client_id,
            state,
            client.client_addr,
            client.version,
            client.language,
            len(held_queues(info)) if told else None,
            sum(queue.cached for queue in held) if told else None,
            sum(rate.consume_ok_tps for rate in rates) if info is not None else None,
            sum(rate.consume_failed_tps for rate in rates) if info is not None else None,
            max((rate.consume_rt for rate in rates), default=None),
            min(pulls, default=None),
            info.start_timestamp if info is not None else None,
            problem,
        ),
        health=health,
        opens=Address("client", client.client_id, (("group", group),)),
        told_by=tuple(sorted(client.brokers)),
    )


def _type(name: str | None) -> str | None:
    if name is None:
        return None
    how = name.rpartition("_")[2].lower()
    return _TYPES.get(how, how)


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _good(value: bool | None) -> Health:
    return Health.UNKNOWN if value is None else Health.OK if value else Health.WARNING


def subscription_section(found: ConsumerStatusReport) -> Section:
    """What each client subscribes to, beside each other: a row that differs is marked."""
    sources: dict[str, dict[str, Value] | None] = {}
    for client in found.clients:
        if client.info is None:
            sources[client.client_id] = None
        else:
            sources[client.client_id] = {
                each.topic: each.sub_string
                if each.expression_type in (None, "TAG")
                else f"{each.expression_type}: {each.sub_string}"
                for each in client.info.subscriptions
            }
    none = _NOTHING_SUBSCRIBED if sources else "no client is online"
    section = side_by_side("Topic", sources, note=_NOT_ALL if found.failures else none)
    unheard = bool(sources) and all(source is None for source in sources.values()) and not _silent_brokers(found)
    section = also(section, found.failures)
    # What clients said that have left since is not what those subscribe to that are there: it stays only of the same.
    return msgspec.structs.replace(section, lacks=(lambda _: Health.UNKNOWN) if unheard else None)


def _place(problem: Problem) -> str:
    """The queue or topic that it is about; empty where it is about none."""
    place = f"{problem.topic} {problem.broker_name or ''}".rstrip() if problem.topic else ""
    return place if problem.queue_id is None else f"{place}:{problem.queue_id}"


def evidence(problem: Problem) -> str:
    """What says so; of a client's queue with its name, as it may have several."""
    of_queue = problem.client_id is not None and problem.queue_id is not None
    return f"{_place(problem)}: {problem.detail}" if of_queue else problem.detail


def problem_section(group: str, found: ConsumerStatusReport) -> Section:
    """What is wrong among the clients."""
    rows, brokers = [], {client.client_id: client.brokers for client in found.clients}
    for problem in found.problems:
        place = _place(problem)
        rows.append(
            Row(
                key=f"{problem.kind} {problem.client_id} {place}",
                cells=(PROBLEMS[problem.kind], problem.client_id or place, evidence(problem)),
                health=Health.CRITICAL if problem.kind == "blocked" else Health.WARNING,
                opens=Address("client", problem.client_id, (("group", group),)) if problem.client_id else None,
                told_by=tuple(sorted(brokers.get(problem.client_id or "", ()))),
            )
        )
    keys = steady(row.key for row in rows)
    rows = [msgspec.structs.replace(row, key=key) for row, key in zip(rows, keys, strict=True)]
    answered = {client.client_id for client in found.clients if client.info is not None}
    if found.clients and not answered:
        note = "no client has answered"
    elif found.failures:
        note = _NOT_ALL
    else:
        note = "nothing is wrong among the clients that answered" if answered else "no client of this group is online"

    untold = _silent_brokers(found)

    def lacks(row: Row) -> Health | None:
        kind, client = row.cells[:2]
        if row.opens is None:
            known = False
        elif client not in brokers:
            known = not untold.issuperset(row.told_by)
        elif kind == PROBLEMS["shared_id"]:
            known = not untold
        else:
            known = kind in _OWN and client in answered
        return None if known else Health.UNKNOWN

    section = also(table_of(_PROBLEMS, rows, note), found.failures)
    return msgspec.structs.replace(section, lacks=lacks if found.failures else None)
