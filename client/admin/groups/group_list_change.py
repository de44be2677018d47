"""Creating and changing many consumer groups at once: one reading, one request and one reading back on each broker.

Mirrors createAndUpdateSubscriptionGroupConfigList: a new group has the defaults of Apache's file. Unlike Apache's tool
a setting that is not given keeps its value, and a broker before 5.3, which takes no list, gets the groups one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.groups.group_change import NEW_GROUP_OF_FILE, Prepared, prepare
from rocketmq_ops.client.api.groups import put_group, put_groups
from rocketmq_ops.client.errors import BrokerError, InvalidValueError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import group_problem
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class GroupEntry(msgspec.Struct, kw_only=True):
    """A group of the list. `given`: settings by their wire names; `attributes`: `+name` -> value, `-name` -> ''."""

    group: str
    given: dict[str, Any] = {}
    attributes: dict[str, str] = {}


async def update_list(
    admin: MQAdmin, entries: Sequence[GroupEntry], *, broker_addr: str | None, cluster: str | None, plan: bool
) -> ChangeReport:
    """Create or change these groups on one broker or on a cluster's masters.

    Raises InvalidValueError for a name that is not one, or is there twice, before anything is sent; NotFoundError for
    an unknown cluster; AllFailedError when no broker could be changed.
    """
    names = [entry.group for entry in entries]
    for name in names:
        problem = group_problem(name)
        if problem is not None:
            raise InvalidValueError(problem, "choose another name")
        if names.count(name) > 1:
            raise InvalidValueError(f"group '{name}' is in the list more than once", "give each group once")
    brokers = await admin.cluster.targets(broker_addr, cluster)

    async def one(broker: BrokerAddress) -> tuple[list[Change], list[Failure]]:
        return await _update_at(admin, broker, entries, plan)

    fan = await admin.fan_out(brokers, one)
    fan.require_some(f"changing {plural(len(names), 'group', 'groups')}")
    report = ChangeReport(plan, [], fan.failures)
    for changes, failures in fan.answers.values():
        report.changes += changes
        report.failures += failures
    return report


async def _update_at(
    admin: MQAdmin, broker: BrokerAddress, entries: Sequence[GroupEntry], plan: bool
) -> tuple[list[Change], list[Failure]]:
    configs = await admin.groups.configs_at(broker.address)
    prepared = [
        prepare(broker.address, entry.group, configs.get(entry.group), entry.given, entry.attributes, NEW_GROUP_OF_FILE)
        for entry in entries
    ]
    moving = [item for item in prepared if item.change.fields]
    if plan or not moving:
        return [item.change for item in prepared], []
    failures = await _send(admin, broker, moving)
    try:
        found = await admin.groups.configs_at(broker.address)
    except RocketMQError:
        for item in moving:
            item.change.state = "unverified"
    else:
        for item in moving:
            item.verify(found.get(item.change.name))
    refused = {failure.target for failure in failures}
    changes = [item.change for item in prepared if f"{broker} {item.change.name}" not in refused]
    return changes, failures


async def _send(admin: MQAdmin, broker: BrokerAddress, moving: list[Prepared]) -> list[Failure]:
    """Send the changes; the groups that were refused where they had to be sent one by one."""
    try:
        await put_groups(admin.session, broker.address, [item.config for item in moving])
        return []
    except BrokerError as error:
        if error.code != ResponseCode.REQUEST_CODE_NOT_SUPPORTED:
            raise
    failures = []
    for item in moving:
        try:
            await put_group(admin.session, broker.address, item.config)
        except BrokerError as error:
            failures.append(admin.failure_of(f"{broker} {item.change.name}", error))
    return failures
