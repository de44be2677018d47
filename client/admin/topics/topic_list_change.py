"""Creating and changing many topics at once: one reading, one request and one reading back on each broker.

Mirrors createAndUpdateTopicConfigList. Unlike Apache's tool a setting that is not given keeps its value, only topics
that differ are sent (Apache's broker ends at the first that is so already), and a broker before 5.3, which takes no
list, gets the topics one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Action, Change, ChangeReport, State, Value, differences
from rocketmq_ops.client.admin.topics.topic_change import (
    TopicSettings,
    applied,
    attribute_changes,
    fields_of,
    header_of,
    not_taken,
    update_order,
)
from rocketmq_ops.client.api.topics import put_topic, put_topics
from rocketmq_ops.client.errors import BrokerError, InvalidValueError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import topic_problem

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import TopicConfig
    from rocketmq_ops.remoting.headers.topic import CreateTopicRequestHeader

#: Topics in one request at most.
BATCH = 200
#: Of a new topic whose numbers are not given: those that TopicConfig begins with (updateTopic sends 8).
NEW_QUEUES = 16


class TopicEntry(msgspec.Struct, kw_only=True):
    """A topic of the list, with the settings that are given."""

    topic: str
    settings: TopicSettings


class _Prepared(msgspec.Struct):
    """One topic on one broker: what it is, the change, and what it will be."""

    entry: TopicEntry
    current: TopicConfig | None
    change: Change
    after: dict[str, Value]

    @property
    def header(self) -> CreateTopicRequestHeader:
        """The request that makes this topic so."""
        return header_of(self.entry.topic, self.current, self.after, self.entry.settings)

    @property
    def config(self) -> TopicConfig:
        """The same as an item of a list, with the changes of attributes."""
        from rocketmq_ops.remoting.bodies import TopicConfig

        header = self.header
        return TopicConfig(
            topic_name=header.topic,
            read_queue_nums=header.read_queue_nums,
            write_queue_nums=header.write_queue_nums,
            perm=header.perm,
            topic_filter_type=header.topic_filter_type,
            topic_sys_flag=header.topic_sys_flag or 0,
            order=header.order,
            attributes=attribute_changes(self.current, self.entry.settings),
        )


async def update_list(
    admin: MQAdmin,
    entries: Sequence[TopicEntry],
    *,
    broker_addr: str | None,
    cluster: str | None,
    plan: bool,
    force: bool,
) -> ChangeReport:
    """Create or change these topics on one broker or on a cluster's masters.

    Without `force` nothing is sent when one of them would have messages that nobody reads (UnsafeChangeError). Raises
    InvalidValueError for a name that is not one, or is there twice, before anything is sent; NotFoundError for an
    unknown cluster; AllFailedError when no broker could be changed.
    """
    _check_names([entry.topic for entry in entries])
    brokers = await admin.cluster.targets(broker_addr, cluster)
    if not force:
        from rocketmq_ops.client.admin.topics.queue_check import require_readable

        wanted = {entry.topic: entry.settings for entry in entries}
        await require_readable(admin, wanted, brokers, new_queues=NEW_QUEUES)

    async def one(broker: BrokerAddress) -> tuple[list[_Prepared], list[Failure]]:
        return await _update_at(admin, broker, entries, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"changing {plural(len(entries), 'topic', 'topics')}")
    report = ChangeReport(plan, [], fan.failures)
    ordered: dict[str, dict[BrokerAddress, dict[str, Value]]] = {}
    for broker, (prepared, failures) in fan.answers.items():
        report.changes += [item.change for item in prepared]
        report.failures += failures
        for item in prepared:
            settings = item.entry.settings
            if item.after["order"] is True and (settings.order or settings.write_queue_nums is not None):
                ordered.setdefault(item.entry.topic, {})[broker] = item.after
    for topic, by_broker in ordered.items():
        await update_order(admin, topic, by_broker, report)
    return report


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        problem = topic_problem(name)
        if problem is not None:
            raise InvalidValueError(problem, "choose another name")
        if name in seen:
            raise InvalidValueError(f"topic '{name}' is in the list more than once", "give each topic once")
        seen.add(name)


async def _update_at(
    admin: MQAdmin, broker: BrokerAddress, entries: Sequence[TopicEntry], plan: bool
) -> tuple[list[_Prepared], list[Failure]]:
    held = await admin.topics.configs_at(broker.address)
    prepared = [_prepare(broker, entry, held.get(entry.topic)) for entry in entries]
    to_send = [item for item in prepared if item.change.fields]
    if plan or not to_send:
        return prepared, []
    failures: dict[str, Failure] = {}
    version = 0
    for first in range(0, len(to_send), BATCH):
        version = await _send(admin, broker, to_send[first : first + BATCH], failures) or version
    left = [item for item in prepared if item.entry.topic not in failures]
    sent = [item for item in left if item.change.fields]
    try:
        found = await admin.topics.configs_at(broker.address) if sent else {}
    except RocketMQError:
        for item in sent:
            item.change.state = "unverified"
        return left, list(failures.values())
    for item in sent:
        item.change.verified(not_taken(found.get(item.entry.topic), item.after, item.entry.settings, version))
    return left, list(failures.values())


def _prepare(broker: BrokerAddress, entry: TopicEntry, current: TopicConfig | None) -> _Prepared:
    before = fields_of(current) if current is not None else None
    after = applied(before, entry.settings, new_queues=NEW_QUEUES)
    changes = differences(before, after)
    action: Action = "create" if before is None else "update" if changes else "none"
    state: State = "planned" if changes else "unchanged"
    change = Change(broker.address, "topic", entry.topic, action, state, changes)
    return _Prepared(entry, current, change, after)


async def _send(admin: MQAdmin, broker: BrokerAddress, items: Sequence[_Prepared], failures: dict[str, Failure]) -> int:
    """All at once; one by one where the broker takes no list or refuses this one. The broker's version."""
    try:
        return await put_topics(admin.session, broker.address, [item.config for item in items])
    except BrokerError:
        pass  # one refused topic has all refused, and a broker before 5.3 takes no list
    version = 0
    for item in items:
        try:
            version = await put_topic(admin.session, broker.address, item.header)
        except RocketMQError as error:
            failures[item.entry.topic] = admin.failure_of(f"{broker.address} {item.entry.topic}", error)
    return version
