"""Consumer groups: their configuration and progress. An unknown lag is None, never 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.groups.broadcast import ClientOffset, client_offsets
from rocketmq_ops.client.admin.groups.lag_time import delays
from rocketmq_ops.client.admin.topics.topic import broker_addresses
from rocketmq_ops.client.api.groups import consume_stats, group_configs
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, RocketMQError, See
from rocketmq_ops.common.topics import (
    RETRY_GROUP_TOPIC_PREFIX,
    SYSTEM_TOPIC_PREFIX,
    is_lmq_topic,
    is_retry_topic,
    retry_topic,
)
from rocketmq_ops.remoting.bodies.enums import BROADCASTING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rocketmq_ops.client.admin.changes import ChangeReport
    from rocketmq_ops.client.admin.client import ConsumerConnections
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.groups.consume_mode import Mode
    from rocketmq_ops.client.admin.groups.group_change import GroupSettings
    from rocketmq_ops.client.admin.groups.group_list_change import GroupEntry
    from rocketmq_ops.common.message import MessageQueue
    from rocketmq_ops.remoting.bodies import ConsumeStats, OffsetWrapper, TopicRouteData


class QueueProgress(msgspec.Struct, rename="camel"):
    """Progress of a group in one queue, offsets in messages.

    `lag` is what is behind the broker's end; None when the broker or the consumer offset is unknown. An offset beyond
    the end has no lag: `beyond_end` says by how much; what is stored up to there is not consumed.
    `lag_millis` is since when the oldest message that is behind is stored: 0 where nothing is, None when not known.
    `client_id` is set in a broadcasting group: there each client has offsets of its own.
    """

    topic: str
    broker_name: str
    queue_id: int
    broker_offset: int | None
    consumer_offset: int | None
    lag: int | None
    inflight: int | None
    last_timestamp: int | None
    client_ip: str | None = None
    beyond_end: int = 0
    lag_millis: int | None = None
    client_id: str | None = None


class GroupProgress(msgspec.Struct, rename="camel"):
    """Progress of one group. The totals are None when any queue's part is unknown or a broker did not answer.

    `message_model` is None when no client is online, or it is not known. In a broadcasting group the queues are those
    of every client, and the totals over all clients. `lag_millis` is that of the queue that is furthest behind.
    """

    group: str
    queues: list[QueueProgress]
    consume_tps: float | None
    lag_total: int | None
    inflight_total: int | None
    failures: list[Failure] = []
    message_model: str | None = None
    lag_millis: int | None = None


class GroupSummary(msgspec.Struct, rename="camel"):
    """One line of the list of groups. None is unknown; `count` 0 means that no client is online.

    `beyond_end` is the number of queues in which the group's offset is beyond the end of the queue.
    """

    group: str
    count: int | None
    version: str | None
    consume_type: str | None
    message_model: str | None
    consume_tps: float | None
    lag_total: int | None
    beyond_end: int = 0


class GroupListing(msgspec.Struct, rename="camel"):
    """All groups that have a retry topic, the largest lag first, unknown lags before known ones."""

    groups: list[GroupSummary]
    failures: list[Failure] = []


class BrokerGroupConfig(msgspec.Struct, rename="camel"):
    """A group's configuration on one broker, by its wire names."""

    cluster: str | None
    broker_name: str | None
    broker_addr: str
    config: dict[str, Any]


class GroupConfigs(msgspec.Struct, rename="camel"):
    """A group's configuration on every broker that has it.

    `without`: brokers that do not have the group. `differing`: settings that are not the same on all that have it.
    """

    group: str
    brokers: list[BrokerGroupConfig]
    without: list[str]
    differing: list[str]
    failures: list[Failure] = []


class ConsumerProgress(msgspec.Struct, rename="camel"):
    """What consumerProgress shows: the list of all groups, or one group's queues."""

    groups: list[GroupSummary]
    group: GroupProgress | None = None


class GroupAdmin:
    """Calls about consumer groups."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def stats_at(self, address: str, group: str, topic: str | None = None) -> ConsumeStats:
        """A group's offsets on one broker, of one topic or of all it has consumed."""
        return await consume_stats(self._admin.session, address, group, topic)

    async def progress(
        self, group: str, topic: str | None = None, route_topic: str | None = None, *, show_client: bool = False
    ) -> GroupProgress:
        """How far a group is. Raises NotFoundError when no broker to ask is known, or there are no offsets."""
        route = await self._route(group, topic, route_topic)
        addresses = broker_addresses(route)
        online = await self._online(group)
        if online is not None and online.message_model == BROADCASTING:
            return await self._broadcast_progress(group, topic, online)
        fan = await self._admin.fan_out(addresses, lambda address: self.stats_at(address, group, topic))
        fan.require_some(f"reading the progress of {group}")
        table: dict[MessageQueue, OffsetWrapper] = {}
        for stats in fan.answers.values():
            table.update(stats.offset_table)
        ordered = sorted(table.items(), key=lambda item: (item[0].topic, item[0].broker_name, item[0].queue_id))
        queues = [_queue_progress(queue, offsets) for queue, offsets in ordered]
        whole = not fan.errors
        if whole and online is None and not await self._is_known(group, queues):
            raise NotFoundError(
                f"group '{group}' has no offsets"
                + (f" for topic '{topic}'" if topic else "")
                + ", and no consumer of it is online",
                "check both names, or start a consumer",
            )
        progress = GroupProgress(
            group,
            queues,
            sum(stats.consume_tps for stats in fan.answers.values()) if whole else None,
            total([queue.lag for queue in queues]) if whole else None,
            total([queue.inflight for queue in queues]) if whole else None,
            fan.failures,
            online.message_model if online is not None else None,
        )
        behind = {
            (queue.topic, address)
            for address, stats in fan.answers.items()
            for queue, offsets in stats.offset_table.items()
            if lag_of(offsets.broker_offset, offsets.consumer_offset)
        }
        await self._add_delays(progress, sorted(behind), whole=whole)
        if show_client:
            await self._add_clients(progress)
        return progress

    async def _is_known(self, group: str, queues: list[QueueProgress]) -> bool:
        """Whether there is any trace of the group. A broker reports 0 for each queue of a group it has never seen."""
        if not queues or any(queue.consumer_offset for queue in queues):
            return bool(queues)
        try:
            await self._admin.topics.route_data(retry_topic(group))
        except NotFoundError:
            pass
        else:
            return True
        try:
            await self.configs(group)
        except NotFoundError:
            return False
        return True

    async def _is_configured(self, group: str) -> bool:
        """Whether some broker has a configuration of the group; false where none could be asked."""
        try:
            return bool((await self.configs(group)).brokers)
        except RocketMQError:
            return False

    async def _online(self, group: str) -> ConsumerConnections | None:
        """The group's online consumers; None when there are none, or no broker could be asked for them."""
        try:
            return await self._admin.clients.consumers(group)
        except RocketMQError:
            return None

    async def _broadcast_progress(self, group: str, topic: str | None, online: ConsumerConnections) -> GroupProgress:
        offsets, failures = await client_offsets(self._admin, group, online.connections, topic)
        queues = [client_progress(offset) for offset in offsets]
        failures += online.failures
        whole = not failures
        return GroupProgress(
            group,
            queues,
            None,
            total([queue.lag for queue in queues]) if whole else None,
            total([queue.inflight for queue in queues]) if whole else None,
            failures,
            BROADCASTING,
        )

    async def _add_delays(self, progress: GroupProgress, behind: list[tuple[str, str]], *, whole: bool) -> None:
        """Set how far each queue is behind in time; brokers are asked of topics that have something behind."""
        found, failures = await delays(self._admin, progress.group, behind)
        for queue in progress.queues:
            if queue.lag is not None:
                queue.lag_millis = found.get((queue.topic, queue.broker_name, queue.queue_id)) if queue.lag else 0
        progress.failures += failures
        known = [queue.lag_millis for queue in progress.queues if queue.lag_millis is not None]
        if whole and len(known) == len(progress.queues):
            progress.lag_millis = max(known, default=None)

    async def _route(self, group: str, topic: str | None, route_topic: str | None) -> TopicRouteData:
        """The route of the retry topic, else of the topic, else of `route_topic` (for topics without a route)."""
        candidates = [retry_topic(group)] + ([topic] if topic else [])
        special = topic is not None and (is_lmq_topic(topic) or topic == SYSTEM_TOPIC_PREFIX + "wheel_timer")
        if route_topic is not None and special:
            candidates.append(route_topic)
        for candidate in candidates:
            try:
                return await self._admin.topics.route_data(candidate)
            except NotFoundError:
                continue
        if topic is None and await self._is_configured(group):
            raise NotFoundError(
                f"group '{group}' is configured, and has no retry topic, by which its brokers are found",
                "name a topic that it consumes",
                see=See("groups.progress", group),
            )
        raise NotFoundError(
            f"the name servers know no retry topic of the consumer group '{group}'"
            + (f", nor the topic '{topic}'" if topic else ""),
            "check the name; a group's retry topic comes with its first consumer"
            + ("" if topic else ", and without one give a topic"),
            see=See("groups.listing"),
        )

    async def _add_clients(self, progress: GroupProgress) -> None:
        try:
            owners, failures = await self._admin.clients.queue_owners(progress.group)
        except RocketMQError as error:
            if not isinstance(error, NotFoundError):
                progress.failures.append(self._admin.failure_of("clients", error))
            return
        progress.failures += [failure for failure in failures if failure not in progress.failures]
        for queue in progress.queues:
            queue.client_ip = owners.get((queue.topic, queue.broker_name, queue.queue_id))

    async def names(self) -> list[str]:
        """Every group with a retry topic, sorted."""
        return sorted({group_of(name) for name in await self._admin.topics.names() if is_retry_topic(name)})

    async def listing(self) -> GroupListing:
        """All groups with their totals; see `group_listing.listing`."""
        from rocketmq_ops.client.admin.groups.group_listing import listing

        return await listing(self._admin)

    async def configs_at(self, address: str) -> dict[str, dict[str, Any]]:
        """Every group's configuration on one broker, as it stands on the wire, so that no field is lost."""
        return await group_configs(self._admin.session, address)

    async def configs(self, group: str) -> GroupConfigs:
        """A group's configuration on each broker. Raises NotFoundError when no broker has the group,
        NoBrokerError when none is registered.

        Apache's tool asks for the one group (GET_SUBSCRIPTIONGROUP_CONFIG), by which a broker that creates groups by
        itself makes one that was not there.
        """
        fan = await self._admin.fan_out(
            await self._admin.cluster.one_of_each(f"group '{group}'"), lambda broker: self.configs_at(broker.address)
        )
        fan.require_some(f"reading the configuration of {group}")
        holders = [
            BrokerGroupConfig(broker.cluster, broker.broker_name, broker.address, groups[group])
            for broker, groups in fan.answers.items()
            if group in groups
        ]
        if not holders and not fan.errors:
            raise NotFoundError(
                f"no broker has a consumer group '{group}'", "check its name", see=See("groups.listing")
            )
        names = dict.fromkeys(name for holder in holders for name in holder.config)
        differing = [n for n in names if any(h.config.get(n) != holders[0].config.get(n) for h in holders)]
        without = [broker.address for broker, groups in fan.answers.items() if group not in groups]
        return GroupConfigs(group, holders, without, differing, fan.failures)

    async def update(
        self,
        group: str,
        settings: GroupSettings,
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        plan: bool = False,
    ) -> ChangeReport:
        """Create the group or change the given settings of it; see `group_change.update`."""
        from rocketmq_ops.client.admin.groups.group_change import update

        return await update(self._admin, group, settings, broker_addr=broker_addr, cluster=cluster, plan=plan)

    async def update_list(
        self,
        entries: Sequence[GroupEntry],
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        plan: bool = False,
    ) -> ChangeReport:
        """Create or change several groups; see `group_list_change.update_list`."""
        from rocketmq_ops.client.admin.groups.group_list_change import update_list

        return await update_list(self._admin, entries, broker_addr=broker_addr, cluster=cluster, plan=plan)

    async def set_mode(
        self,
        group: str,
        topic: str,
        mode: Mode,
        share_queues: int | None = None,
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        plan: bool = False,
    ) -> ChangeReport:
        """Set how the group fetches a topic; see `consume_mode.set_mode`."""
        from rocketmq_ops.client.admin.groups.consume_mode import set_mode

        return await set_mode(
            self._admin, group, topic, mode, share_queues, broker_addr=broker_addr, cluster=cluster, plan=plan
        )

    async def delete(
        self,
        group: str,
        *,
        broker_addr: str | None = None,
        cluster: str | None = None,
        remove_offset: bool = False,
        plan: bool = False,
    ) -> ChangeReport:
        """Delete the group; see `group_change.delete`."""
        from rocketmq_ops.client.admin.groups.group_change import delete

        return await delete(
            self._admin, group, broker_addr=broker_addr, cluster=cluster, remove_offset=remove_offset, plan=plan
        )


def total(parts: list[int | None]) -> int | None:
    """The sum, None as soon as one part is unknown."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def group_of(topic: str) -> str:
    """The group of a retry topic (KeyBuilder.parseGroup: pop consumers have `%RETRY%group+topic`)."""
    name = topic[len(RETRY_GROUP_TOPIC_PREFIX) :]
    return name.partition("+")[0] if name.count("+") == 1 else name


def lag_of(broker_offset: int, consumer_offset: int) -> int | None:
    """Broker offset less consumer offset, never below 0; a negative offset is how brokers say that they have none."""
    if broker_offset < 0 or consumer_offset < 0:
        return None
    return max(broker_offset - consumer_offset, 0)


def beyond_end(broker_offset: int, consumer_offset: int) -> int:
    """How far the consumer offset is beyond the broker's end; 0 where it is not, or one of them is unknown."""
    if broker_offset < 0 or consumer_offset < 0:
        return 0
    return max(consumer_offset - broker_offset, 0)


def _queue_progress(queue: MessageQueue, offsets: OffsetWrapper) -> QueueProgress:
    pulled = offsets.pull_offset
    # A group that was set forward has an older pull offset until it pulls again: then nothing is in flight.
    inflight = None if pulled < 0 or offsets.consumer_offset < 0 else max(pulled - offsets.consumer_offset, 0)
    return QueueProgress(
        queue.topic,
        queue.broker_name,
        queue.queue_id,
        offsets.broker_offset if offsets.broker_offset >= 0 else None,
        offsets.consumer_offset if offsets.consumer_offset >= 0 else None,
        lag_of(offsets.broker_offset, offsets.consumer_offset),
        inflight,
        offsets.last_timestamp or None,
        beyond_end=beyond_end(offsets.broker_offset, offsets.consumer_offset),
    )


def client_progress(offset: ClientOffset) -> QueueProgress:
    """A client's progress in a queue: what it has pulled and not consumed is in flight."""
    known = offset.broker_offset is not None and offset.consumer_offset is not None
    lag = max((offset.broker_offset or 0) - (offset.consumer_offset or 0), 0) if known else None
    beyond = max((offset.consumer_offset or 0) - (offset.broker_offset or 0), 0) if known else 0
    return QueueProgress(
        offset.queue.topic,
        offset.queue.broker_name,
        offset.queue.queue_id,
        offset.broker_offset,
        offset.consumer_offset,
        lag,
        offset.cached,
        None,
        offset.client.client_id.split("@")[0],
        beyond,
        None if lag != 0 else 0,
        offset.client.client_id,
    )
