"""`mqadmin group restore`: put a group's offsets back where they were at a time."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.restore import OnlineError, RestoredQueue, RestoreReport, recorded_at, restore
from rocketmq_ops.mqadmin.commands.undo import undo_outcome, undone
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import CommandError, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.history_options import read_history
from rocketmq_ops.mqadmin.options.housekeeping import HistoryFile
from rocketmq_ops.mqadmin.options.topics import Group, TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Status, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, moment, positive


@command(
    result=RestoreReport,
    rows="queues",
    changes=True,
    dangerous=("group", "change_id"),
    one_of=(("at", "change_id"),),
    offline_with=("change_id",),
    example="mqadmin group restore -g my_group --at 14:05 --plan",
)
async def group_restore(
    run: Run,
    group: Group | None = None,
    at: Annotated[
        int | None,
        Opt("--at", help="the time: HH:mm, milliseconds, or yyyy-MM-dd#HH:mm:ss:SSS", parse=moment, metavar="TIME"),
    ] = None,
    topic: Annotated[TopicName | None, "only this topic"] = None,
    file: HistoryFile | None = None,
    change_id: Annotated[
        int | None, Opt("--undo", help="undo this restore, as `mqadmin undo` does", parse=positive, metavar="CHANGE")
    ] = None,
) -> Outcome:
    """From the last run of the history at that time or before it. Every queue is set to the offset that the group had
    committed then, not further than its messages reach, and read back. Consumers that are connected go on from there
    on brokers since 5.0; to older ones the restore is refused while they are. `mqadmin undo` brings back what was.
    """
    if change_id is not None:
        undoing = await undone(run, change_id, made_by=run.name)
        outcome = undo_outcome(change_id, undoing)
        outcome.data = RestoreReport("", run.plan, None, [], undoing.changes, undoing.failures, undoing.notes)
        return outcome
    if group is None or at is None:
        raise usage("--at needs -g", "name the group")
    with read_history(run, file) as history:
        time_ms, recorded = recorded_at(history, group, at, topic)
    try:
        async with run.admin() as admin:
            report = await restore(admin, recorded, time_ms, plan=run.plan)
    except OnlineError as error:
        raise CommandError(error.cause, error.next_step, ExitCode.REFUSED) from error
    report.notes.insert(0, f"the offsets of {human_time(time_ms)}, {human_span(at - time_ms)} before that time")
    return _outcome(report)


def _outcome(report: RestoreReport) -> Outcome:
    table = Table(
        ["#Topic", "#Broker", "#QID", "#Recorded", "#Min", "#Max", "#Before", "#Target", "#After", "#State"],
        [],
        ours=["#Before", "#After", "#State"],
    )
    errors = list(report.failures)
    for queue in report.queues:
        table.rows.append(
            [
                queue.topic,
                queue.broker_name,
                queue.queue_id,
                queue.recorded,
                queue.min_offset,
                queue.max_offset,
                _offset(queue.before),
                queue.target,
                None if queue.state == "unverified" else _offset(queue.after),
                queue.state,
            ]
        )
        if queue.state in ("no_effect", "unverified"):
            errors.append(_problem(queue))
    moved = any(queue.state in ("planned", "done", "notified", "unverified") for queue in report.queues)
    status: Status = "planned" if report.planned else "ok"
    if errors:
        status = "partial" if moved or report.failures else "no_effect"
    elif not moved:
        status = "unchanged"
        report.notes.append("no offset moved: the group is there already")
    head = f"{'would restore' if report.planned else 'restore'} consumer offset, group[{report.group}]"
    return Outcome(data=report, blocks=[head, table], status=status, errors=errors, notes=list(report.notes))


def _offset(offset: int | None) -> Cell:
    return "none" if offset is None else offset


def _problem(queue: RestoredQueue) -> Failure:
    where = f"{queue.topic} {queue.broker_name} queue {queue.queue_id}"
    if queue.state == "unverified":
        return Failure(where, "accepted, but could not be read back", "read it again")
    return Failure(
        where,
        f"the offset {queue.target} was not taken: it reads back as {_offset(queue.after)}",
        "a connected consumer may have committed its own offset: stop the group's consumers and run it again",
    )
