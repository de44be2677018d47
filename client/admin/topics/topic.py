"""Reading about topics: list, route, queue offsets, configuration, consuming groups. Changes: `topic_change.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.api.route import topic_route
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, See
from rocketmq_ops.common.topics import TOOLS_CONSUMER_GROUP, is_dlq_topic, is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.changes import ChangeReport
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
    from rocketmq_ops.client.admin.topics.topic_list_change import TopicEntry as TopicListEntry
    from rocketmq_ops.common.message import MessageQueue
    from rocketmq_ops.remoting.bodies import BrokerData, TopicConfig, TopicOffset, TopicRouteData, TopicStatsTable


class RouteBroker(msgspec.Struct, rename="camel"):
    """One broker that holds a topic. Queue figures are None where the name server has none for this broker."""

    cluster: str
    broker_name: str
    broker_addrs: dict[int, str]
    enable_acting_master: bool = False
    read_queue_nums: int | None = None
    write_queue_nums: int | None = None
    perm: int | None = None
    topic_sys_flag: int | None = None


class TopicRoute(msgspec.Struct, rename="camel"):
    """Where a topic is, sorted by cluster and broker name."""

    topic: str
    brokers: list[RouteBroker]
    order_topic_conf: str | None = None


class QueueStatus(msgspec.Struct, rename="camel"):
    """Offsets of one queue, in messages; the time (ms) of its last message, None when it has none.

    The store times (ms) of its first and last message are None when they were not asked for, when it has no message,
    and when the broker does not tell them: it does for queues that can be written to.
    """

    broker_name: str
    queue_id: int
    min_offset: int
    max_offset: int
    last_update_timestamp: int | None
    earliest_store_timestamp: int | None = None
    latest_store_timestamp: int | None = None


class TopicStatus(msgspec.Struct, rename="camel"):
    """The queues of a topic. `put_tps` (messages a second) is None when no broker reports it."""

    topic: str
    queues: list[QueueStatus]
    put_tps: float | None = None
    failures: list[Failure] = []


class TopicEntry(msgspec.Struct, rename="camel"):
    """One topic; clusters and consumer groups are None when they were not asked for or could not be found out."""

    topic: str
    clusters: list[str] | None = None
    groups: list[str] | None = None


class TopicListing(msgspec.Struct, rename="camel"):
    """All topics, sorted by name."""

    topics: list[TopicEntry]
    failures: list[Failure] = []


class TopicClusters(msgspec.Struct, rename="camel"):
    """The clusters that hold a topic, sorted."""

    topic: str
    clusters: list[str]


class AllocatedQueue(msgspec.Struct, rename="camel"):
    """One queue of a topic."""

    broker_name: str
    queue_id: int


class ClientShare(msgspec.Struct, rename="camel"):
    """The queues that one client would consume; none for a client too many."""

    client: str
    queues: list[AllocatedQueue]


class QueueAllocation(msgspec.Struct, rename="camel"):
    """How the readable queues of a topic are shared out among clients, which are sorted as every client sorts them."""

    topic: str
    clients: list[ClientShare]


class TopicAdmin:
    """Calls about topics."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def names(self) -> list[str]:
        """Every topic that a name server knows, sorted."""
        from rocketmq_ops.client.api.topics import topic_names

        return await topic_names(self._admin.session)

    async def listing(self, *, detailed: bool = False) -> TopicListing:
        """All topics. `detailed` adds clusters and groups, without retry and dead-letter topics (as Apache does)."""
        names = await self.names()
        if not detailed:
            return TopicListing([TopicEntry(name) for name in names])
        wanted = [name for name in names if not is_retry_topic(name) and not is_dlq_topic(name)]
        fan = await self._admin.fan_out(wanted, self._entry)
        listing = TopicListing([], fan.failures)
        for name in wanted:
            entry, failures = fan.answers.get(name, (TopicEntry(name), []))
            listing.topics.append(entry)
            listing.failures += failures
        return listing

    async def _entry(self, topic: str) -> tuple[TopicEntry, list[Failure]]:
        route = await self.route_data(topic)
        clusters = sorted({broker.cluster for broker in route.broker_datas})
        fan = await self._admin.fan_out(broker_addresses(route), lambda address: self.groups_at(address, topic))
        groups = sorted({group for found in fan.answers.values() for group in found}) if fan.answers else None
        return TopicEntry(topic, clusters, groups), fan.failures

    async def groups_at(self, address: str, topic: str) -> list[str]:
        """The groups that one broker knows to consume `topic`, by online clients or by stored offsets."""
        from rocketmq_ops.client.api.topics import topic_groups

        return await topic_groups(self._admin.session, address, topic)

    async def readers_at(self, address: str, topic: str) -> list[str]:
        """The same without a group that there is not.

        Where a topic has consumers online, brokers of 5.3 list its own name among its groups, in place of theirs
        (ConsumerManager.registerConsumer), so that of groups without stored offsets nobody knows.
        """
        groups = await self.groups_at(address, topic)
        if topic in groups and not await self._is_group(address, topic):
            groups.remove(topic)
        return groups

    async def _is_group(self, address: str, topic: str) -> bool:
        """Whether there is a group of a topic's name that consumes the topic."""
        if is_retry_topic(topic):
            return False
        if await self._admin.clients.consumers_at(address, topic) is not None:
            return True
        stats = await self._admin.groups.stats_at(address, topic, topic)
        return any(offsets.consumer_offset > 0 for offsets in stats.offset_table.values())

    async def groups(self, topic: str) -> list[str]:
        """The groups that consume `topic` on any broker. Brokers that fail are passed over unless all do."""
        route = await self.route_data(topic)
        fan = await self._admin.fan_out(broker_addresses(route), lambda address: self.groups_at(address, topic))
        fan.require_some(f"asking who consumes {topic}")
        return sorted({group for found in fan.answers.values() for group in found})

    async def route_data(self, topic: str) -> TopicRouteData:
        """The route as the name server reports it. Raises NotFoundError when the topic has none."""
        route = await topic_route(self._admin.session, topic)
        if route is None:
            raise NotFoundError(
                f"no route for topic '{topic}'", "check its name, or that its brokers are up", see=See("topics.listing")
            )
        return route

    async def route(self, topic: str) -> TopicRoute:
        """The route, one entry for each broker."""
        data = await self.route_data(topic)
        queues = {queue.broker_name: queue for queue in data.queue_datas}
        brokers = []
        for broker in sorted(data.broker_datas, key=lambda item: (item.cluster, item.broker_name)):
            entry = RouteBroker(broker.cluster, broker.broker_name, {int(k): v for k, v in broker.broker_addrs.items()})
            entry.enable_acting_master = broker.enable_acting_master
            queue = queues.get(broker.broker_name)
            if queue is not None:
                entry.read_queue_nums, entry.write_queue_nums = queue.read_queue_nums, queue.write_queue_nums
                entry.perm, entry.topic_sys_flag = queue.perm, queue.topic_sys_flag
            brokers.append(entry)
        return TopicRoute(topic, brokers, data.order_topic_conf)

    async def clusters(self, topic: str) -> TopicClusters:
        """The clusters that hold the topic."""
        data = await self.route_data(topic)
        return TopicClusters(topic, sorted({broker.cluster for broker in data.broker_datas}))

    async def allocate(self, topic: str, clients: Sequence[str]) -> QueueAllocation:
        """Who of these clients of a group would consume which queue (AllocateMessageQueueAveragely)."""
        from rocketmq_ops.client.consumer.allocate import averagely
        from rocketmq_ops.client.route import subscribe_queues

        queues = subscribe_queues(topic, await self.route_data(topic))
        ordered = sorted(clients)
        shares = [
            ClientShare(
                client, [AllocatedQueue(q.broker_name, q.queue_id) for q in averagely("", client, queues, ordered)]
            )
            for client in ordered
        ]
        return QueueAllocation(topic, shares)

    async def stats_at(self, address: str, topic: str) -> TopicStatsTable:
        """The queue offsets of a topic on one broker; `topic_put_tps` is NaN when the broker does not report it."""
        from rocketmq_ops.client.api.topics import topic_stats

        return await topic_stats(self._admin.session, address, topic)

    async def status(self, topic: str, route_topic: str | None = None, *, store_times: bool = False) -> TopicStatus:
        """The offsets of every queue; `route_topic` (a cluster or parent topic) gives the brokers if not `topic`.

        `store_times` adds those of the first and last message, for which each broker looks into its commitlog.
        """
        route = await self.route_data(route_topic or topic)
        fan = await self._admin.fan_out(broker_addresses(route), lambda address: self.stats_at(address, topic))
        fan.require_some(f"reading the status of {topic}")
        table: dict[MessageQueue, TopicOffset] = {}
        rates = []
        for stats in fan.answers.values():
            table.update(stats.offset_table)
            if not math.isnan(stats.topic_put_tps):
                rates.append(stats.topic_put_tps)
        queues = [
            QueueStatus(q.broker_name, q.queue_id, o.min_offset, o.max_offset, o.last_update_timestamp or None)
            for q, o in sorted(table.items(), key=lambda item: (item[0].broker_name, item[0].queue_id))
        ]
        found = TopicStatus(topic, queues, sum(rates) if rates else None, fan.failures)
        if store_times:
            await self._add_store_times(found, list(fan.answers))
        return found

    async def _add_store_times(self, found: TopicStatus, addresses: list[str]) -> None:
        from rocketmq_ops.client.api.stats import store_times

        # The request asks for a group's progress in time too, which is of no interest here.
        fan = await self._admin.fan_out(
            addresses, lambda address: store_times(self._admin.session, address, found.topic, TOOLS_CONSUMER_GROUP)
        )
        found.failures += fan.failures
        by_queue = {(queue.broker_name, queue.queue_id): queue for queue in found.queues}
        for span in (span for answer in fan.answers.values() for span in answer.consume_time_span_set):
            queue = by_queue.get((span.message_queue.broker_name, span.message_queue.queue_id))
            if queue is not None:
                queue.earliest_store_timestamp = span.min_time_stamp if span.min_time_stamp > 0 else None
                queue.latest_store_timestamp = span.max_time_stamp if span.max_time_stamp > 0 else None

    async def config_at(self, address: str, topic: str) -> TopicConfig | None:
        """The configuration of a topic on one broker, None when the broker does not hold it."""
        from rocketmq_ops.client.api.topics import topic_config

        return await topic_config(self._admin.session, address, topic)

    async def configs_at(self, address: str) -> dict[str, TopicConfig]:
        """The configuration of every topic on one broker."""
        from rocketmq_ops.client.api.topics import topic_configs

        return await topic_configs(self._admin.session, address)

    async def update(
        self,
        topic: str,
        settings: TopicSettings,
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        plan: bool = False,
        must_exist: bool = False,
        force: bool = False,
    ) -> ChangeReport:
        """Create the topic or change the given settings of it; see `topic_change.update`."""
        from rocketmq_ops.client.admin.topics.topic_change import update

        return await update(
            self._admin,
            topic,
            settings,
            broker_addr=broker_addr,
            cluster=cluster,
            plan=plan,
            must_exist=must_exist,
            force=force,
        )

    async def update_list(
        self,
        entries: Sequence[TopicListEntry],
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        plan: bool = False,
        force: bool = False,
    ) -> ChangeReport:
        """Create or change many topics; see `topic_list_change.update_list`."""
        from rocketmq_ops.client.admin.topics.topic_list_change import update_list

        return await update_list(self._admin, entries, broker_addr=broker_addr, cluster=cluster, plan=plan, force=force)

    async def delete(self, topic: str, cluster: str, *, plan: bool = False) -> ChangeReport:
        """Delete the topic from one cluster; see `topic_change.delete`."""
        from rocketmq_ops.client.admin.topics.topic_change import delete

        return await delete(self._admin, topic, cluster, plan=plan)


def broker_address(broker: BrokerData) -> str | None:
    """The master's address, else the lowest slave's, None for a broker without any."""
    addresses = {int(broker_id): address for broker_id, address in broker.broker_addrs.items()}
    return addresses[min(addresses)] if addresses else None


def broker_addresses(route: TopicRouteData) -> list[str]:
    """One address for each broker of a route, by broker name."""
    ordered = sorted(route.broker_datas, key=lambda broker: broker.broker_name)
    return [address for address in map(broker_address, ordered) if address is not None]
