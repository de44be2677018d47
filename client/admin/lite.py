"""Lite topics of brokers since 5.5: counts, subscribers, and how far groups are behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.fanout import FanOut
from rocketmq_ops.client.admin.topics.topic import broker_address
from rocketmq_ops.client.api import lite as api
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import Failure, See

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies.lite import (
        GetBrokerLiteInfoResponseBody,
        GetLiteClientInfoResponseBody,
        GetLiteGroupInfoResponseBody,
        LiteLagInfo,
    )

T = TypeVar("T")

#: As many lite topics of a client as a broker hands out (LiteManagerProcessor.MAX_RETURN_COUNT).
MOST_LITE_TOPICS = 10_000


class BrokerLite(msgspec.Struct, rename="camel", kw_only=True):
    """Lite topics on one broker; all None when it did not answer.

    `topic_ttls`: parent topic -> minutes until a lite topic expires, -1 for never; `groups`: parent -> its groups.
    """

    broker: BrokerAddress
    store_type: str | None = None
    max_lmqs: int | None = None
    lmqs: int | None = None
    subscriptions: int | None = None
    order_infos: int | None = None
    consume_queues: int | None = None
    offset_tables: int | None = None
    events: int | None = None
    topic_ttls: dict[str, int] | None = None
    groups: dict[str, list[str]] | None = None


class BrokerLiteReport(msgspec.Struct, rename="camel"):
    """Lite topics of several brokers, and which did not answer."""

    brokers: list[BrokerLite]
    failures: list[Failure] = []


class ParentTopicOn(msgspec.Struct, rename="camel"):
    """A parent topic on one broker; `ttl_minutes` is -1 for never; `lmqs` counts the light queues of all topics."""

    broker_name: str
    ttl_minutes: int
    lite_topics: int
    lmqs: int
    groups: list[str]


class ParentTopicReport(msgspec.Struct, rename="camel"):
    """A parent topic on the brokers of its route, and which did not answer."""

    topic: str
    brokers: list[ParentTopicOn]
    failures: list[Failure] = []


class LiteSubscriber(msgspec.Struct, rename="camel"):
    """Who subscribes; the client id is `*` for a group that subscribes to all lite topics."""

    client_id: str
    group: str


class LiteTopicOn(msgspec.Struct, rename="camel"):
    """A lite topic on one broker; `last_update_timestamp` (ms) is None without messages.

    `sharding`: whether the topic's name falls on this broker.
    """

    broker_name: str
    min_offset: int | None
    max_offset: int | None
    last_update_timestamp: int | None
    sharding: bool
    subscribers: list[LiteSubscriber]


class LiteTopicReport(msgspec.Struct, rename="camel"):
    """A lite topic on the brokers of its parent's route, and which did not answer."""

    parent_topic: str
    lite_topic: str
    queue_topic: str
    brokers: list[LiteTopicOn]
    failures: list[Failure] = []


class LiteClientOn(msgspec.Struct, rename="camel"):
    """A client on one broker; `lite_topic_count` is None where the broker does not know it.

    `lite_topics` holds at most 10,000; times in ms, None when not known.
    """

    broker_name: str
    lite_topic_count: int | None
    lite_topics: list[str]
    last_access_timestamp: int | None
    last_consume_timestamp: int | None


class LiteClientReport(msgspec.Struct, rename="camel"):
    """A client on the brokers of the parent topic's route, and which did not answer."""

    parent_topic: str
    group: str
    client_id: str
    brokers: list[LiteClientOn]
    failures: list[Failure] = []


class LiteLag(msgspec.Struct, rename="camel"):
    """One lite topic of the worst; the time of the oldest message that is not consumed in ms, None when not known."""

    lite_topic: str
    broker_name: str
    lag: int
    earliest_unconsumed_timestamp: int | None


class LiteGroupOn(msgspec.Struct, rename="camel"):
    """A group on one broker; the offsets are of the one lite topic that was asked for, None when not known."""

    broker_name: str
    lag: int | None
    earliest_unconsumed_timestamp: int | None
    broker_offset: int | None
    consumer_offset: int | None
    last_timestamp: int | None


class LiteGroupReport(msgspec.Struct, rename="camel"):
    """A group on the brokers of the parent topic's route, and which did not answer.

    `lag_total` is None when a broker did not answer or does not know its lag. The worst lite topics of all brokers by
    count and by time; empty when one lite topic was asked for.
    """

    parent_topic: str
    group: str
    lite_topic: str | None
    lag_total: int | None
    earliest_unconsumed_timestamp: int | None
    brokers: list[LiteGroupOn]
    worst_by_count: list[LiteLag]
    worst_by_time: list[LiteLag]
    failures: list[Failure] = []


class DispatchReport(msgspec.Struct, rename="camel"):
    """The brokers that looked again for messages; with `planned` those that would."""

    planned: bool
    parent_topic: str
    group: str
    client_id: str | None
    brokers: list[str]
    failures: list[Failure] = []


class LiteAdmin:
    """Calls about lite topics. Mirrors getBrokerLiteInfo, getParentTopicInfo, getLiteTopicInfo and relatives."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def brokers(self, brokers: Sequence[BrokerAddress]) -> BrokerLiteReport:
        """Lite topics of several brokers. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: api.broker_lite(self._admin.session, b.address))
        fan.require_some("asking for lite topics")
        return BrokerLiteReport([_broker_lite(b, fan.answers.get(b)) for b in brokers], fan.failures)

    async def parent(self, topic: str) -> ParentTopicReport:
        """A parent topic on the brokers of its route. Raises NotFoundError, AllFailedError."""
        fan = await self._of_route(topic, lambda a: api.parent_topic(self._admin.session, a, topic))
        found = [
            ParentTopicOn(name, body.ttl, body.lite_topic_count, body.lmq_num, sorted(body.groups or []))
            for name, body in fan.answers.items()
        ]
        return ParentTopicReport(topic, found, fan.failures)

    async def topic(self, parent: str, lite: str) -> LiteTopicReport:
        """A lite topic on the brokers of its parent's route. Raises NotFoundError, AllFailedError."""
        fan = await self._of_route(parent, lambda a: api.lite_topic(self._admin.session, a, parent, lite))
        found = []
        for name, body in fan.answers.items():
            offset = body.topic_offset
            found.append(
                LiteTopicOn(
                    name,
                    offset.min_offset if offset is not None else None,
                    offset.max_offset if offset is not None else None,
                    _time(offset.last_update_timestamp) if offset is not None else None,
                    body.sharding_to_broker,
                    sorted(
                        (LiteSubscriber(each.client_id, each.group) for each in body.subscriber or []),
                        key=lambda each: (each.group, each.client_id),
                    ),
                )
            )
        return LiteTopicReport(parent, lite, f"%LMQ%${parent}${lite}", found, fan.failures)

    async def client(self, parent: str, group: str, client_id: str) -> LiteClientReport:
        """What a client subscribes to, on the brokers of the parent topic's route."""

        async def one(address: str) -> GetLiteClientInfoResponseBody:
            await self._require_group(address, group)
            return await api.lite_client(self._admin.session, address, parent, group, client_id, MOST_LITE_TOPICS)

        fan = await self._of_route(parent, one)
        found = [
            LiteClientOn(
                name,
                body.lite_topic_count if body.lite_topic_count >= 0 else None,
                sorted(body.lite_topic_set or []),
                _time(body.last_access_time),
                _time(body.last_consume_time),
            )
            for name, body in fan.answers.items()
        ]
        return LiteClientReport(parent, group, client_id, found, fan.failures)

    async def group(self, parent: str, group: str, lite: str | None, top: int) -> LiteGroupReport:
        """How far a group is behind, on the brokers of the parent topic's route, and the `top` worst of each."""

        async def one(address: str) -> GetLiteGroupInfoResponseBody:
            await self._require_group(address, group)
            return await api.lite_group(self._admin.session, address, group, lite, top)

        fan = await self._of_route(parent, one)
        found = []
        for name, body in fan.answers.items():
            offsets = body.lite_topic_offset_wrapper
            unknown = body.total_lag_count < 0 or (lite is not None and offsets is None)
            found.append(
                LiteGroupOn(
                    name,
                    None if unknown else body.total_lag_count,
                    _time(body.earliest_unconsumed_timestamp),
                    offsets.broker_offset if offsets is not None else None,
                    offsets.consumer_offset if offsets is not None else None,
                    _time(offsets.last_timestamp) if offsets is not None else None,
                )
            )
        # A lite topic lives on one broker: the others know nothing of it.
        lags = [each.lag for each in found if each.lag is not None]
        complete = not fan.errors and (len(lags) == len(found) or (lite is not None and bool(lags)))
        times = [each.earliest_unconsumed_timestamp for each in found]
        by_count = [_lag(name, each) for name, body in fan.answers.items() for each in body.lag_count_top_k or []]
        by_time = [_lag(name, each) for name, body in fan.answers.items() for each in body.lag_timestamp_top_k or []]
        by_time = [each for each in by_time if each.earliest_unconsumed_timestamp is not None]
        return LiteGroupReport(
            parent,
            group,
            lite,
            sum(lags) if complete else None,
            min((moment for moment in times if moment is not None), default=None),
            found,
            sorted(by_count, key=lambda each: (-each.lag, each.lite_topic)),
            sorted(by_time, key=lambda each: (each.earliest_unconsumed_timestamp or 0, each.lite_topic)),
            fan.failures,
        )

    async def dispatch(
        self, parent: str, group: str, client_id: str | None, broker_name: str | None, *, plan: bool
    ) -> DispatchReport:
        """Have brokers look again for messages that a group, or one client of it, is due.

        Raises NotFoundError for a broker that is not in the parent topic's route.
        """
        if plan:
            names = list(await self._route(parent, broker_name))
            return DispatchReport(True, parent, group, client_id, names)

        async def one(address: str) -> None:
            await self._require_group(address, group)
            await api.trigger_dispatch(self._admin.session, address, group, client_id)

        fan = await self._of_route(parent, one, broker_name)
        return DispatchReport(False, parent, group, client_id, list(fan.answers), fan.failures)

    async def _require_group(self, address: str, group: str) -> None:
        """That a broker has the group: one that is asked about a group that it lacks would create it."""
        if group not in await self._admin.groups.configs_at(address):
            raise NotFoundError(
                f"{address} has no consumer group '{group}'", "check its name", see=See("groups.listing")
            )

    async def _route(self, topic: str, broker_name: str | None = None) -> dict[str, str]:
        """One address for each broker name of a topic's route, or of one of them."""
        route = await self._admin.topics.route_data(topic)
        found = {b.broker_name: a for b in route.broker_datas if (a := broker_address(b)) is not None}
        if broker_name is None:
            return dict(sorted(found.items()))
        if broker_name not in found:
            raise NotFoundError(
                f"broker '{broker_name}' is not in the route of '{topic}'", f"it has {', '.join(sorted(found))}"
            )
        return {broker_name: found[broker_name]}

    async def _of_route(
        self, topic: str, call: Callable[[str], Awaitable[T]], broker_name: str | None = None
    ) -> FanOut[str, T]:
        """What the brokers of a topic's route answer, by broker name. Raises AllFailedError when none does."""
        addresses = await self._route(topic, broker_name)
        fan = await self._admin.fan_out(addresses, lambda name: call(addresses[name]))
        return fan.require_some(f"asking the brokers of {topic}")


def _broker_lite(broker: BrokerAddress, body: GetBrokerLiteInfoResponseBody | None) -> BrokerLite:
    if body is None:
        return BrokerLite(broker=broker)
    return BrokerLite(
        broker=broker,
        store_type=body.store_type,
        max_lmqs=body.max_lmq_num,
        lmqs=body.current_lmq_num,
        subscriptions=body.lite_subscription_count,
        order_infos=body.order_info_count,
        consume_queues=body.cq_table_size,
        offset_tables=body.offset_table_size,
        events=body.event_map_size,
        topic_ttls=dict(sorted(body.topic_meta.items())),
        groups={topic: sorted(groups) for topic, groups in sorted(body.group_meta.items())},
    )


def _lag(broker_name: str, info: LiteLagInfo) -> LiteLag:
    return LiteLag(info.lite_topic, broker_name, info.lag_count, _time(info.earliest_unconsumed_timestamp))


def _time(moment: int) -> int | None:
    return moment if moment > 0 else None
