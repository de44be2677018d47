"""Creating static topics, giving them more queues, and moving their queues to other brokers.

Mirrors UpdateStaticTopicSubCommand, RemappingStaticTopicSubCommand and MQAdminUtils. A change goes to one broker after
the other in an order that loses no message; it ends at the first broker that fails, and what was to be done can be
applied again from the saved mapping.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from rocketmq_ops.client.admin.changes import Action, Change, ChangeReport, Value, differences
from rocketmq_ops.client.admin.topics import static_mapping as mapping
from rocketmq_ops.client.api.topics import put_static_topic, topic_mapping
from rocketmq_ops.client.errors import InvalidValueError, NoBrokerError, NotFoundError
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import RocketMQError, See
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.topics import topic_problem
from rocketmq_ops.remoting.bodies.topic import TopicRemappingDetailWrapper

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class MappingStore(Protocol):
    """Where the mappings before and after a change are kept, so that it can be taken up again."""

    def save(self, when: str, mapping: TopicRemappingDetailWrapper) -> str:
        """Keep the mapping `before` or `after` it; the path."""

    def discard(self) -> None:
        """Remove what was kept: nothing was changed."""


class StaticTopicReport(ChangeReport):
    """What changed on which broker, and the files with the mapping before and after it (None: not saved)."""

    before_file: str | None = None
    after_file: str | None = None


class _Change:
    """One change of a static topic: the brokers, what they hold, and what they shall hold."""

    def __init__(self, admin: MQAdmin, topic: str, masters: dict[str, str], clusters: dict[str, str]) -> None:
        self.admin = admin
        self.topic = topic
        self.masters = masters
        self.clusters = clusters
        self.before: mapping.Configs = {}

    def neighbours(self, names: Collection[str]) -> set[str]:
        """The brokers of the clusters of these."""
        clusters = {self.clusters[name] for name in names}
        return {name for name, cluster in self.clusters.items() if cluster in clusters}


async def update(
    admin: MQAdmin,
    topic: str,
    total: int,
    *,
    brokers: list[str] | None,
    clusters: list[str] | None,
    saved: TopicRemappingDetailWrapper | None,
    store: MappingStore,
    force: bool,
    plan: bool,
) -> StaticTopicReport:
    """Create the topic with `total` logical queues on these brokers, or give it more; or apply a `saved` mapping."""
    problem = topic_problem(topic)
    if problem is not None:
        raise InvalidValueError(problem, "choose another name")
    change, targets = await _begin(admin, topic, brokers, clusters)
    wanted = saved or mapping.extended(topic, change.before, targets, total, now_ms())
    return await _carry_out(change, wanted, saved=saved is not None, store=store, force=force, plan=plan)


async def remap(
    admin: MQAdmin,
    topic: str,
    *,
    brokers: list[str] | None,
    clusters: list[str] | None,
    saved: TopicRemappingDetailWrapper | None,
    store: MappingStore,
    force: bool,
    plan: bool,
) -> StaticTopicReport:
    """Have these brokers lead all logical queues of the topic, evenly; or apply a `saved` mapping."""
    change, targets = await _begin(admin, topic, brokers, clusters)
    if not change.before:
        raise NotFoundError(f"no broker holds topic '{topic}'", "create it as a static topic first")
    wanted = saved or mapping.remapped(topic, change.before, targets, now_ms())
    if saved is None and not wanted.broker_to_map_in:
        return StaticTopicReport(plan, [Change(n, "staticTopic", topic, "none", "unchanged") for n in targets])
    return await _carry_out(change, wanted, saved=saved is not None, store=store, force=force, plan=plan)


async def _begin(
    admin: MQAdmin, topic: str, brokers: list[str] | None, clusters: list[str] | None
) -> tuple[_Change, list[str]]:
    """What every broker holds of the topic, and the brokers that were named."""
    known = await admin.cluster.brokers()
    if not known:
        raise NoBrokerError(f"nobody could be asked about topic '{topic}'")
    masters = {b.broker_name or "": b.address for b in known if b.broker_id == MASTER_ID}
    cluster_of = {b.broker_name or "": b.cluster or "" for b in known}
    for cluster in clusters or ():
        if cluster not in cluster_of.values():
            raise NotFoundError(f"there is no cluster '{cluster}'", see=See("cluster.listing"))
    targets = brokers or sorted(name for name, cluster in cluster_of.items() if cluster in (clusters or ()))
    for name in targets:
        if name not in masters:
            what = f"broker '{name}' has no master" if name in cluster_of else f"there is no broker '{name}'"
            raise NotFoundError(what, see=See("cluster.listing"))
    change = _Change(admin, topic, masters, cluster_of)
    change.before = await _read(change, list(masters))
    return change, targets


async def _read(change: _Change, names: list[str]) -> mapping.Configs:
    """The topic on each of these brokers that has it. Raises what the first broker that fails raises."""
    session = change.admin.session
    fan = await change.admin.fan_out(names, lambda n: topic_mapping(session, change.masters[n], change.topic))
    for error in fan.errors.values():
        raise error
    return {name: config for name, config in sorted(fan.answers.items()) if config is not None}


async def _carry_out(
    change: _Change, wanted: TopicRemappingDetailWrapper, *, saved: bool, store: MappingStore, force: bool, plan: bool
) -> StaticTopicReport:
    if saved:
        mapping.check_whole(change.topic, wanted.broker_config_map)
    mapping.completed(wanted, change.neighbours([n for n in wanted.broker_config_map if n in change.clusters]))
    gone = [name for name in wanted.broker_config_map if name not in change.masters]
    if gone:
        raise NotFoundError(f"broker '{gone[0]}' of the mapping has no master", see=See("cluster.listing"))
    report = StaticTopicReport(plan, [_change_of(change, name, wanted) for name in sorted(wanted.broker_config_map)])
    if plan:
        return report
    if not saved:
        old = TopicRemappingDetailWrapper(
            topic=change.topic,
            type=mapping.CREATE_OR_UPDATE,
            epoch=mapping.check(change.topic, change.before)[0],
            broker_config_map=change.before,
        )
        report.before_file, report.after_file = store.save("before", old), store.save("after", wanted)
    sent: list[str] = []
    try:
        await _send(change, wanted, force, sent)
    except RocketMQError as error:
        if not sent:
            store.discard()
            raise
        target = getattr(error, "address", "") or change.topic
        report.failures.append(change.admin.failure_of(target, error))
        report.notes.append("the change ended there: apply the saved mapping again when the broker is well")
    await _read_back(change, wanted, report)
    return report


def _change_of(change: _Change, name: str, wanted: TopicRemappingDetailWrapper) -> Change:
    held = change.before.get(name)
    fields = differences(
        _fields(change.before, name) if held is not None else None, _fields(wanted.broker_config_map, name)
    )
    action: Action = "create" if held is None else "update"
    return Change(name, "staticTopic", change.topic, action, "planned", fields)


def _fields(configs: mapping.Configs, name: str) -> dict[str, Value]:
    """What a mapping is on one broker: its queues, and which logical queues it leads."""
    config, detail = configs[name], mapping.detail_of(configs, name)
    led = {queue: items[-1] for queue, items in sorted(detail.hosted_queues.items()) if items[-1].bname == name}
    return {
        "writeQueueNums": config.write_queue_nums,
        "readQueueNums": config.read_queue_nums,
        "totalQueues": detail.total_queues,
        "epoch": detail.epoch,
        "leads": ", ".join(f"{queue}:{item.queue_id}" for queue, item in led.items()),
    }


async def _send(change: _Change, wanted: TopicRemappingDetailWrapper, force: bool, sent: list[str]) -> None:
    """New leaders first, then the old ones, which take no more messages; then the offsets at which the new begin.

    `sent` gets the brokers that took theirs.
    """
    configs = wanted.broker_config_map

    async def put(names: Collection[str]) -> None:
        for name in names:
            await put_static_topic(change.admin.session, change.masters[name], configs[name], force=force)
            sent.append(name)

    moved = {*wanted.broker_to_map_in, *wanted.broker_to_map_out}
    await put(wanted.broker_to_map_in)
    await put(wanted.broker_to_map_out)
    for name in wanted.broker_to_map_out:
        await _give_offsets(change, configs, name)
    await put(wanted.broker_to_map_in)
    await put(sorted(set(configs) - moved))


async def _give_offsets(change: _Change, configs: mapping.Configs, name: str) -> None:
    """The logical offset at which the new leader of each queue that this broker gave away begins."""
    stats = await change.admin.topics.stats_at(change.masters[name], change.topic)
    for queue_id, items in mapping.detail_of(configs, name).hosted_queues.items():
        if len(items) < 2 or items[-1].logic_offset > 0:
            continue
        leader, old = items[-1], items[-2]
        offset = stats.offset_table.get(MessageQueue(change.topic, old.bname, old.queue_id))
        if offset is None or offset.max_offset < old.start_offset:
            raise RocketMQError(
                f"{name} does not tell the end of its queue {old.queue_id} of '{change.topic}'",
                "look at the broker's log, then apply the saved mapping again",
            )
        leader.logic_offset = mapping.round_up(mapping.logic_offset_at(old, offset.max_offset))
        mapping.detail_of(configs, leader.bname).hosted_queues[queue_id] = items


async def _read_back(change: _Change, wanted: TopicRemappingDetailWrapper, report: StaticTopicReport) -> None:
    session = change.admin.session
    fan = await change.admin.fan_out(
        [item.target for item in report.changes], lambda n: topic_mapping(session, change.masters[n], change.topic)
    )
    for item in report.changes:
        found = fan.answers.get(item.target)
        if item.target in fan.errors:
            item.state = "unverified"
        elif found is None or found.mapping_detail is None:
            item.state = "no_effect"
        else:
            now = _fields({item.target: found}, item.target)
            item.verified([field.name for field in differences(now, _fields(wanted.broker_config_map, item.target))])
