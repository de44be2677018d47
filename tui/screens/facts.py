"""What stands above the rows of a screen of one thing, by the room there is: facts, and what could not be learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.text import Text

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.details.detail import Fact
from rocketmq_ops.tui.model.figures import SIGNS, STALE, figure
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.overview import CELLS
from rocketmq_ops.tui.model.spark import SPAN_MS, spark
from rocketmq_ops.tui.model.table import Health, Kind
from rocketmq_ops.tui.widgets.cells import MARK, cut

#: Cells between two facts.
_GAP: Final = 3


def with_past(facts: Sequence[Fact], lines: Mapping[str, str], model: Model, target: str) -> Sequence[Fact]:
    """The facts, and behind each of which `lines` has a series how it was in the last minutes, where any of that is
    known."""
    found: list[Fact] = []
    for fact in facts:
        found.append(fact)
        if fact.name in lines:
            points = model.series(lines[fact.name], target)
            line = spark(points, model.looks(), CELLS, model.moment().time_ms, SPAN_MS)
            found += [Fact("10 min", line, now=True)] if line.strip() else []
    return found


def facts_text(
    facts: Sequence[Fact], context: Context, now_ms: int, room: int, most: int, *, stale: bool = False
) -> Text:
    """Facts beside each other in lines of `room` cells, at most so many: none is broken that fits into a line, and a
    mark says that there are more. `stale`: they were so when it was told last."""
    lines = [Text()]
    for fact in facts:
        one = _fact(fact, context, now_ms, stale=stale)
        if lines[-1] and lines[-1].cell_len + _GAP + one.cell_len > room:
            lines.append(Text())
        elif lines[-1]:
            lines[-1].append(" " * _GAP)
        lines[-1].append_text(one)
    if len(lines) > most:
        lines = lines[:most]
        lines[-1].append(f" {MARK}")
    for line in lines:
        line.truncate(room * 2, overflow="ellipsis")
    return Text("\n").join(lines)


def _fact(fact: Fact, context: Context, now_ms: int, *, stale: bool) -> Text:
    name = context.word(fact.name)
    text = Text(f"{context.tr(name) if name == fact.name else name} ", "dim")
    value = figure(fact.value, fact.kind, now_ms)
    if fact.value is not None:
        if fact.kind is Kind.STATE:
            value = context.word(value)
        elif fact.kind is Kind.SENTENCE:
            value = context.tr(value)
        elif fact.kind is Kind.MOMENT:
            value = context.tr(f"{value} ago")
    one = Text()
    one.append_text(text)
    if fact.health not in (Health.OK, Health.UNKNOWN):  # before it, as in rows: behind, `!` is punctuation
        one.append(f"{SIGNS[fact.health]} ", "bold")
    if stale and not fact.now:
        one.append(STALE, "italic")
    one.append(value, "bold")
    return one


def failure_lines(
    failures: Sequence[Failure],
    context: Context,
    room: int,
    most: int,
    whose: Callable[[Failure], str] = lambda failure: "",
) -> list[str]:
    """What could not be learned, and the next step: of many the first ones, each in lines of its own, and how many more
    there are, so that room is left for what could be learned. `whose`: how the server is that one is about."""
    listed = failures if len(failures) <= most else failures[: most - 1]
    found = []
    for failure in listed:
        known = whose(failure)
        where = f"{failure.target}: " if failure.target and failure.target not in failure.cause and not known else ""
        before = known + context.tr(": ") if known else ""
        lines = [f"{SIGNS[Health.CRITICAL]} {before}{context.tr(where + failure.cause)}"]
        if failure.next_step:
            lines.append(f"  {context.tr(failure.next_step)}")
        for line in lines:
            found += _hung(cut(line, room * 3), room) if len(listed) == 1 else [cut(line, room)]
    if len(listed) < len(failures):
        count = len(failures) - len(listed)
        found.append(f"{SIGNS[Health.CRITICAL]} {context.tr(f'{count} more failures')}")
    return found


def _hung(text: str, room: int) -> list[str]:
    """In lines of so many cells, of which those after the first begin where its words do, behind the sign."""
    lines = [text[:2]]
    for word in text[2:].split(" "):
        for piece in chop_cells(word, room - 2):
            apart = " " if len(lines[-1]) > 2 else ""
            if cell_len(lines[-1] + apart + piece) > room:
                lines.append("  ")
                apart = ""
            lines[-1] += apart + piece
    return lines
