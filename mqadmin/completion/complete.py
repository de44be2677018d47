"""The candidates for the word before the cursor: `mqadmin __complete SHELL WORD...`, which shells call on each Tab.

So it imports no parser, no command and no event loop: options come from `options.tsv`, which `table.py` writes from
the declarations, names from the cache of `names.py`. It never fails: without an answer it is silent.
"""

from __future__ import annotations

import os
import sys

from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.lang import tr_word

TYPE_CHECKING = False  # type checkers take it as true; nothing of `typing` is needed
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    #: name servers and profile that the command line gives -> kind -> names
    Names = Callable[[str | None, str | None], Mapping[str, list[str]]]

TABLE = os.path.join(os.path.dirname(__file__), "options.tsv")
#: The answer that has the shell complete names of files.
FILES = "@files"


class Option:
    """One option of a command. `value` is None for a flag; else what it takes, as `table.py` describes it."""

    __slots__ = ("help", "names", "value")

    def __init__(self, names: str, value: str, text: str) -> None:
        self.names = names.split(",")
        self.value = None if value == "-" else value
        self.help = text


def main(arguments: list[str]) -> int:
    """Print the candidates in the form of the shell. Returns 0 whatever happens."""
    try:
        from rocketmq_ops.mqadmin.completion import names

        shell, words = arguments[0], arguments[1:] or [""]
        written = _written(shell, words, names.live)
        sys.stdout.write("".join(line + "\n" for line in written))
        sys.stdout.flush()
    except Exception:
        if os.environ.get("ROCKETMQ_OPS_DEBUG_COMPLETION"):
            raise
    return 0


def _written(shell: str, words: list[str], live: Names) -> list[str]:
    if shell != "bash":
        found = [(value, tr_word(text)) for value, text in candidates(words, live)]
        if shell == "zsh":
            return [f"{_colons(value)}:{text}" if text else _colons(value) for value, text in found]
        return [f"{value}\t{text}" if text else value for value, text in found]
    # bash has cut the words at `:` and `=`, and puts what is printed in the place of the last piece.
    words = joined(words)
    cut = max(words[-1].rfind(":"), words[-1].rfind("=")) + 1
    return [value if value == FILES else value[cut:] for value, _ in candidates(words, live)]


def _colons(value: str) -> str:
    return value.replace(":", "\\:")


def joined(words: list[str]) -> list[str]:
    """bash's words with what it cut at `:` and `=` put together again, and quotes taken off."""
    result: list[str] = []
    glue = False
    for word in words:
        separator = bool(word) and not word.strip(":=")
        if result and (separator or glue):
            result[-1] += word
        else:
            result.append(word)
        glue = separator
    return [word.strip("'\"") for word in result]


def candidates(words: list[str], live: Names) -> list[tuple[str, str]]:
    """(value, help) of all that may stand in the place of the last of `words`, those after `mqadmin`."""
    *before, current = words
    helping = before[:1] == ["help"]
    if helping:
        before = before[1:]
    found = registry.find(before)
    if found is None:
        return _commands(before, current, helping)
    if helping:
        return []
    entry, given = found
    options = options_of(entry.name)
    named = {name: option for option in options for name in option.names}
    for option in options:
        named.update((name[1:], option) for name in option.names if name.startswith("--"))
    head, equals, tail = current.partition("=")
    if equals and head in named:
        values = _values(named[head].value, tail, _asker(named, given, live))
        return values if values == [(FILES, "")] else [(f"{head}={value}", text) for value, text in values]
    if given and (taking := named.get(given[-1])) is not None and taking.value is not None:
        return _values(taking.value, current, _asker(named, given, live))
    if not current.startswith("-"):
        positional = [option for option in options if not option.names[0].startswith("-")]
        if positional:
            return _values(positional[0].value, current, _asker(named, given, live))
    used = {id(named[word]) for word in given if word in named}
    return [
        (name, option.help)
        for option in options
        if id(option) not in used
        for name in _offered(option.names, current)
        if name.startswith(current)
    ]


def _offered(names: list[str], current: str) -> list[str]:
    """The spelling of an option that stands first, a long one if it has one; all once a letter of one is typed.

    Apache has a few with a blank in them, which no shell takes as one word.
    """
    if names[0][:1] != "-":
        return []
    names = [name for name in names if " " not in name]
    if current.strip("-"):
        return names
    return [next((name for name in names if name.startswith("--")), names[0])]


def _commands(before: list[str], current: str, helping: bool) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for entry in registry.ENTRIES:
        words = entry.name.split(" ")
        if words[:-1] == before[: len(words) - 1] and len(words) == len(before) + 1:
            found[words[-1]] = entry.summary
        elif not before and len(words) > 1:
            found.setdefault(words[0], "")
    if not before and not helping:
        found["help"] = "List the commands, or the options of one"
    return [(name, text) for name, text in found.items() if name.startswith(current)]


def options_of(command: str) -> list[Option]:
    """The options of a command, from the table."""
    with open(TABLE, encoding="utf-8") as file:
        lines = file.read().split("\n")
    return [Option(*line.split("\t")[1:4]) for line in lines if line.startswith(command + "\t")]


def _asker(named: Mapping[str, Option], given: list[str], live: Names) -> Callable[[str], list[str]]:
    """From a kind to its live names, of the cluster that the words typed so far lead to."""

    def ask(kind: str) -> list[str]:
        return live(_given(named, given, "-n"), _given(named, given, "--profile")).get(kind, [])

    return ask


def _given(named: Mapping[str, Option], given: list[str], name: str) -> str | None:
    option = named.get(name)
    for at, word in enumerate(given):
        head, equals, tail = word.partition("=")
        if option is not None and named.get(head) is option:
            return tail if equals else given[at + 1] if at + 1 < len(given) else None
    return None


def _values(value: str | None, current: str, ask: Callable[[str], list[str]]) -> list[tuple[str, str]]:
    if not value:
        return []
    if value == "@file":
        return [(FILES, "")]
    found: Iterable[str] = value.split("|")
    if value.startswith("@"):
        found = ask(value[1:])
        if not current.startswith("%"):  # retry and dead letter topics only when they are meant
            found = (name for name in found if not name.startswith("%"))
    return [(name, "") for name in found if name.startswith(current)]
