"""One topic: its queues on each broker, the groups that consume it, its route and settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.admin.topics.topic import TopicRoute
from rocketmq_ops.client.admin.topics.topic_status import TopicStatus
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.topics import is_dlq_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import in_short, signs, telling, without_topics
from rocketmq_ops.tui.model.details.detail import (
    Asking,
    Asks,
    Fact,
    Part,
    Section,
    also,
    side_by_side,
    table_of,
    worst,
)
from rocketmq_ops.tui.model.details.group_queues import HEALTH
from rocketmq_ops.tui.model.details.last import led_past, not_led_to, silent_brokers
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment, TopicQueues, TopicSeen
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Value, total, worst_first
from rocketmq_ops.tui.model.views.topics import permission as letters

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import TopicConfig

_QUEUES: Final = (
    Column(key="broker", title="Broker", least=10),
    Column(key="queue", title="Queue", kind=Kind.COUNT),
    Column(key="messages", title="Messages", kind=Kind.COUNT),
    Column(key="min", title="First offset", kind=Kind.COUNT, drop=2),
    Column(key="max", title="End", kind=Kind.COUNT, drop=1),
    Column(key="last", title="Last message", kind=Kind.MOMENT),
)
_GROUPS: Final = (
    Column(key="group", title="Group", least=20),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="lag", title="Lag here", kind=Kind.COUNT, burden=True),
    Column(key="members", title="Clients", kind=Kind.COUNT),
    Column(key="rate", title="Consumed", kind=Kind.RATE, drop=1),
    Column(key="drained", title="Drained in", kind=Kind.SPAN, drop=1, burden=True),
)
_ROUTE: Final = (
    Column(key="broker", title="Broker", least=10),
    Column(key="state", title="State", kind=Kind.STATE, drop=1),
    Column(key="cluster", title="Cluster", drop=3),
    Column(key="perm", title="Permission", kind=Kind.STATE),
    Column(key="read", title="Read queues", kind=Kind.COUNT),
    Column(key="write", title="Write queues", kind=Kind.COUNT),
    Column(key="master", title="Master", least=14),
    Column(key="slaves", title="Slaves", least=14, drop=2),
)
#: Held by a test that counts.
ASKS: Final = Asks(name_server=1, broker=3)


def parts(asking: Asking) -> Sequence[Part]:
    """The parts of the screen `:topic/NAME`."""
    admin, topic = asking.admin, asking.name

    async def queues() -> Section:
        found = await admin.topics.status(topic)
        moment = asking.moment
        heard = {queue.broker_name for queue in found.queues} | {failure.target for failure in found.failures}
        found.failures += not_led_to(moment, _brokers_of(topic, moment), heard)
        return queue_section(found, moment, silent_brokers(found.failures, moment))

    async def groups() -> Section:
        names = await admin.topics.readers(topic)
        moment = asking.moment
        # Brokers that fail are passed over: who consumes there alone is known by the last look at all groups.
        brokers = telling(moment.brokers.values()).values()
        silent = {broker.broker_name: broker for broker in brokers if not broker.reached}
        seen = moment.topics.get(topic)
        on = seen.on if seen is not None else {}
        failures = [each.failure for name, each in silent.items() if name in on and each.failure is not None]
        known = _readers_on(topic, moment, silent)
        return also(group_section(topic, sorted({*names, *known}), moment), failures)

    def judged(section: Section, moment: Moment) -> Section:
        if section.table is None or section.stale_since is not None:
            return section
        anew = group_section(topic, sorted(row.key for row in section.table.rows), moment)
        if anew.table is None or anew.table.rows == section.table.rows:
            return section
        health = worst([anew.health, section.health]) if section.failures else anew.health
        return msgspec.structs.replace(section, table=anew.table, health=health)

    def groups_then(moment: Moment) -> Section | None:
        return group_section(topic, moment.groups_of(topic), moment) if topic in moment.topics else None

    async def route() -> Section:
        return route_section(await admin.topics.route(topic), asking.moment)

    async def settings() -> Section:
        return await _settings(asking)

    def queues_then(moment: Moment) -> Section | None:
        return known_queues(topic, moment)

    def route_then(moment: Moment) -> Section | None:
        return known_route(topic, moment)

    def now(moment: Moment) -> tuple[Fact, ...]:
        seen = moment.topics.get(topic)
        return () if seen is None else known_facts(seen)

    return (
        Part("queues", "Queues", queues, queues_then, past=queues_then, stands=now, broker=_broker_of),
        Part("groups", "Groups", groups, groups_then, past=groups_then, judged=judged),
        Part("route", "Route", route, route_then, past=route_then, broker=_broker_of),
        Part("settings", "Settings", settings, _of_topic(topic, past_settings)),
    )


def _broker_of(row: Row) -> str:
    return str(row.cells[0])


def _of_topic(topic: str, section: Callable[[TopicSeen], Section]) -> Callable[[Moment], Section | None]:
    """What a moment has of a topic that it has."""

    def then(moment: Moment) -> Section | None:
        seen = moment.topics.get(topic)
        return None if seen is None else section(seen)

    return then


def _brokers_of(topic: str, moment: Moment) -> Collection[str]:
    """The names of the brokers that have told of it, or may have it without anybody knowing."""
    seen = moment.topics.get(topic)
    untold = led_past(moment, without_topics(moment.brokers.values(), moment.topics))
    return untold.union(seen.on if seen is not None else ())


def _readers_on(topic: str, moment: Moment, on: Collection[str]) -> list[str]:
    """The groups that have offsets in it on any of these brokers, as a moment has them."""
    return [
        name
        for name, group in moment.groups.items()
        if any(key.topic == topic and key.broker in on for key in group.offsets.keys)
    ]


def known_queues(topic: str, moment: Moment) -> Section | None:
    """Where its queues ended, as far as groups consume them; None where none does: of others that is not kept."""
    silent = signs(moment.brokers.values())
    ends: dict[tuple[str, int], int | None] = {}
    for group in moment.groups.values():
        for each in group.offsets.queues:
            if each.queue.topic == topic:
                at = each.queue.broker, each.queue.queue_id
                ends[at] = ends.get(at) if each.end is None else each.end
    rows = [
        Row(
            key=f"{broker}:{queue}",
            cells=(broker, queue, None, None, end, None),
            health=worst([Health.OK if end is not None else Health.UNKNOWN, silent.get(broker, Health.OK)]),
        )
        for (broker, queue), end in ends.items()
    ]
    rows.sort(key=lambda row: worst_first(row.health))
    seen = moment.topics.get(topic)
    return also(table_of(_QUEUES, rows), (), *(known_facts(seen) if seen is not None else ())) if rows else None


def past_settings(seen: TopicSeen) -> Section:
    """Its settings on each broker that a recorded moment has."""
    return side_by_side(
        "Setting",
        {
            name: {"permission": permission(on.perm), "readQueueNums": on.read, "writeQueueNums": on.write}
            for name, on in seen.on.items()
        },
    )


def queue_section(status: TopicStatus, moment: Moment, silent: Mapping[str, Health] | None = None) -> Section:
    """The queues by broker, with what they hold. `silent`: the brokers that did not answer, and how each is: nothing
    but which queues they have is known."""
    silent = silent or {}
    rows = [
        Row(
            key=f"{queue.broker_name}:{queue.queue_id}",
            cells=(
                queue.broker_name,
                queue.queue_id,
                queue.max_offset - queue.min_offset,
                queue.min_offset,
                queue.max_offset,
                NOTHING if queue.max_offset == 0 else queue.last_update_timestamp,
            ),
            opens=Address("messages", status.topic, (("broker", queue.broker_name), ("queue", str(queue.queue_id)))),
        )
        for queue in status.queues
    ]
    seen = moment.topics.get(status.topic)
    rows += _not_told(seen, silent)
    rows.sort(key=lambda row: worst_first(row.health))
    whole = not status.failures
    facts = (
        Fact("Messages", sum(q.max_offset - q.min_offset for q in status.queues) if whole else None, Kind.COUNT),
        Fact("In", seen.in_rate if seen is not None else status.put_tps, Kind.RATE),
        Fact("Out", seen.out_rate if seen is not None else None, Kind.RATE),
        Fact("Last message", last_message(status), Kind.MOMENT),
    )
    section = also(table_of(_QUEUES, rows, "no broker reported any queue of this topic"), status.failures, *facts)
    return msgspec.structs.replace(section, lacks=(lambda row: silent.get(str(row.cells[0]))) if silent else None)


def last_message(status: TopicStatus) -> Value:
    """When the last message of a topic came, ms since 1970; None where that is not known."""
    if status.queues and not status.failures and not any(queue.max_offset for queue in status.queues):
        return NOTHING
    return max((queue.last_update_timestamp or 0 for queue in status.queues), default=0) or None


def _not_told(seen: TopicSeen | None, silent: Mapping[str, Health]) -> list[Row]:
    """The queues of brokers that did not answer, by what is known of the topic there."""
    return [
        Row(key=f"{name}:{at}", cells=(name, at, None, None, None, None), health=silent[name])
        for name, on in (seen.on if seen is not None else {}).items()
        if name in silent
        for at in range(max(on.read, on.write))
    ]


def group_section(topic: str, groups: Sequence[str], moment: Moment) -> Section:
    """Who consumes it, and how each keeps up; a group that was not watched yet is unknown. On a broker that has never
    told there may be more of it."""
    rows = []
    for name in groups:
        seen = moment.groups.get(name)
        cells: tuple[Value, ...] = (name, None, None, None, None, None)
        health = Health.UNKNOWN
        if seen is not None:
            here = [seen.waits_in(queue) for queue in seen.offsets.queues if queue.queue.topic == topic]
            lag = total([*here, *(None for _ in moment.untold_of(seen))])
            if lag is None and seen.lag.lag == 0:
                lag = 0
            members = seen.members if seen.members is not None else seen.offsets.members
            cells = (name, seen.lag.state.value, lag, members, seen.consume_rate, seen.drained_in_ms)
            health = HEALTH[seen.lag.state]
        rows.append(Row(key=name, cells=cells, health=health, opens=Address("group", name)))
    rows.sort(key=lambda row: worst_first(row.health))
    return table_of(_GROUPS, rows, "no group consumes this topic")


def permission(perm: int | None) -> str | None:
    """What may be done, in words."""
    if perm is None:
        return None
    read, write = bool(perm & PERM_READ), bool(perm & PERM_WRITE)
    return "read and write" if read and write else "read only" if read else "write only" if write else "neither"


def route_section(route: TopicRoute, moment: Moment) -> Section:
    """Where clients find it, and how brokers are there. Queues that cannot be written or read are marked; brokers that
    have told of it and that no name server lists any more are there still."""
    brokers = telling(moment.brokers.values()).values()
    seen = {(broker.cluster, broker.broker_name): broker for broker in brokers}
    rows = []
    for broker in route.brokers:
        known = seen.pop((broker.cluster, broker.broker_name), None)
        slaves = [address for number, address in sorted(broker.broker_addrs.items()) if number != MASTER_ID]
        master = broker.broker_addrs.get(MASTER_ID)
        usable = broker.perm is not None and broker.perm & PERM_READ and broker.perm & PERM_WRITE
        health = Health.OK if usable or is_dlq_topic(route.topic) else Health.WARNING
        rows.append(
            Row(
                key=broker.broker_name,
                cells=(
                    broker.broker_name,
                    _state(known),
                    broker.cluster,
                    permission(broker.perm),
                    broker.read_queue_nums,
                    broker.write_queue_nums,
                    master or NOTHING,
                    ", ".join(slaves) or NOTHING,
                ),
                health=worst([health if master is not None else Health.CRITICAL, _sign(known)]),
                opens=Address("broker", broker.broker_name),
            )
        )
    on = moment.topics[route.topic].on if route.topic in moment.topics else {}
    listed = {row.key for row in rows}
    left = [each for each in seen.values() if each.unlisted_since is not None and each.broker_name in on]
    rows += [_known_row(each.broker_name, on[each.broker_name], each, moment) for each in left]
    silent = [each.failure for each in brokers if each.failure is not None and each.broker_name in {*listed, *on}]
    order = Fact("Ordered queues", route.order_topic_conf or NOTHING)
    return also(table_of(_ROUTE, rows, "no broker is in its route"), silent, order)


def _state(broker: BrokerSeen | None) -> str | None:
    """Whether clients reach a broker; what else is the matter with it is not said here."""
    if broker is None or (broker.reached and broker.answered_ms is None):
        return None
    return "ok" if broker.reached else in_short(broker)


def _sign(broker: BrokerSeen | None) -> Health:
    """How a broker is, in a row that others tell of."""
    return Health.OK if broker is None or broker.reached else worst([broker.health, Health.UNKNOWN])


def _known_row(name: str, on: TopicQueues, broker: BrokerSeen | None, moment: Moment) -> Row:
    """A broker of a route as it told of the topic last."""
    usable = on.perm & PERM_READ and on.perm & PERM_WRITE
    cluster = broker.cluster if broker is not None else None
    replicas = {
        each.broker_id: each.address
        for each in moment.brokers.values()
        if (each.cluster, each.broker_name) == (cluster, name)
    }
    master = replicas.pop(MASTER_ID, NOTHING) if replicas else None
    return Row(
        key=name,
        cells=(
            name,
            _state(broker),
            cluster,
            permission(on.perm),
            on.read,
            on.write,
            master,
            (", ".join(replicas[each] for each in sorted(replicas)) or NOTHING) if master is not None else None,
        ),
        health=worst([Health.OK if usable else Health.WARNING, _sign(broker)]),
        stale_since=broker.stale_since if broker is not None else None,
        opens=Address("broker", name),
    )


async def _settings(asking: Asking) -> Section:
    admin, topic = asking.admin, asking.name
    route = await admin.topics.route(topic)
    masters = {each.broker_name: each.broker_addrs.get(MASTER_ID) for each in route.brokers}
    addresses = [address for address in masters.values() if address is not None]
    fan = await admin.fan_out(addresses, lambda address: admin.topics.config_at(address, topic))
    sources = {
        name: _config(fan.answers[address]) if address is not None and address in fan.answers else None
        for name, address in masters.items()
    }
    failures = [*fan.failures, *not_led_to(asking.moment, _brokers_of(topic, asking.moment), sources)]
    left_out = dict.fromkeys(name for name in silent_brokers(failures, asking.moment) if name not in sources)
    return also(side_by_side("Setting", sources | left_out), failures)


def _config(config: TopicConfig | None) -> dict[str, Value]:
    """The settings of a topic on a broker; none where it is not there."""
    if config is None:
        return {}
    return {
        "permission": letters(config.perm),
        "readQueueNums": config.read_queue_nums,
        "writeQueueNums": config.write_queue_nums,
        "order": str(config.order).lower(),
        "topicFilterType": str(config.topic_filter_type),
        "topicSysFlag": config.topic_sys_flag,
        **{f"attributes.{key}": value for key, value in (config.attributes or {}).items()},
    }


def known_route(topic: str, moment: Moment) -> Section | None:
    """What a moment has of a topic: queues and permission on each broker, as that told of it last."""
    seen = moment.topics.get(topic)
    if seen is None:
        return None
    brokers = {broker.broker_name: broker for broker in telling(moment.brokers.values()).values()}
    rows = [_known_row(name, on, brokers.get(name), moment) for name, on in sorted(seen.on.items())]
    return also(table_of(_ROUTE, rows, "it was on no broker"), (), *known_facts(seen))


def known_facts(seen: TopicSeen) -> tuple[Fact, ...]:
    """Its rates as a moment has them."""
    return Fact("In", seen.in_rate, Kind.RATE), Fact("Out", seen.out_rate, Kind.RATE)
