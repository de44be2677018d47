"""The groups of a cluster: their offsets, how they keep up, what they send back and give up.

Brokers are asked for all groups at once; who is connected is asked for groups that are behind or lack an offset, and
for some of the others in turn. How a group keeps up is judged by the history of its offsets (`housekeeping/lag.py`),
not by a threshold.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rocketmq_ops.client.admin.client import merged
from rocketmq_ops.client.admin.fanout import fan_out
from rocketmq_ops.client.api import topics as topic_api
from rocketmq_ops.client.api.offsets import earliest_store_time
from rocketmq_ops.client.api.stats import QueueOffset, group_queues
from rocketmq_ops.common.bounded import Names
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.common.topics import (
    DLQ_GROUP_TOPIC_PREFIX,
    is_dlq_topic,
    is_predefined_group,
    is_retry_topic,
    is_system_group,
)
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.probe.names import is_probers
from rocketmq_ops.housekeeping.unsaved import Subscribed, add_unsaved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.once import Once
    from rocketmq_ops.housekeeping.probe.turns import Turns
    from rocketmq_ops.remoting.bodies import ConsumerConnection

#: Brokers that are asked for all groups or topics at a time: each answer may have some MB.
_ANSWERS_AT_ONCE: Final = 1
#: Hours that a broker keeps its files unless its configuration says otherwise (MessageStoreConfig.fileReservedTime).
_RESERVED_HOURS: Final = 72
#: Groups and queues that are gone through at a time, which takes about a millisecond: then others have their turn.
_AT_A_TIME: Final = 500
#: Groups of which nothing is known to wait that are asked for their clients in one run.
_MOST_QUIET: Final = 100


class Online(NamedTuple):
    """A group with clients, and without an offset on any broker but of its retries."""

    members: int
    subscribed: Subscribed


class GroupsSeen(msgspec.Struct):
    """Every group at one moment; `failures` are brokers of which they are not known.

    `silent` are groups without an offset, with the brokers that list them; `online` those of them that have clients.
    """

    time_ms: int
    groups: dict[str, GroupOffsets]
    failures: list[Failure]
    silent: dict[str, list[str]] = {}
    online: dict[str, Online] = {}

    def lag(self, group: str) -> int | None:
        """What is behind in all queues; None when a part is not known."""
        total = 0
        for queue in self.groups[group].queues:
            lag = queue.lag
            if lag is None:
                return None
            total += lag
        return total

    def sent_back(self) -> dict[str, int]:
        """How many messages each group has sent back so far, of those that have a retry topic."""
        found: dict[str, int] = {}
        for name, group in self.groups.items():
            for queue in group.queues:
                if is_retry_topic(queue.queue.topic):
                    found[name] = found.get(name, 0) + (queue.end or 0)
        return found


async def _others_turn() -> None:
    await asyncio.sleep(0)


async def gather(
    admin: MQAdmin,
    masters: Sequence[BrokerAddress],
    turn: Callable[[], Awaitable[None]] = _others_turn,
    pause: Pause = at_once,
    names: Names | None = None,
) -> GroupsSeen:
    """The offsets of every group on these brokers, without those of the prober and of brokers themselves.

    `turn` is waited for after each millisecond of work; `pause` is called every few ms in threads that read answers.
    `names`: see `group_queues`.
    """
    seen = GroupsSeen(now_ms(), {}, [])
    names = Names() if names is None else names

    async def one(broker: BrokerAddress) -> None:
        name = broker.broker_name or ""
        told = await group_queues(admin.session, broker.address, pause, names)
        saved: dict[tuple[str, str], dict[int, int]] | None = None
        if any(queue.consumer_offset == 0 for queues in told.values() for queue in queues):
            # A broker tells 0 of a queue that the group has never consumed, too: only the table of all offsets knows.
            saved = await admin.offsets.all_at(broker.address)
        done = 0
        for group, queues in told.items():
            done += 1 + len(queues)
            if done >= _AT_A_TIME:
                done = 0
                await turn()
            if is_probers(group) or is_system_group(group) or is_predefined_group(group):
                continue
            if not queues:
                seen.silent.setdefault(group, []).append(broker.address)
                continue
            known = seen.groups.setdefault(group, GroupOffsets(group=group, queues=[]))
            known.queues += (
                QueueOffsets(
                    QueueKey(queue.topic, name, queue.queue_id),
                    queue.broker_offset,
                    _committed(group, queue, saved),
                )
                for queue in queues
            )

    fan = await fan_out(masters, one, _ANSWERS_AT_ONCE, admin.failure_of)
    seen.failures += fan.failures
    return seen


def _committed(group: str, queue: QueueOffset, saved: dict[tuple[str, str], dict[int, int]] | None) -> int | None:
    if queue.consumer_offset == 0 and saved is not None:
        return saved.get((queue.topic, group), {}).get(queue.queue_id)
    return queue.consumer_offset if queue.consumer_offset >= 0 else None


async def topics_there(
    admin: MQAdmin, masters: Iterable[BrokerAddress]
) -> tuple[dict[BrokerAddress, set[str]], list[Failure]]:
    """The names of the topics that each broker has, and what could not be asked."""

    async def names(broker: BrokerAddress) -> set[str]:
        return set(await topic_api.topic_configs(admin.session, broker.address))

    fan = await fan_out(masters, names, _ANSWERS_AT_ONCE, admin.failure_of)
    return fan.answers, fan.failures


async def add_clients(
    admin: MQAdmin,
    seen: GroupsSeen,
    masters: Sequence[BrokerAddress],
    there: Mapping[BrokerAddress, Collection[str]],
    unsaved: Collection[str],
    turns: Turns,
) -> list[Failure]:
    """Who is connected: of groups that are behind, of the `unsaved` ones, which had a queue without an offset at the
    run before, and of all others some at a time, the next ones in the next run. Where the queues end that these
    have committed no offset of, and are to; and which of these are not known.

    One broker knows them all, but not one that was started anew, until clients have found it again, which takes a
    minute (5.3.3 `MQClientInstance`: routes and heartbeats, each every 30 s): where it knows none, another is asked."""
    silent = _without_offset(seen, masters)
    addresses = {broker.broker_name: broker.address for broker in masters}
    every = seen.groups.keys() | silent.keys()
    sure = {name for name in seen.groups if seen.lag(name) != 0} | (every & set(unsaved))
    asked = [*sorted(sure), *turns.sample("groups", every - sure, _MOST_QUIET)]
    places: list[tuple[str, str]] = []
    others: dict[str, str] = {}
    for name in asked:
        if name in silent:
            places += [(name, address) for address in silent[name]]
            continue
        on = dict.fromkeys(addresses.get(queue.queue.broker) for queue in seen.groups[name].queues)
        first, other, *_ = [*(address for address in on if address is not None), None, None]
        if first is not None:
            places.append((name, first))
        if other is not None:
            others[name] = other

    async def one(place: tuple[str, str]) -> ConsumerConnection | None:
        return await admin.clients.consumers_at(place[1], place[0])

    fan = await admin.fan_out(places, one)
    doubted = [name for (name, _), told in fan.answers.items() if told is None or not told.connection_set]
    second = await admin.fan_out([(name, others[name]) for name in doubted if name in others], one)
    found: dict[str, dict[str, ConsumerConnection]] = {}
    for (name, address), connected in [*fan.answers.items(), *second.answers.items()]:
        by_address = found.setdefault(name, {})
        if connected is not None:
            by_address[address] = connected
    subscribed: dict[str, Subscribed] = {}
    for name, by_address in found.items():
        members = len(merged({address: connected.connection_set for address, connected in by_address.items()}))
        subscribed[name] = clients = Subscribed.of(*by_address.values())
        if name in seen.groups:
            seen.groups[name].members, seen.groups[name].pulling = members, clients.pulling
        if name in silent and by_address:
            seen.online[name] = Online(members, clients)
    errors = [*fan.errors.items(), *second.errors.items()]
    seen.failures += [admin.failure_of(f"{group} at {address}", e) for (group, address), e in errors]
    return await _add_ends(admin, seen, subscribed, there)


def _without_offset(seen: GroupsSeen, masters: Sequence[BrokerAddress]) -> dict[str, list[str]]:
    """The groups without an offset, and the brokers that list them. One of a retry topic is none: clients commit it
    at once, and a group that hangs at its first message would have nothing left to consume."""
    addresses = {broker.broker_name: broker.address for broker in masters}
    found = {group: list(listed) for group, listed in seen.silent.items() if group not in seen.groups}
    for name, group in seen.groups.items():
        if all(is_retry_topic(queue.queue.topic) for queue in group.queues):
            listed = [*seen.silent.get(name, ()), *(addresses.get(queue.queue.broker) for queue in group.queues)]
            found[name] = list(dict.fromkeys(address for address in listed if address is not None))
    return found


async def _add_ends(
    admin: MQAdmin,
    seen: GroupsSeen,
    subscribed: Mapping[str, Subscribed],
    there: Mapping[BrokerAddress, Collection[str]],
) -> list[Failure]:
    """Give groups the queues that they have no offset of, and are to have one."""
    groups = dict(seen.groups)
    for name, online in seen.online.items():
        groups.setdefault(
            name, GroupOffsets(group=name, queues=[], members=online.members, pulling=online.subscribed.pulling)
        )
    brokers = {broker.address: (broker.broker_name or "", topics) for broker, topics in there.items()}
    ends: dict[tuple[str, str], dict[int, int]] = {}

    def add() -> dict[str, set[str]]:
        nobody = Subscribed()
        wanted, _ = add_unsaved(
            groups, lambda name: subscribed.get(name, nobody), brokers, lambda *place: ends.get(place)
        )
        return wanted

    async def one(place: tuple[str, str]) -> dict[int, int]:
        stats = await topic_api.topic_stats(admin.session, *place)
        return {queue.queue_id: offsets.max_offset for queue, offsets in stats.offset_table.items()}

    fan = await admin.fan_out([(address, topic) for address, topics in add().items() for topic in sorted(topics)], one)
    ends.update(fan.answers)
    add()
    seen.groups.update((name, group) for name, group in groups.items() if group.queues)
    return [admin.failure_of(f"{topic} at {address}", e) for (address, topic), e in fan.errors.items()]


class DeadLetters(msgspec.Struct):
    """A group's dead letters on all brokers: how many ever came, how many are there, when the oldest was stored (ms).

    `left_ms` is until that one is old enough to be deleted.
    """

    group: str
    ever: int = 0
    there: int = 0
    oldest: int | None = None
    left_ms: int | None = None


async def dead_letters(
    admin: MQAdmin, there: Mapping[BrokerAddress, Collection[str]], configs: Once[dict[str, str]]
) -> tuple[dict[str, DeadLetters], list[Failure]]:
    """The dead letters of every group that has a dead-letter topic, and what could not be asked. `there`: the topics
    that brokers have."""
    found: dict[str, DeadLetters] = {}
    places = [(broker, name) for broker, names in there.items() for name in sorted(names) if is_dlq_topic(name)]
    holders = {broker for broker, _ in places}
    told = await admin.fan_out(holders, lambda broker: configs(broker.address))

    async def one(place: tuple[BrokerAddress, str]) -> None:
        broker, topic = place
        group = topic.removeprefix(DLQ_GROUP_TOPIC_PREFIX)
        stats = await topic_api.topic_stats(admin.session, broker.address, topic)
        letters = found.setdefault(group, DeadLetters(group))
        for queue, offsets in stats.offset_table.items():
            letters.ever += offsets.max_offset
            if offsets.max_offset <= offsets.min_offset:
                continue
            letters.there += offsets.max_offset - offsets.min_offset
            stored = await earliest_store_time(admin.session, broker.address, topic, queue.queue_id)
            if stored <= 0:
                continue
            hours = told.answers.get(broker, {}).get("fileReservedTime", "")
            kept_ms = int(hours if hours.isdecimal() else _RESERVED_HOURS) * 3_600_000
            left_ms = stored + kept_ms - now_ms()
            letters.oldest = stored if letters.oldest is None else min(letters.oldest, stored)
            letters.left_ms = left_ms if letters.left_ms is None else min(letters.left_ms, left_ms)

    fan = await admin.fan_out(places, one)
    failures = [*told.failures]
    failures += [admin.failure_of(f"{topic} at {broker.address}", e) for (broker, topic), e in fan.errors.items()]
    return found, failures
