"""Creating, changing and deleting consumer groups: reads first, keeps every field that is not given, reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Action, Change, ChangeReport, Value, differences
from rocketmq_ops.client.admin.topics.topic_change import delete as delete_topic
from rocketmq_ops.client.api.groups import delete_group, put_group
from rocketmq_ops.client.errors import InvalidValueError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import dlq_topic, group_problem, retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

#: What updateSubGroup of Apache sends for a new group when only its name is given.
NEW_GROUP: dict[str, Any] = {
    "attributes": {},
    "brokerId": 0,
    "consumeBroadcastEnable": False,
    "consumeEnable": True,
    "consumeFromMinEnable": False,
    "consumeMessageOrderly": False,
    "consumeTimeoutMinute": 15,
    "groupRetryPolicy": {"type": "CUSTOMIZED"},
    "groupSysFlag": 0,
    "notifyConsumerIdsChangedEnable": True,
    "retryMaxTimes": 16,
    "retryQueueNums": 1,
    "whichBrokerWhenConsumeSlowly": 1,
}
#: What updateSubGroupList of Apache sends for a new group of which the file has only the name: the values that
#: SubscriptionGroupConfig begins with. updateSubGroup sends the two false unless they are given.
NEW_GROUP_OF_FILE: dict[str, Any] = {**NEW_GROUP, "consumeBroadcastEnable": True, "consumeFromMinEnable": True}


class GroupSettings(msgspec.Struct, kw_only=True):
    """The settings to change; None keeps what is there. `attributes`: `+name` -> value, `-name` -> ''."""

    consume_enable: bool | None = None
    consume_from_min_enable: bool | None = None
    consume_broadcast_enable: bool | None = None
    consume_message_orderly: bool | None = None
    retry_queue_nums: int | None = None
    retry_max_times: int | None = None
    group_retry_policy: dict[str, Any] | None = None
    broker_id: int | None = None
    which_broker_when_consume_slowly: int | None = None
    notify_consumer_ids_changed_enable: bool | None = None
    attributes: dict[str, str] = {}

    def given(self) -> dict[str, Any]:
        """The given settings by their wire names."""
        names = {
            "consumeEnable": self.consume_enable,
            "consumeFromMinEnable": self.consume_from_min_enable,
            "consumeBroadcastEnable": self.consume_broadcast_enable,
            "consumeMessageOrderly": self.consume_message_orderly,
            "retryQueueNums": self.retry_queue_nums,
            "retryMaxTimes": self.retry_max_times,
            "groupRetryPolicy": self.group_retry_policy,
            "brokerId": self.broker_id,
            "whichBrokerWhenConsumeSlowly": self.which_broker_when_consume_slowly,
            "notifyConsumerIdsChangedEnable": self.notify_consumer_ids_changed_enable,
        }
        return {name: value for name, value in names.items() if value is not None}


async def update(
    admin: MQAdmin, group: str, settings: GroupSettings, *, broker_addr: str | None, cluster: str | None, plan: bool
) -> ChangeReport:
    """Create or change a group on one broker or on a cluster's masters.

    Raises NotFoundError for an unknown cluster, AllFailedError when no broker could be changed.
    """
    problem = group_problem(group)
    if problem is not None:
        raise InvalidValueError(problem, "choose another name")
    brokers = await admin.cluster.targets(broker_addr, cluster)

    async def one(broker: BrokerAddress) -> Change:
        return await _update_one(admin, broker, group, settings, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"changing group {group}")
    return ChangeReport(plan, list(fan.answers.values()), fan.failures)


async def _update_one(admin: MQAdmin, broker: BrokerAddress, group: str, settings: GroupSettings, plan: bool) -> Change:
    current = (await admin.groups.configs_at(broker.address)).get(group)
    prepared = prepare(broker.address, group, current, settings.given(), settings.attributes)
    change = prepared.change
    if plan or not change.fields:
        return change
    await put_group(admin.session, broker.address, prepared.config)
    try:
        found = (await admin.groups.configs_at(broker.address)).get(group)
    except RocketMQError:
        change.state = "unverified"
        return change
    prepared.verify(found)
    return change


class Prepared(NamedTuple):
    """A change of one group on one broker: `config` is what the broker is sent for it, `asked` the fields named."""

    change: Change
    config: dict[str, Any]
    asked: frozenset[str]

    def verify(self, found: dict[str, Any] | None) -> None:
        """Set the change's state by what the group reads back as."""
        fields = self.change.fields
        known = _flat(found) if found is not None else {}
        # A broker of another version may not know a default: only what was asked for is held against it.
        missed = [f.name for f in fields if known.get(f.name) != f.after and (f.name in known or f.name in self.asked)]
        self.change.verified(missed if found is not None else [f.name for f in fields])


def prepare(
    target: str,
    group: str,
    current: dict[str, Any] | None,
    given: dict[str, Any],
    attributes: dict[str, str],
    new: dict[str, Any] = NEW_GROUP,
) -> Prepared:
    """What changes a group, whose configuration is `current` (None: there is none), to have `given` (wire names).

    `new` is what a group begins with that is not there yet. `attributes`: `+name` -> value, `-name` -> ''. The change's
    state is planned, or unchanged.
    """
    wanted = {**({**new, "groupName": group} if current is None else current), **given}
    held = dict(wanted.get("attributes") or {})
    after = dict(held)
    for name, text in attributes.items():
        if name[0] == "+":
            after[name[1:]] = text
        else:
            after.pop(name[1:], None)
    before_fields = _flat(current) if current is not None else None
    fields = differences(before_fields, _flat({**wanted, "attributes": after}))
    action: Action = "create" if current is None else "update" if fields else "none"
    change = Change(target, "group", group, action, "planned" if fields else "unchanged", fields)
    # The broker takes attributes as changes (`+name`, `-name`), not as the state to reach.
    wanted["attributes"] = {
        name: value
        for name, value in attributes.items()
        if (held.get(name[1:]) != value if name[0] == "+" else name[1:] in held)
    }
    return Prepared(change, wanted, frozenset([*given, *(f"attributes.{name[1:]}" for name in attributes)]))


def _flat(config: dict[str, Any]) -> dict[str, Value]:
    """Nested values as JSON text, attributes one by one, so that fields compare."""
    flat: dict[str, Value] = {}
    for name, value in config.items():
        if name == "attributes":
            flat.update({f"attributes.{key}": text for key, text in sorted((value or {}).items())})
        elif isinstance(value, dict | list):
            flat[name] = msgspec.json.encode(value, order="sorted").decode()
        else:
            flat[name] = value
    return flat


def unflat(fields: dict[str, Value]) -> tuple[dict[str, Any], dict[str, str]]:
    """(settings by their names on the wire, attributes) of what a change's fields hold of a group."""
    settings: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for name, value in fields.items():
        if name.startswith("attributes."):
            attributes[name.removeprefix("attributes.")] = str(value)
        elif isinstance(value, str) and value[:1] in ("{", "["):
            settings[name] = msgspec.json.decode(value)
        else:
            settings[name] = value
    return settings, attributes


async def delete(
    admin: MQAdmin,
    group: str,
    *,
    broker_addr: str | None,
    cluster: str | None,
    remove_offset: bool,
    plan: bool,
) -> ChangeReport:
    """Delete a group from one broker, or from a cluster's masters together with its retry and dead-letter topics.

    With one broker the topics stay, as with Apache's tool. Raises NotFoundError for an unknown cluster.
    """
    brokers = await admin.cluster.targets(broker_addr, cluster)

    async def one(broker: BrokerAddress) -> Change:
        return await _delete_one(admin, broker, group, remove_offset, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"deleting group {group}")
    report = ChangeReport(plan, list(fan.answers.values()), fan.failures)
    report.notes += [_MADE_ANEW.format(address=c.target, group=group) for c in report.changes if c.state == "no_effect"]
    if broker_addr is None and cluster is not None and not fan.errors:
        for topic in (retry_topic(group), dlq_topic(group)):
            part = await delete_topic(admin, topic, cluster, plan=plan)
            report.changes += [change for change in part.changes if change.state != "unchanged"]
            report.failures += part.failures
            report.notes += part.notes
    return report


#: AdminBrokerProcessor.deleteSubscriptionGroup of 5.5.0 asks LiteMetadataUtil.isLiteGroupType about the deleted group,
#: which creates it.
_MADE_ANEW = (
    "{address} has group {group} again after deleting it: a consumer is online, or the broker is Apache's 5.5, which "
    "makes a group anew with default settings when it is deleted without its offsets "
    "(autoCreateSubscriptionGroup=true); deleting its offsets too (removeOffset) avoids the latter"
)


async def _delete_one(admin: MQAdmin, broker: BrokerAddress, group: str, remove_offset: bool, plan: bool) -> Change:
    current = (await admin.groups.configs_at(broker.address)).get(group)
    if current is None:
        return Change(broker.address, "group", group, "none", "unchanged")
    change = Change(broker.address, "group", group, "delete", "planned", differences(_flat(current), None))
    if plan:
        return change
    await delete_group(admin.session, broker.address, group, remove_offset=remove_offset)
    try:
        change.state = "no_effect" if group in await admin.groups.configs_at(broker.address) else "done"
    except RocketMQError:
        change.state = "unverified"
    return change
