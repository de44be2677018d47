"""The two lines at the top of each screen, in the room that there is: where it is, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.figures import minute_of_day, time_of_day
from rocketmq_ops.tui.model.moment import Said
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.widgets.cells import MARK
from rocketmq_ops.tui.widgets.lines import Part, sign

#: A part, and where a click on it leads.
Leading = tuple[Part, Address | None]


def path_line(context: Context, trail: Sequence[Address], room: int) -> list[Leading]:
    """What it is about, and the screens that lead here, in so many cells: where one is counts most, then the whole
    way there, then what those screens show."""
    first, *rest = _path(context, trail, room)
    line: list[Leading] = [((first, "strong"), trail[0])]
    for text, address in zip(rest, trail[len(trail) - len(rest) :], strict=True):  # a mark: the last of those left away
        line += [(("› ", "dim"), None), ((text, "plain"), address)]
    return line


def _path(context: Context, trail: Sequence[Address], room: int) -> list[str]:
    title = f" {context.options.title or 'rocketmq-ops'} "
    *way, here = trail
    whole, brief = ([f"{address.crumb} " for address in each] for each in (way, [each.bare for each in way]))
    shorter = ([f"{MARK} ", *brief[left_away:]] for left_away in range(1, len(way) + 1))
    for led in (whole, brief, *shorter):
        path = [title, *led, f"{here.crumb} "]
        if sum(2 + cell_len(each) for each in path) - 2 <= room:
            return path
    return [f" {MARK} ", f"{here.crumb} "]


def recording_parts(context: Context) -> list[Part]:
    """That it is recorded, and where it is not, since when, whatever the verdict is about: beside the path."""
    copied = context.model.copied
    if copied is None:
        return []
    if copied.failing_since is not None:
        time = time_of_day(copied.failing_since)
        text = context.tr(f"not recorded since {time}")
        return [sign(Health.CRITICAL), (f"{text} ", Health.CRITICAL.value)]
    if copied.lost:
        text = context.tr(f"recorded but for {copied.lost} looks")
        return [sign(Health.WARNING), (f"{text} ", Health.WARNING.value)]
    return [(context.word("recorded") + " ", "dim")]


def verdict_line(context: Context, width: int) -> list[Leading]:
    """The verdict in so many cells: what kinds of trouble there are counts most, and is said in short forms, then
    without since when of all but the worst, then of any, before a part is cut."""
    verdict = context.model.moment().verdict
    line: list[Leading] = []
    for time_of, timed, short in (
        (time_of_day, len(verdict.parts), False),
        (minute_of_day, len(verdict.parts), False),
        (minute_of_day, len(verdict.parts), True),
        (minute_of_day, 1, True),
        (minute_of_day, 0, True),
    ):
        line = [((" ", "plain"), None), (sign(verdict.health), None)]
        for at, said in enumerate(verdict.parts):
            line.append(((context.tr(", ") if at else "", verdict.health.value), None))
            text = verdict_part(context, said, time_of if at < timed else None, short=short)
            line.append(((text, verdict.health.value), said.opens))
        if sum(cell_len(text) for (text, _), _ in line) <= width:
            break
    return line


def verdict_part(context: Context, said: Said, time_of: Callable[[int], str] | None, *, short: bool) -> str:
    """A part of the verdict: with since when, where its time is to be written; in short forms, where it has any."""
    tr = context.tr
    text = (f"{said.target} " if said.target else "") + tr((said.short if short else "") or said.text)
    if said.since_ms is not None and time_of is not None:
        time = time_of(said.since_ms)
        text += tr(f" since before {time}") if said.begun_before else tr(f" since {time}")
    if said.over_ms is not None:
        text += tr(" (over)") if time_of is None else tr(f" (over since {time_of(said.over_ms)})")
    if said.also:
        others = tr(", ").join(tr(each) for each in said.also)
        text += f" (+{len(said.also)})" if short else tr(f" (also: {others})")
    return text
