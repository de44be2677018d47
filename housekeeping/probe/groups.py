"""The groups of a cluster: their offsets, how they keep up, what they send back and give up.

Brokers are asked for all groups at once; who is connected is asked only for groups that are behind. How a group keeps
up is judged by the history of its offsets (`housekeeping/lag.py`), not by a threshold.
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
from rocketmq_ops.client.errors import BrokerError
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
from rocketmq_ops.housekeeping.probe.name_servers import sample_of
from rocketmq_ops.housekeeping.probe.names import is_probers
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CONSUME_ACTIVELY
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.once import Once
    from rocketmq_ops.remoting.bodies import ConsumerConnection

#: Brokers that are asked for all groups or topics at a time: each answer may have some MB.
_ANSWERS_AT_ONCE: Final = 1
#: Hours that a broker keeps its files unless its configuration says otherwise (MessageStoreConfig.fileReservedTime).
_RESERVED_HOURS: Final = 72
#: Groups and queues that are gone through at a time, which takes about a millisecond: then others have their turn.
_AT_A_TIME: Final = 500
#: Groups without an offset that are asked for their clients in one run.
_MOST_SILENT: Final = 100


class Online(NamedTuple):
    """A group with clients, and without an offset on any broker but of its retries. `broadcasting`: they keep their
    offsets themselves; so may those that pull by themselves: then it does not have to commit any (`commits`)."""

    members: int
    broadcasting: bool
    commits: bool
    topics: list[str]


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
) -> GroupsSeen:
    """The offsets of every group on these brokers, without those of the prober and of brokers themselves.

    `turn` is waited for after each millisecond of work; `pause` is called every few ms in threads that read answers.
    """
    seen = GroupsSeen(now_ms(), {}, [])

    async def one(broker: BrokerAddress) -> None:
        name = broker.broker_name or ""
        told = await group_queues(admin.session, broker.address, pause)
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


async def add_members(admin: MQAdmin, seen: GroupsSeen, masters: Sequence[BrokerAddress]) -> None:
    """How many clients are connected of each group that is behind, by a broker that has queues of it."""
    addresses = {broker.broker_name: broker.address for broker in masters}
    places = {
        name: addresses[group.queues[0].queue.broker]
        for name, group in seen.groups.items()
        if seen.lag(name) != 0 and group.queues[0].queue.broker in addresses
    }

    async def one(group: str) -> int:
        connected = await admin.clients.consumers_at(places[group], group)
        return 0 if connected is None else len(merged({places[group]: connected.connection_set}))

    fan = await admin.fan_out(places, one)
    for name, count in fan.answers.items():
        seen.groups[name].members = count
    seen.failures += fan.failures


async def add_online(admin: MQAdmin, seen: GroupsSeen, masters: Sequence[BrokerAddress]) -> list[Failure]:
    """Which groups without an offset have clients; of many some at a time, the next ones in the next minute. Where the
    queues end that they are to commit offsets of, and which of these are not known."""
    silent = _without_offset(seen, masters)
    places = [
        (group, address)
        for group in sample_of(sorted(silent), _MOST_SILENT, seen.time_ms // 60_000)
        for address in silent[group]
    ]

    async def one(place: tuple[str, str]) -> ConsumerConnection | None:
        return await admin.clients.consumers_at(place[1], place[0])

    fan = await admin.fan_out(places, one)
    found: dict[str, dict[str, ConsumerConnection]] = {}
    for (group, address), connected in fan.answers.items():
        if connected is not None:
            found.setdefault(group, {})[address] = connected
    for group, by_address in found.items():
        topics = {topic for connected in by_address.values() for topic in connected.subscription_table}
        broadcasting = any(connected.message_model == BROADCASTING for connected in by_address.values())
        pulling = any(connected.consume_type == CONSUME_ACTIVELY for connected in by_address.values())
        seen.online[group] = Online(
            len(merged({address: connected.connection_set for address, connected in by_address.items()})),
            broadcasting,
            not broadcasting and not pulling,
            sorted(topic for topic in topics if not is_retry_topic(topic)),
        )
    seen.failures += [admin.failure_of(f"{group} at {address}", e) for (group, address), e in fan.errors.items()]
    return await _add_ends(admin, seen, masters)


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


async def _add_ends(admin: MQAdmin, seen: GroupsSeen, masters: Sequence[BrokerAddress]) -> list[Failure]:
    """Give groups that are to commit offsets, and have none, the queues that these would be of."""
    committing = {name: online for name, online in seen.online.items() if online.commits}
    topics = {topic for online in committing.values() for topic in online.topics}

    async def one(place: tuple[BrokerAddress, str]) -> dict[int, int]:
        broker, topic = place
        try:
            stats = await topic_api.topic_stats(admin.session, broker.address, topic)
        except BrokerError as error:
            if error.code == ResponseCode.TOPIC_NOT_EXIST:
                return {}
            raise
        return {queue.queue_id: offsets.max_offset for queue, offsets in stats.offset_table.items()}

    fan = await admin.fan_out([(broker, topic) for topic in sorted(topics) for broker in masters], one)
    for name, online in committing.items():
        queues = [
            QueueOffsets(QueueKey(topic, broker.broker_name or "", queue_id), end, None)
            for (broker, topic), ends in fan.answers.items()
            if topic in online.topics
            for queue_id, end in ends.items()
        ]
        if queues:
            group = seen.groups.setdefault(name, GroupOffsets(group=name, queues=[]))
            group.queues += queues
            group.members = online.members
    return [admin.failure_of(f"{topic} at {broker.address}", e) for (broker, topic), e in fan.errors.items()]


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
    admin: MQAdmin, masters: Iterable[BrokerAddress], configs: Once[dict[str, str]]
) -> tuple[dict[str, DeadLetters], list[Failure]]:
    """The dead letters of every group that has a dead-letter topic, and what could not be asked."""
    found: dict[str, DeadLetters] = {}
    places: list[tuple[BrokerAddress, str]] = []

    async def topics_of(broker: BrokerAddress) -> list[str]:
        return [name for name in await topic_api.topic_configs(admin.session, broker.address) if is_dlq_topic(name)]

    listed = await fan_out(masters, topics_of, _ANSWERS_AT_ONCE, admin.failure_of)
    for broker, names in listed.answers.items():
        places += [(broker, name) for name in names]
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
    failures = [*listed.failures, *told.failures]
    failures += [admin.failure_of(f"{topic} at {broker.address}", e) for (broker, topic), e in fan.errors.items()]
    return found, failures
