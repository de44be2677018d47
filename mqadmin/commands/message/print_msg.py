"""`mqadmin printMsg`: print the messages of a topic."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.message_results import QueueScan, ScanReport, ScanRequest, view
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import require_order
from rocketmq_ops.mqadmin.options import (
    DEFAULT_LIMIT,
    BeginTimestamp,
    CharsetName,
    EndTimestamp,
    Limit,
    PrintBody,
    SubExpression,
    TopicName,
)
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import message_line, status
from rocketmq_ops.mqadmin.run import Run

_RULE = "--------------------------------------------------------"


@command(
    result=ScanReport, rows="messages", java="message", example="mqadmin printMsg -t TopicTest -s TagA --limit 100"
)
async def print_msg(
    run: Run,
    topic: TopicName,
    charset_name: CharsetName = "utf-8",
    sub_expression: SubExpression = "*",
    begin_timestamp: BeginTimestamp | None = None,
    end_timestamp: EndTimestamp | None = None,
    print_body: PrintBody = None,
    lmq_parent_topic: Annotated[
        str | None, Opt("-l", "--lmqParentTopic", help="parent topic of an lmq, whose route is used")
    ] = None,
    limit: Annotated[Limit, f"stop after this many messages (default {DEFAULT_LIMIT})"] = DEFAULT_LIMIT,
) -> Outcome:
    """Queue by queue in the order of broker and id. A note says when it stopped at the limit; in JSON, `truncated`."""
    require_order(begin_timestamp, end_timestamp, "-b")
    wanted = ScanRequest(
        topic=topic,
        limit=limit,
        expression=sub_expression,
        begin_timestamp=begin_timestamp,
        end_timestamp=end_timestamp,
        route_topic=lmq_parent_topic,
    )
    with_body = print_body is not False or run.options.output == "java"  # there the bytes are printed in any case
    async with run.admin() as admin:
        report = await admin.messages.scan(
            wanted, lambda message: view(message, charset=charset_name, with_body=with_body)
        )
    return scan_outcome(report, limit, "--limit")


def scan_outcome(report: ScanReport, limit: int, option: str) -> Outcome:
    """The outcome of a scan, of this command and of consumeMessage."""
    blocks: list[Table | str] = []
    for scan in report.queues:
        blocks.append(_head(scan))
        queue = (scan.broker_name, scan.queue_id)
        blocks += [message_line(m) for m in report.messages if (m.broker_name, m.queue_id) == queue]
        blocks.append(_RULE)
    notes = []
    empty = not any(scan.messages for scan in report.queues)
    if report.truncated:
        notes.append(f"stopped after {limit} messages, there are more: raise {option}")
    elif empty:
        notes.append("no message")
    return Outcome(
        data=report,
        blocks=blocks,
        status=status(report.failures, empty=empty),
        errors=list(report.failures),
        notes=notes,
    )


def _head(scan: QueueScan) -> str:
    queue = f"MessageQueue [topic={scan.topic}, brokerName={scan.broker_name}, queueId={scan.queue_id}]"
    return f"minOffset={scan.begin_offset}, maxOffset={scan.end_offset}, {queue}"
