"""`mqadmin group history`: how the lag of a group went."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.housekeeping.history.story import LagEvent, LagPoint, LagStory, story
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS, QueueLag, judge
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import not_found
from rocketmq_ops.mqadmin.history_options import Last, Since, Until, opened, refuse_two_stretches, stretch
from rocketmq_ops.mqadmin.options.housekeeping import BundleFile, HistoryFile
from rocketmq_ops.mqadmin.options.topics import Group, TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.plot import bar_plot, latest
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time

_USUAL_MS = 6 * 3600 * 1000
_ROWS = 24


class GroupHistory(msgspec.Struct, rename="camel"):
    """The lag of a group at every run, in messages; None where a part of it was not known.

    `state` and `evidence` judge its last runs, `queues` each queue of these.
    """

    group: str
    topic: str | None
    points: list[LagPoint]
    events: list[LagEvent]
    state: str
    evidence: str
    queues: list[QueueLag]
    failures: list[Failure] = []


@command(
    result=GroupHistory,
    rows="points",
    name="time",
    offline_with=("file", "bundle"),
    example="mqadmin group history -g my_group --last 6h",
)
async def group_history(
    run: Run,
    group: Group,
    topic: Annotated[TopicName | None, "only this topic"] = None,
    last: Last | None = None,
    begin: Since | None = None,
    end: Until | None = None,
    file: HistoryFile | None = None,
    bundle: BundleFile | None = None,
) -> Outcome:
    """From the history that `mqadmin probe` keeps; the last 6 hours unless a time is given. What a run did not know is
    a gap, shown as ? and never as 0. Offsets that went back, queues that were made anew and restarts of brokers are
    listed. The judgement is of the last 10 runs, by their trend.
    """
    refuse_two_stretches(last, begin, end)
    with opened(run, file, bundle) as (history, now):
        since, until = stretch(last, begin, end, _USUAL_MS, now)
        window = history.window(group, since, until)
        boots = history.figures(since, until, "broker.boot_ms")
        failed = history.failures(since, until)
        span = history.span()
        if span is None:
            raise not_found("the history has no run yet", "let `mqadmin probe` run every minute")
        if not window.queues and not history.window(group, span.first_ms, span.last_ms).queues:
            raise not_found(
                f"no run of the history saw an offset of group '{group}'",
                "`mqadmin consumerProgress` lists the groups that have any; check the spelling",
            )
    if topic is not None:
        window.queues = {key: columns for key, columns in window.queues.items() if key.topic == topic}
    told = story(window, boots)
    recent = window.last(WINDOW_RUNS)
    verdict = judge(recent)
    data = GroupHistory(group, topic, told.points, told.events, verdict.state, verdict.evidence, verdict.queues)
    outcome = Outcome(data=data)
    if not window.queues:
        outcome.status = "empty"
        data.points = []
        outcome.notes += [
            f"no run from {human_time(since)} to {human_time(until)} saw an offset of the group",
            f"the history reaches from {human_time(span.first_ms)} to {human_time(span.last_ms)}, "
            f"{plural(span.runs, 'run', 'runs')}",
        ]
        return outcome
    outcome.blocks = _blocks(data, told)
    if told.without:
        outcome.notes.append(
            f"{plural(len(told.without), 'queue does not', 'queues do not')} count, as the group has no offset there: "
            f"{told.without[0]}"
        )
    if failed:
        newest = max(failed)
        outcome.notes.append(
            f"{len(failed)} of {len(told.points)} runs could not read all: {failed[newest][0].target}: "
            f"{failed[newest][0].cause}"
        )
    return outcome


def _blocks(data: GroupHistory, told: LagStory) -> list[Table | str]:
    points = told.points
    lines: list[Table | str] = [
        f"lag of {data.group}{f' on {data.topic}' if data.topic else ''}, messages",
        *bar_plot(latest([(point.time, point.lag) for point in points])),
        f"  {human_time(points[0].time)} to {human_time(points[-1].time)}, {plural(len(points), 'run', 'runs')}",
        "",
        f"{data.state}: {data.evidence}",
        "",
    ]
    marks: dict[int, list[str]] = {}
    for event in told.events:
        marks.setdefault(event.time, []).append(event.kind)
    # Every so many, and those at which something happened.
    each = -(-len(points) // _ROWS)
    rows: list[list[Cell]] = [
        [
            human_time(point.time),
            point.lag,
            point.consumed,
            point.members,
            ", ".join(dict.fromkeys(marks.get(point.time, ()))),
        ]
        for place, point in enumerate(points)
        if (len(points) - 1 - place) % each == 0 or point.time in marks
    ]
    lines.append(Table(["#Time", "#Lag", "#Consumed", "#Clients", "#Event"], rows, ours=["#Event"]))
    if told.events:
        lines += [
            "",
            Table(
                ["#Time", "#Event", "#Of", "#What"],
                [[human_time(event.time), event.kind, event.target, event.detail] for event in told.events],
                ours=["#Event", "#What"],
            ),
        ]
    return lines
