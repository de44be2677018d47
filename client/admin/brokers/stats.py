"""Throughput and backlog: of every topic and its groups, and of every group on one broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from rocketmq_ops.client.admin.groups.group import lag_of, total
from rocketmq_ops.client.admin.topics.topic import broker_addresses
from rocketmq_ops.client.api import stats as api
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import AllFailedError, Failure, RocketMQError
from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import BrokerStatsData

T = TypeVar("T")

TOPIC_PUT_NUMS = "TOPIC_PUT_NUMS"
GROUP_GET_NUMS = "GROUP_GET_NUMS"


class Counted(NamedTuple):
    """Messages a second in the last minute, and messages of the last day (of what is known of it)."""

    tps: float
    day: int


class TopicGroupStats(msgspec.Struct, rename="camel"):
    """A topic and one group that consumes it, None for a topic without any. Unknown figures are None, never 0.

    Rates are per second in the last minute, sums are of the last 24 hours, as far as the brokers have counted since
    they started. `accumulation`: messages that the group has not consumed.
    """

    topic: str
    group: str | None
    accumulation: int | None
    in_tps: float | None
    out_tps: float | None
    in_msg24_hour: int | None
    out_msg24_hour: int | None


class StatsListing(msgspec.Struct, rename="camel"):
    """Every topic with its groups, by name, without retry and dead-letter topics."""

    stats: list[TopicGroupStats]
    failures: list[Failure] = []


class QueueConsumeStats(msgspec.Struct, rename="camel"):
    """A group in one queue of a broker, offsets in messages. `last_timestamp`: ms, of the last consumed message.

    A broker tells offset 0 of a queue that the group has never consumed, too; then there is no time.
    """

    topic: str
    group: str
    broker_name: str
    queue_id: int
    broker_offset: int
    consumer_offset: int
    diff: int
    last_timestamp: int | None


class BrokerConsumeStats(msgspec.Struct, rename="camel"):
    """All groups of one broker; `total_diff` is over all queues, whether shown or not."""

    broker_addr: str
    queues: list[QueueConsumeStats]
    total_diff: int


async def broker_consume_stats(
    admin: MQAdmin, address: str, *, ordered_only: bool = False, least_diff: int = 0, timeout_ms: int | None = None
) -> BrokerConsumeStats:
    """The progress of every group on a broker, in queues where it is at least `least_diff` messages behind."""
    answer = await api.broker_consume_stats(admin.session, address, ordered_only=ordered_only, timeout_ms=timeout_ms)
    found = BrokerConsumeStats(address, [], 0)
    for by_group in answer.consume_stats_list:
        for group, tables in by_group.items():
            for queue, offsets in (item for table in tables for item in table.offset_table.items()):
                diff = offsets.broker_offset - offsets.consumer_offset
                found.total_diff += diff
                if diff >= least_diff:
                    found.queues.append(
                        QueueConsumeStats(
                            queue.topic,
                            group,
                            queue.broker_name,
                            queue.queue_id,
                            offsets.broker_offset,
                            offsets.consumer_offset,
                            diff,
                            offsets.last_timestamp or None,
                        )
                    )
    found.queues.sort(key=lambda q: (q.topic, q.group, q.broker_name, q.queue_id))
    return found


class _Brokers:
    """Calls to brokers, of which one that cannot be reached is asked once: a listing has thousands of calls."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin
        self.gone: dict[str, RocketMQError] = {}
        self.answered = False

    async def ask(self, address: str, call: Callable[[], Awaitable[T]]) -> T:
        """The answer. Raises what the call raises, and again what it raised when the broker could not be reached."""
        if address in self.gone:
            raise self.gone[address]
        try:
            answer = await call()
        except BrokerError:
            self.answered = True
            raise
        except RocketMQError as error:
            self.gone.setdefault(address, error)
            raise
        self.answered = True
        return answer


async def all_topics(admin: MQAdmin, topic: str | None = None, *, active_only: bool = False) -> StatsListing:
    """Throughput and backlog of every topic, or of one. Every broker of each topic is asked, some at a time.

    `active_only` leaves out what had no message in 24 hours. Raises NotFoundError for a topic that does not exist,
    AllFailedError when no broker answers.
    """
    if topic is None:
        names = [name for name in await admin.topics.names() if not is_retry_topic(name) and not is_dlq_topic(name)]
    else:
        names = [topic]
    routes = await admin.fan_out(names, admin.topics.route_data)
    if topic is not None and routes.errors:
        raise next(iter(routes.errors.values()))
    listing = StatsListing([])
    # A topic may be deleted between the list and its route.
    gone_topics = [name for name, error in routes.errors.items() if isinstance(error, NotFoundError)]
    listing.failures += [f for f in routes.failures if f.target not in gone_topics]
    addresses = {name: broker_addresses(route) for name, route in routes.answers.items()}
    brokers = _Brokers(admin)
    collected = await _collect(admin, brokers, addresses, listing.failures)
    if brokers.gone and not brokers.answered:
        raise AllFailedError("reading the statistics", dict(brokers.gone))
    listing.failures += [admin.failure_of(address, error) for address, error in brokers.gone.items()]
    for row in collected:
        counts = (row.in_msg24_hour, row.out_msg24_hour)
        if not active_only or None in counts[: 1 if row.group is None else 2] or any(counts):
            listing.stats.append(row)
    return listing


async def _collect(
    admin: MQAdmin, brokers: _Brokers, addresses: dict[str, list[str]], failures: list[Failure]
) -> list[TopicGroupStats]:
    at = [(name, address) for name, found in addresses.items() for address in found]
    session = admin.session

    async def groups_at(key: tuple[str, str]) -> list[str]:
        return await brokers.ask(key[1], lambda: admin.topics.groups_at(key[1], key[0]))

    async def put_at(key: tuple[str, str]) -> Counted:
        return counted(await brokers.ask(key[1], lambda: api.stats_data(session, key[1], TOPIC_PUT_NUMS, key[0])))

    async def got_at(key: tuple[str, str, str]) -> Counted:
        counter = topic_at_group(key[0], key[2])
        return counted(await brokers.ask(key[1], lambda: api.stats_data(session, key[1], GROUP_GET_NUMS, counter)))

    async def lag_at(key: tuple[str, str, str]) -> int | None:
        stats = await brokers.ask(key[1], lambda: admin.groups.stats_at(key[1], key[2], key[0]))
        offsets = stats.offset_table.values()
        return total([lag_of(queue.broker_offset, queue.consumer_offset) for queue in offsets])

    groups = await admin.fan_out(at, groups_at)
    puts = await admin.fan_out(at, put_at)
    groups_of = {
        name: sorted({group for address in found for group in groups.answers.get((name, address), [])})
        for name, found in addresses.items()
    }
    of_groups = [(name, address, group) for name, address in at for group in groups_of[name]]
    gets = await admin.fan_out(of_groups, got_at)
    lags = await admin.fan_out(of_groups, lag_at)
    for fan in (groups, puts, gets, lags):
        for key, error in fan.errors.items():
            if isinstance(error, BrokerError):
                failures.append(admin.failure_of(" at ".join(str(part) for part in (key[0], key[1])), error))
    rows = []
    for name, found in addresses.items():
        put = _sum([puts.answers.get((name, address)) for address in found])
        in_tps, in_day = put if put is not None else (None, None)
        if not groups_of[name]:
            known = all((name, address) in groups.answers for address in found)
            rows.append(TopicGroupStats(name, None, 0 if known else None, in_tps, None, in_day, None))
        for group in groups_of[name]:
            got = _sum([gets.answers.get((name, address, group)) for address in found])
            lag = total([lags.answers.get((name, address, group)) for address in found])
            out_tps, out_day = got if got is not None else (None, None)
            rows.append(TopicGroupStats(name, group, lag, in_tps, out_tps, in_day, out_day))
    return rows


def counted(data: BrokerStatsData | None) -> Counted:
    """Nothing counted is 0: a counter comes with the first message. The day's sum comes with the second hour."""
    if data is None:
        return Counted(0.0, 0)
    return Counted(data.stats_minute.tps, data.stats_day.sum or data.stats_hour.sum or data.stats_minute.sum)


def _sum(parts: list[Counted | None]) -> Counted | None:
    known = [part for part in parts if part is not None]
    return Counted(sum(p.tps for p in known), sum(p.day for p in known)) if len(known) == len(parts) else None
