"""Creating, changing and deleting topics: reads first, sends only what differs, then reads back.

Unlike Apache's tool a setting that is not given keeps its value, and a delete in one cluster leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.brokers.kv import ORDER_TOPIC_NAMESPACE
from rocketmq_ops.client.admin.changes import Action, Change, ChangeReport, FieldChange, Value, differences
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.topics import delete_route, delete_topic, put_topic
from rocketmq_ops.client.errors import InvalidValueError, NotFoundError
from rocketmq_ops.common.attributes import join_attributes
from rocketmq_ops.common.errors import RocketMQError, See
from rocketmq_ops.common.permission import perm_to_string
from rocketmq_ops.common.sysflag import TOPIC_UNIT, TOPIC_UNIT_SUB
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC, topic_problem
from rocketmq_ops.remoting.headers.topic import CreateTopicRequestHeader
from rocketmq_ops.remoting.versions import V5_0_0

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import TopicConfig

DEFAULT_QUEUES = 8
DEFAULT_PERM = 6


class TopicSettings(msgspec.Struct, kw_only=True):
    """The settings to change; None keeps what is there (or the default, for a new topic).

    `attributes` are changes: `+name` -> value, `-name` -> ''.
    """

    read_queue_nums: int | None = None
    write_queue_nums: int | None = None
    perm: int | None = None
    order: bool | None = None
    unit: bool | None = None
    has_unit_sub: bool | None = None
    topic_filter_type: str | None = None
    attributes: dict[str, str] = {}


async def update(
    admin: MQAdmin,
    topic: str,
    settings: TopicSettings,
    *,
    broker_addr: str | None,
    cluster: str | None,
    plan: bool,
    must_exist: bool,
    force: bool,
) -> ChangeReport:
    """Create or change a topic on one broker or on a cluster's masters.

    `must_exist` refuses to create. Without `force` nothing is sent that would leave messages that nobody reads
    (UnsafeChangeError, see `queue_check`). Raises NotFoundError for an unknown cluster, AllFailedError when no broker
    could be changed. An ordered topic's order configuration on the name servers follows.
    """
    problem = topic_problem(topic)
    if problem is not None:
        raise InvalidValueError(problem, "choose another name")
    brokers = await admin.cluster.targets(broker_addr, cluster)
    if not force:
        from rocketmq_ops.client.admin.topics.queue_check import require_readable

        await require_readable(admin, {topic: settings}, brokers)

    async def one(broker: BrokerAddress) -> tuple[Change, dict[str, Value]]:
        return await _update_one(admin, broker, topic, settings, plan=plan, must_exist=must_exist)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"changing topic {topic}")
    report = ChangeReport(plan, [change for change, _ in fan.answers.values()], fan.failures)
    ordered = {broker: fields for broker, (change, fields) in fan.answers.items() if fields["order"] is True}
    if ordered and (settings.order or settings.write_queue_nums is not None):
        await update_order(admin, topic, ordered, report)
    return report


async def _update_one(
    admin: MQAdmin, broker: BrokerAddress, topic: str, settings: TopicSettings, *, plan: bool, must_exist: bool
) -> tuple[Change, dict[str, Value]]:
    current = await admin.topics.config_at(broker.address, topic)
    if current is None and must_exist:
        raise NotFoundError(f"{broker.address} does not hold topic '{topic}'", "create it", see=See("topics.update"))
    before = fields_of(current) if current is not None else None
    after = applied(before, settings)
    changes = differences(before, after)
    action: Action = "create" if before is None else "update" if changes else "none"
    change = Change(broker.address, "topic", topic, action, "planned" if changes else "unchanged", changes)
    if plan or not changes:
        return change, after
    version = await put_topic(admin.session, broker.address, header_of(topic, current, after, settings))
    try:
        found = await admin.topics.config_at(broker.address, topic)
    except RocketMQError:
        change.state = "unverified"
        return change, after
    change.verified(not_taken(found, after, settings, version))
    return change, after


def not_taken(found: TopicConfig | None, after: dict[str, Value], settings: TopicSettings, version: int) -> list[str]:
    """The fields that read back otherwise than wanted, from a broker of this version."""
    wrong = [field.name for field in differences(fields_of(found) if found is not None else {}, after)]
    if settings.order is None or (version < V5_0_0 and after["order"]):
        # The broker takes `order` from the order configuration on the name servers whenever it registers: it changes
        # beside what was asked for, and a broker before 5.0 has it only after its next registration, within 30 s.
        wrong = [name for name in wrong if name != "order"]
    return wrong


def fields_of(config: TopicConfig) -> dict[str, Value]:
    """A topic's settings by their names on the wire, attributes one by one."""
    fields: dict[str, Value] = {
        "readQueueNums": config.read_queue_nums,
        "writeQueueNums": config.write_queue_nums,
        "perm": config.perm,
        "topicFilterType": config.topic_filter_type,
        "topicSysFlag": config.topic_sys_flag,
        "order": config.order,
    }
    fields.update({f"attributes.{name}": value for name, value in sorted((config.attributes or {}).items())})
    return fields


def applied(
    before: dict[str, Value] | None, settings: TopicSettings, *, new_queues: int = DEFAULT_QUEUES
) -> dict[str, Value]:
    """The settings as they will be; a topic that is new has Apache's defaults where nothing is given."""
    after: dict[str, Value] = dict(
        before
        or {
            "readQueueNums": new_queues,
            "writeQueueNums": new_queues,
            "perm": DEFAULT_PERM,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0,
            "order": False,
        }
    )
    for name, value in (
        ("readQueueNums", settings.read_queue_nums),
        ("writeQueueNums", settings.write_queue_nums),
        ("perm", settings.perm),
        ("order", settings.order),
        ("topicFilterType", settings.topic_filter_type),
    ):
        if value is not None:
            after[name] = value
    flag = int(after["topicSysFlag"] or 0)
    for bit, wanted in ((TOPIC_UNIT, settings.unit), (TOPIC_UNIT_SUB, settings.has_unit_sub)):
        if wanted is not None:
            flag = flag | bit if wanted else flag & ~bit
    after["topicSysFlag"] = flag
    for name, text in settings.attributes.items():
        if name[0] == "+":
            after[f"attributes.{name[1:]}"] = text
        else:
            after.pop(f"attributes.{name[1:]}", None)
    return after


def header_of(
    topic: str, current: TopicConfig | None, after: dict[str, Value], settings: TopicSettings
) -> CreateTopicRequestHeader:
    """The request that makes the topic so."""
    changes = attribute_changes(current, settings)
    return CreateTopicRequestHeader(
        topic=topic,
        default_topic=AUTO_CREATE_TOPIC,
        read_queue_nums=int(after["readQueueNums"] or 0),
        write_queue_nums=int(after["writeQueueNums"] or 0),
        perm=int(after["perm"] or 0),
        topic_filter_type="MULTI_TAG" if after["topicFilterType"] == "MULTI_TAG" else "SINGLE_TAG",
        topic_sys_flag=int(after["topicSysFlag"] or 0),
        order=bool(after["order"]),
        attributes=join_attributes(changes),
        force=False,
    )


def settings_of(fields: dict[str, Value], absent: Iterable[str] = ()) -> TopicSettings:
    """The settings that bring these fields about (as `fields_of` has them), without the attributes of `absent`."""
    attributes = {f"+{name[11:]}": str(value) for name, value in fields.items() if name.startswith("attributes.")}
    attributes |= {f"-{name[11:]}": "" for name in absent if name.startswith("attributes.")}
    flag = fields.get("topicSysFlag")
    return TopicSettings(
        read_queue_nums=_int(fields.get("readQueueNums")),
        write_queue_nums=_int(fields.get("writeQueueNums")),
        perm=_int(fields.get("perm")),
        order=bool(fields["order"]) if "order" in fields else None,
        unit=bool(flag & TOPIC_UNIT) if isinstance(flag, int) else None,
        has_unit_sub=bool(flag & TOPIC_UNIT_SUB) if isinstance(flag, int) else None,
        topic_filter_type=str(fields["topicFilterType"]) if "topicFilterType" in fields else None,
        attributes=attributes,
    )


def _int(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def attribute_changes(current: TopicConfig | None, settings: TopicSettings) -> dict[str, str]:
    """The changes of attributes that are not so already; a broker refuses to delete what is not there."""
    held = (current.attributes or {}) if current is not None else {}
    return {
        name: value
        for name, value in settings.attributes.items()
        if (held.get(name[1:]) != value if name[0] == "+" else name[1:] in held)
    }


async def update_order(
    admin: MQAdmin, topic: str, ordered: dict[BrokerAddress, dict[str, Value]], report: ChangeReport
) -> None:
    """Set `broker:queues` of these brokers in the order configuration, keeping the entries of others."""
    try:
        old = await admin.kv.get(ORDER_TOPIC_NAMESPACE, topic)
    except RocketMQError as error:  # the brokers are changed already: that must not be lost in a failure
        report.failures.append(admin.failure_of("name servers", error))
        return
    entries = order_entries(old)
    for broker, fields in ordered.items():
        if broker.broker_name is None:
            report.notes.append(f"{broker.address} is not registered, so its order configuration was left as it is")
        else:
            entries[broker.broker_name] = f"{broker.broker_name}:{fields['writeQueueNums']}"
    await _set_order(admin, topic, ";".join(entries.values()), report)


async def _set_order(admin: MQAdmin, topic: str, new: str, report: ChangeReport) -> None:
    """Set the order configuration on every name server, and read it back there; an empty one is deleted."""
    try:
        if new:
            part = await admin.kv.put(ORDER_TOPIC_NAMESPACE, topic, new, plan=report.planned)
        else:
            part = await admin.kv.delete(ORDER_TOPIC_NAMESPACE, topic, plan=report.planned)
    except RocketMQError as error:
        report.failures.append(admin.failure_of("name servers", error))
        return
    report.failures += part.failures
    for change in part.changes:
        if change.state != "unchanged":
            fields = [FieldChange(ORDER_TOPIC_NAMESPACE, field.before, field.after) for field in change.fields]
            action: Action = "set" if new else "delete"
            report.changes.append(Change(change.target, "orderConf", topic, action, change.state, fields))


def order_entries(text: str | None) -> dict[str, str]:
    """`a:4;b:4` by broker name."""
    return {part.partition(":")[0]: part for part in (text or "").split(";") if part}


async def delete(admin: MQAdmin, topic: str, cluster: str, *, plan: bool) -> ChangeReport:
    """Delete a topic from a cluster's masters, then that cluster's route of it from every name server.

    Other clusters that hold a topic of this name keep it. Raises NotFoundError for an unknown cluster.
    """
    brokers = await admin.cluster.masters(cluster)
    names = {broker.broker_name or "" for broker in await admin.cluster.brokers(cluster)}
    registered, others = await _registered(admin, topic, cluster, names)

    async def one(broker: BrokerAddress) -> Change:
        return await _delete_one(admin, broker, topic, plan=plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"deleting topic {topic}")
    report = ChangeReport(plan, list(fan.answers.values()), fan.failures)
    if others:
        report.notes.append(f"topic '{topic}' stays in {', '.join(others)}")
    if registered:
        await _delete_routes(admin, topic, cluster, registered, report)
    try:
        old = await admin.kv.get(ORDER_TOPIC_NAMESPACE, topic)
    except RocketMQError as error:
        report.failures.append(admin.failure_of("name servers", error))
        return report
    if old is not None:
        left = {name: entry for name, entry in order_entries(old).items() if name not in names}
        await _set_order(admin, topic, ";".join(left.values()), report)
    return report


async def _registered(admin: MQAdmin, topic: str, cluster: str, names: set[str]) -> tuple[list[str], list[str]]:
    """(brokers of the cluster in the topic's route, other clusters in it); read before anything is deleted."""
    try:
        route = await admin.topics.route_data(topic)
    except NotFoundError:
        return [], []
    held = sorted(queue.broker_name for queue in route.queue_datas if queue.broker_name in names)
    return held, sorted({broker.cluster for broker in route.broker_datas if broker.cluster != cluster})


async def _delete_one(admin: MQAdmin, broker: BrokerAddress, topic: str, *, plan: bool) -> Change:
    current = await admin.topics.config_at(broker.address, topic)
    if current is None:
        return Change(broker.address, "topic", topic, "none", "unchanged")
    change = Change(broker.address, "topic", topic, "delete", "planned", differences(fields_of(current), None))
    if plan:
        return change
    await delete_topic(admin.session, broker.address, topic)
    try:
        change.state = "done" if await admin.topics.config_at(broker.address, topic) is None else "no_effect"
    except RocketMQError:
        change.state = "unverified"
    return change


async def _delete_routes(admin: MQAdmin, topic: str, cluster: str, held: list[str], report: ChangeReport) -> None:
    fields = [FieldChange(f"route.{name}", "registered", None) for name in held]

    async def one(address: str) -> Change:
        change = Change(address, "route", topic, "delete", "planned", fields)
        if report.planned:
            return change
        await delete_route(admin.session, address, topic, cluster)
        try:
            route = await topic_route_of(admin.session, address, topic)
        except RocketMQError:
            change.state = "unverified"
            return change
        left = {queue.broker_name for queue in route.queue_datas} if route is not None else set()
        change.verified([f"route.{name}" for name in held if name in left])
        return change

    if report.failures:
        report.notes.append("the route was left as it is, because some brokers still hold the topic")
        return
    fan = await admin.each_namesrv(one)
    report.changes += fan.answers.values()
    report.failures += fan.failures


def describe(topic: str, fields: dict[str, Value]) -> str:
    """The line that Apache's tool prints of a topic's configuration."""
    attributes = {name[11:]: value for name, value in fields.items() if name.startswith("attributes.")}
    listed = ", ".join(f"{name}={value}" for name, value in attributes.items())
    return (
        f"TopicConfig [topicName={topic}, readQueueNums={fields['readQueueNums']}, "
        f"writeQueueNums={fields['writeQueueNums']}, perm={perm_to_string(int(fields['perm'] or 0))}, "
        f"topicFilterType={fields['topicFilterType']}, topicSysFlag={fields['topicSysFlag']}, "
        f"order={str(fields['order']).lower()}, attributes={{{listed}}}]"
    )
