"""What a change did, or would do: one record for each thing on each server, verified by reading back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from rocketmq_ops.client.admin.affected import Affected
from rocketmq_ops.common.errors import Failure, RocketMQError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.client.admin.core import MQAdmin

Value = str | int | float | bool | None
#: The fields of a thing by their names; None when it is not there.
Fields = dict[str, Value] | None
T = TypeVar("T")
Action = Literal["create", "update", "delete", "set", "none"]
State = Literal["planned", "done", "unchanged", "partial", "unverified", "no_effect"]


class FieldChange(msgspec.Struct, rename="camel"):
    """One field: what it was and what it becomes. None means that it was or will be absent."""

    name: str
    before: Value
    after: Value


class Change(msgspec.Struct, rename="camel"):
    """One thing on one server.

    `state`: planned (nothing was sent), done (read back as wanted), unchanged (was so already, nothing was sent),
    unverified (accepted, but could not be read back), no_effect (accepted, but reads back as before), partial (some
    fields read back as before: `not_taken`).
    """

    target: str
    kind: str
    name: str
    action: Action
    state: State
    fields: list[FieldChange] = []
    not_taken: list[str] = []

    def verified(self, not_taken: list[str]) -> None:
        """Set the state after reading back; `not_taken` are the fields that are not as wanted."""
        self.not_taken = not_taken
        changed = {field.name for field in self.fields} - set(not_taken)
        self.state = "done" if not not_taken else "partial" if changed else "no_effect"


class ChangingResult(msgspec.Struct, rename="camel", kw_only=True):
    """A result that says what was changed, or would be: by it a change is shown, recorded and undone.

    `affected`: whom it touches; None unless that was asked for, as for a plan.
    """

    affected: Affected | None = None

    def as_changes(self) -> list[Change]:
        """One for each thing on each server."""
        raise NotImplementedError


class ChangeReport(ChangingResult):
    """All changes of one command, and the servers where it failed."""

    planned: bool
    changes: list[Change]
    failures: list[Failure] = []
    notes: list[str] = []

    def as_changes(self) -> list[Change]:
        """The changes."""
        return self.changes

    @property
    def effective(self) -> bool:
        """True when something changed, or would change."""
        return any(change.state in ("planned", "done", "partial", "unverified") for change in self.changes)


def differences(before: Fields, after: Fields) -> list[FieldChange]:
    """The fields that differ, in the order of `after` and then `before`."""
    old, new = before or {}, after or {}
    names = list(dict.fromkeys([*new, *old]))
    return [FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


#: What stands for a secret in the fields of a change.
HIDDEN = "(hidden)"


async def change_one(
    target: str,
    kind: str,
    name: str,
    *,
    read: Callable[[], Awaitable[Fields]],
    wanted: Callable[[Fields], Fields],
    send: Callable[[Fields], Awaitable[object]],
    plan: bool,
    hidden: Collection[str] = (),
) -> Change:
    """Read a thing, send the change unless it is as wanted already, and read it back.

    `read` gives its fields, None when it is not there; `wanted` what they shall be, of what they are; None is gone.
    `send` gets what they are. `hidden` names the fields that are compared and never shown.
    """
    before = await read()
    after = wanted(before)
    fields = differences(before, after)
    gone = after is None
    action: Action = "delete" if gone else "create" if before is None else "update"
    if (before is None and gone) or (before is not None and not gone and not fields):
        return Change(target, kind, name, "none", "unchanged")
    shown = [FieldChange(f.name, _hide(f.before), _hide(f.after)) if f.name in hidden else f for f in fields]
    change = Change(target, kind, name, action, "planned", shown)
    if plan:
        return change
    await send(before)
    try:
        found = await read()
    except RocketMQError:
        change.state = "unverified"
        return change
    if gone or found is None:
        change.state = "done" if gone and found is None else "no_effect"
        return change
    unreadable = {name for name in hidden if found.get(name) is None}  # a server need not show its secrets
    missed = [f.name for f in fields if found.get(f.name) != f.after and f.name not in unreadable]
    change.verified(missed)
    if not fields:
        change.state = "done"
    return change


async def change_each(
    admin: MQAdmin,
    brokers: Sequence[BrokerAddress],
    kind: str,
    name: str,
    *,
    doing: str,
    read: Callable[[str], Awaitable[Fields]],
    wanted: Callable[[str, Fields], Fields],
    send: Callable[[str, Fields], Awaitable[object]],
    plan: bool,
    hidden: Collection[str] = (),
) -> ChangeReport:
    """`change_one` on each broker; its functions get the broker's address. Raises AllFailedError when all fail."""

    async def one(broker: BrokerAddress) -> Change:
        address = broker.address
        return await change_one(
            address,
            kind,
            name,
            read=lambda: read(address),
            wanted=lambda before: wanted(address, before),
            send=lambda before: send(address, before),
            plan=plan,
            hidden=hidden,
        )

    fan = await admin.fan_out(brokers, one)
    fan.require_some(doing)
    return ChangeReport(plan, list(fan.answers.values()), fan.failures)


async def copy_each(
    admin: MQAdmin,
    names: Sequence[str] | None,
    *,
    doing: str,
    read_all: Callable[[], Awaitable[dict[str, T]]],
    read: Callable[[str], Awaitable[T | None]],
    missing: Callable[[str], RocketMQError],
    put: Callable[[T], Awaitable[Change]],
    plan: bool,
) -> ChangeReport:
    """Copy things from one server to another: those of these names, all of them for None.

    `read_all` and `read` ask the source, by name; `put` changes the target. One that the source does not have is a
    failure; when it has none of those named, `missing` is raised for all.
    """
    report = ChangeReport(plan, [])
    if names is None:
        found = await read_all()
    else:
        found = {}
        for name in dict.fromkeys(names):
            thing = await read(name)
            if thing is None:
                report.failures.append(admin.failure_of(name, missing(name)))
            else:
                found[name] = thing
        if not found:
            raise missing(", ".join(names))
    fan = await admin.fan_out(found, lambda name: put(found[name]))
    fan.require_some(doing)
    report.changes, report.failures = list(fan.answers.values()), [*report.failures, *fan.failures]
    return report


def _hide(value: Value) -> Value:
    return None if value is None else HIDDEN
