"""`mqadmin queryMsgTraceById`: who sent a message, and each time that a consumer took it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.messages.trace import ConsumeTrace, MessageTraces, SendTrace
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.topics import TRACE_TOPIC
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import require_order
from rocketmq_ops.mqadmin.options.messages import BeginTimestamp, EndTimestamp, MessageId
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, positive


class TraceEntry(msgspec.Struct, rename="camel"):
    """One line of CSV: `kind` Pub, EndTransaction, Recall or Sub (a consumption, whose end is not traced without
    `success`)."""

    kind: str
    group: str | None
    client_host: str
    timestamp: int | None
    cost_millis: int | None
    success: bool | None


@command(
    result=MessageTraces,
    csv=TraceEntry,
    name="clientHost",
    example="mqadmin queryMsgTraceById -i 7F0000010000000100000000000000E8",
)
async def query_msg_trace_by_id(
    run: Run,
    msg_id: Annotated[MessageId, "unique key of the message"],
    trace_topic: Annotated[
        str, Opt("-t", "--traceTopic", help=f"topic of the traces (default {TRACE_TOPIC})")
    ] = TRACE_TOPIC,
    begin_timestamp: Annotated[BeginTimestamp, "traced at this time or later (default 0)"] = 0,
    end_timestamp: Annotated[EndTimestamp, "traced at this time or before (default: any)"] = LONG_MAX,
    max_num: Annotated[
        int, Opt("-c", "--maxNum", help="at most this many trace messages of each broker (default 64)", parse=positive)
    ] = 64,
) -> Outcome:
    """A consumption whose end is not traced has the status unknown. No trace: exit code 4."""
    require_order(begin_timestamp, end_timestamp, "-b")
    async with run.admin() as admin:
        found = await admin.messages.traces(
            msg_id, trace_topic=trace_topic, begin=begin_timestamp, end=end_timestamp, max_num=max_num
        )
    blocks: list[Table | str] = []
    for kind in ("Pub", "EndTransaction", "Recall"):
        rows = [trace for trace in found.sent if trace.kind == kind]
        if rows:
            blocks += [_sent(rows), ""]
    for group in dict.fromkeys(trace.group for trace in found.consumed):
        blocks += [_consumed([trace for trace in found.consumed if trace.group == group]), ""]
    notes = [f"a broker may have more than {max_num} trace messages of it: raise -c"] if found.truncated else []
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures, empty=not found.sent and not found.consumed),
        errors=list(found.failures),
        notes=notes,
        csv_rows=[
            *(TraceEntry(t.kind, t.group, t.client_host, t.timestamp, t.cost_millis, t.success) for t in found.sent),
            *(TraceEntry("Sub", t.group, t.client_host, _time_of(t), t.cost_millis, t.success) for t in found.consumed),
        ],
    )


def _time_of(trace: ConsumeTrace) -> int | None:
    return trace.end_timestamp if trace.end_timestamp is not None else trace.begin_timestamp


def _status(success: bool | None) -> str | None:
    return None if success is None else "success" if success else "failed"


def _cost(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds}ms"


def _sent(traces: list[SendTrace]) -> Table:
    table = Table(
        ["#Type", "#ProducerGroup", "#ClientHost", "#SendTime", "#CostTimes", "#Status"], [], ours=["#Status"]
    )
    for trace in traces:
        state = trace.transaction_state or _status(trace.success)
        when = human_time(trace.timestamp)[:19]
        table.rows.append([trace.kind, trace.group, trace.client_host, when, _cost(trace.cost_millis), state])
    return table


def _consumed(traces: list[ConsumeTrace]) -> Table:
    table = Table(
        ["#Type", "#ConsumerGroup", "#ClientHost", "#ConsumerTime", "#CostTimes", "#Status"], [], ours=["#Status"]
    )
    for trace in traces:
        at = _time_of(trace)
        when = None if at is None else human_time(at)[:19]
        row = ["Sub", trace.group, trace.client_host, when, _cost(trace.cost_millis), _status(trace.success)]
        table.rows.append([*row])
    return table
