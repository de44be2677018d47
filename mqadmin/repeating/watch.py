"""`--watch`: a reading command again and again, on a terminal in place with what changed marked."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Any

from rocketmq_ops.mqadmin.errors import exit_code_of, failure_of_command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.output import failure_document
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run, report, write

#: Before each line: whether it is as it was in the round before. The sign is there with and without colours.
CHANGED, SAME = "* ", "  "
_HOME, _COLOUR, _PLAIN = "\x1b[H\x1b[2J", "\x1b[33m", "\x1b[0m"


async def watched(run: Run, values: dict[str, Any], seconds: int) -> Outcome:
    """Rounds until Ctrl-C or SIGTERM. A round that fails shows as failed, and the next comes all the same.

    A wrong command line ends it at once: no round will do better.
    """
    rounds = _Screen(run, seconds) if sys.stdout.isatty() else _Documents(run, seconds)

    async def once() -> Outcome:
        try:
            outcome = await run.declaration.function(run, **values)
            rounds.text = run.text_of(outcome)
        except Exception as error:
            if exit_code_of(error) is ExitCode.USAGE:
                raise
            problem = failure_of_command(error)
            rounds.text = None
            outcome = Outcome(data=problem, status="failed", errors=[problem], exit_code=exit_code_of(error))
        return outcome

    return await repeated(run, seconds, once, show=rounds.show)


class _Documents:
    """One document after the other, for a reader that is no terminal; tables have the time of the round above them."""

    def __init__(self, run: Run, seconds: int) -> None:
        self._run = run
        self._seconds = seconds
        self._last_good: str | None = None
        self._count = 0
        #: The round's text, None where it failed.
        self.text: str | None = None

    def show(self, outcome: Outcome) -> None:
        form = self._run.options.output
        text = self.text
        now = _now()
        if text is None:
            text = failure_document(self._run.name, outcome.errors[0], form, self._run.declaration.schema)
            outcome.notes.append(f"the round of {now} failed: {_since(self._last_good)}")
        else:
            self._last_good = now
            if outcome.errors:
                outcome.notes.append(f"the round of {now} is partial")
            if form in ("table", "wide"):
                text = f"{_title(self._run, self._seconds, now, _partial(outcome))}\n{text}"
        if text:
            between = "---\n" if form == "yaml" else "\n" if self._count and form in ("table", "wide", "java") else ""
            write(between + text)
            self._count += 1
        report(self._run.name, outcome.errors, outcome.notes)


class _Screen:
    """The same place of a terminal again and again."""

    def __init__(self, run: Run, seconds: int) -> None:
        self._run = run
        self._seconds = seconds
        self._good: list[str] = []
        self._before: set[tuple[str, ...]] | None = None
        self._last_good: str | None = None
        self.text: str | None = None

    def show(self, outcome: Outcome) -> None:
        now = _now()
        if self.text is None:
            head, lines = tr(f"FAILED, {_since(self._last_good)}"), [SAME + line[len(SAME) :] for line in self._good]
        else:
            head, lines = _partial(outcome), marked(self.text.splitlines(), self._before)
            self._good, self._last_good = lines, now
            self._before = {_words(line) for line in self.text.splitlines()}
        write(_HOME + screen(_title(self._run, self._seconds, now, head), lines, _height(), _colours()))
        report(self._run.name, outcome.errors, outcome.notes)


def _title(run: Run, seconds: int, now: str, head: str) -> str:
    title = tr(f"mqadmin {run.name}, every {seconds} s, {now}")
    return f"{title}: {head}" if head else title


def _partial(outcome: Outcome) -> str:
    """What is said of a round of which a part failed; what failed stands below, on stderr."""
    return tr(f"PARTIAL, {len(outcome.errors)} failed") if outcome.errors else ""


def marked(lines: list[str], before: set[tuple[str, ...]] | None) -> list[str]:
    """The lines, each with a sign whether it was there in the round before (all are, in the first round).

    What counts is their words: when a column becomes wider, no line has changed.
    """
    return [(SAME if before is None or _words(line) in before else CHANGED) + line for line in lines]


def screen(title: str, lines: list[str], height: int | None, colours: bool) -> str:
    """Title and lines as they are drawn; what does not fit in the height is left out, and said."""
    room = len(lines) if height is None else max(height - 3, 1)
    shown = lines[:room]
    if colours:
        shown = [f"{_COLOUR}{line}{_PLAIN}" if line.startswith(CHANGED) else line for line in shown]
    more = [tr(f"... {len(lines) - room} more lines do not fit here")] if len(lines) > room else []
    return "".join(line + "\n" for line in [title, *shown, *more])


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


def _since(last_good: str | None) -> str:
    return "no round succeeded yet" if last_good is None else f"the last good round was at {last_good}"


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"


def _height() -> int | None:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or None
    except OSError:
        return None


def _colours() -> bool:
    return not os.environ.get("NO_COLOR")
