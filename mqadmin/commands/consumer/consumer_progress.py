"""`mqadmin consumerProgress`: how far groups have consumed."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.groups.group import ConsumerProgress, GroupProgress, GroupSummary, QueueProgress
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import Cluster
from rocketmq_ops.mqadmin.options.topics import GroupName, TopicFilter
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import labelled, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CONSUME_ACTIVELY, CONSUME_PASSIVELY


class ProgressEntry(msgspec.Struct, rename="camel"):
    """One line of CSV: a group (topic, broker and queue are empty then), or with -g a queue of it."""

    group: str
    topic: str | None
    broker_name: str | None
    queue_id: int | None
    broker_offset: int | None
    consumer_offset: int | None
    lag: int | None
    count: int | None = None
    consume_tps: float | None = None
    lag_millis: int | None = None
    client_id: str | None = None


@command(
    result=ConsumerProgress,
    csv=ProgressEntry,
    name="group",
    java="consumer",
    example="mqadmin consumerProgress -g my_group --output json",
)
async def consumer_progress(
    run: Run,
    group_name: Annotated[GroupName | None, "show this group's queues"] = None,
    topic_name: Annotated[TopicFilter | None, "only this topic (with -g)"] = None,
    show_client_ip: Annotated[
        bool | None, Opt("-s", "--showClientIP", help="show who consumes each queue (with -g)")
    ] = None,
    cluster: Annotated[
        Cluster | None, "only this cluster's brokers, or those of an lmq's parent topic (with -g)"
    ] = None,
) -> Outcome:
    """Without -g all groups are listed, the largest lag first, a bounded number asked at a time.

    A lag that is not known (a broker did not answer, no offset stored) is unknown, never 0, and comes first.
    An offset beyond the end of a queue has the lag 0, and a note gives its number. With -g the JSON holds `group`, else
    `groups`. #Lag Time is since when the oldest message that is behind is stored.

    A broadcasting group's offsets are with its clients: each is asked, and has a row for each queue.
    """
    if group_name is None:
        for option, given in (("-t", topic_name), ("-s", show_client_ip), ("-c", cluster)):
            if given is not None:
                raise usage(f"{option} needs -g", "name the group, or list all groups without it")
    async with run.admin() as admin:
        if group_name is not None:
            found = await admin.groups.progress(group_name, topic_name, cluster, show_client=bool(show_client_ip))
            return Outcome(
                data=ConsumerProgress([], found),
                blocks=_queues(found, bool(show_client_ip)),
                status=status(found.failures, empty=not found.queues),
                errors=list(found.failures),
                notes=_beyond_end(found)
                if found.queues or found.failures
                else [f"group '{group_name}' has no offset anywhere"],
                csv_rows=[_queue_entry(found.group, queue) for queue in found.queues],
            )
        listing = await admin.groups.listing()
    return Outcome(
        data=ConsumerProgress(listing.groups),
        blocks=[_groups(listing.groups)],
        status=status(listing.failures, empty=not listing.groups),
        errors=list(listing.failures),
        notes=_groups_beyond_end(listing.groups)
        if listing.groups or listing.failures
        else ["the name server knows no consumer group (no retry topic)"],
        csv_rows=[_group_entry(group) for group in listing.groups],
    )


def _beyond_end(found: GroupProgress) -> list[str]:
    return [
        f"{q.topic} {q.broker_name} queue {q.queue_id}: the offset {q.consumer_offset} is {q.beyond_end} beyond the "
        f"end {q.broker_offset}; messages up to there are not consumed, `mqadmin resetOffsetByTime` sets it back"
        for q in found.queues
        if q.beyond_end
    ]


def _groups_beyond_end(groups: list[GroupSummary]) -> list[str]:
    return [
        f"group {g.group} has offsets beyond the end in {plural(g.beyond_end, 'queue', 'queues')}: "
        f"see `mqadmin consumerProgress -g {g.group}`"
        for g in groups
        if g.beyond_end
    ]


def _queue_entry(group: str, q: QueueProgress) -> ProgressEntry:
    return ProgressEntry(
        group,
        q.topic,
        q.broker_name,
        q.queue_id,
        q.broker_offset,
        q.consumer_offset,
        q.lag,
        lag_millis=q.lag_millis,
        client_id=q.client_id,
    )


def _group_entry(g: GroupSummary) -> ProgressEntry:
    return ProgressEntry(g.group, None, None, None, None, None, g.lag_total, g.count, g.consume_tps)


def _queues(found: GroupProgress, show_client: bool) -> list[Table | str]:
    columns = ["#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset"]
    clients = show_client or any(queue.client_id is not None for queue in found.queues)
    columns += ["#Client IP"] if clients else []
    columns += ["#Diff", "#Inflight", "#LastTime", "#Lag Time"]
    table = Table(columns, [])
    for queue in found.queues:
        last = human_time(queue.last_timestamp)[:19] if queue.last_timestamp is not None else "N/A"
        row: list[Cell] = [
            queue.topic,
            queue.broker_name,
            queue.queue_id,
            queue.broker_offset,
            queue.consumer_offset,
        ]
        row += [queue.client_id or queue.client_ip or "N/A"] if clients else []
        table.rows.append([*row, queue.lag, queue.inflight, last, _span(queue.lag_millis)])
    tps = None if found.consume_tps is None else f"{found.consume_tps:.2f}"
    return [
        table.widen(found.queues, *(() if show_client else ("client_ip",)), "beyond_end"),
        "",
        labelled("Consume TPS", tps, ": "),
        labelled("Consume Diff Total", found.lag_total, ": "),
        labelled("Consume Inflight Total", found.inflight_total, ": "),
        *([labelled("Message Model", found.message_model, ": ")] if found.message_model == BROADCASTING else []),
    ]


def _span(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else human_span(milliseconds)


def _groups(groups: list[GroupSummary]) -> Table:
    table = Table(["#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total"], [], ours=["#Version"])
    for group in groups:
        online = group.count is None or group.count > 0
        kind = {CONSUME_ACTIVELY: "PULL", CONSUME_PASSIVELY: "PUSH"}.get(group.consume_type or "", "")
        table.rows.append(
            [
                group.group,
                group.count,
                group.version if online else "OFFLINE",
                kind,
                group.message_model or "" if kind == "PUSH" else "",
                None if group.consume_tps is None else int(group.consume_tps),
                group.lag_total,
            ]
        )
    return table.widen(groups, "beyond_end")
