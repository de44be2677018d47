"""The `mqadmin` entry point: finds the command, imports only its module, and turns failures into exit codes.

What a command does lives in `commands/`; how it is declared in `declare.py`; its listing in `registry.py`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin import lang, registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode, PluginCode

TYPE_CHECKING = False  # type checkers take it as true; the listing needs nothing of `typing`
if TYPE_CHECKING:
    from typing import Any

    from rocketmq_ops.mqadmin import declare


def main(argv: Sequence[str] | None = None) -> None:
    """Console entry: runs and exits with the code. Given `argv` it raises SystemExit instead of ending the process."""
    code = int(ExitCode.FAILED)
    if sys.stdout is None:  # closed by the caller, as in `mqadmin topicList >&-`: said before anything is changed
        _complain("standard output is closed", "send it to a file, or to /dev/null")
        sys.exit(code)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")  # whoever closed it wants no words
    gc.disable()  # nothing that is imported is garbage; `execute` turns it on again
    try:
        code = run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_gone()
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    except Exception as error:
        if "--debug" in (sys.argv if argv is None else argv):
            import traceback

            traceback.print_exc()
        code = _unexpected(error)
    if argv is None:
        # All is written, closed and flushed: without taking the interpreter apart a command ends 15 ms earlier.
        if sys.stderr is not None:
            sys.stderr.flush()
        os._exit(code)
    gc.unfreeze()
    gc.enable()
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    try:
        argv = lang.begin(argv)
        if argv and (argv[0] == "help" or (registry.group_members(argv[0]) and registry.find(argv) is None)):
            argv = lang.without(argv)
    except ValueError as error:
        _complain(str(error), "give one of them, or none for that of the locale")
        return int(ExitCode.USAGE)
    if not argv or argv[0] in ("-h", "--help"):
        return _listing()
    if argv[0] in ("-V", "--version"):
        from rocketmq_ops import __version__

        return _say(f"rocketmq-ops {__version__}\n")
    if argv[0] == "__complete":  # what the scripts of `mqadmin completion` call
        from rocketmq_ops.mqadmin.completion import complete

        return complete.main(argv[1:])
    if argv[0] == "help":
        if len(argv) == 1:
            return _listing()
        if registry.find(argv[1:]) is None and not registry.group_members(argv[1]):
            from rocketmq_ops.mqadmin.explain import help_topics

            if argv[1:] == ["topics"]:
                return _say(help_topics.listing())
            topic = help_topics.find(argv[1:])
            if topic is not None:
                return _say(help_topics.text_of(topic))
        argv = [*argv[1:], "--help"]
    if argv[0] == "ping":  # run every few seconds by whatever watches a container
        from rocketmq_ops.mqadmin import pinging

        answered = pinging.main(argv[1:])
        if answered is not None:
            return answered
    found = registry.find(argv)
    if found is None:
        members = registry.group_members(argv[0])
        if members and argv[1:] in ([], ["--help"], ["-h"]):
            return _listing(members)
        return _options_first(argv) if argv[0].startswith("-") else _unknown(argv, bool(members))
    entry, arguments = found
    return run_entry(entry, arguments)


def guarded(argv: list[str]) -> int:
    """As `run`, for one of several lines: what fails outside a command is told, and has its exit code."""
    try:
        return run(argv)
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        return _unexpected(error)


def _reader_gone() -> int:
    """Nothing more can be said, and the interpreter must not try again while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.BROKEN_PIPE)


def _unexpected(error: Exception) -> int:
    """What went wrong outside a command, such as an output that cannot be written: one line and what to do."""
    from rocketmq_ops.mqadmin.errors import exit_code_of, failure_of_command

    problem = failure_of_command(error)
    cause = problem.cause
    if isinstance(error, OSError) and error.filename is None:
        cause = f"cannot write the output: {cause}"
    if isinstance(error, ImportError):
        cause = f"the installation is incomplete: {cause}"
    _complain(cause, problem.next_step)
    return int(exit_code_of(error)) or int(ExitCode.FAILED)


def _complain(cause: str, next_step: str, command: str = "") -> None:
    if sys.stderr is not None:
        who = f"mqadmin {command}" if command else "mqadmin"
        sys.stderr.write(f"{who}: {lang.tr(cause)}\n  {lang.tr('next')}: {lang.tr(next_step)}\n")


def run_entry(entry: registry.Entry, arguments: list[str]) -> int:
    """Import the command's module and run it with `arguments`."""
    from rocketmq_ops.mqadmin import declare
    from rocketmq_ops.mqadmin.run import execute

    declaration = declare.declaration_of_entry(entry)

    def invoke(declared: declare.Declaration, values: dict[str, Any], options: declare.CommonOptions) -> int:
        try:
            return execute(entry.name, declared, values, options, arguments)
        except BrokenPipeError:  # typer would make it exit code 1
            return _reader_gone()

    command = declare.build(entry.name, declaration, entry.summary, invoke)
    return _invoke(command, entry.name, arguments, declaration)


def _invoke(command: Any, name: str, arguments: list[str], declaration: declare.Declaration) -> int:
    import typer

    try:
        result = command.main(arguments, prog_name=f"mqadmin {name}", standalone_mode=False)
    except typer.TyperException as error:
        if declaration.monitoring and any(word.removeprefix("--output=") == "nagios" for word in arguments):
            from rocketmq_ops.mqadmin.render.output import plugin_failure
            from rocketmq_ops.mqadmin.run import write

            write(plugin_failure(error.format_message()))
        code = _usage(name, error, command, arguments, declaration)
        return int(PluginCode.UNKNOWN) if declaration.monitoring else code
    except typer.Exit as error:
        return int(error.exit_code)
    except typer.Abort:
        return int(ExitCode.INTERRUPTED)
    return int(result or 0)


def _usage(name: str, error: Any, command: Any, arguments: list[str], declaration: declare.Declaration) -> int:
    import re

    message = error.format_message()
    # What the parsers of values.py say names the value already: `-c: invalid number 'x': expected a whole number`.
    message = re.sub(r"^Invalid value for (.+?): (?=invalid |unknown )", r"\1: ", message)
    option = getattr(error, "option_name", None)
    hint = ""
    if option and type(error).__name__ == "NoSuchOption":
        message = _wrong_number(option, arguments, declaration)
        if not message:
            message = f"there is no option {option}"
            nearest = _nearest_option(option, command)
            hint = f"did you mean {nearest}? " if nearest else ""
    hint = _output_hint(arguments, command) or hint
    if not message[1:2].isupper():  # `CHANGE: ...` begins with the argument's name
        message = message[:1].lower() + message[1:]
    _complain(message.rstrip("."), f"{hint}see `mqadmin {name} --help`", name)
    return int(ExitCode.USAGE)


def _wrong_number(option: str, arguments: list[str], declaration: declare.Declaration) -> str:
    """What is wrong when the option that there is not is a negative number, meant as a value; "" when it is none."""
    import re

    words = (word for word in arguments if word.startswith(option) and re.fullmatch(r"-\d+(\.\d+)?", word))
    if (word := next(words, None)) is None:
        return ""
    for _, argument, _ in declaration.options().values():
        if argument.positional and argument.parse is not None:
            try:
                argument.parse(word)
            except ValueError as error:
                return f"{argument.names[0]}: {error}"
    return f"got unexpected extra argument(s) ({word})"


def _output_hint(arguments: list[str], command: Any) -> str:
    """Other tools take the form of the output as `-o json`, `--format json` or `--json`."""
    from rocketmq_ops.mqadmin.declare import OUTPUTS

    known = {name for parameter in command.params for name in parameter.opts}
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        form = following if _asks_for_form(word) else word[2:] if word.startswith("--") else ""
        if form in OUTPUTS and word not in (known - {"-o"}):
            return f"for output as {form} give --output {form}; "
    return ""


def _asks_for_form(word: str) -> bool:
    """Whether it is other tools' option for the form of the output, spelled as it may be."""
    from rocketmq_ops.common.nearest import nearest_name

    similar = word.startswith("--") and nearest_name(word, ("--format",), cutoff=0.8) is not None
    return similar or word in ("-o", "--out")


def _options_first(argv: list[str]) -> int:
    """Options before the command, as other tools take them."""
    import shlex

    for at in range(1, len(argv)):
        found = registry.find(argv[at:])
        if found is not None:
            entry, rest = found
            cause = f"the command comes first, then its options: '{argv[0]}' is before it"
            _complain(cause, f"mqadmin {entry.name} {shlex.join([*rest, *_own_output(argv[:at])])}")
            return int(ExitCode.USAGE)
    cause = f"no command is given: '{argv[0]}' is an option"
    _complain(cause, "mqadmin COMMAND OPTIONS; `mqadmin help` lists the commands")
    return int(ExitCode.USAGE)


def _own_output(options: list[str]) -> list[str]:
    """options with other tools' `-o json` and `--json` as our `--output json`, so that what is advised is taken."""
    from rocketmq_ops.mqadmin.declare import OUTPUTS

    own: list[str] = []
    for word in options:
        if own and word in OUTPUTS and _asks_for_form(own[-1]):
            own[-1:] = ["--output", word]
        elif word.startswith("--") and word[2:] in OUTPUTS:
            own += ["--output", word[2:]]
        else:
            own.append(word)
    return own


def _nearest_option(option: str, command: Any) -> str | None:
    from rocketmq_ops.common.nearest import nearest_name

    known: list[str] = [name for parameter in command.params for name in parameter.opts]
    if _asks_for_form(option) and "--output" in known:
        return "--output"
    if not option.startswith("--"):
        in_other_case = next((name for name in known if name.lower() == option.lower()), None)
        if in_other_case is not None:
            return in_other_case
    # Without the dashes, in which all are alike: by them `--xyz` is like `--query`, and `-q` like any letter.
    bare = {name.lstrip("-"): name for name in reversed(known)}
    word = option.lstrip("-")
    begun = [name for name in bare if len(word) > 2 and name.lower().startswith(word.lower())]
    near = nearest_name(word, bare) or nearest_name(word, begun, cutoff=0)
    return None if near is None else bare[near]


def _unknown(argv: list[str], is_group: bool) -> int:
    from rocketmq_ops.mqadmin import apache_commands

    name = " ".join(argv[:2]) if is_group else argv[0]
    apaches = apache_commands.find(name)
    if apaches is not None:
        instead = apache_commands.INSTEAD.get(apaches)
        hint = f"`mqadmin {instead}` does the like; or " if instead else ""
        _complain(
            f"{apaches} is a command of Apache's mqadmin that is not in this version",
            f"{hint}run Apache's own tool for it, which works on the same cluster",
        )
        return int(ExitCode.NOT_IN_THIS_VERSION)
    near = registry.nearest(name)
    meant = f"did you mean {near}{', which changes things' if near in registry.CHANGING else ''}? " if near else ""
    _complain(f"there is no command '{name}'", f"{meant}`mqadmin help` lists them all")
    return int(ExitCode.USAGE)


def _listing(entries: Sequence[registry.Entry] = registry.ENTRIES) -> int:
    width = max(len(entry.name) for entry in entries)
    lines = [lang.tr("Usage: mqadmin COMMAND [OPTIONS]"), ""]
    for section in dict.fromkeys(entry.section for entry in entries):
        lines.append(lang.tr(section) + lang.tr(":"))
        of_section = [entry for entry in entries if entry.section == section]
        lines += [f"  {entry.name:<{width}}  {lang.tr(entry.summary)}" for entry in of_section]
        lines.append("")
    for line in (
        "`mqadmin help COMMAND` or `mqadmin COMMAND --help` lists a command's options.",
        "`mqadmin help topics` lists pages on offsets, permissions, exit codes, output, connecting and more.",
        f"The pages are in {shipped_path('docs')}; the manual: `man -l {shipped_path('docs/man/mqadmin.1')}`",
    ):
        lines.append(lang.tr(line))
    return _say("\n".join(lines) + "\n")


def _say(text: str) -> int:
    sys.stdout.write(text)
    return int(ExitCode.OK)
