"""Brings back what a change has replaced: one function for each kind of change, on the calls that made it.

Each plans, sends only what differs, and reads back, as every change does. What cannot be brought back raises
CannotUndoError, which says why and what to do instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import HIDDEN, Change, ChangeReport, Value
from rocketmq_ops.common.errors import AllFailedError, RocketMQError
from rocketmq_ops.common.topics import split_topic_group
from rocketmq_ops.mqadmin.journal.entries import ChangeRecord
from rocketmq_ops.mqadmin.journal.saved import restore_offsets

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class CannotUndoError(RocketMQError):
    """There is no way back for this change."""


Undo = Callable[["MQAdmin", Change, bool], Awaitable[ChangeReport]]

#: The target of an order configuration in the first journals, where it was one change of all name servers.
_NAME_SERVERS = "name servers"
_CHANGED = ("done", "partial", "unverified", "planned")


async def undo(admin: MQAdmin, record: ChangeRecord, *, plan: bool) -> ChangeReport:
    """Undo all of a change that had effect, or may have had. What cannot be undone is among the failures.

    Raises AllFailedError when there is no way back for any of it.

    A change whose command was interrupted is undone as far as it got: what is as before already is left alone.
    """
    report = ChangeReport(plan, [])
    errors: dict[str, RocketMQError] = {}
    intact: set[tuple[str, str, str]] = set()
    for change in record.changes():
        if change.state not in _CHANGED:
            continue
        where = f"change of {change.kind} {change.name} on {change.target}"
        known = record.is_known(change)
        try:
            part = await _undo_of(change)(admin, change, plan)
        except RocketMQError as error:
            errors[where] = error if known else _if_it_was_made(record, error)
            continue
        report.changes += part.changes
        report.failures += part.failures
        if not known and not part.failures and all(each.state == "unchanged" for each in part.changes):
            report.notes.append(
                f"{change.kind} {change.name} on {change.target} is as it was before: change {record.id} "
                f"{record.ended_by}"
            )
            intact.add((change.target, change.kind, change.name))
            continue
        report.notes += part.notes
        report.notes += _changed_since(change, part.changes)
    for saved in record.started.saved:
        if intact & {(saved.target, "topic", saved.topic), (saved.target, "group", saved.group)}:
            continue  # nothing went with it, and the group has gone on since
        try:
            changes, notes = await restore_offsets(admin, saved, plan=plan)
        except RocketMQError as error:
            where = f"offsets of group {saved.group} of topic {saved.topic} on {saved.target}"
            errors[where] = error
        else:
            report.changes += changes
            report.notes += notes
    if errors and not report.changes:
        raise AllFailedError(f"undoing change {record.id}", errors)
    report.failures += [admin.failure_of(where, error) for where, error in errors.items()]
    return report


def _if_it_was_made(record: ChangeRecord, error: RocketMQError) -> RocketMQError:
    """The error for a change of which nobody knows whether it was made."""
    if not isinstance(error, CannotUndoError):
        return error
    return CannotUndoError(
        f"change {record.id} {record.ended_by}, and may not have been made; if it was: {error.cause}", error.next_step
    )


def _undo_of(change: Change) -> Undo:
    if any(field.before == HIDDEN for field in change.fields):
        raise CannotUndoError("the journal keeps no secrets, and this one was replaced", "set it again by hand")
    known = _UNDO.get(change.kind)
    if known is None:
        raise CannotUndoError(
            f"there is no way to undo a change of {change.kind}", "`mqadmin history` shows what it was"
        )
    return known


def _changed_since(change: Change, undoing: list[Change]) -> list[str]:
    """What is no longer as the change left it: somebody has changed it since, and undoing goes over that too."""
    left = {field.name: field.after for field in change.fields if field.name not in change.not_taken}
    notes = []
    for each in undoing:
        if (each.target, each.kind, each.name) != (change.target, change.kind, change.name) or change.state != "done":
            continue
        notes += [
            f"{field.name} of {each.kind} {each.name} on {each.target} was changed since: "
            f"{left[field.name]} then, {field.before} now"
            for field in each.fields
            if field.name in left and field.before != left[field.name]
        ]
    return notes


def _before(change: Change) -> dict[str, Value]:
    return {field.name: field.before for field in change.fields if field.before is not None}


def _added(change: Change) -> list[str]:
    """The fields that were not there before."""
    return [field.name for field in change.fields if field.before is None]


async def _topic(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.client.admin.topics.topic_change import settings_of

    if change.action == "create":
        if await admin.topics.config_at(change.target, change.name) is None:
            return _is_so_already(change, plan)
        line = shlex.join(["mqadmin", "deleteTopic", "-t", change.name, "-c", "CLUSTER"])
        raise CannotUndoError("the topic was created, and its messages would go with it", f"to delete it: `{line}`")
    settings = settings_of(_before(change), _added(change))
    report = await admin.topics.update(
        change.name, settings, broker_addr=change.target, plan=plan, must_exist=change.action != "delete", force=True
    )
    if change.action == "delete":
        report.notes.append(f"the messages of topic {change.name} on {change.target} stay deleted")
    return report


def _is_so_already(change: Change, plan: bool) -> ChangeReport:
    return ChangeReport(plan, [Change(change.target, change.kind, change.name, "none", "unchanged")])


async def _route(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    """Nothing: brokers register their topics, with what is brought back too."""
    return ChangeReport(plan, [])


async def _order_conf(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.client.admin.brokers.kv import ORDER_TOPIC_NAMESPACE

    value = change.fields[0].before
    if change.target != _NAME_SERVERS:
        text = None if value is None else str(value)
        return ChangeReport(
            plan, [await admin.kv.set_at(change.target, ORDER_TOPIC_NAMESPACE, change.name, text, plan=plan)]
        )
    if value is None:
        return await admin.kv.delete(ORDER_TOPIC_NAMESPACE, change.name, plan=plan)
    return await admin.kv.put(ORDER_TOPIC_NAMESPACE, change.name, str(value), plan=plan)


async def _group(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.client.admin.groups.group_change import unflat
    from rocketmq_ops.client.admin.groups.group_list_change import GroupEntry, update_list

    if change.action == "create":
        return await admin.groups.delete(change.name, broker_addr=change.target, remove_offset=False, plan=plan)
    settings, attributes = unflat(_before(change))
    signed = {f"+{name}": value for name, value in attributes.items()}
    signed |= {f"-{name.removeprefix('attributes.')}": "" for name in _added(change) if name.startswith("attributes.")}
    entry = GroupEntry(group=change.name, given=settings, attributes=signed)
    return await update_list(admin, [entry], broker_addr=change.target, cluster=None, plan=plan)


async def _offset(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.client.admin.offsets.offset import ResetRequest

    group, topic, queue_id = change.name.split(" ")
    before = change.fields[0].before
    if not isinstance(before, int):
        if await admin.offsets.consumer_offset(change.target, group, topic, int(queue_id)) is None:
            return _is_so_already(change, plan)
        raise CannotUndoError("the group had no offset of this queue, and brokers take none away", "delete the group")
    wanted = ResetRequest(
        group=group, topic=topic, timestamp=0, broker_addr=change.target, queue_id=int(queue_id), offset=before
    )
    report = await admin.offsets.reset(wanted, plan=plan)
    return ChangeReport(plan, report.as_changes(), report.failures, report.notes)


async def _broker_config(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    return await admin.configs.update_brokers([BrokerAddress(change.target)], change.name, _value(change), plan=plan)


async def _namesrv_config(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    return await admin.configs.update_namesrvs(change.name, _value(change), addresses=[change.target], plan=plan)


async def _controller_config(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    return await admin.configs.update_controllers([change.target], change.name, _value(change), plan=plan)


def _value(change: Change) -> str:
    return str(change.fields[0].before)


async def _kv(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    (field,) = change.fields
    namespace = change.name.removesuffix(f"/{field.name}")
    value = None if field.before is None else str(field.before)
    return ChangeReport(plan, [await admin.kv.set_at(change.target, namespace, field.name, value, plan=plan)])


async def _write_permission(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    give = change.fields[0].before is True
    report = await admin.configs.write_permission(change.name, give=give, plan=plan)
    notes = []
    if give:
        notes.append(
            "the name servers give every topic of the broker read and write permission: one that had another gets "
            "it back when the broker registers anew"
        )
    mine = [each for each in report.as_changes() if each.target == change.target]
    return ChangeReport(plan, mine, report.failures, notes)


async def _consume_mode(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.client.admin.groups.consume_mode import set_mode

    if change.action == "create":
        raise CannotUndoError("the group had no mode of its own, and brokers take none away", "set the mode PULL")
    topic, group = split_topic_group(change.name)
    # The fields that the change left alone are there still.
    before = _before(change)
    now = "POP" if before.get("mode") == "POP" else "PULL"
    if "mode" not in before:
        raise CannotUndoError("only the number of shared queues was changed", f"set it to {before} with setConsumeMode")
    share = before.get("popShareQueueNum")
    return await set_mode(
        admin,
        group,
        topic,
        "POP" if now == "POP" else "PULL",
        share if isinstance(share, int) else None,
        broker_addr=change.target,
        cluster=None,
        plan=plan,
    )


async def _threshold(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    before = change.fields[0].before
    threshold = before if isinstance(before, int) else None
    return await admin.cold_data.set_threshold([BrokerAddress(change.target)], change.name, threshold, plan=plan)


async def _user(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
    from rocketmq_ops.remoting.bodies.auth import UserInfo

    brokers = [BrokerAddress(change.target)]
    if change.action == "create":
        return await admin.users.delete(brokers, change.name, plan=plan)
    before = _before(change)
    kind, status = before.get("userType"), before.get("userStatus")
    if change.action == "delete":
        raise CannotUndoError("the journal does not keep the user's password", "create the user with a new one")
    user = UserInfo(
        username=change.name,
        user_type=None if kind is None else str(kind),
        user_status=None if status is None else str(status),
    )
    return await admin.users.update(brokers, user, plan=plan)


def _impossible(cause: str, next_step: str) -> Undo:
    async def refuse(admin: MQAdmin, change: Change, plan: bool) -> ChangeReport:
        before = change.fields[0].before if change.fields else None
        raise CannotUndoError(cause, next_step.format(name=change.name, target=change.target, before=before))

    return refuse


_UNDO: dict[str, Undo] = {
    "topic": _topic,
    "route": _route,
    "orderConf": _order_conf,
    "group": _group,
    "offset": _offset,
    "brokerConfig": _broker_config,
    "namesrvConfig": _namesrv_config,
    "controllerConfig": _controller_config,
    "kv": _kv,
    "writePermission": _write_permission,
    "consumeMode": _consume_mode,
    "coldReadThreshold": _threshold,
    "user": _user,
    "cleaning": _impossible("the files that the broker deleted are gone", "restore them from a backup of its store"),
    "master": _impossible(
        "an election chooses among the replicas that are in sync now", "electMaster with -b {before}"
    ),
    "brokerMetadata": _impossible("brokers register themselves", "start the broker {name} again"),
    "containedBroker": _impossible(
        "the container does not say with which file a broker runs", "addBroker, removeBroker"
    ),
    "masterFlushOffset": _impossible("no request reads what it was before", "the slave gets it from its master"),
    "readAheadMode": _impossible(
        "no request reads what it was before", "setCommitLogReadAheadMode with the other mode"
    ),
    "timerEngine": _impossible(
        "messages have been taken over by the new engine", "switchTimerEngine with the other one"
    ),
}
