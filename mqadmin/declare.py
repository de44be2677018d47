"""How a command file declares itself: one function, its options as annotations, its result type.

`@command` records the declaration; `build` turns it into a typer command with the options every command has
(`-n`, `--output`, `--profile`, `--timeout`, `--debug`, and `--plan` where something changes). The reference page and
the comparison with Apache's option tables read the same declaration. Nothing runs here.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from typer.core import TyperCommand

from .outcome import Outcome
from .values import integer, positive

CommandFunction = Callable[..., Coroutine[Any, Any, Outcome]]
F = TypeVar("F", bound=CommandFunction)
OUTPUTS = ("table", "json", "yaml", "csv")


class Opt:
    """One option: its names (`-t`, `--topic`), help, and how to parse its text (a whole number where the type is int).

    A single name without a dash (`FOLDER`) declares a positional argument.
    """

    __slots__ = ("help", "metavar", "names", "parse")

    def __init__(self, *names: str, help: str, parse: Callable[[str], Any] | None = None, metavar: str = "") -> None:
        self.names = names
        self.help = help
        self.parse = parse
        self.metavar = metavar

    @property
    def positional(self) -> bool:
        """True for an argument that is given by its place."""
        return not self.names[0].startswith("-")


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What `@command` was told.

    `one_of`: of each tuple exactly one option must be given (parameter names); `any_of`: at least one.
    `changes`: adds `--plan`. `more_outputs`: forms besides the usual ones; `jsonl` is rendered as `csv` is, line by
    line, and for others the command gives the text itself (`Outcome.text`).
    `rows`: the field of the result whose items are the CSV rows (`messages.message`: a field of each); `csv`: the type
    of `Outcome.csv_rows` instead. `offline`: needs no name server.
    `server`: serves others until it is stopped, so that the fastest event loop is worth its loading time.
    """

    function: CommandFunction
    result: type[msgspec.Struct]
    rows: str = ""
    csv: type[msgspec.Struct] | None = None
    one_of: tuple[tuple[str, ...], ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    changes: bool = False
    offline: bool = False
    server: bool = False
    more_outputs: tuple[str, ...] = ()
    example: str = ""

    def options(self) -> dict[str, tuple[Any, Opt, Any]]:
        """Parameter name -> (type, Opt, default or inspect.Parameter.empty), in order."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        found: dict[str, tuple[Any, Opt, Any]] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            metadata = getattr(hints[name], "__metadata__", ())
            if metadata and isinstance(metadata[0], Opt):
                kind, option = hints[name].__origin__, metadata[0]
                if option.parse is None and int in (kind, *typing.get_args(kind)):
                    option = Opt(*option.names, help=option.help, parse=integer, metavar=option.metavar)
                found[name] = (kind, option, parameter.default)
        return found


class CommonOptions(msgspec.Struct, kw_only=True):
    """The options that every command has."""

    namesrv: str | None = None
    profile: str | None = None
    output: str = "table"
    timeout: int | None = None
    debug: bool = False
    plan: bool = False


def _output_option(forms: tuple[str, ...]) -> Any:
    return typer.Option(
        "--output", metavar="|".join(forms), help="form of the output (default table)", show_default=False
    )


_COMMON: dict[str, tuple[Any, Any, Any]] = {
    "namesrv": (
        str | None,
        typer.Option("-n", "--namesrvAddr", metavar="ADDRS", help="name servers, HOST:PORT, separated by ';'"),
        None,
    ),
    "output": (
        str,
        _output_option(OUTPUTS),
        "table",
    ),
    "profile": (
        str | None,
        typer.Option("--profile", metavar="NAME", help="take addresses and credentials from it"),
        None,
    ),
    "timeout": (
        str | None,
        typer.Option("--timeout", metavar="MS", help="of each request, in ms (default 5000)"),
        None,
    ),
    "debug": (bool, typer.Option("--debug", help="print stack traces of failures"), False),
}
_TIMEOUT = Opt("--timeout", help="", parse=positive)
_PLAN = (bool, typer.Option("--plan", "--dry-run", help="show what would change and change nothing"), False)


def command(
    *,
    result: type[msgspec.Struct],
    rows: str = "",
    csv: type[msgspec.Struct] | None = None,
    one_of: tuple[tuple[str, ...], ...] = (),
    any_of: tuple[tuple[str, ...], ...] = (),
    changes: bool = False,
    offline: bool = False,
    server: bool = False,
    more_outputs: tuple[str, ...] = (),
    example: str = "",
) -> Callable[[F], F]:
    """Record the declaration on the function; see Declaration for the arguments."""

    def record(function: F) -> F:
        function.declaration = Declaration(  # type: ignore[attr-defined]
            function=function,
            result=result,
            rows=rows,
            csv=csv,
            one_of=one_of,
            any_of=any_of,
            changes=changes,
            offline=offline,
            server=server,
            more_outputs=more_outputs,
            example=example,
        )
        return function

    return record


def declaration_of(module: Any) -> Declaration:
    """The one declaration of a command module."""
    for value in vars(module).values():
        found = getattr(value, "declaration", None)
        if isinstance(found, Declaration) and value.__module__ == module.__name__:
            return found
    raise LookupError(f"{module.__name__} declares no command")


Invoke = Callable[[Declaration, dict[str, Any], CommonOptions], int]


def build(name: str, declaration: Declaration, summary: str, invoke: Invoke) -> TyperCommand:
    """The typer command; its callback parses values, checks `one_of` and calls `invoke`, whose int it returns."""
    options = declaration.options()
    parameters: list[inspect.Parameter] = []
    for key, (kind, option, default) in options.items():
        typed = _typer_type(kind, option)
        metavar = option.metavar or metavar_of(kind, option)
        if option.positional:
            info = typer.Argument(help=option.help, metavar=option.names[0], show_default=False)
        else:
            info = typer.Option(*option.names, help=option.help, metavar=metavar, show_default=False)
        parameters.append(_parameter(key, typed, info, default))
    common = dict(_COMMON)
    outputs = OUTPUTS + declaration.more_outputs
    if declaration.more_outputs:
        common["output"] = (str, _output_option(outputs), "table")
    if declaration.changes:
        common["plan"] = _PLAN
    parameters += [_parameter(key, kind, info, default) for key, (kind, info, default) in common.items()]

    def callback(**values: Any) -> int:
        told = {key: values.pop(key) for key in common}
        told["timeout"] = _parsed(told["timeout"], _TIMEOUT)
        shared = CommonOptions(**told)
        if shared.output not in outputs:
            raise typer.BadParameter(_choose(shared.output, outputs), param_hint="--output")
        for key, (_, option, _default) in options.items():
            values[key] = _parsed(values[key], option)
        _check_groups(declaration, options, values)
        return invoke(declaration, values, shared)

    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    text = inspect.cleandoc(declaration.function.__doc__ or "")
    settings = {"help_option_names": ["-h", "--help"]}
    app.command(name, cls=_PlainCommand, help=f"{summary}.\n\n{text}", context_settings=settings)(callback)
    return typing.cast(TyperCommand, typer.main.get_command(app))


class _AsGiven:
    """Takes the place of typer's conversion of values: they stay the text that was typed."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        return value


class _PlainCommand(TyperCommand):
    """A command whose values are parsed by this module.

    Newer versions of typer convert values with pydantic, whose import alone takes longer than a whole command.
    """

    def get_params(self, ctx: Any) -> Any:
        """The parameters, the help option among them, without typer's conversion where there is such a thing."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if hasattr(parameter, "get_runtime_param"):
                parameter.get_runtime_param = _AsGiven
        return parameters


def usage_error_class() -> type[Exception]:
    """The base of typer's usage errors. Some versions of typer bring their own copy of click: take what it exports."""
    return typing.cast("type[Exception]", typer.BadParameter.__mro__[1])


def single_dash_longs(declaration: Declaration, argv: list[str]) -> list[str]:
    """`-topic x` as `--topic x`, which Apache's command line accepts too. Only whole names are rewritten."""
    longs = {name[2:] for _, option, _ in declaration.options().values() for name in option.names if name[:2] == "--"}
    longs.add("namesrvAddr")
    result = []
    for word in argv:
        bare = word[1:].partition("=")[0]
        result.append("-" + word if word[:1] == "-" and word[:2] != "--" and len(bare) > 1 and bare in longs else word)
    return result


def _parameter(key: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _typer_type(kind: Any, option: Opt) -> Any:
    """Values with a parser of their own reach typer as text; the rest as their own type."""
    if option.parse is None:
        return kind
    return str if type(None) not in typing.get_args(kind) else str | None


def metavar_of(kind: Any, option: Opt) -> str | None:
    """What stands for the value in the help; None for a flag."""
    inner = [part for part in typing.get_args(kind) if part is not type(None)] or [kind]
    if inner[0] is bool:
        return "true|false" if option.parse is not None else None
    return "NUMBER" if inner[0] is int else "TEXT"


def _parsed(value: Any, option: Opt) -> Any:
    if isinstance(value, str):
        value = value.strip()
        if not value and option.names:
            raise typer.BadParameter("the value is empty", param_hint=" / ".join(option.names))
    if option.parse is None or not isinstance(value, str):
        return value
    try:
        return option.parse(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=" / ".join(option.names)) from error


def _choose(given: str, among: tuple[str, ...]) -> str:
    import difflib

    close = difflib.get_close_matches(given, among, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"'{given}' is not one of {', '.join(among)}{hint}"


def _check_groups(declaration: Declaration, options: dict[str, tuple[Any, Opt, Any]], values: dict[str, Any]) -> None:
    for group in declaration.one_of + declaration.any_of:
        given = [key for key in group if values[key] is not None]
        names = " or ".join(options[key][1].names[0] for key in group)
        if not given:
            raise usage_error_class()(f"give {names}")
        if len(given) > 1 and group in declaration.one_of:
            raise usage_error_class()(f"give only one of {names}")
