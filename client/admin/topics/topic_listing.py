"""All topics, with the clusters that hold them and the groups that consume them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.topics.topic import broker_addresses
from rocketmq_ops.common.errors import Failure, some_of
from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


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


async def listing(admin: MQAdmin, *, detailed: bool = False) -> TopicListing:
    """All topics. `detailed` adds clusters and groups, without retry and dead-letter topics (as Apache does)."""
    names = await admin.topics.names()
    if not detailed:
        return TopicListing([TopicEntry(name) for name in names])
    wanted = [name for name in names if not is_retry_topic(name) and not is_dlq_topic(name)]
    fan = await admin.fan_out(wanted, lambda topic: _entry(admin, topic))
    listing = TopicListing([], fan.failures)
    topics: dict[tuple[str, str, int | None], tuple[Failure, list[str]]] = {}
    for name in wanted:
        entry, failures = fan.answers.get(name, (TopicEntry(name), []))
        listing.topics.append(entry)
        for failure in failures:
            key = (failure.target, failure.cause, failure.code)
            topics.setdefault(key, (failure, []))[1].append(name)
    for failure, names in topics.values():  # one for each server and cause, not for each topic
        failure.cause += f" (asked about {some_of(names)})"
        listing.failures.append(failure)
    return listing


async def _entry(admin: MQAdmin, topic: str) -> tuple[TopicEntry, list[Failure]]:
    route = await admin.topics.route_data(topic)
    clusters = sorted({broker.cluster for broker in route.broker_datas})
    fan = await admin.fan_out(broker_addresses(route), lambda address: admin.topics.groups_at(address, topic))
    groups = sorted({group for found in fan.answers.values() for group in found}) if fan.answers else None
    return TopicEntry(topic, clusters, groups), fan.failures


async def clusters(admin: MQAdmin, topic: str) -> TopicClusters:
    """The clusters that hold the topic."""
    data = await admin.topics.route_data(topic)
    return TopicClusters(topic, sorted({broker.cluster for broker in data.broker_datas}))
