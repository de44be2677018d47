"""`mqadmin resetOffsetByTime`: set a group's offsets to a point in time."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.offsets.offset import ResetReport, ResetRequest
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import Broker, Cluster
from rocketmq_ops.mqadmin.options.messages import Queue, QueueOffset
from rocketmq_ops.mqadmin.options.topics import Force, Group, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Status, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import timestamp_or_end


@command(
    result=ResetReport,
    rows="queues",
    changes=True,
    java="offset",
    dangerous=("group",),
    example="mqadmin resetOffsetByTime -g my_group -t TopicTest -s 2024-05-01#08:00:00:000 --plan",
)
async def reset_offset_by_time(
    run: Run,
    group: Group,
    topic: TopicName,
    when: Annotated[
        int,
        Opt(
            "-s",
            "--timestamp",
            help="now, milliseconds (-1: the end), or yyyy-MM-dd#HH:mm:ss:SSS",
            parse=timestamp_or_end,
            metavar="TIME",
        ),
    ],
    force: Force = None,
    cluster: Annotated[Cluster | None, "only on this cluster, or the parent topic of an lmq"] = None,
    broker: Annotated[Broker | None, "only on this broker, HOST:PORT"] = None,
    queue: Annotated[Queue | None, "only this queue (with -b)"] = None,
    offset: Annotated[QueueOffset | None, "to this offset instead of a time (with -b and -q)"] = None,
) -> Outcome:
    """Every queue is read back: what did not move is shown, and the exit code is 8 when none did though it should.

    A group that has consumers online keeps consuming from the new offset. Offset 0 is an offset like any other.
    """
    if queue is not None and broker is None:
        raise usage("-q needs -b", "name the broker that holds the queue")
    if offset is not None and queue is None:
        raise usage("-o needs -b and -q", "name the queue whose offset shall be set")
    wanted = ResetRequest(
        group=group,
        topic=topic,
        timestamp=when,
        force=force is not False,
        cluster=cluster,
        broker_addr=broker,
        queue_id=queue,
        offset=offset,
    )
    async with run.admin() as admin:
        report = await admin.offsets.reset(wanted, plan=run.plan)
    return reset_outcome(report)


def reset_outcome(report: ResetReport) -> Outcome:
    """The outcome of a reset, of this command and of skipAccumulatedMessage."""
    table = Table(
        ["#brokerName", "#queueId", "#minOffset", "#brokerOffset", "#consumerOffset", "#target", "#offset", "#state"],
        [],
        ours=["#consumerOffset", "#offset", "#state"],
    )
    errors = list(report.failures)
    notes = list(report.notes)
    for queue in report.queues:
        before = "none" if queue.before is None else queue.before
        after = queue.after if queue.state != "planned" else queue.before
        table.rows.append(
            [
                queue.broker_name,
                queue.queue_id,
                queue.min_offset,
                queue.max_offset,
                before,
                queue.target,
                "none" if after is None and queue.state != "unverified" else after,
                queue.state,
            ]
        )
        if queue.state in ("no_effect", "unverified"):
            errors.append(_problem(queue.broker_name, queue.queue_id, queue.state, queue.after, queue.target))
    moved = [queue for queue in report.queues if queue.state in ("planned", "done", "notified", "unverified")]
    head = (
        f"{'would reset' if report.planned else 'reset'} consumer offset, group[{report.group}], "
        f"topic[{report.topic}], timestamp[{report.timestamp}]"
    )
    if not report.queues and not errors:
        notes.append("the topic has no queue to reset")
    elif not moved and not errors:
        kept = any(queue.state == "kept" for queue in report.queues)
        why = "the group is behind these offsets, and -f false keeps it there" if kept else "it is there already"
        notes.append(f"no offset moved: {why}")
    outcome: Status = "planned" if report.planned else "ok"
    if errors:
        outcome = "partial" if moved or report.failures else "no_effect"
    elif not moved:
        outcome = "unchanged" if all(queue.state == "unchanged" for queue in report.queues) else "no_effect"
    return Outcome(data=report, blocks=[head, table], status=outcome, errors=errors, notes=notes)


def _problem(broker: str, queue_id: int, state: str, after: int | None, target: int | None) -> Failure:
    if state == "unverified":
        return Failure(f"{broker} queue {queue_id}", "accepted, but could not be read back", "read it again")
    return Failure(
        f"{broker} queue {queue_id}",
        f"the reset to {target} was accepted, but the offset reads back as {'none' if after is None else after}",
        "an online consumer may have committed its own offset: stop the group's consumers and run it again",
    )
