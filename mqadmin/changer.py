"""Changes for the dashboard: command lines that are planned and run in this process, with journal and undo as ever.

Each runs in a thread with an event loop of its own: parsing, the journal's sync and the requests hold up no screen. The
threads are its own: servers that do not answer hold them for long, and nothing else waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec
import typer

from rocketmq_ops.client.admin.changes import Change, ChangingResult
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.confirm import touched
from rocketmq_ops.mqadmin.declare import CommonOptions, Declaration, build, declaration_of_entry
from rocketmq_ops.mqadmin.errors import CommandError, failure_of_command, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.entries import ChangeRecord, records
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.mqadmin.journal.recording import recorded
from rocketmq_ops.mqadmin.plan import changes_of, planned
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.tui.changes import ConsumedMessage, JournalEntry, MadeChange, PlannedChange, SentMessage

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.mqadmin.connecting.connection import Connection
    from rocketmq_ops.mqadmin.render.outcome import Outcome

UNDO = "undo"
#: Command lines at a time: some batches of the dashboard, also where a name service that is asked holds up one.
_THREADS: Final = 16
#: Values of these are another each moment on a cluster that works, so that a plan is outdated when it is read.
_MOVING = frozenset({"offset"})


T = TypeVar("T")


class _Parsed(NamedTuple):
    run: Run
    values: dict[str, Any]


class CommandChanger:
    """Runs command lines on the cluster behind `connection`.

    `connecting` are the words by which a shell would connect there, as `-n HOST:PORT`: each command line has them,
    but `undo`, which finds the cluster of the change in the journal.
    """

    def __init__(self, connection: Connection, connecting: Sequence[str] = ()) -> None:
        self._connection = connection
        self._connecting = tuple(connecting)
        self._threads = ThreadPoolExecutor(_THREADS, "dashboard-changes")
        #: What was read of the journal last, and of what state of it.
        self._read: tuple[tuple[int, object], list[JournalEntry]] | None = None

    def close(self) -> None:
        """Let go of the threads; what they are at comes to its end. Each holds what was standard error as it began,
        which under Textual is its application."""
        self._threads.shutdown(wait=False)

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        """What a command line would do, and whom it touches. Raises RocketMQError, with nothing sent. Cancelled, it
        lets go of its thread."""
        whole = self._whole(words)
        asking = _InALoop(lambda: self._plan(whole))
        try:
            return await self._in_thread(asking.run)
        except asyncio.CancelledError:
            asking.give_up()
            raise

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        """Do what was planned. Raises CommandError, with nothing sent, where it is not as it was shown. What has begun
        comes to its end, also when nobody waits for it any more."""
        name = planned.to_type
        if name is not None and typed != name:
            raise CommandError(
                f"nothing was changed: '{name}' was not typed", "type it as it is shown", ExitCode.REFUSED
            )
        return await self._in_thread(_InALoop(lambda: self._make(planned)).run)

    async def journal(self, most: int) -> list[JournalEntry]:
        """The last changes in the journal, the newest first. Raises JournalError."""
        return await asyncio.to_thread(self._journal, most)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _whole(self, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(words) if words[0] == UNDO else (*words, *self._connecting)

    def _parse(self, words: Sequence[str]) -> _Parsed:
        """The run of a command line. Raises CommandError for one that cannot be run here."""
        found = registry.find(list(words))
        if found is None:
            name = words[0]
            raise usage(f"there is no command '{name}'", "`mqadmin help` lists them all")
        entry, arguments = found
        declared = declaration_of_entry(entry)
        if not declared.changes:
            raise usage(f"{entry.name} changes nothing", "run it in a shell")
        parsed: list[_Parsed] = []

        def keep(declaration: Declaration, values: dict[str, Any], options: CommonOptions) -> int:
            parsed.append(_Parsed(_Quiet(entry.name, declaration, options, values, arguments), values))
            return 0

        try:
            build(entry.name, declared, entry.summary, keep).main(
                arguments, prog_name=entry.name, standalone_mode=False
            )
        except typer.TyperException as error:
            raise usage(error.format_message().rstrip("."), f"see `mqadmin {entry.name} --help`") from error
        if not parsed:
            raise usage(f"{entry.name} was not given what it needs", f"see `mqadmin {entry.name} --help`")
        parsed[0].run.use(self._connection)
        return parsed[0]

    async def _plan(self, words: Sequence[str]) -> PlannedChange:
        run, values = self._parse(words)
        planning = run.planning()
        declared = run.declaration
        shown = await (planned(planning, values) if declared.recorded else declared.function(planning, **values))
        return PlannedChange(
            words=tuple(words),
            to_type=touched(declared, values) if declared.dangerous else None,
            changes=changes_of(shown),
            affected=shown.data.affected if isinstance(shown.data, ChangingResult) else None,
            failures=shown.errors,
            notes=shown.notes,
            recorded=declared.recorded,
        )

    async def _make(self, shown: PlannedChange) -> MadeChange:
        run, values = self._parse(shown.words)

        async def as_shown(_: Run, __: dict[str, Any], outcome: Outcome) -> None:
            if _outline(changes_of(outcome)) != _outline(shown.changes):
                raise CommandError(
                    "nothing was changed: it would no longer change what was shown",
                    "look at the plan again",
                    ExitCode.REFUSED,
                )

        if run.declaration.recorded:
            outcome = await recorded(run, values, as_shown)
        else:
            outcome = await run.declaration.function(run, **values)
        made = changes_of(outcome)
        return MadeChange(
            words=shown.words,
            status=outcome.status,
            changes=made,
            change_id=run.change_id,
            failures=outcome.errors,
            notes=outcome.notes,
            sent=_sent(outcome.data, values),
            consumed=_consumed(outcome.data),
        )

    def _journal(self, most: int) -> list[JournalEntry]:
        file = JournalFile()
        state = most, file.state()
        if self._read is None or self._read[0] != state:  # the dashboard asks with each look
            found = list(records(file).values())[-most:]
            self._read = state, [self._entry(record) for record in reversed(found)]
        return list(self._read[1])

    def _entry(self, record: ChangeRecord) -> JournalEntry:
        started = record.started
        return JournalEntry(
            id=record.id,
            time=started.time,
            user=started.user,
            words=(started.command, *started.arguments),
            status=_status(record),
            changes=record.changes(),
            here=set(started.name_servers) == set(self._connection.name_servers),
            undo_of=started.undo_of,
            undone_by=tuple(record.undone_by),
        )


class _Quiet(Run):
    """A run that writes nothing on the terminal, which a screen has."""

    def admin(self, *, quiet: bool = True) -> MQAdmin:
        """A new admin client that shows nothing of how far it is."""
        return super().admin(quiet=quiet)


class _InALoop(Generic[T]):
    """A coroutine in a loop of the thread that runs it."""

    def __init__(self, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._call = call
        self._given_up = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None] | None = None

    def run(self) -> T:
        """What it returns. Raises RocketMQError for every expected failure."""
        try:
            return asyncio.run(self._main())
        except RocketMQError:
            raise
        except OSError as error:
            problem = failure_of_command(error)
            raise CommandError(problem.cause, problem.next_step) from error

    async def _main(self) -> T:
        self._running = asyncio.get_running_loop(), asyncio.current_task()  # first, so that `give_up` meets one of both
        if self._given_up:
            raise asyncio.CancelledError
        return await self._call()

    def give_up(self) -> None:
        """End it, from another thread: nobody waits for it."""
        self._given_up = True
        if self._running is not None:
            loop, task = self._running
            assert task is not None
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(task.cancel)


def _outline(changes: list[Change]) -> list[tuple[object, ...]]:
    """What of a plan must still be so when it is made."""
    moving = [change for change in changes if change.state == "planned"]
    return sorted(
        (
            (c.target, c.kind, c.name, c.action, "" if c.kind in _MOVING else msgspec.json.encode(c.fields))
            for c in moving
        ),
        key=repr,
    )


def _status(record: ChangeRecord) -> str:
    if record.result is None:
        return "unfinished"
    return {"ok": "done", "unchanged": "done"}.get(record.result.status, record.result.status)


def _sent(data: object, values: dict[str, Any]) -> list[SentMessage]:
    """Where the messages are that a command has sent."""
    from rocketmq_ops.client.admin.messages.message_send import SendReport
    from rocketmq_ops.mqadmin.commands.message.query_msg_by_id import ByIdReport

    found = data.sent if isinstance(data, ByIdReport) else [data] if isinstance(data, SendReport) else []
    return [
        SentMessage(
            topic=values.get("to_topic") or values["topic"],
            broker=each.broker_name,
            queue=each.queue_id,
            offset=each.queue_offset,
            message_id=each.msg_id,
            status=each.send_status,
        )
        for each in found
    ]


def _consumed(data: object) -> list[ConsumedMessage]:
    """What clients answered that were handed messages."""
    from rocketmq_ops.mqadmin.commands.message.query_msg_by_id import ByIdReport

    return [
        ConsumedMessage(
            result=each.consume_result or "no answer", took_ms=each.spent_time_millis or 0, remark=each.remark or ""
        )
        for each in (data.consumed if isinstance(data, ByIdReport) else ())
    ]
