"""`mqadmin printMsg`: print the messages of a topic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from rocketmq_ops.client.admin.messages.message_results import MessageView, QueueScan, ScanReport, ScanRequest
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import require_order
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.messages import (
    DEFAULT_LIMIT,
    BeginTimestamp,
    BodyForm,
    CharsetName,
    Decode,
    EndTimestamp,
    Limit,
    PrintBody,
    SubExpression,
    Where,
)
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import message_line, status
from rocketmq_ops.mqadmin.run import Run

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.fanout import Progress
    from rocketmq_ops.common.message import MessageExt

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
    body: BodyForm = "text",
    decode: Decode | None = None,
    where: Where | None = None,
) -> Outcome:
    """Queue by queue in the order of broker and id. A note says when it stopped at the limit; in JSON, `truncated`.

    --where compares properties, msgId, tags, keys, queueId, queueOffset, bornTimestamp, storeTimestamp,
    reconsumeTimes, bodyLength, body, and values in JSON bodies (body.user.name) by =, <>, <, <=, >, >=, ~ (a regular
    expression), in (...) and is null, joined by and, or, not and parentheses. --limit counts what is read for it.
    """
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
    look = viewer(form=body, decode=decode, charset=charset_name, with_body=with_body)
    report = await scanned(run, wanted, look, where)
    return scan_outcome(report, limit, "--limit", where)


async def scanned(
    run: Run,
    wanted: ScanRequest,
    look: Callable[[MessageExt], MessageView | None],
    where: Callable[[Any], bool] | None,
) -> ScanReport:
    """The scan; on a terminal its progress is shown."""
    progress: Progress | None = None
    if sys.stderr.isatty():
        from rocketmq_ops.mqadmin.render.progress import ReadLine

        progress = ReadLine(run.name)
    read = 0

    def keep(message: MessageExt) -> MessageView | None:
        nonlocal read
        read += 1
        if progress is not None:
            progress((read, wanted.limit))
        return look(message) if where is None or where(message) else None

    if progress is not None:
        progress((read, wanted.limit))
    try:
        async with run.admin() as admin:
            return await admin.messages.scan(wanted, keep)
    finally:
        if progress is not None:
            progress(None)


def scan_outcome(report: ScanReport, limit: int, option: str, where: Callable[[Any], bool] | None = None) -> Outcome:
    """The outcome of a scan, of this command and of the others that scan."""
    blocks: list[Table | str] = []
    for scan in report.queues:
        blocks.append(_head(scan))
        queue = (scan.broker_name, scan.queue_id)
        blocks += [message_line(m) for m in report.messages if (m.broker_name, m.queue_id) == queue]
        blocks.append(_RULE)
    notes = []
    read = sum(scan.messages for scan in report.queues)
    empty = not read if where is None else not report.messages
    if where is not None:
        notes.append(f"{len(report.messages)} of {read} messages that were read meet the condition")
    if report.truncated:
        notes.append(f"stopped after {limit} messages, there are more: raise {option}")
    elif empty and where is None and not report.failures:
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
