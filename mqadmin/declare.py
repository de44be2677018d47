"""How a command file declares itself: one function, its options as annotations, its result type.

`@command` records the declaration; `build` turns it into a typer command with the options every command has
(`-n`, `--output`, `--profile`, `--timeout`, `--debug`, and `--plan` where something changes). typer parses, with its
own means: each option's `parser`, and a command class for Apache's `-topic x`. The reference page and the comparison
with Apache's option tables read the same declaration. Nothing runs here.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer
from typer.core import TyperCommand

from rocketmq_ops.mqadmin.lang import LANGUAGES, language, tr_word
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.values import address_pairs, boolean, integer, one_of, path, positive

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.registry import Entry

CommandFunction = Callable[..., Coroutine[Any, Any, Outcome]]
F = TypeVar("F", bound=CommandFunction)
#: Between rounds of `--watch` that is given without a number.
WATCH_SECONDS = 2
OUTPUTS = ("table", "wide", "json", "yaml", "csv", "name")


class Opt:
    """One option: its names (`-t`, `--topic`), help, and how to parse its text. A `secret` one is never recorded.

    Without a parser an `int` is a whole number, a `bool | None` is Java's true or false, and a `bool` is a flag. A
    single name without a dash (`FOLDER`) declares a positional argument, several of them if its type
    is a list.
    """

    __slots__ = ("help", "metavar", "names", "parse", "secret")

    def __init__(
        self,
        *names: str,
        help: str,
        parse: Callable[[str], Any] | None = None,
        metavar: str = "",
        secret: bool = False,
    ) -> None:
        self.names = names
        self.help = help
        self.parse = parse
        self.metavar = metavar
        self.secret = secret

    @property
    def positional(self) -> bool:
        """True for an argument that is given by its place."""
        return not self.names[0].startswith("-")

    def with_help(self, text: str) -> Opt:
        """The same option where it means something narrower."""
        return Opt(*self.names, help=text, parse=self.parse, metavar=self.metavar, secret=self.secret)

    def with_parser_of(self, kind: Any) -> Opt:
        """The same option with the parser of a type, where it has none of its own."""
        parts = (kind, *typing.get_args(kind))
        parse = integer if int in parts else boolean if bool in parts and type(None) in parts else None
        if self.parse is not None or parse is None:
            return self
        return Opt(*self.names, help=self.help, parse=parse, metavar=self.metavar, secret=self.secret)


def _described(hint: Any) -> tuple[Any, Opt | None]:
    """The type and the option of an annotation: `Annotated[T, Opt]`, that `| None`, a text beside it as its help."""
    if typing.get_origin(hint) is Annotated:
        kind, option = _described(hint.__origin__)
        for part in hint.__metadata__:
            if isinstance(part, Opt):
                option = part
            elif isinstance(part, str) and option is not None:
                option = option.with_help(part)
        return kind, option
    given = [part for part in typing.get_args(hint) if part is not type(None)]
    if len(given) == 1 and type(None) in typing.get_args(hint):
        kind, option = _described(given[0])
        return kind | None, option
    return hint, None


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of `@command`.

    `one_of`: of each tuple exactly one option must be given (parameter names); `any_of`: at least one.
    `changes`: adds `--plan`. `dangerous`: destroys or skips what may be needed: the parameters that name what it
    touches, the first that is given counts.
    `more_outputs`: forms besides the usual ones; `jsonl` is rendered as `csv` is, line by line, and for others the
    command gives the text itself (`Outcome.text`).
    `rows`: the field of the result whose items are the CSV rows (`messages.message`: a field of each); `csv`: the type
    of `Outcome.csv_rows` instead. `name`: the column (a dotted path for a field of it) that `--output name` prints,
    where it is not the one that `name_column` finds. `java`: the module of `mqadmin/render/java` that has Apache's text
    of the command, in a function of its name. `schema`: the version of the JSON document (`schemas.py`).
    `offline`: needs no name server.
    `offline_with`: parameters of which each, given, makes it need none. `namesrv_names`: more names of `-n`.
    `server`: serves others until it is stopped, so that the fastest event loop is worth its loading time.
    `sends`: sends a message with each call, which is no change of the cluster's state.
    `monitoring`: its exit codes are those of monitoring plugins (`PluginCode`), whatever happens.
    `streams`: writes by itself as it goes, so that there is no whole result to `--query`, nor an end to `--watch`.
    """

    function: CommandFunction
    result: type[msgspec.Struct]
    rows: str = ""
    csv: type[msgspec.Struct] | None = None
    name: str = ""
    java: str = ""
    schema: int = 1
    one_of: tuple[tuple[str, ...], ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    changes: bool = False
    dangerous: tuple[str, ...] = ()
    offline: bool = False
    offline_with: tuple[str, ...] = ()
    namesrv_names: tuple[str, ...] = ()
    server: bool = False
    streams: bool = False
    sends: bool = False
    monitoring: bool = False
    more_outputs: tuple[str, ...] = ()
    example: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The forms of `--output` that the command has."""
        return OUTPUTS + (("java",) if self.java else ()) + self.more_outputs

    @property
    def watchable(self) -> bool:
        """Whether it has `--watch`: it reads, from servers, and ends by itself."""
        return not (self.changes or self.sends or self.streams or self.server or self.offline)

    @property
    def recorded(self) -> bool:
        """Whether what it does is a change of a cluster's state, which the journal keeps. Sending a message is none."""
        return self.changes and hasattr(self.result, "as_changes")

    def options(self) -> dict[str, tuple[Any, Opt, Any]]:
        """Parameter name -> (type, Opt, default or inspect.Parameter.empty), in order."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        found: dict[str, tuple[Any, Opt, Any]] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            kind, option = _described(hints[name])
            if option is not None:
                found[name] = (kind, option.with_parser_of(kind), parameter.default)
        return found


class CommonOptions(msgspec.Struct, kw_only=True):
    """The options that every command has."""

    namesrv: str | None = None
    profile: str | None = None
    credentials: str | None = None
    address_map: dict[str, str] | None = None
    tls: str | None = None
    output: str = "table"
    lang: str | None = None
    query: Any = None
    watch: int | None = None
    timeout: int | None = None
    debug: bool = False
    plan: bool = False
    yes: bool = False


def _common_options(declaration: Declaration) -> dict[str, tuple[Any, Opt, Any]]:
    """The options of CommonOptions that the command has, as `Declaration.options` gives its own."""
    forms = declaration.outputs
    common: dict[str, tuple[Any, Opt, Any]] = {
        "namesrv": (str | None, _namesrv_option(declaration), None),
        "output": (
            str,
            Opt("--output", help="form of the output (default table)", parse=one_of(*forms), metavar="|".join(forms)),
            "table",
        ),
        "lang": (str | None, _LANG, None),
        "profile": (str | None, _PROFILE, None),
        "credentials": (str | None, _CREDENTIALS, None),
        "address_map": (dict[str, str] | None, _ADDRESS_MAP, None),
        "tls": (str | None, _TLS, None),
        "timeout": (int | None, _TIMEOUT, None),
        "debug": (bool, _DEBUG, False),
    }
    if not (declaration.streams or declaration.server):
        common["query"] = (str | None, _QUERY, None)
    if declaration.watchable:
        common["watch"] = (int | None, _WATCH, None)
    if declaration.changes:
        common["plan"] = (bool, _PLAN, False)
    if declaration.dangerous:
        common["yes"] = (bool, _YES, False)
    return common


def all_options(declaration: Declaration) -> dict[str, tuple[Any, Opt, Any]]:
    """The options of the command and those that every command has, as `Declaration.options` gives them."""
    return declaration.options() | _common_options(declaration)


def _namesrv_option(declaration: Declaration) -> Opt:
    """`-n`, with the other names that the command has for it."""
    names = (*_NAMESRV.names, *declaration.namesrv_names)
    return Opt(*names, help=_NAMESRV.help, metavar=_NAMESRV.metavar)


def _query(text: str) -> Any:
    """The function that the expression is."""
    from rocketmq_ops.mqadmin.render.query import compiled  # loads the library: nobody else needs it

    return compiled(text)


_QUERY = Opt("--query", help="show what this JMESPath expression yields of `data`", parse=_query, metavar="EXPR")
_WATCH = Opt(
    "--watch",
    help=f"show it again every so many seconds (default {WATCH_SECONDS}), and what changed",
    parse=positive,
    metavar="[SECONDS]",
)
_NAMESRV = Opt("-n", "--namesrvAddr", help="name servers, HOST:PORT, separated by ';'", metavar="ADDRS")
_LANG = Opt(
    "--lang",
    help="language of messages and headings (default that of the locale)",
    parse=one_of(*LANGUAGES),
    metavar="|".join(LANGUAGES),
)
_PROFILE = Opt("--profile", help="take addresses and credentials from this profile", metavar="NAME")
_CREDENTIALS = Opt(
    "--credentials", help="YAML file with accessKey and secretKey; '-' asks for them", metavar="FILE", parse=path
)
_ADDRESS_MAP = Opt(
    "--addressMap",
    help="connect to the second address where the cluster says the first, as behind NAT",
    parse=address_pairs,
    metavar="ADDR=ADDR",
)
_TLS = Opt("--tls", help="connect with TLS: true, false, or a file of tls.client.* properties", metavar="TRUE|FILE")
_TIMEOUT = Opt("--timeout", help="timeout of each request in ms (default 5000)", parse=positive, metavar="MS")
_DEBUG = Opt("--debug", help="print stack traces of failures")
_YES = Opt("--yes", help="do not ask on a terminal whether to do it")
_PLAN = Opt("--plan", "--dry-run", help="show what would change and change nothing")


def command(
    *,
    result: type[msgspec.Struct],
    rows: str = "",
    csv: type[msgspec.Struct] | None = None,
    name: str = "",
    java: str = "",
    schema: int = 1,
    one_of: tuple[tuple[str, ...], ...] = (),
    any_of: tuple[tuple[str, ...], ...] = (),
    changes: bool = False,
    dangerous: tuple[str, ...] = (),
    offline: bool = False,
    offline_with: tuple[str, ...] = (),
    namesrv_names: tuple[str, ...] = (),
    server: bool = False,
    streams: bool = False,
    sends: bool = False,
    monitoring: bool = False,
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
            name=name,
            java=java,
            schema=schema,
            one_of=one_of,
            any_of=any_of,
            changes=changes,
            dangerous=dangerous,
            offline=offline,
            offline_with=offline_with,
            namesrv_names=namesrv_names,
            server=server,
            streams=streams,
            sends=sends,
            monitoring=monitoring,
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


def declaration_of_entry(entry: Entry) -> Declaration:
    """The declaration of a command of the registry, whose module is imported for it."""
    return declaration_of(importlib.import_module(f"{__package__}.commands.{entry.module}"))


Invoke = Callable[[Declaration, dict[str, Any], CommonOptions], int]


def application(name: str, declaration: Declaration, summary: str, invoke: Invoke) -> typer.Typer:
    """A typer application of this one command. Its callback checks `one_of`, and returns what `invoke` does."""
    options = declaration.options()
    common = _common_options(declaration)
    parameters = [_parameter(key, *described) for key, described in (options | common).items()]

    def callback(**values: Any) -> int:
        shared = CommonOptions(**{key: values.pop(key) for key in common})
        _check_groups(declaration, options, values)
        return invoke(declaration, values, shared)

    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    text = inspect.cleandoc(declaration.function.__doc__ or "")
    settings = {"help_option_names": ["-h", "--help"], "obj": declaration}
    app.command(name, cls=_DeclaredCommand, help=f"{summary}.\n\n{text}", context_settings=settings)(callback)
    return app


def build(name: str, declaration: Declaration, summary: str, invoke: Invoke) -> TyperCommand:
    """The command of `application`."""
    return typing.cast(TyperCommand, typer.main.get_command(application(name, declaration, summary, invoke)))


class _DeclaredCommand(TyperCommand):
    """Takes long options after a single dash too; the declaration is the context's object."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line into the context."""
        words = single_dash_longs(ctx.obj, args)
        return super().parse_args(ctx, with_seconds(words) if ctx.obj.watchable else words)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page of `--help`, in the language of the reader."""
        if language() == "en":
            super().format_help(ctx, formatter)
            return
        from rocketmq_ops.mqadmin.lang import help_page  # breaks lines by itself: typer breaks them at blanks

        help_page.write(self, ctx, formatter)


def with_seconds(argv: list[str]) -> list[str]:
    """`--watch` with the seconds that it may leave out."""
    words: list[str] = []
    for word, following in zip(argv, [*argv[1:], ""], strict=False):  # none of no words
        words.append(word)
        if word == "--watch" and (not following or (following[0] == "-" and not following[1:2].isdecimal())):
            words.append(str(WATCH_SECONDS))
    return words


def single_dash_longs(declaration: Declaration, argv: list[str]) -> list[str]:
    """`-topic x` as `--topic x`, which Apache's command line accepts too. Only whole names are rewritten."""
    if not any(len(word) > 2 and word[0] == "-" and word[1] != "-" for word in argv):
        return argv
    longs = {name[2:] for _, option, _ in declaration.options().values() for name in option.names if name[:2] == "--"}
    longs |= {name[2:] for name in ("--namesrvAddr", *declaration.namesrv_names)}
    result = []
    for word in argv:
        bare = word[1:].partition("=")[0]
        result.append("-" + word if word[:1] == "-" and word[:2] != "--" and len(bare) > 1 and bare in longs else word)
    return result


def _parameter(key: str, kind: Any, option: Opt, default: Any) -> inspect.Parameter:
    """An option as typer reads it. All values but flags are text to typer, which hands them to the option's parser."""
    metavar = option.metavar or metavar_of(kind, option)
    described: Any
    several = option.positional and typing.get_origin(_unwrapped(kind)) is list
    if option.positional:
        place = f"[{option.names[0]}]..." if several else option.names[0]
        described = typer.Argument(parser=_parser(option), help=option.help, metavar=place, show_default=False)
    elif metavar is None:
        described = typer.Option(*option.names, help=option.help, show_default=False)
    else:
        described = typer.Option(
            *option.names, parser=_parser(option), help=option.help, metavar=metavar, show_default=False
        )
    optional = type(None) in typing.get_args(kind)
    typed: Any = list[str] if several else bool if metavar is None else str | None if optional else str
    annotation = Annotated[typed, described]
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parser(option: Opt) -> Callable[[Any], Any]:
    """What typer parses a value with; a ValueError of the option's own parser says what is wrong."""

    def parse(value: Any) -> Any:
        if not isinstance(value, str):  # the default
            return value
        hint = " / ".join(option.names)
        value = value.strip()
        if not value:
            raise typer.BadParameter("the value is empty", param_hint=hint)
        try:
            return value if option.parse is None else option.parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=hint) from error

    return parse


def metavar_of(kind: Any, option: Opt) -> str | None:
    """What stands for the value in the help; None for a flag."""
    inner = _unwrapped(kind)
    if inner is bool:
        return "true|false" if option.parse is not None else None
    return "NUMBER" if inner is int else "TEXT"


def _unwrapped(kind: Any) -> Any:
    """A type without its `| None`."""
    given = [part for part in typing.get_args(kind) if part is not type(None)]
    return given[0] if type(None) in typing.get_args(kind) and given else kind


def _check_groups(declaration: Declaration, options: dict[str, tuple[Any, Opt, Any]], values: dict[str, Any]) -> None:
    for group in declaration.one_of + declaration.any_of:
        given = [key for key in group if values[key] is not None]
        names = f" {tr_word('or')} ".join(options[key][1].names[0] for key in group)
        if not given:
            raise typer.TyperException(f"give {names}")
        if len(given) > 1 and group in declaration.one_of:
            raise typer.TyperException(f"give only one of {names}")
