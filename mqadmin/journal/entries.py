"""What stands in the journal's lines: a change before anything is sent, then what became of it; and both as one record.

A change has two lines, for what was there before must be on the disk before it is changed: the first has all that is
known then, the second the result. A change without the second was interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from rocketmq_ops.client.admin.changes import HIDDEN, Change
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.journal.file import JournalFile, id_of

_SECRET = re.compile(r"passw|secret|credential|token|private_?key|access_?key|authenticationuser", re.IGNORECASE)


class SavedOffsets(msgspec.Struct, rename="camel"):
    """What one group had committed of one topic on one broker: queue id -> offset."""

    target: str
    group: str
    topic: str
    offsets: dict[int, int]


class StartedChange(msgspec.Struct, rename="camel", kw_only=True, tag_field="entry", tag="change"):
    """A change before it is sent. `arguments` is the command line without secrets, `changes` what was planned with the
    values before, `saved` what else is lost with it, `unsaved` what could not be read of that. `time` is in UTC.
    """

    line: int = 0
    id: int = 0
    time: str
    user: str
    sudo_user: str | None = None
    host: str
    name_servers: list[str]
    profile: str | None = None
    command: str
    arguments: list[str]
    undo_of: int | None = None
    changes: list[Change]
    saved: list[SavedOffsets] = []
    unsaved: list[Failure] = []


class EndedChange(msgspec.Struct, rename="camel", kw_only=True, tag_field="entry", tag="result"):
    """What became of the change whose id is `change`: each target's result, or the error that ended it."""

    line: int = 0
    change: int
    time: str
    status: str
    exit_code: int
    changes: list[Change] = []
    failures: list[Failure] = []


Progress = Literal["done", "partial", "failed", "unfinished"]


class ChangeRecord(msgspec.Struct, rename="camel"):
    """A change and its result; `result` is None when its command ended without writing one."""

    id: int
    started: StartedChange
    result: EndedChange | None = None
    undone_by: list[int] = []

    def changes(self) -> list[Change]:
        """The changes as they ended, or as they were planned where that is not known."""
        ended = self.result.changes if self.result is not None else []
        known = {_key(change) for change in ended}
        return [*ended, *(change for change in self.started.changes if _key(change) not in known)]

    def is_known(self, change: Change) -> bool:
        """Whether a result says what became of a change. Without one it may have been made, or not."""
        return self.result is not None and _key(change) in {_key(ended) for ended in self.result.changes}

    @property
    def ended_by(self) -> str:
        """Why there is no result of what `is_known` does not know."""
        failures = self.result.failures if self.result is not None else []
        return f"failed ({failures[0].cause})" if failures else "did not end"


def _key(change: Change) -> tuple[str, str, str]:
    return change.target, change.kind, change.name


def records(journal: JournalFile, unread: list[int] | None = None) -> dict[int, ChangeRecord]:
    """All changes by their ids. Lines that cannot be read are added to `unread`."""
    found: dict[int, ChangeRecord] = {}
    for line in journal.lines():
        entry = _entry(line.content)
        if isinstance(entry, StartedChange):
            change_id = id_of(line.content or {}) or line.number
            found[change_id] = ChangeRecord(change_id, entry)
            if entry.undo_of in found:
                found[entry.undo_of].undone_by.append(change_id)
        elif isinstance(entry, EndedChange) and entry.change in found:
            found[entry.change].result = entry
        elif unread is not None:
            unread.append(line.number)
    return found


def _entry(content: dict[str, Any] | None) -> StartedChange | EndedChange | None:
    try:
        return msgspec.convert(content, StartedChange | EndedChange, str_keys=True)
    except msgspec.ValidationError:
        return None


def without_secrets(changes: Iterable[Change]) -> tuple[list[Change], set[str]]:
    """The changes with the values of secret settings hidden, and those values."""
    hidden: set[str] = set()
    clean = []
    for change in changes:
        fields = []
        for field in change.fields:
            values = [str(value) for value in (field.before, field.after) if value not in (None, "", HIDDEN)]
            if _SECRET.search(field.name) or _SECRET.search(change.name.rpartition("/")[2]):
                hidden.update(values)
                field = msgspec.structs.replace(
                    field,
                    before=None if field.before is None else HIDDEN,
                    after=None if field.after is None else HIDDEN,
                )
            elif any(_SECRET.search(value) for value in values):
                hidden.update(values)
                field = msgspec.structs.replace(field, before=_hide(field.before), after=_hide(field.after))
            fields.append(field)
        clean.append(msgspec.structs.replace(change, fields=fields))
    return clean, hidden


def _hide(value: Any) -> Any:
    return HIDDEN if value is not None and _SECRET.search(str(value)) else value


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret in it replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
