"""The list of all groups: two requests to each broker for the offsets of all its groups, then who is online.

Unlike Apache's tool, which asks each broker for each group, one after the other. A broker that lists no totals of a
group whose retry topic it holds (it has no configuration of the group, or does not know the request) is asked for that
group alone; so is one where a topic has fewer write than read queues, of which the totals leave some out.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.client.admin.client import ClientConnection, merged
from rocketmq_ops.client.admin.groups.broadcast import ClientOffset, client_offsets
from rocketmq_ops.client.admin.groups.group import (
    GroupListing,
    GroupSummary,
    beyond_end,
    client_progress,
    group_of,
    lag_of,
    total,
)
from rocketmq_ops.client.api.stats import GroupTotals, group_totals
from rocketmq_ops.client.api.topics import topic_configs
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.topics import is_retry_topic, retry_topic
from rocketmq_ops.remoting.bodies.enums import BROADCASTING
from rocketmq_ops.remoting.versions import version_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import ConsumerConnection

#: A broker's address and a group.
Place = tuple[str, str]
_ADDRESS = itemgetter(0)


class _Held(NamedTuple):
    """What one broker has: the groups whose retry topic it holds, and the totals of those that it sums up whole."""

    groups: frozenset[str]
    totals: dict[str, GroupTotals]


async def listing(admin: MQAdmin) -> GroupListing:
    """All groups with their totals, the largest lag first, unknown lags before known ones."""
    names = await admin.groups.names()
    addresses = [broker.address for broker in await admin.cluster.one_each()]
    held = await admin.fan_out(addresses, lambda address: _held(admin, address))
    holders = {name: [address for address, at in held.answers.items() if name in at.groups] for name in names}
    unknown = await _groups_at(admin, names, held.errors) if held.errors else {}
    totals: dict[Place, GroupTotals] = {
        (address, name): at.totals[name] for address, at in held.answers.items() for name in names if name in at.totals
    }
    online = {(address, name) for name in names for address in holders[name]}
    single = await admin.fan_out(sorted(online - totals.keys()), lambda place: _totals_of(admin, *place), _ADDRESS)
    totals |= single.answers
    clients = await admin.fan_out(sorted(online), lambda place: admin.clients.consumers_at(*place), _ADDRESS)
    result = GroupListing([], held.failures)
    broadcasting: dict[str, tuple[GroupSummary, list[ClientConnection]]] = {}
    for name in names:
        summary = GroupSummary(name, None, None, None, None, None, None)
        places = [(address, name) for address in addresses]
        if not unknown.get(name) and not any(place in single.errors for place in places):
            _add_totals(summary, [totals[place] for place in places if place in totals])
        if not unknown.get(name) and not any(place in clients.errors for place in places):
            found = ((address, clients.answers.get((address, name))) for address in addresses)
            connected = {address: answer for address, answer in found if answer is not None}
            members = _fill_online(summary, connected)
            if summary.message_model == BROADCASTING:
                broadcasting[name] = (summary, members)
        result.groups.append(summary)
    told = await admin.fan_out(broadcasting, lambda name: client_offsets(admin, name, broadcasting[name][1]))
    for name, (offsets, silent) in told.answers.items():
        _add_client_offsets(broadcasting[name][0], offsets, known=not silent)
        result.failures += [Failure(f"{name}, {f.target}", f.cause, f.next_step, f.code) for f in silent]
    for name in told.errors:
        broadcasting[name][0].lag_total = None
    result.failures += told.failures
    result.failures += _failures(admin, single.errors | clients.errors)
    # Python's whole numbers do not wrap, so a lag beyond 31 bits sorts where it belongs.
    result.groups.sort(key=lambda g: (g.lag_total is not None, -(g.lag_total or 0), g.group))
    return result


async def _held(admin: MQAdmin, address: str) -> _Held:
    topics = await topic_configs(admin.session, address)
    groups = frozenset(group_of(name) for name in topics if is_retry_topic(name))
    if any(topic.read_queue_nums > topic.write_queue_nums for topic in topics.values()):
        return _Held(groups, {})
    try:
        return _Held(groups, await group_totals(admin.session, address))
    except BrokerError:
        return _Held(groups, {})


async def _totals_of(admin: MQAdmin, address: str, group: str) -> GroupTotals:
    stats = await admin.groups.stats_at(address, group)
    return GroupTotals(
        stats.consume_tps, [(offsets.broker_offset, offsets.consumer_offset) for offsets in stats.offset_table.values()]
    )


async def _groups_at(admin: MQAdmin, names: Iterable[str], failed: dict[str, RocketMQError]) -> dict[str, bool]:
    """Which groups have their retry topic on a broker that did not answer; True too where that is not known."""

    async def there(name: str) -> bool:
        try:
            route = await admin.topics.route_data(retry_topic(name))
        except NotFoundError:
            return False
        return any(address in failed for data in route.broker_datas for address in data.broker_addrs.values())

    fan = await admin.fan_out(names, there)
    return {**fan.answers, **dict.fromkeys(fan.errors, True)}


def _failures(admin: MQAdmin, errors: dict[Place, RocketMQError]) -> list[Failure]:
    """One failure for each broker that could not be asked, else for each group at it."""
    found: dict[str, Failure] = {}
    for (address, group), error in errors.items():
        where = f"{group} at {address}" if isinstance(error, BrokerError) else address
        found.setdefault(where, admin.failure_of(where, error))
    return list(found.values())


def _add_totals(summary: GroupSummary, parts: list[GroupTotals]) -> None:
    offsets = [pair for part in parts for pair in part.offsets]
    # No stored offset at all is not a lag of 0: the group has not consumed, or consumes by broadcasting.
    summary.lag_total = total([lag_of(*pair) for pair in offsets]) if offsets else None
    summary.beyond_end = sum(beyond_end(*pair) > 0 for pair in offsets)
    summary.consume_tps = sum(part.consume_tps for part in parts)


def _fill_online(summary: GroupSummary, connected: dict[str, ConsumerConnection]) -> list[ClientConnection]:
    """The clients of the group, of what each broker has."""
    clients = merged({address: answer.connection_set for address, answer in connected.items()})
    summary.count = len(clients)
    if clients:
        versions = (connection.version for answer in connected.values() for connection in answer.connection_set)
        summary.version = version_text(min(versions))
        first = next(iter(connected.values()))
        summary.consume_type, summary.message_model = first.consume_type, first.message_model
    return clients


def _add_client_offsets(summary: GroupSummary, offsets: list[ClientOffset], *, known: bool) -> None:
    """The totals of a broadcasting group, whose offsets are with its clients."""
    queues = [client_progress(offset) for offset in offsets]
    summary.lag_total = total([queue.lag for queue in queues]) if queues and known else None
    summary.beyond_end = sum(queue.beyond_end > 0 for queue in queues)
