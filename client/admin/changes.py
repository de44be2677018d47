"""What a change did, or would do: one record for each thing on each server, verified by reading back."""

from __future__ import annotations

from typing import Literal

import msgspec

from rocketmq_ops.common.errors import Failure

Value = str | int | float | bool | None
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


class ChangeReport(msgspec.Struct, rename="camel"):
    """All changes of one command, and the servers where it failed."""

    planned: bool
    changes: list[Change]
    failures: list[Failure] = []
    notes: list[str] = []

    @property
    def effective(self) -> bool:
        """True when something changed, or would change."""
        return any(change.state in ("planned", "done", "partial", "unverified") for change in self.changes)


def differences(before: dict[str, Value] | None, after: dict[str, Value] | None) -> list[FieldChange]:
    """The fields that differ, in the order of `after` and then `before`."""
    old, new = before or {}, after or {}
    names = list(dict.fromkeys([*new, *old]))
    return [FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
