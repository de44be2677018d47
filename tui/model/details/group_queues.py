"""The queues of a consumer group: how far behind each is, and who holds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rocketmq_ops.housekeeping.history.runs import QueueKey
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, CONSUME_ACTIVELY
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.blocked import long_enough
from rocketmq_ops.tui.model.details.detail import Fact, Section, also, table_of, worst
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, or_more, worst_first

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.consumer_status import (
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
_BROKER: Final = [column.key for column in _QUEUES].index("broker")
#: In words that are translated.
_MODELS: Final = {CLUSTERING: "clustering", BROADCASTING: "broadcasting"}
#: Clients that may take queues of which they say nothing.
_SILENT: Final = (None, CONSUME_ACTIVELY)


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
        for queue in held_queues(client.info):
            owners.setdefault((queue.topic, queue.broker_name, queue.queue_id), client.client_id)
    untold = [client.client_id for client in found.clients if not says_queues(client.info)]
    return Held(owners, frozenset(stuck), untold, len(found.clients))


def held_queues(info: RunningInfo | None) -> list[HeldQueue | PoppedQueue]:
    """The queues of a client, also those that it pops from: of these several clients may take."""
    if info is None:
        return []
    return [queue for queue in info.queues if not queue.dropped] + [q for q in info.pop_queues if not q.dropped]


def says_queues(info: RunningInfo | None) -> bool:
    return info is not None and (info.consume_type not in _SILENT or bool(held_queues(info)))


def queue_section(
    progress: GroupProgress,
    held: Held,
    seen: GroupSeen | None,
    silent: Mapping[str, Health] | None = None,
    watched: Collection[str] = (),
) -> Section:
    """The queues, those that are behind most first; `seen`: how the group keeps up, where it was watched. `silent`: the
    brokers that did not answer, and how each is: nothing but the names of their queues is known. Of those that are
    `watched` all the same, what was seen is."""
    silent = silent or {}
    dark = {name: health for name, health in silent.items() if name not in watched}
    judged = {(q.topic, q.broker, q.queue_id): q for q in seen.lag.queues} if seen is not None else {}
    saved = _saved(seen)
    queues = [_with_unknown(queue, saved) for queue in progress.queues]
    queues += _unsaved(seen, {_at(queue) for queue in queues})
    least = {} if seen is None else {_at(each.queue): seen.waits_in(each) for each in seen.offsets.queues}
    rows = []
    for queue in [*queues, *_not_told(seen, silent, dark, queues)]:
        at = _at(queue)
        known = judged.get(at)
        owner = queue.client_id or held.owner(at)
        if owner == "" and queue.broker_name in silent:  # it may be a client that this broker alone has
            owner = None
        health = HEALTH[known.state] if known is not None else _health_of(queue, owner)
        state = known.state.value if known is not None else None
        if at in held.stuck and long_enough(queue.lag_millis):
            state, health = "stuck", Health.CRITICAL
        if queue.broker_name in silent:
            health = worst([health, silent[queue.broker_name]])
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
    if seen is not None and seen.unsaved is not None:  # of other queues brokers say nothing
        lag, waiting = or_more(lag), None
    if seen is not None and seen.lag.lag is None:  # so much at least
        lag, waiting = lag if lag is not None else seen.waits, waiting if waiting is not None else seen.waiting_ms
    if seen is not None and silent and not dark:
        lag, waiting = seen.waits, seen.waiting_ms
    facts = [
        Fact("State", whole, Kind.STATE, Health.UNKNOWN if whole is None else HEALTH[whole]),
        Fact("Lag", lag, Kind.COUNT),
        Fact("Oldest waits", waiting, Kind.SPAN),
        Fact("Drained in", seen.drained_in_ms if seen is not None else None, Kind.SPAN),
        Fact("Consumed", seen.consume_rate if seen is not None else None, Kind.RATE),
        Fact("Delivered", progress.consume_tps, Kind.RATE),
        Fact("Model", _model(progress.message_model), Kind.STATE),
    ]
    section = also(table_of(_QUEUES, rows, "no queue has an offset of this group"), progress.failures, *facts)
    return msgspec.structs.replace(
        section,
        note=held.note if any(row.cells[_OWNER] is None for row in rows) else "",
        health=worst([section.health, *([HEALTH[whole]] if whole is not None else [])]),
        lacks=(lambda row: dark.get(broker_of(row))) if dark else None,
    )


def _not_told(
    seen: GroupSeen | None, silent: Collection[str], dark: Collection[str], queues: Sequence[QueueProgress]
) -> list[QueueProgress]:
    """The queues of brokers that did not answer, of those that are `dark` as far as they are known by name."""
    from rocketmq_ops.client.admin.groups.group import QueueProgress

    there = {(queue.topic, queue.broker_name, queue.queue_id) for queue in queues}
    found = []
    for each in seen.offsets.queues if seen is not None else ():
        if each.queue.broker in silent and _at(each.queue) not in there:
            end, committed = (None, None) if each.queue.broker in dark else (each.end, each.committed)
            lag = None if end is None or committed is None else max(end - committed, 0)
            found.append(QueueProgress(*_at(each.queue), end, committed, lag, None, None))
    return found


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


def broker_of(row: Row) -> str:
    """The name of the broker that has the queue of a row."""
    return str(row.cells[_BROKER])


def known_section(seen: GroupSeen, silent: Mapping[str, Health] | None = None) -> Section:
    """The queues as a moment has them by itself, a recorded one or the newest. `silent`: the brokers that told nothing
    then, and how each was."""
    silent = silent or {}
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
                health=worst(
                    [
                        HEALTH[known.state] if known is not None else Health.UNKNOWN,
                        silent.get(each.queue.broker, Health.OK),
                    ]
                ),
            )
        )
    rows.sort(key=lambda row: worst_first(row.health))
    return also(table_of(_QUEUES, rows, "nothing of its queues was recorded"), (), *known_facts(seen))


def known_facts(seen: GroupSeen) -> tuple[Fact, ...]:
    """How a group is as a moment has it."""
    state = seen.lag.state
    return (
        Fact("State", state.value, Kind.STATE, HEALTH[state]),
        Fact("Lag", seen.waits, Kind.COUNT),
        Fact("Drained in", seen.drained_in_ms, Kind.SPAN),
        Fact("Consumed", seen.consume_rate, Kind.RATE),
        Fact("Clients", seen.members if seen.members is not None else seen.offsets.members, Kind.COUNT),
    )
