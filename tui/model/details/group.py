"""One consumer group: its queues and their owners, its clients, their subscriptions side by side, what it gave up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import dlq_topic, retry_topic
from rocketmq_ops.housekeeping.history.runs import QueueKey
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, CONSUME_ACTIVELY
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn, status_in_turn
from rocketmq_ops.tui.model.details.blocked import long_enough, without_new
from rocketmq_ops.tui.model.details.detail import (
    Asking,
    Asks,
    Fact,
    Once,
    Part,
    Section,
    also,
    side_by_side,
    steady,
    table_of,
    worst,
)
from rocketmq_ops.tui.model.moment import GroupSeen, Moment
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Value, total, worst_first

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.consumer_status import (
        ClientStatus,
        ConsumerStatusReport,
        HeldQueue,
        PoppedQueue,
        RunningInfo,
    )
    from rocketmq_ops.client.admin.groups.group import GroupProgress, QueueProgress

#: (topic, broker name, queue id)
_Queue = tuple[str, str, int]
#: How bad a state is.
HEALTH: Final = {
    LagState.OK: Health.OK,
    LagState.UNKNOWN: Health.UNKNOWN,
    LagState.SLOW: Health.WARNING,
    LagState.REWOUND: Health.WARNING,
    LagState.STALLED: Health.CRITICAL,
    LagState.STOPPED: Health.CRITICAL,
    LagState.OFFLINE: Health.CRITICAL,
}
_QUEUES: Final = (
    Column(key="topic", title="Topic", least=10),
    Column(key="broker", title="Broker", least=8),
    Column(key="queue", title="Queue", kind=Kind.COUNT),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="lag", title="Lag", kind=Kind.COUNT, burden=True),
    Column(key="waiting", title="Waiting", kind=Kind.SPAN, burden=True),
    Column(key="owner", title="Consumed by", kind=Kind.SENTENCE, least=14, drop=1),
    Column(key="committed", title="Committed", kind=Kind.COUNT, drop=3),
    Column(key="end", title="End", kind=Kind.COUNT, drop=3),
    Column(key="inflight", title="In flight", kind=Kind.COUNT, drop=4),
    Column(key="last", title="Last consumed", kind=Kind.MOMENT, drop=2),
    Column(key="evidence", title="Evidence", kind=Kind.SENTENCE, least=20, drop=5),
)
_OWNER: Final = [column.key for column in _QUEUES].index("owner")
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
_GIVEN_UP: Final = (
    Column(key="topic", title="Topic", least=20),
    Column(key="what", title="Holds", kind=Kind.STATE),
    Column(key="messages", title="Messages", kind=Kind.COUNT),
    Column(key="waiting", title="Not consumed", kind=Kind.COUNT, burden=True),
    Column(key="last", title="Last message", kind=Kind.MOMENT),
)
#: In words that are translated.
_MODELS: Final = {CLUSTERING: "clustering", BROADCASTING: "broadcasting"}
_TYPES: Final = {"actively": "pull", "passively": "push"}
#: Clients that may take queues of which they say nothing.
_SILENT: Final = (None, CONSUME_ACTIVELY)
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
#: Clients that are asked in one look, at most.
MOST_ASKED: Final = 32
#: Held by a test that counts.
ASKS: Final = Asks(
    name_server=4, broker=14, each_client=1, most_clients=MOST_ASKED, name_server_each_topic=1, broker_each_topic=1
)


def parts(asking: Asking, turns: ClientsInTurn | None = None) -> Sequence[Part]:
    """The parts of the screen `:group/NAME`. `turns` is what its clients said before: not all are asked in one look."""
    admin, group, turns = asking.admin, asking.name, turns or ClientsInTurn()

    async def clients_now() -> ConsumerStatusReport:
        # No name for the moment: a failure that is kept would keep it with this frame.
        found = await status_in_turn(admin, group, turns, MOST_ASKED, asking.moment.time_ms or now_ms())
        return without_new(found, asking.moment.groups.get(group))

    status = Once(clients_now)
    progress = Once(lambda: admin.groups.progress(group))

    async def queues() -> Section:
        held = await _held(status)
        return queue_section(await progress(), held, asking.moment.groups.get(group))

    async def clients() -> Section:
        return client_section(group, await status(), turns)

    async def subscriptions() -> Section:
        return subscription_section(await status())

    async def problems() -> Section:
        return problem_section(group, await status())

    async def given_up() -> Section:
        return await _given_up(asking)

    async def settings() -> Section:
        found = await admin.groups.configs(group)
        without: dict[str, dict[str, Value]] = {address: {} for address in found.without}
        sources = {each.broker_name or each.broker_addr: _flat(each.config) for each in found.brokers}
        section = side_by_side("Setting", without | sources)
        return also(section, found.failures)

    return (
        Part("queues", "Queues", queues, _of_group(group, past_section), past=_of_group(group, past_section)),
        Part("clients", "Clients", clients),
        Part("subscriptions", "Subscriptions", subscriptions),
        Part("problems", "Problems", problems),
        Part("given-up", "Retries and dead letters", given_up, _of_group(group, past_retries)),
        Part("settings", "Settings", settings),
    )


def _of_group(group: str, section: Callable[[GroupSeen], Section]) -> Callable[[Moment], Section | None]:
    """What a moment has of a group that it has."""

    def then(moment: Moment) -> Section | None:
        seen = moment.groups.get(group)
        return None if seen is None else section(seen)

    return then


class Held(NamedTuple):
    """Queue -> who consumes it, None where nobody could be asked; the queues in which nothing moves; and the clients
    that have not said which they hold, of `clients`: they may hold any of the others."""

    owners: Mapping[_Queue, str] | None
    stuck: Collection[_Queue] = ()
    untold: Sequence[str] = ()
    clients: int = 0

    def owner(self, at: _Queue) -> str | None:
        """Who consumes a queue; empty: nobody, None: not known."""
        if self.owners is None:
            return None
        return self.owners.get(at, None if self.untold else "")

    @property
    def note(self) -> str:
        """Why it is not known of some, in English."""
        if not self.untold:
            return ""
        count, clients, one = len(self.untold), self.clients, self.untold[0]
        if count == 1:
            return f"{one} has not said which queues it holds: it may consume those with a ?"
        return f"{count} of {clients} clients have not said which queues they hold: they may consume those with a ?"


def held_of(found: ConsumerStatusReport) -> Held:
    """Who holds which queue, as the clients say. One was not asked yet, does not answer, shares its id with another, or
    takes queues by itself, of which it says nothing (DefaultMQPullConsumerImpl.consumerRunningInfo)."""
    stuck = {(p.topic or "", p.broker_name or "", p.queue_id or 0) for p in found.problems if p.kind == "blocked"}
    owners: dict[_Queue, str] = {}
    for client in found.clients:
        for queue in _held_queues(client.info):
            owners.setdefault((queue.topic, queue.broker_name, queue.queue_id), client.client_id)
    untold = [client.client_id for client in found.clients if not _says_queues(client.info)]
    return Held(owners, frozenset(stuck), untold, len(found.clients))


def _held_queues(info: RunningInfo | None) -> list[HeldQueue | PoppedQueue]:
    """The queues of a client, also those that it pops from: of these several clients may take."""
    if info is None:
        return []
    return [queue for queue in info.queues if not queue.dropped] + [q for q in info.pop_queues if not q.dropped]


def _says_queues(info: RunningInfo | None) -> bool:
    return info is not None and (info.consume_type not in _SILENT or bool(_held_queues(info)))


async def _held(status: Once[ConsumerStatusReport]) -> Held:
    try:
        return held_of(await status())
    except NotFoundError:
        return Held({})
    except RocketMQError:
        return Held(None)


def queue_section(progress: GroupProgress, held: Held, seen: GroupSeen | None) -> Section:
    """The queues, those that are behind most first; `seen`: how the group keeps up, where it was watched."""
    judged = {(q.topic, q.broker, q.queue_id): q for q in seen.lag.queues} if seen is not None else {}
    saved = _saved(seen)
    queues = [_with_unknown(queue, saved) for queue in progress.queues]
    queues += _unsaved(seen, {_at(queue) for queue in queues})
    least = {} if seen is None else {_at(each.queue): seen.waits_in(each) for each in seen.offsets.queues}
    rows = []
    for queue in queues:
        at = _at(queue)
        known = judged.get(at)
        owner = queue.client_id or held.owner(at)
        health = HEALTH[known.state] if known is not None else _health_of(queue, owner)
        state = known.state.value if known is not None else None
        if at in held.stuck and long_enough(queue.lag_millis):
            state, health = "stuck", Health.CRITICAL
        rows.append(
            Row(
                key=f"{queue.topic} {queue.broker_name}:{queue.queue_id} {queue.client_id or ''}".rstrip(),
                cells=(
                    queue.topic,
                    queue.broker_name,
                    queue.queue_id,
                    state,
                    queue.lag if queue.consumer_offset is not None else least.get(at),
                    queue.lag_millis,
                    "nobody" if owner == "" else owner,
                    queue.consumer_offset,
                    queue.broker_offset,
                    queue.inflight,
                    queue.last_timestamp,
                    known.evidence if known is not None else "",
                ),
                health=health,
                opens=Address("client", owner, (("group", progress.group),)) if owner else None,
            )
        )
    rows.sort(key=lambda row: (-worst_first(row.health), row.cells[4] or 0), reverse=True)
    whole = seen.lag.state if seen is not None else None
    lag, waiting = progress.lag_total, progress.lag_millis
    if queues != progress.queues:
        lag = waiting = None
    if seen is not None and seen.lag.lag is None:  # so much at least
        lag, waiting = lag if lag is not None else seen.waits, waiting if waiting is not None else seen.waiting_ms
    facts = [
        Fact("State", whole, Kind.STATE, Health.UNKNOWN if whole is None else HEALTH[whole]),
        Fact("Lag", lag, Kind.COUNT),
        Fact("Oldest waits", waiting, Kind.SPAN),
        Fact("Drained in", seen.drained_in_ms if seen is not None else None, Kind.SPAN),
        Fact("Consumed", seen.consume_rate if seen is not None else None, Kind.RATE),
        Fact("Delivered", progress.consume_tps, Kind.RATE),
        Fact("Model", _model(progress.message_model), Kind.STATE),
    ]
    section = table_of(_QUEUES, rows, "no queue has an offset of this group")
    return Section(
        facts=tuple(facts),
        table=section.table,
        note=held.note if any(row.cells[_OWNER] is None for row in rows) else "",
        failures=tuple(progress.failures),
        health=worst([section.health, *([HEALTH[whole]] if whole is not None else [])]),
    )


def _saved(seen: GroupSeen | None) -> set[_Queue]:
    """The queues of which a broker has an offset of the group."""
    queues = seen.offsets.queues if seen is not None else ()
    return {(q.queue.topic, q.queue.broker, q.queue.queue_id) for q in queues if q.committed is not None}


def _at(queue: QueueProgress | QueueKey) -> _Queue:
    broker = queue.broker if isinstance(queue, QueueKey) else queue.broker_name
    return queue.topic, broker, queue.queue_id


def _unsaved(seen: GroupSeen | None, told: Collection[_Queue]) -> list[QueueProgress]:
    """Queues with messages of which the group has no offset: brokers tell of none where it has none of a topic."""
    from rocketmq_ops.client.admin.groups.group import QueueProgress

    return [
        QueueProgress(
            *_at(each.queue), broker_offset=each.end, consumer_offset=None, lag=None, inflight=None, last_timestamp=None
        )
        for each in (seen.offsets.queues if seen is not None else ())
        if each.end and each.committed is None and _at(each.queue) not in told
    ]


def _with_unknown(queue: QueueProgress, saved: set[_Queue]) -> QueueProgress:
    """A queue with messages as it is: brokers tell offset 0 also of one of which the group has saved none, and where
    it would begin is not known."""
    at = (queue.topic, queue.broker_name, queue.queue_id)
    if queue.consumer_offset != 0 or not queue.broker_offset or queue.client_id or at in saved:
        return queue
    return msgspec.structs.replace(queue, consumer_offset=None, lag=None, lag_millis=None)


def held_section(found: ConsumerStatusReport) -> Section:
    """What clients alone say of the queues: who holds each, and in which nothing moves."""
    held = held_of(found)
    unknown = (None,) * (len(_QUEUES) - 4)
    rows = []
    for at, owner in (held.owners or {}).items():
        cells = (*at, "stuck" if at in held.stuck else None, *unknown)
        topic, broker, queue = at
        rows.append(
            Row(
                key=f"{topic} {broker}:{queue}",
                cells=(*cells[:_OWNER], owner, *cells[_OWNER + 1 :]),
                health=Health.CRITICAL if at in held.stuck else Health.OK,
                opens=Address("client", owner, (("group", found.group),)),
            )
        )
    return table_of(_QUEUES, rows)


def _health_of(queue: QueueProgress, owner: str | None) -> Health:
    if queue.lag and owner == "":
        return Health.WARNING
    return Health.OK if queue.lag == 0 else Health.UNKNOWN


def _model(name: str | None) -> str | None:
    return None if name is None else _MODELS.get(name, name.lower())


def client_section(
    group: str, found: ConsumerStatusReport, turns: ClientsInTurn | None = None, most: int = MOST_ASKED
) -> Section:
    """The clients; one that is stuck, or did not answer, comes first. `turns`: when each was asked, where that was not
    in one look, of `most` at most."""
    about: dict[str, list[str]] = {}
    for problem in found.problems:
        if problem.client_id is not None:
            about.setdefault(problem.client_id, []).append(f"{PROBLEMS[problem.kind]}: {problem.detail}")
    silent = {failure.target.removeprefix("client "): failure.cause for failure in found.failures}
    rows = [_client_row(group, client, about.get(client.client_id, []), silent) for client in found.clients]
    if turns is not None:
        rows = [_in_turn(row, client, turns) for row, client in zip(rows, found.clients, strict=True)]
    rows.sort(key=lambda row: worst_first(row.health))
    section = table_of(_CLIENTS, rows, "no client of this group is online")
    facts = [
        Fact("Clients", len(found.clients), Kind.COUNT),
        Fact("Type", _type(found.consume_type), Kind.STATE),
        Fact("Same subscriptions", _yes(found.same_subscription), Kind.STATE, _good(found.same_subscription)),
        Fact("Queues shared out", _yes(found.rebalance_ok), Kind.STATE, _good(found.rebalance_ok)),
    ]
    if turns is not None and any(row.stale_since is not None or row.cells[_STATE] is None for row in rows):
        facts.append(Fact("Asked", f"{most} clients in one look, in turn", Kind.SENTENCE))
    return Section(facts=tuple(facts), table=section.table, failures=tuple(found.failures), health=section.health)


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
    told = _says_queues(info)
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
            len(_held_queues(info)) if told else None,
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
    section = side_by_side("Topic", sources, note="no client is online")
    return also(section, found.failures)


def problem_section(group: str, found: ConsumerStatusReport) -> Section:
    """What is wrong among the clients."""
    rows = []
    for problem in found.problems:
        place = f"{problem.topic} {problem.broker_name or ''}" if problem.topic else ""
        if problem.queue_id is not None:
            place = f"{place}:{problem.queue_id}"
        rows.append(
            Row(
                key=f"{problem.kind} {problem.client_id} {place}",
                cells=(PROBLEMS[problem.kind], problem.client_id or place, problem.detail),
                health=Health.CRITICAL if problem.kind == "blocked" else Health.WARNING,
                opens=Address("client", problem.client_id, (("group", group),)) if problem.client_id else None,
            )
        )
    keys = steady(row.key for row in rows)
    rows = [msgspec.structs.replace(row, key=key) for row, key in zip(rows, keys, strict=True)]
    answered = any(client.info is not None for client in found.clients)
    return table_of(
        _PROBLEMS,
        rows,
        "nothing is wrong among the clients that answered"
        if answered
        else "no client has answered"
        if found.clients
        else "no client of this group is online",
    )


async def _given_up(asking: Asking) -> Section:
    group = asking.name
    rows, failures = [], []
    for topic, what, none in (
        (retry_topic(group), "retries", "no retries"),
        (dlq_topic(group), "dead letters", "no dead letters"),
    ):
        try:
            status = await asking.admin.topics.status(topic)
        except NotFoundError:
            rows.append(Row(key=topic, cells=(topic, none, 0, 0, NOTHING)))
            continue
        except RocketMQError as error:
            failures.append(asking.admin.failure_of(topic, error))
            rows.append(Row(key=topic, cells=(topic, what, None, None, None), health=Health.UNKNOWN))
            continue
        failures += status.failures
        messages = None if status.failures else sum(queue.max_offset - queue.min_offset for queue in status.queues)
        times = [queue.last_update_timestamp for queue in status.queues if queue.last_update_timestamp is not None]
        dead = what == "dead letters"
        rows.append(
            Row(
                key=topic,
                cells=(topic, what, messages, await _not_consumed(asking, topic), max(times, default=None)),
                health=Health.WARNING if dead and messages else Health.OK,
                opens=Address("dead-letters", group) if dead else Address("topic", topic),
            )
        )
    return also(table_of(_GIVEN_UP, rows), failures)


async def _not_consumed(asking: Asking, topic: str) -> int | None:
    try:
        return (await asking.admin.groups.progress(asking.name, topic)).lag_total
    except RocketMQError:
        return None


def _flat(config: dict[str, object]) -> dict[str, Value]:
    return {
        name: value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else str(value).lower()
        for name, value in config.items()
        if value not in (None, {}, [])
    }


def past_retries(seen: GroupSeen) -> Section:
    """What of its retries a recorded moment knows that it has not consumed."""
    topic = retry_topic(seen.group)
    lag = total(seen.waits_in(queue) for queue in seen.offsets.queues if queue.queue.topic == topic)
    return table_of(_GIVEN_UP, [Row(key=topic, cells=(topic, None, None, lag, None))])


def past_section(seen: GroupSeen) -> Section:
    """The queues as a recorded moment has them."""
    judged = {(q.topic, q.broker, q.queue_id): q for q in seen.lag.queues}
    rows = []
    for each in seen.offsets.queues:
        known = judged.get((each.queue.topic, each.queue.broker, each.queue.queue_id))
        lag = seen.waits_in(each)
        rows.append(
            Row(
                key=str(each.queue),
                cells=(
                    each.queue.topic,
                    each.queue.broker,
                    each.queue.queue_id,
                    known.state.value if known is not None else None,
                    lag,
                    None,
                    None,
                    each.committed,
                    each.end,
                    None,
                    None,
                    known.evidence if known is not None else "",
                ),
                health=HEALTH[known.state] if known is not None else Health.UNKNOWN,
            )
        )
    state = seen.lag.state
    facts = (
        Fact("State", state.value, Kind.STATE, HEALTH[state]),
        Fact("Lag", seen.waits, Kind.COUNT),
        Fact("Drained in", seen.drained_in_ms, Kind.SPAN),
        Fact("Consumed", seen.consume_rate, Kind.RATE),
        Fact("Clients", seen.members if seen.members is not None else seen.offsets.members, Kind.COUNT),
    )
    return also(table_of(_QUEUES, rows, "nothing of its queues was recorded"), (), *facts)
