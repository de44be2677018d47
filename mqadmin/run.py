"""Runs one declared command: makes its context, awaits it, writes the outcome, returns the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from rocketmq_ops.common.errors import Failure, RocketMQError, some_of
from rocketmq_ops.mqadmin.declare import CommonOptions, Declaration
from rocketmq_ops.mqadmin.exit_codes import ExitCode, PluginCode
from rocketmq_ops.mqadmin.lang import tr
from rocketmq_ops.mqadmin.render.outcome import Outcome

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.mqadmin.connecting.connection import Connection
    from rocketmq_ops.mqadmin.shell import Warm

DEFAULT_TIMEOUT_MS = 5000
#: The loop and the client that commands of a shell share; None elsewhere.
warm: Warm | None = None
#: Parameters that name a server by its address: then a command needs no name server.
_SERVER_OPTIONS = ("broker_addr", "controller_address", "broker_container_addr", "from_broker")
#: Targets of one cause that are named.
_NAMED = 10


class Run:
    """What a command gets besides its options: the admin client, whether it only plans, and a way to emit early."""

    def __init__(
        self,
        name: str,
        declaration: Declaration,
        options: CommonOptions,
        values: dict[str, Any],
        arguments: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.declaration = declaration
        self.options = options
        self.arguments = tuple(arguments)
        #: Under which the journal has the change, once it is put down.
        self.change_id: int | None = None
        self._values = values
        self._connection: Connection | None = None

    def planning(self) -> Run:
        """The same run under `--plan`."""
        import msgspec

        options = msgspec.structs.replace(self.options, plan=True)
        run = type(self)(self.name, self.declaration, options, self._values, self.arguments)
        run._connection = self._connection
        return run

    @property
    def plan(self) -> bool:
        """True under `--plan`: show what would change and change nothing."""
        return self.options.plan

    @property
    def connection(self) -> Connection:
        """The name servers and credentials to use. Raises ProfileError when there are none."""
        if self._connection is None:
            self.connect(needs_namesrv=True)
        assert self._connection is not None
        return self._connection

    def connect(self, *, needs_namesrv: bool) -> None:
        """Find out the connection before anything is sent. A broker that is named by address needs no name server."""
        from rocketmq_ops.mqadmin.connecting.profiles import resolve

        options = self.options
        self._connection = resolve(
            options.namesrv,
            options.profile,
            credentials=options.credentials,
            address_map=options.address_map,
            tls=options.tls,
            needs_namesrv=needs_namesrv,
        )

    def use(self, connection: Connection) -> None:
        """Connect by this from now on."""
        self._connection = connection

    def connect_as(self, name_servers: Sequence[str], profile: str | None) -> None:
        """Connect as another run did, unless the command line says otherwise."""
        if self.options.namesrv or self.options.profile:
            return
        known = self._connection
        if known is not None and (known.name_servers, known.profile) == (tuple(name_servers), profile):
            return  # a secret that is typed is not asked for twice
        if profile is not None:
            from rocketmq_ops.mqadmin.connecting.profiles import resolve

            self._connection = resolve(";".join(name_servers) or None, profile)
        else:
            from rocketmq_ops.mqadmin.connecting.connection import Settings
            from rocketmq_ops.mqadmin.connecting.credentials import connection_of

            self._connection = connection_of(Settings(name_servers=tuple(name_servers), origin="the change"))

    def connected_as(self, other: Run) -> None:
        """Take over the connection of the same run that was planned."""
        self._connection = other._connection

    @property
    def timeout_ms(self) -> int:
        """Of each request: `--timeout`, else the profile's, else 5000."""
        return self.options.timeout or self.connection.timeout_ms or DEFAULT_TIMEOUT_MS

    def admin(self, *, quiet: bool = False) -> MQAdmin:
        """A new admin client, to be entered with `async with`. A `quiet` one shows no progress."""
        from rocketmq_ops.client.admin import MQAdmin

        progress = None
        if not quiet and sys.stderr.isatty():
            from rocketmq_ops.mqadmin.render.progress import AskedLine

            progress = AskedLine(self.name)
        connection = self.connection
        return MQAdmin(
            connection.name_servers,
            timeout_ms=self.timeout_ms,
            access_key=connection.access_key,
            secret_key=connection.secret_key,
            address_map=connection.address_map,
            tls=connection.tls,
            failure_of=_failure_of,
            progress=progress,
            transport=None if warm is None else warm.transport(connection.address_map, connection.tls),
        )

    def emit(self, outcome: Outcome) -> None:
        """Write an outcome now; for commands that repeat."""
        write(self.text_of(outcome))
        report(self.name, outcome.errors, outcome.notes)

    def text_of(self, outcome: Outcome) -> str:
        """The outcome in the form that was asked for."""
        from rocketmq_ops.mqadmin.render.output import Rows, render, safe_text, terminal_width

        declared, form = self.declaration, self.options.output
        if self.options.query is not None:
            from rocketmq_ops.mqadmin.render.query import queried_text

            return queried_text(outcome.data, self.options.query, form)
        if form == "java" and outcome.text is None:
            import importlib

            module = importlib.import_module(f"{__package__}.render.java.{declared.java}")
            return safe_text(getattr(module, declared.function.__name__)(outcome.data, self._values))
        rows = Rows(declared.rows, declared.csv, declared.name)
        width = terminal_width() if form == "table" else None
        if width is not None and self.options.watch is not None:
            width -= 2  # for the sign before each line
        return render(self.name, outcome, form, rows, version=declared.schema, width=width)


def execute(
    name: str,
    declaration: Declaration,
    values: dict[str, Any],
    options: CommonOptions,
    arguments: Sequence[str] = (),
) -> int:
    """Run the command to its end. Returns the exit code, the same under `--debug`, which prints stack traces.

    `arguments` is its command line, for the journal.
    """
    import gc

    if not gc.isenabled():  # as `main` leaves it
        gc.freeze()  # the first collection would look at all that was imported, which takes longer than a request
        gc.enable()
    run = Run(name, declaration, options, values, arguments)
    try:
        if not declaration.offline:
            for key in ("broker_addr", "broker_container_addr", "from_broker", "to_broker"):
                _check_address(values.get(key))
            needless = (*_SERVER_OPTIONS, *declaration.offline_with)
            run.connect(needs_namesrv=all(values.get(key) is None for key in needless))
        run_loop = _loop_of(declaration)
        if options.query is not None:
            _check_query_form(options.output)
        outcome = run_loop(_coroutine(run, values))
        text = run.text_of(outcome)
    except BrokenPipeError:
        raise
    except Exception as error:
        if options.debug:
            import traceback

            traceback.print_exc()
        code = fail(name, error, options.output, version=declaration.schema)
        return int(PluginCode.UNKNOWN) if declaration.monitoring else code
    write(text)
    report(name, outcome.errors, outcome.notes)
    return int(outcome.exit)


def _failure_of(target: str, error: RocketMQError) -> Failure:
    """The failure that a result lists, with the next step in the command's terms."""
    from rocketmq_ops.mqadmin.errors import failure_of  # only where something fails

    return failure_of(target, error)


def _check_query_form(form: str) -> None:
    """Raise a usage error for a form that only whole results have."""
    if form in ("wide", "java", "sarif"):
        from rocketmq_ops.mqadmin.errors import usage

        raise usage(f"--query yields no {form}", "give --output json, yaml, csv or name")


def _coroutine(run: Run, values: dict[str, Any]) -> Coroutine[Any, Any, Outcome]:
    """What the command does; what changes a cluster is put down in the journal."""
    if run.options.watch is not None:
        from rocketmq_ops.mqadmin.repeating.watch import watched

        if values.get("interval") is not None:
            from rocketmq_ops.mqadmin.errors import usage

            raise usage("-i and --watch are two ways to repeat a command", "give one of them")
        return watched(run, values, run.options.watch)
    if run.declaration.recorded and run.plan:
        from rocketmq_ops.mqadmin.plan import planned

        return planned(run, values)
    if run.declaration.recorded:
        from rocketmq_ops.mqadmin.journal.recording import recorded

        return recorded(run, values)
    return run.declaration.function(run, **values)


def _check_address(broker_addr: str | None) -> None:
    """Raise AddressError for an address that nothing could be sent to."""
    if broker_addr is not None:
        from rocketmq_ops.common.addresses import parse_address

        parse_address(broker_addr)


def _loop_of(declaration: Declaration) -> Callable[[Coroutine[Any, Any, Outcome]], Outcome]:
    """What runs the command's coroutine."""
    if declaration.server:
        from rocketmq_ops.remoting.event_loop import run

        return run
    if declaration.offline:
        return _without_loop
    if warm is not None:
        return warm.run
    import asyncio

    return asyncio.run


def _without_loop(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a coroutine that awaits nothing. An event loop would swallow the first Ctrl-C of what never yields."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome
    coroutine.close()
    raise RuntimeError("a command that is declared offline must not wait for an event loop")


def fail(name: str, error: BaseException, form: str, *, version: int = 1) -> int:
    """Say the cause and the next step on stderr (and as a document on stdout for JSON and YAML)."""
    from rocketmq_ops.mqadmin.errors import exit_code_of, failure_of_command
    from rocketmq_ops.mqadmin.render.output import failure_document

    problem = failure_of_command(error)
    document = failure_document(name, problem, form, version)
    if document:
        write(document)
    code = exit_code_of(error)
    report(name, [problem], [])
    return int(code if code is not ExitCode.OK else ExitCode.FAILED)


def report(name: str, problems: list[Failure], notes: list[str]) -> None:
    """Problems and notes for people, on stderr. What failed for one cause is one line, with the targets."""
    lines = []
    by_cause: dict[tuple[str, int | None], list[Failure]] = {}
    for problem in problems:
        by_cause.setdefault((problem.cause, problem.code), []).append(problem)
    for same in by_cause.values():
        problem = same[0]
        targets = list(dict.fromkeys(problem.target for problem in same))
        said = any(target in problem.cause for target in targets)  # it is the server's, whatever it was asked about
        where = "" if said else f"{some_of(targets, _NAMED)}: "
        code = tr(f" (code {problem.code})") if problem.code is not None else ""
        lines.append(f"mqadmin {name}: {where}{tr(problem.cause)}{code}")
        if problem.next_step:
            lines.append(f"  {tr('next')}: {tr(problem.next_step)}")
    lines += [f"mqadmin {name}: {tr('note')}: {tr(note)}" for note in notes]
    if lines:
        from rocketmq_ops.mqadmin.render.output import safe_text

        sys.stdout.flush()
        sys.stderr.write(safe_text("\n".join(lines)) + "\n")


def write(text: str) -> None:
    """All of `text` to stdout. Under PYTHONUNBUFFERED a plain write to a pipe may end early without saying so."""
    out = sys.stdout
    out.flush()
    binary = getattr(out, "buffer", None)
    if binary is None:
        out.write(text)
        out.flush()
        return
    left = memoryview(text.encode(out.encoding or "utf-8", "backslashreplace"))
    while left:
        written = binary.write(left)
        if written is None:  # a non-blocking stdout that is full
            import select

            select.select([], [binary], [])
            continue
        left = left[written:]
    binary.flush()
