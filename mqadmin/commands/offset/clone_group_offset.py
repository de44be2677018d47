"""`mqadmin cloneGroupOffset`: copy a group's offsets of a topic to another group."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.offsets.offset_clone import CloneReport, QueueClone
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table
from rocketmq_ops.mqadmin.run import Run


@command(
    result=CloneReport,
    rows="queues",
    changes=True,
    dangerous=("dest_group",),
    example="mqadmin cloneGroupOffset -s old_group -d new_group -t TopicTest --plan",
)
async def clone_group_offset(
    run: Run,
    src_group: Annotated[str, Opt("-s", "--srcGroup", help="group to copy from")],
    dest_group: Annotated[str, Opt("-d", "--destGroup", help="group to copy to")],
    topic: TopicName,
    offline: Annotated[bool | None, Opt("-o", "--offline", help="true: copy though consumers of -d are online")] = None,
) -> Outcome:
    """Only the offsets of this topic, queue by queue on every broker of it, each read back.

    Apache's tool copies all topics of the group that lie on these brokers. Consumers of the destination that are online
    commit their own offsets over these, so without -o true the copy is refused then.
    """
    async with run.admin() as admin:
        report = await admin.offsets.plan_clone(src_group, dest_group, topic)
        if report.online and not offline and not run.plan:
            raise CommandError(
                f"consumers of {dest_group} are online and would commit their own offsets over these: "
                + ", ".join(report.online),
                "stop them, or give -o true to copy nevertheless",
                ExitCode.REFUSED,
            )
        if not run.plan:
            await admin.offsets.apply_clone(report)
    return _outcome(report)


def _outcome(report: CloneReport) -> Outcome:
    columns = ["#Broker Name", "#QID", "#Source Offset", "#Before", "#After", "#State"]
    table = Table(columns, [], ours=["#Source Offset", "#Before", "#After", "#State"])
    errors = list(report.failures)
    refused = {failure.target for failure in errors}
    for q in report.queues:
        known = ["none" if offset is None else offset for offset in (q.source_offset, q.before)]
        after = None if q.state == "unverified" else "none" if q.after is None else q.after
        table.rows.append([q.broker_name, q.queue_id, *known, after, q.state])
        if q.state in ("no_effect", "unverified") and q.place not in refused:
            errors.append(_problem(q))
    moved = any(q.state in ("planned", "done", "unverified") for q in report.queues)
    notes = []
    if report.online:
        notes.append(f"consumers of {report.dest_group} are online, and commit their own: {', '.join(report.online)}")
    without = [q.place for q in report.queues if q.state == "unknown"]
    if without:
        notes.append(f"{report.src_group} has no offset of {', '.join(without)}: nothing was copied there")
    if not moved and not errors:
        notes.append("no offset moved: the destination is there already")
    outcome: Status = "partial" if moved or report.failures else "no_effect"
    if not errors:
        outcome = "unchanged" if not moved else "planned" if report.planned else "ok"
    source, target, topic = report.src_group, report.dest_group, report.topic
    if report.planned:
        head = f"would clone group offset, srcGroup[{source}], destGroup[{target}], topic[{topic}]"
    else:
        head = f"clone group offset, srcGroup[{source}], destGroup[{target}], topic[{topic}]"
    return Outcome(data=report, blocks=[head, table], status=outcome, errors=errors, notes=notes)


def _problem(queue: QueueClone) -> Failure:
    where = queue.place
    if queue.state == "unverified":
        return Failure(where, "accepted, but could not be read back", "read it again")
    after = "none" if queue.after is None else queue.after
    return Failure(
        where,
        f"the offset {queue.source_offset} was not taken: it reads back as {after}",
        "an online consumer may have committed its own offset: stop the group's consumers and run it again",
    )
