"""Calls about topics, and what a route says. What else they do is in the other modules of this folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.api.route import topic_route
from rocketmq_ops.common.errors import See

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.changes import ChangeReport
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.topics.queue_allocation import QueueAllocation
    from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
    from rocketmq_ops.client.admin.topics.topic_list_change import TopicEntry as TopicListEntry
    from rocketmq_ops.client.admin.topics.topic_listing import TopicClusters, TopicListing
    from rocketmq_ops.client.admin.topics.topic_status import TopicStatus
    from rocketmq_ops.remoting.bodies import BrokerData, TopicConfig, TopicRouteData, TopicStatsTable


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
    filter_server_table: dict[str, list[str]] = {}


class TopicAdmin:
    """Calls about topics."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def names(self) -> list[str]:
        """Every topic that a name server knows, sorted."""
        from rocketmq_ops.client.api.topics import topic_names

        return await topic_names(self._admin.session)

    async def listing(self, *, detailed: bool = False) -> TopicListing:
        """All topics; see `topic_listing.listing`."""
        from rocketmq_ops.client.admin.topics.topic_listing import listing

        return await listing(self._admin, detailed=detailed)

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
        from rocketmq_ops.common.topics import is_retry_topic

        if is_retry_topic(topic):
            return False
        if await self._admin.clients.consumers_at(address, topic) is not None:
            return True
        stats = await self._admin.groups.stats_at(address, topic, topic)
        return any(offsets.consumer_offset > 0 for offsets in stats.offset_table.values())

    async def groups(self, topic: str) -> list[str]:
        """The groups that brokers list for `topic`, as Apache's commands show them. Brokers that fail are passed over
        unless all do."""
        return await self._on_any_broker(topic, self.groups_at)

    async def readers(self, topic: str) -> list[str]:
        """The same without a group that there is not, see `readers_at`."""
        return await self._on_any_broker(topic, self.readers_at)

    async def _on_any_broker(self, topic: str, groups_at: Callable[[str, str], Awaitable[list[str]]]) -> list[str]:
        route = await self.route_data(topic)
        fan = await self._admin.fan_out(broker_addresses(route), lambda address: groups_at(address, topic))
        fan.require_some(f"asking who consumes {topic}")
        return sorted({group for found in fan.answers.values() for group in found})

    async def route_data(self, topic: str) -> TopicRouteData:
        """The route as the name server reports it. Raises NotFoundError when the topic has none."""
        route = await topic_route(self._admin.session, topic)
        if route is None:
            from rocketmq_ops.client.errors import NotFoundError

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
        return TopicRoute(topic, brokers, data.order_topic_conf, data.filter_server_table)

    async def clusters(self, topic: str) -> TopicClusters:
        """The clusters that hold the topic."""
        from rocketmq_ops.client.admin.topics.topic_listing import clusters

        return await clusters(self._admin, topic)

    async def allocate(self, topic: str, clients: Sequence[str]) -> QueueAllocation:
        """Who of these clients of a group would consume which queue (AllocateMessageQueueAveragely)."""
        from rocketmq_ops.client.admin.topics.queue_allocation import allocate

        return allocate(topic, await self.route_data(topic), clients)

    async def stats_at(self, address: str, topic: str) -> TopicStatsTable:
        """The queue offsets of a topic on one broker; `topic_put_tps` is NaN when the broker does not report it."""
        from rocketmq_ops.client.api.topics import topic_stats

        return await topic_stats(self._admin.session, address, topic)

    async def status(self, topic: str, route_topic: str | None = None, *, store_times: bool = False) -> TopicStatus:
        """The offsets of every queue; see `topic_status.status`."""
        from rocketmq_ops.client.admin.topics.topic_status import status

        return await status(self._admin, topic, route_topic, store_times=store_times)

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
