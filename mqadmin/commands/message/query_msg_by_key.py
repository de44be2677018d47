"""`mqadmin queryMsgByKey`: find messages of a topic by key."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.message import LONG_MAX
from rocketmq_ops.client.admin.message_results import FoundMessage, QueryReport, view
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import NOT_THERE, not_found, require_order
from rocketmq_ops.mqadmin.options import BeginTimestamp, EndTimestamp, LmqCluster, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import positive


@command(result=QueryReport, rows="messages.message", example="mqadmin queryMsgByKey -t TopicTest -k order-1")
async def query_msg_by_key(
    run: Run,
    topic: TopicName,
    msg_key: Annotated[str, Opt("-k", "--msgKey", help="message key")],
    begin_timestamp: Annotated[BeginTimestamp, "stored at this time or later (default 0)"] = 0,
    end_timestamp: Annotated[EndTimestamp, "stored at this time or before (default: any)"] = LONG_MAX,
    max_num: Annotated[
        int, Opt("-m", "--maxNum", help="most messages to fetch from each broker (default 64)", parse=positive)
    ] = 64,
    cluster: LmqCluster | None = None,
) -> Outcome:
    """Only messages whose key is exactly this one; the broker's index knows hashes. No message: exit code 4."""
    require_order(begin_timestamp, end_timestamp, "-b")
    async with run.admin() as admin:
        found, failures = await admin.messages.query(
            topic, msg_key, begin=begin_timestamp, end=end_timestamp, max_num=max_num, cluster=cluster
        )
    if not found and not failures:
        raise not_found(
            f"no message with key '{msg_key}' in topic '{topic}'", f"check key, topic and times; {NOT_THERE}"
        )
    report = QueryReport([FoundMessage(view(message)) for message in found], failures)
    table = Table(["#Message ID", "#QID", "#Offset"], [[m.msg_id, m.queue_id, m.queue_offset] for m in found])
    return Outcome(data=report, blocks=[table], status=status(failures), errors=list(failures))
