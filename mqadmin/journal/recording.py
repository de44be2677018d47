"""Runs a command that changes a cluster: first as a plan, whose state before is put down, then for good.

Every command that changes something takes this way, by its declaration (`Declaration.recorded`): what it would do is
found out by running it with `--plan`, so that a command says in one place, its typed changes, what is to be saved.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.confirm import name_to_type, require_typed
from rocketmq_ops.mqadmin.errors import exit_code_of, failure_of_command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.entries import EndedChange, SavedOffsets, StartedChange, masked, without_secrets
from rocketmq_ops.mqadmin.journal.file import JournalError, JournalFile
from rocketmq_ops.mqadmin.journal.saved import saved_offsets, takes_more
from rocketmq_ops.mqadmin.plan import changes_of, show_affected
from rocketmq_ops.mqadmin.secret_options import read_once

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.declare import Declaration
    from rocketmq_ops.mqadmin.render.outcome import Outcome
    from rocketmq_ops.mqadmin.run import Run

#: `off` there: changes are made without a journal, each with a note.
SWITCH = "ROCKETMQ_OPS_JOURNAL"


#: Returns when the outcome of planning may be made true; raises CommandError when it may not.
Consent = Callable[["Run", dict[str, Any], "Outcome"], Awaitable[None]]


async def asked_on_terminal(run: Run, values: dict[str, Any], planned: Outcome) -> None:
    """Have the name of what a dangerous change touches typed, where there is a terminal to ask on."""
    if not run.declaration.dangerous:
        return
    name = name_to_type(run.declaration, values, yes=run.options.yes)
    if name is not None:
        from rocketmq_ops.mqadmin.render.output import table_text

        await show_affected(run, planned)
        require_typed(name, table_text(planned))


async def recorded(run: Run, values: dict[str, Any], consent: Consent = asked_on_terminal) -> Outcome:
    """Plan, put down, do, and put down what became of it; the outcome of doing.

    Raises, with nothing sent, CommandError when somebody was asked and did not consent, and JournalError when a
    dangerous change could not be put down before. What else cannot be put down is a note.
    """
    with read_once() as read:
        recorder = _Recorder(run, values, read)
        planning = run.planning()
        planned = await run.declaration.function(planning, **values)
        run.connected_as(planning)
        moving = [change for change in changes_of(planned) if change.state == "planned"]
        if moving:
            await consent(run, values, planned)
            await recorder.save(moving)
            recorder.begin(moving)
        try:
            outcome = await run.declaration.function(run, **values)
        except BaseException as error:
            recorder.failed(error)
            raise
        made = changes_of(outcome)
        if not moving and any(change.state in ("done", "partial", "unverified") for change in made):
            recorder.begin(made)  # it was as wanted when it was planned, and was not any more
        recorder.end(outcome, made)
    outcome.notes += recorder.notes
    return outcome


class _Recorder:
    """Puts one change down. `notes` say what could not be."""

    def __init__(self, run: Run, values: dict[str, Any], read: Mapping[str, str]) -> None:
        self.notes: list[str] = []
        self._run = run
        self._values = values
        self._read = read
        self._hidden: set[str] = set()
        self._journal = JournalFile()
        self._id: int | None = None
        self._saved: list[SavedOffsets] = []
        self._unsaved: list[Failure] = []

    async def save(self, changes: list[Change]) -> None:
        """Read what else is lost with these changes."""
        if takes_more(changes):
            async with self._run.admin() as admin:
                self._saved, self._unsaved = await saved_offsets(admin, changes)
            self.notes += [f"the offsets of {f.target} could not be saved: {f.cause}" for f in self._unsaved]

    def begin(self, changes: list[Change]) -> None:
        """Put down what is about to be changed."""
        clean = self._clean(changes)
        started = StartedChange(
            time=_now(),
            user=_user(),
            sudo_user=os.environ.get("SUDO_USER"),
            host=socket.gethostname(),
            name_servers=list(self._run.connection.name_servers),
            profile=self._run.connection.profile,
            command=self._run.name,
            arguments=[masked(word, self._secrets()) for word in self._run.arguments],
            undo_of=self._values.get("change_id"),
            changes=clean,
            saved=self._saved,
            unsaved=self._unsaved,
        )
        if os.environ.get(SWITCH) == "off":
            self.notes.append(f"{SWITCH}=off: the change is not in the journal, and cannot be undone")
            return
        try:
            self._id = self._run.change_id = self._journal.append(_content(started), numbered=True)
        except JournalError as error:
            if self._run.declaration.dangerous:
                raise JournalError(
                    f"nothing was changed: {error.cause}, and what is lost could not be brought back",
                    f"{error.next_step}; or set {SWITCH}=off to go on without",
                ) from error
            self.notes.append(f"{error.cause}: the change is not in the journal, and cannot be undone")

    def end(self, outcome: Outcome, changes: list[Change]) -> None:
        """Put down what became of it."""
        self._end(outcome.status, outcome.exit, changes, outcome.errors)

    def failed(self, error: BaseException) -> None:
        """Put down what ended it."""
        if isinstance(error, Exception):
            self._end("failed", exit_code_of(error), [], [failure_of_command(error)])
        else:
            failure = Failure("", "interrupted: what was sent may have been done", "look at what is there now")
            self._end("failed", ExitCode.INTERRUPTED, [], [failure])

    def _end(self, status: str, code: int, changes: list[Change], failures: Iterable[Failure]) -> None:
        if self._id is None:
            return
        clean = self._clean(changes)
        secrets = self._secrets()
        ended = EndedChange(
            change=self._id,
            time=_now(),
            status=status,
            exit_code=int(code),
            changes=clean,
            failures=[msgspec.structs.replace(f, cause=masked(f.cause, secrets)) for f in failures],
        )
        try:
            self._journal.append(_content(ended))
        except JournalError as error:
            self.notes.append(f"{error.cause}: the result of change {self._id} is not in the journal")

    def _clean(self, changes: list[Change]) -> list[Change]:
        clean, hidden = without_secrets(changes)
        self._hidden |= hidden
        return clean

    def _secrets(self) -> set[str]:
        """All texts that must not be in a line."""
        given = _secret_values(self._run.declaration, self._values)
        known = {*given, *self._read.values(), *self._hidden, self._run.connection.secret_key or ""}
        return known - {"", "-"}


def _secret_values(declaration: Declaration, values: dict[str, Any]) -> Iterator[str]:
    for name, (_, option, _) in declaration.options().items():
        if option.secret and values.get(name):
            yield str(values[name])


def _content(entry: StartedChange | EndedChange) -> dict[str, Any]:
    """The members of a line; its number and its id are the file's."""
    content: dict[str, Any] = msgspec.to_builtins(entry, str_keys=True)
    return {name: value for name, value in content.items() if name not in ("line", "id")}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _user() -> str:
    """Who runs this process, by the system's own account and not by what the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError, AttributeError):
        return os.environ.get("USERNAME") or f"uid {getattr(os, 'geteuid', lambda: '?')()}"
