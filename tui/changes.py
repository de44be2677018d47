"""What the dashboard needs of the program that starts it: changes, made by that program's own commands.

The dashboard imports none of it, so that it can be driven by a fake in tests and by another program.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

import msgspec

from rocketmq_ops.client.admin.affected import Affected
from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import Failure


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line would do; nothing was sent.

    `words` is the command line without the program's name, as it will be run. `to_type` has to be typed before; None
    where the change destroys nothing, and a yes is enough. `changes` are empty for one that only sends a message.
    """

    words: tuple[str, ...]
    to_type: str | None
    changes: list[Change] = []
    affected: Affected | None = None
    failures: list[Failure] = []
    notes: list[str] = []
    #: Whether the journal keeps it, by which it can be undone.
    recorded: bool = True

    @property
    def line(self) -> str:
        """The command line as it is typed in a shell."""
        return line_of(self.words)

    @property
    def effective(self) -> bool:
        """Whether anything would change; a command that only sends always has an effect."""
        return not self.recorded or any(change.state == "planned" for change in self.changes)


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message that was sent is; `status` as Apache names it: one that is not SEND_OK is stored less safely."""

    topic: str
    broker: str
    queue: int
    offset: int
    message_id: str
    status: str


class ConsumedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a client answered that was handed a message: `result` as Apache names it."""

    result: str
    took_ms: int
    remark: str = ""


class MadeChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change, as it was read back. `status`: ok, unchanged, partial, no_effect or failed.

    `change_id` is its place in the journal; None where it is not there, and cannot be undone.
    """

    words: tuple[str, ...]
    status: str
    changes: list[Change] = []
    change_id: int | None = None
    failures: list[Failure] = []
    notes: list[str] = []
    #: What a command that only sends has done.
    sent: list[SentMessage] = []
    consumed: list[ConsumedMessage] = []


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change in the journal. `time` is ISO 8601 in UTC; `status` done, partial, failed or unfinished.

    `here`: whether it was made on the cluster that is shown. `undone_by`: the changes that undid it.
    """

    id: int
    time: str
    user: str
    words: tuple[str, ...]
    status: str
    changes: list[Change]
    here: bool
    undo_of: int | None = None
    undone_by: tuple[int, ...] = ()


class Changer(Protocol):
    """Plans and makes changes by command lines, as if they were typed in a shell: with journal and undo.

    Its calls block nothing, and raise RocketMQError with what is wrong and the next step.
    """

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        """What a command line would do, and whom it touches."""
        ...

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        """Do what was planned, after `typed` was typed. Refuses, with nothing sent, when that is not `to_type`, or when
        the command would no longer change what was shown."""
        ...

    async def journal(self, most: int) -> list[JournalEntry]:
        """The last changes in the journal, the newest first."""
        ...


def line_of(words: Sequence[str]) -> str:
    """A command line as it is typed in a shell."""
    return shlex.join(["mqadmin", *words])
