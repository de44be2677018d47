"""`mqadmin capacity`: how long disks, retention and backlogs last."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.capacity import Capacity, Forecast, Unread, examine
from rocketmq_ops.housekeeping.history.trend import LEAST_MS, LEAST_POINTS, Line
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.history_options import Last, Since, Until, opened, refuse_two_stretches, stretch
from rocketmq_ops.mqadmin.lang import tr_heading
from rocketmq_ops.mqadmin.options.housekeeping import BundleFile, HistoryFile
from rocketmq_ops.mqadmin.options.messages import Top
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time

_USUAL_MS = 24 * 3600 * 1000
_DAY_MS = 24 * 3600 * 1000
_LINE = ["#Points", "#Over", "#Slope", "#R2"]


@command(
    result=Capacity,
    rows="forecasts",
    name="target",
    offline_with=("file", "bundle"),
    example="mqadmin capacity --last 2d",
)
async def capacity(
    run: Run,
    last: Last | None = None,
    begin: Since | None = None,
    end: Until | None = None,
    top: Annotated[Top, "how many topics and groups that grow (default 10)"] = 10,
    file: HistoryFile | None = None,
    bundle: BundleFile | None = None,
) -> Outcome:
    """From the history that `mqadmin probe` keeps, the last 24 hours of it unless a time is given. Each figure is read
    from the straight line through what was seen: its points, slope and R2 (1: a straight line) are shown with it.

    At 85 % of its disk a broker deletes messages whatever their age, unread ones too; at 90 % it refuses new ones.
    Nothing is predicted from less than 5 runs or 10 minutes, nor further ahead than 30 times the time that was seen.
    """
    refuse_two_stretches(last, begin, end)
    with opened(run, file, bundle) as (history, now):
        since, until = stretch(last, begin, end, _USUAL_MS, now)
        found = examine(history, since, until, top)
        span = history.span()
    if found is None:
        note = f"no run from {human_time(since)} to {human_time(until)}"
        if span is not None:
            note += f": the history reaches from {human_time(span.first_ms)} to {human_time(span.last_ms)}"
        nothing = Capacity(since, until, 0, [], [], [], [])
        return Outcome(data=nothing, status="empty", notes=[note])
    outcome = Outcome(data=found, blocks=_blocks(found))
    if any(forecast.outlook == "unknown" for forecast in found.forecasts):
        outcome.notes.append(
            f"too little history to predict all: a line needs {LEAST_POINTS} runs over {LEAST_MS // 60_000} minutes"
        )
    if any(unread.deleted_in_ms is not None for unread in found.unread):
        zone = datetime.fromtimestamp(found.last_time / 1000).astimezone().strftime("%z")
        outcome.notes.append(
            f"the hours of deleteWhen are read in this machine's time zone (UTC{zone}): a broker goes by its own, "
            "and does not report which; TZ=ZONE mqadmin capacity reads them in another"
        )
    return outcome


def _blocks(found: Capacity) -> list[Table | str]:
    head = f"{plural(found.runs, 'run', 'runs')} from {human_time(found.first_time)} to {human_time(found.last_time)}"
    blocks: list[Table | str] = [head, ""]
    disks = [forecast for forecast in found.forecasts if forecast.event != "drained"]
    if disks:
        blocks.append(
            Table(
                ["#Disk Of", "#Used", "#Event", "#When", *_LINE],
                [
                    [
                        disk.target,
                        None if disk.value is None else f"{disk.value:.1%}",
                        f"{'deletes unread' if disk.event == 'disk_deletes' else 'refuses'} at {disk.limit:.0%}",
                        _when(disk),
                        *_line(disk.line, 86_400, tr_heading("/day"), percent=True),
                    ]
                    for disk in disks
                ],
                ours=["#Event", "#When"],
            )
        )
    if found.kept:
        rows: list[list[Cell]] = [
            [kept.target, f"{kept.hours:.1f}", kept.reserved_hours, *_line(kept.line, 3600, " h/h")]
            for kept in found.kept
        ]
        blocks += ["", Table(["#Kept By", "#Hours", "#Reserved Hours", *_LINE], rows)]
    backlogs = [forecast for forecast in found.forecasts if forecast.event == "drained"]
    if backlogs:
        unread = {each.group: each for each in found.unread}
        blocks += [
            "",
            Table(
                ["#Backlog Of", "#Messages", "#Drained", "#Oldest Unread", "#Deleted In", *_LINE],
                [
                    [
                        each.target,
                        None if each.value is None else int(each.value),
                        _when(each),
                        *_age(unread.get(each.target)),
                        *_line(each.line, 1, "/s"),
                    ]
                    for each in backlogs
                ],
                ours=["#Drained", "#Oldest Unread", "#Deleted In"],
            ),
        ]
    if found.growers:
        blocks += [
            "",
            Table(
                ["#Grows", "#Name", "#A Day", *_LINE],
                [[g.kind, g.name, round(g.per_second * 86_400), *_line(g.line, 1, "/s")] for g in found.growers],
                ours=["#Grows"],
            ),
        ]
    return blocks


def _when(forecast: Forecast) -> str:
    if forecast.outlook == "reached":
        return "now"
    if forecast.outlook == "unknown":
        return "too little history"
    if forecast.outlook == "never":
        rate = forecast.line.slope if forecast.line is not None else 0.0
        if forecast.event == "drained" and rate > 0:
            return f"never: grows by {rate:.3g}/s"
        return "never: it does not " + ("shrink" if forecast.event == "drained" else "grow")
    text = _length(forecast.ms or 0)
    return f"not within {text}" if forecast.outlook == "beyond" else f"{text} from now"


def _length(ms: float) -> str:
    return f"{ms / _DAY_MS:.1f} days" if ms >= _DAY_MS else human_span(int(ms))


def _age(unread: Unread | None) -> list[Cell]:
    if unread is None:
        return [None, None]
    age = ("over " if unread.older else "") + human_span(unread.age_ms)
    left = unread.deleted_in_ms
    return [age, None if left is None else ("less than " if unread.older else "") + human_span(left)]


def _line(line: Line | None, seconds: int, unit: str, *, percent: bool = False) -> list[Cell]:
    if line is None:
        return [None, None, None, None]
    slope = line.slope * seconds
    shown = f"{slope:+.2%}{unit}" if percent else f"{slope:+.3g}{unit}"
    return [line.points, human_span(line.span_ms), shown, None if line.r2 is None else round(line.r2, 3)]
