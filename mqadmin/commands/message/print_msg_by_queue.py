"""`mqadmin printMsgByQueue`: print the messages of one queue, or count them by tag."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.messages.message_results import MessageView, QueueScan, ScanRequest
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.mqadmin.commands.message.print_msg import scan_outcome, scanned
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import require_order
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import BrokerNameA
from rocketmq_ops.mqadmin.options.messages import (
    DEFAULT_LIMIT,
    BeginTimestamp,
    BodyForm,
    CharsetName,
    Decode,
    EndTimestamp,
    Limit,
    PrintBody,
    QueueId,
    SubExpression,
    Where,
)
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class TagCount(msgspec.Struct, rename="camel"):
    """How many messages have a tag; None stands for those without one."""

    tag: str | None
    count: int


class QueueMessages(msgspec.Struct, rename="camel"):
    """The messages of a queue. `tags`, the most frequent first, is None when they were not counted."""

    queues: list[QueueScan]
    messages: list[MessageView]
    tags: list[TagCount] | None
    truncated: bool = False
    failures: list[Failure] = []


@command(
    result=QueueMessages,
    rows="messages",
    example="mqadmin printMsgByQueue -t TopicTest -a broker-a -i 0 -p true -d true",
)
async def print_msg_by_queue(
    run: Run,
    topic: TopicName,
    broker_name: BrokerNameA,
    queue_id: QueueId,
    charset_name: CharsetName = "utf-8",
    sub_expression: SubExpression = "*",
    begin_timestamp: BeginTimestamp | None = None,
    end_timestamp: EndTimestamp | None = None,
    print_msg: Annotated[
        bool | None, Opt("-p", "--print msg", help="whether to print messages (default true, with -f true false)")
    ] = None,
    print_body: Annotated[PrintBody, "whether to print bodies (default false)"] = None,
    calculate: Annotated[bool | None, Opt("-f", "--calculate", help="whether to count messages by tag")] = None,
    limit: Annotated[Limit, f"print at most this many messages (default {DEFAULT_LIMIT})"] = DEFAULT_LIMIT,
    body: Annotated[BodyForm, "show bodies as text, json (on one line), hex or base64 (with -d true)"] = "text",
    decode: Decode | None = None,
    where: Where | None = None,
) -> Outcome:
    """Messages that are only counted are not kept, so the count is of the whole queue or time. Ones without a tag
    count too. A note says when printing stopped at the limit; in JSON, `truncated`. With --where (see printMsg) only
    messages that meet it are printed and counted, and --limit counts what is read.
    """
    require_order(begin_timestamp, end_timestamp, "-b")
    shown = print_msg if print_msg is not None else not calculate
    counts: Counter[str | None] = Counter()
    look = viewer(form=body, decode=decode, charset=charset_name, with_body=bool(print_body))

    def keep(message: MessageExt) -> MessageView | None:
        counts[message.tags] += 1
        return look(message) if shown else None

    wanted = ScanRequest(
        topic=topic,
        limit=limit if shown else LONG_MAX,
        expression=sub_expression,
        begin_timestamp=begin_timestamp,
        end_timestamp=end_timestamp,
        broker_name=broker_name,
        queue_id=queue_id,
    )
    report = await scanned(run, wanted, keep, where)
    outcome = scan_outcome(report, limit, "--limit", where if shown else None)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] is None, item[0] or ""))
    tags = [TagCount(tag, count) for tag, count in ordered] if calculate else None
    outcome.data = QueueMessages(report.queues, report.messages, tags, report.truncated, report.failures)
    outcome.blocks = [*outcome.blocks, *(f"Tag: {tag or '(none)':<30} Count: {n}" for tag, n in ordered if calculate)]
    return outcome
