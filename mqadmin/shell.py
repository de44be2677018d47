"""`mqadmin shell`: lines of commands in one process, whose connections and modules stay.

A line is what follows `mqadmin` on a command line. Connections are kept by name servers and credentials until the shell
ends or turns to another cluster.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.common import stopping
from rocketmq_ops.common.addresses import AddressError, parse_address
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin import lang, main, registry, run, standard_input
from rocketmq_ops.mqadmin.exit_codes import ExitCode

if TYPE_CHECKING:
    from rocketmq_ops.client.api.session import Transport
    from rocketmq_ops.remoting.client import RemotingClient

NAMESRV: Final = "NAMESRV_ADDR"
PROFILE: Final = "ROCKETMQ_OPS_PROFILE"
#: Words of the shell itself.
OWN_WORDS: Final = {
    "exit": "end the shell (also quit, or Ctrl-D)",
    "use": "use HOST:PORT (name servers, separated by ';') or use PROFILE: turn to another cluster",
}
HISTORY_LINES: Final = 1000
#: A line with one of these is not kept in the history; nor is one with an option that takes a secret, of any name.
_SECRETS: Final = ("password", "secretkey", "token")


class Warm:
    """One event loop for all lines, and one client for each way to connect. Entering makes commands use them."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._clients: dict[str, RemotingClient] = {}

    def __enter__(self) -> Warm:
        self._before = run.warm
        run.warm = self
        return self

    def __exit__(self, *_: object) -> None:
        run.warm = self._before
        self.disconnect()
        self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a command's coroutine in the loop that stays. Ctrl-C cancels it and raises KeyboardInterrupt."""
        return self._runner.run(coroutine)

    def transport(self, address_map: Mapping[str, str] | None, tls: str | None) -> Transport:
        """The client that connects so, as `MQAdmin` takes both; a command that closes it leaves it open."""
        way = repr((sorted((address_map or {}).items()), tls))
        if way not in self._clients:
            from rocketmq_ops.remoting.client import RemotingClient
            from rocketmq_ops.remoting.connecting import Connector

            self._clients[way] = RemotingClient(connector=Connector(address_map, tls))
        return _Kept(self._clients[way])

    def disconnect(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            self._runner.run(client.close())
        self._clients.clear()


class _Kept:
    """A client that outlives its session."""

    def __init__(self, client: RemotingClient) -> None:
        self.invoke = client.invoke
        self.invoke_oneway = client.invoke_oneway
        self.peer_certificate = client.peer_certificate

    async def close(self) -> None:
        """Nothing: the shell closes it."""


class Shell:
    """Runs lines. `last_failure` is the exit code of the last line that failed, 0 where none did."""

    def __init__(self, warm: Warm) -> None:
        self._warm = warm
        self.last_failure = 0
        self.ended = False

    def line(self, text: str) -> int:
        """Run one line, with what its command writes. Returns its exit code. Raises KeyboardInterrupt."""
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            return self.wrong(f"cannot read the line: {str(error).lower()}", "close the quotes")
        if words and words[0] == "mqadmin":
            words = words[1:]
        if not words:
            return 0
        return self._noted(self._run(words))

    def wrong(self, cause: str, next_step: str) -> int:
        """A line that cannot be run. Returns its exit code."""
        return self._noted(_wrong(cause, next_step))

    def _noted(self, code: int) -> int:
        if code:
            self.last_failure = code
        return code

    def _run(self, words: list[str]) -> int:
        if words[0] in ("exit", "quit"):
            self.ended = True
            return 0
        if words[0] == "use":
            return self._use(words[1:])
        if words[0] == "shell":
            return _wrong("this is the shell", "give another command, or exit")
        code = main.guarded(words)
        if words in (["help"], ["--help"], ["-h"]):
            own = "".join(f"  {word}: {lang.tr(what)}\n" for word, what in OWN_WORDS.items())
            sys.stdout.write(f"\n{lang.tr('Of the shell:')}\n{own}")
        sys.stdout.flush()
        return code

    def _use(self, words: list[str]) -> int:
        if len(words) != 1:
            return _wrong("use takes one word", OWN_WORDS["use"])
        try:
            turn_to(words[0])
        except Exception as error:
            return run.fail("shell", error, "table")
        self._warm.disconnect()
        return 0


def _wrong(cause: str, next_step: str) -> int:
    """Say what is wrong with a line of the shell's own."""
    run.report("shell", [Failure("", cause, next_step)], [])
    return int(ExitCode.USAGE)


def turn_to(where: str) -> None:
    """Make a profile or name servers the current cluster of this process. Raises ProfileError for neither."""
    from rocketmq_ops.mqadmin.connecting.profiles import choose

    try:
        for address in where.split(";"):
            parse_address(address.strip())
    except AddressError:
        choose(None, where)
        os.environ[PROFILE] = where
        os.environ.pop(NAMESRV, None)
    else:
        os.environ[NAMESRV] = where
        os.environ.pop(PROFILE, None)


def current() -> str:
    """The current cluster as the prompt shows it."""
    from rocketmq_ops.mqadmin.connecting.profiles import choose

    if os.environ.get(PROFILE):
        return os.environ[PROFILE]
    try:
        settings = choose(None, None)
    except Exception:
        return "?"
    return ";".join(settings.name_servers) if settings is not None else "no cluster"


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (NAMESRV, PROFILE, lang.SWITCH)}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_shell(source: str | None, namesrv: str | None, profile: str | None, language: str | None = None) -> int:
    """Run the lines of a file (`-`: stdin), or of a person at a terminal. Returns the exit code.

    `language` is that of all lines. The code is that of the last line that failed; 0 at a terminal, whose user saw
    each failure; INTERRUPTED when SIGTERM came, which a line such as `dev` has taken.
    """
    stopping.sigterm_came()
    with _environment_kept():
        if profile or namesrv:
            turn_to(profile or namesrv or "")
        if language:
            os.environ[lang.SWITCH] = language
        with Warm() as warm:
            shell = Shell(warm)
            if source is None and standard_input.is_terminal():
                _interactive(shell)
                return 0
            if source in (None, "-"):
                return _script(shell, standard_input.raw())
            with open(str(source), "rb") as lines:
                return _script(shell, lines)


def _script(shell: Shell, lines: Iterable[bytes]) -> int:
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            shell.wrong(f"line {number} is not UTF-8 text", "save the lines as UTF-8")
            continue
        code = shell.line(text)
        if stopping.sigterm_came():
            run.report(
                "shell", [Failure("", f"SIGTERM ended it after line {number}", "run the lines after it again")], []
            )
            return int(ExitCode.INTERRUPTED)
        if shell.ended or code in (ExitCode.INTERRUPTED, ExitCode.BROKEN_PIPE):
            break
    return shell.last_failure


def _interactive(shell: Shell) -> None:
    with _line_editing():
        while not shell.ended:
            try:
                text = input(f"mqadmin [{current()}]> ")
            except EOFError:
                sys.stdout.write("\n")
                return
            except KeyboardInterrupt:
                sys.stdout.write("\n")
                continue
            _forget_secret(text)
            try:
                shell.line(text)
            except KeyboardInterrupt:
                sys.stderr.write(f"\nmqadmin shell: {lang.tr('interrupted')}\n")
            if stopping.sigterm_came():
                return


@contextmanager
def _line_editing() -> Iterator[None]:
    """History and completion, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    from rocketmq_ops.common.state_folder import state_folder

    path = state_folder() / "shell-history"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES)
    readline.set_completer_delims(" \t\n")
    readline.set_completer(_Completer(readline.get_line_buffer, readline.get_begidx))
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    try:
        yield
    finally:
        readline.set_completer(None)
        with suppress(OSError):
            readline.write_history_file(path)


def holds_secret(text: str) -> bool:
    """Whether a line may hold a secret. One that cannot be read may; so may `-p` of a command that there is not."""
    if any(word in text.lower() for word in _SECRETS):
        return True
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return True
    if words and words[0] == "mqadmin":
        words = words[1:]
    from rocketmq_ops.mqadmin.declare import declaration_of_entry
    from rocketmq_ops.mqadmin.secret_options import SECRET_OPTIONS

    found = registry.find(words)
    if found is None:
        options, rest = SECRET_OPTIONS, words[1:]
    else:
        entry, rest = found
        declared = declaration_of_entry(entry)
        options = tuple(option for _, option, _ in declared.options().values() if option.secret)
    short = tuple(name for option in options for name in option.names if not name.startswith("--"))
    return bool(short) and any(word.startswith(short) for word in rest)


def _forget_secret(text: str) -> None:
    if holds_secret(text):
        with suppress(ImportError, ValueError):
            import readline

            readline.remove_history_item(readline.get_current_history_length() - 1)


class _Completer:
    """What readline asks, one candidate after the other."""

    def __init__(self, line: Callable[[], str], begin: Callable[[], int]) -> None:
        self._line = line
        self._begin = begin
        self._found: list[str] = []

    def __call__(self, text: str, number: int) -> str | None:
        if number == 0:
            try:
                self._found = candidates(self._line()[: self._begin()].split(), text)
            except Exception:  # readline would print it into the line
                self._found = []
        if number >= len(self._found):
            return None
        found = self._found[number]
        return found if found.endswith(os.sep) else found + " "


def candidates(before: list[str], word: str) -> list[str]:
    """The words that may stand where `word` begins: those of the shell, and what `mqadmin completion` shows, with the
    live names of the current cluster out of the same cache."""
    if before and before[0] == "mqadmin":
        before = before[1:]
    from rocketmq_ops.mqadmin.completion import complete, names

    if not before or before == ["help"]:
        known = {entry.name.split()[0] for entry in registry.ENTRIES} | {"help"} | (set() if before else {*OWN_WORDS})
        return _beginning(known, word)
    if len(before) == 1 and (members := registry.group_members(before[0])):
        return _beginning({entry.name.split()[1] for entry in members}, word)
    if before == ["use"]:
        return _beginning(names.live(None, None).get("profile", []), word)
    found = [value for value, _ in complete.candidates([*before, word], names.live)]
    return _files(word) if found == [complete.FILES] else found


def _files(word: str) -> list[str]:
    """The files whose paths begin so; folders end with a separator."""
    from glob import escape, glob

    return [path + os.sep if os.path.isdir(path) else path for path in sorted(glob(escape(word) + "*"))]


def _beginning(names: Iterable[str], word: str) -> list[str]:
    return sorted(name for name in names if name.lower().startswith(word.lower()))
