"""What a row of the comparison is, and short forms of the usual ones. The rows are in `rows.py`.

A row is checked, not only written: with the verdict SAME the facts of both answers and what changed on the cluster are
equal; with BETTER and DIFFERENT they are not, and each side's facts are those that the row states.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from tests.interop.differential.reading import Answer, Read, done, manner

SAME, BETTER, DIFFERENT = "same", "better", "different"

#: Our exit codes.
FAILED, USAGE, CONNECT, NOT_FOUND, PARTIAL, REFUSED, NO_EFFECT, UNSUPPORTED = 1, 2, 3, 4, 5, 6, 8, 14

FIVE_3, FIVE_5, FOUR_9 = "5.3.3", "5.5.0", "4.9.7"
FIVE = (FIVE_3, FIVE_5)
ALL = (FIVE_3, FIVE_5, FOUR_9)

#: What differs of the effect of two commands whose effect is the same.
Effect = Callable[[dict[tuple[Any, ...], Any]], Any]


class Row(NamedTuple):
    """One command with arguments: how both answers are read, what must hold of them, and why.

    `line` has `{A}` and `{B}` for the brokers' addresses, `{D}` for one where nobody listens, `{C}` the cluster, `{s}` the
    side's mark, `{S}` a scratch folder, `{O}` the side's folder for exports, `{I}` and `{U}` a message's offset id and unique key, `{T}` that of a traced one. `theirs` and `mine`: the facts
    where they differ; a function of the facts where they cannot be written down. `changes`: whether the command changes the
    cluster, so that an effect of nothing is a failure. `undo` is run after each side, for what has no name of a side.
    `given` is open while both run; its docstring is what the page says of it. `extra`: options that only ours has. `failing`:
    the command is not answered with what it is for.
    """

    line: str
    java: Read
    ours: Read
    verdict: str = SAME
    why: str = ""
    theirs: Any = None
    mine: Any = None
    changes: bool = False
    undo: str = ""
    before: str = ""
    versions: tuple[str, ...] = (FIVE_3,)
    effects_differ: bool = False
    given: Callable[[Any], AbstractContextManager[None]] | None = None
    extra: str = ""
    failing: bool = False

    @property
    def command(self) -> str:
        return self.line.split()[0]

    @property
    def shown(self) -> str:
        """The arguments as the page shows them."""
        words = {"A": "BROKER-A", "B": "BROKER-B", "C": "DefaultCluster", "D": "DEAD-SERVER", "s": "X", "S": "FOLDER"}
        words["O"] = "FOLDER"
        words |= {"I": "OFFSET-ID", "U": "UNIQUE-KEY", "T": "TRACED-KEY", "N": "NAMESRV"}
        return " ".join(self.line.format(**words).replace("~", " ").replace("_X", "").split()[1:])


def same(line: str, java: Read, ours: Read, **more: Any) -> Row:
    return Row(line, java, ours, **more)


def better(line: str, java: Read, ours: Read, why: str, theirs: Any, mine: Any, **more: Any) -> Row:
    return Row(line, java, ours, BETTER, why, theirs, mine, **more)


def different(line: str, java: Read, ours: Read, why: str, theirs: Any, mine: Any, **more: Any) -> Row:
    return Row(line, java, ours, DIFFERENT, why, theirs, mine, **more)


def changed(line: str, **more: Any) -> Row:
    """A change that both report as done, with the same effect."""
    more.setdefault("changes", True)
    return Row(line, done, done, **more)


def outcome(answer: Answer) -> Any:
    """Our exit code, or how Java's command ended (its own exit code is 0 in any case)."""
    return answer.code if answer.document is not None else manner(answer)


def offsets_changed(answer: Answer) -> Any:
    """The pairs of topic and group whose offsets the command changed."""
    return sorted({key[2] for key in answer.effect if key[0] == "offset"})


STACK, NOTHING = "a stack trace", "nothing"


def fails(line: str, theirs: str, code: int, **more: Any) -> Row:
    """Arguments with which nothing can be done: Java ends with `theirs` and exit code 0, ours with a code and a sentence."""
    why = (
        f"Java's prints {theirs} and exits 0" if theirs in (STACK, NOTHING) else f"Java's prints `{theirs}` and exits 0"
    )
    more.setdefault("failing", True)
    more.setdefault("why", f"{why}; ours says the cause and the next step and exits {code}")
    return Row(line, outcome, outcome, BETTER, theirs=theirs, mine=code, **more)
