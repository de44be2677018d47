"""`mqadmin consumeMessage`: read messages without moving any group's offsets."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.messages.message_results import ScanReport, ScanRequest
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.topics import TOOLS_CONSUMER_GROUP
from rocketmq_ops.mqadmin.commands.message.print_msg import scan_outcome, scanned
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import require_order, usage
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.options.messages import BodyForm, Decode, EndTimestamp, QueueId, QueueOffset, ScanFrom, Where
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import positive

DEFAULT_COUNT = 128


@command(result=ScanReport, rows="messages", example="mqadmin consumeMessage -t TopicTest -c 10")
async def consume_message(
    run: Run,
    topic: TopicName,
    broker_name: Annotated[BrokerName | None, "only from this broker"] = None,
    queue_id: Annotated[QueueId | None, "only this queue (with -b)"] = None,
    offset: Annotated[QueueOffset | None, "from this offset (with -i)"] = None,
    consumer_group: Annotated[ConsumerGroup | None, "read as this group; its offsets do not move"] = None,
    begin_timestamp: ScanFrom | None = None,
    end_timestamp: EndTimestamp | None = None,
    message_number: Annotated[
        int, Opt("-c", "--MessageNumber", help=f"most messages to show (default {DEFAULT_COUNT})", parse=positive)
    ] = DEFAULT_COUNT,
    body: BodyForm = "text",
    decode: Decode | None = None,
    where: Where | None = None,
) -> Outcome:
    """The oldest messages, queue by queue, until the number is reached; with --where (see printMsg) it counts what is
    read."""
    if queue_id is not None and broker_name is None:
        raise usage("-i needs -b", "name the broker that holds the queue")
    if offset is not None and queue_id is None:
        raise usage("-o needs -b and -i", "name the queue to read from")
    now = now_ms()
    for name, value in (("-s", begin_timestamp), ("-e", end_timestamp)):
        if value is not None and value > now:
            raise usage(f"{name} is in the future", "give a time before now")
    require_order(begin_timestamp, end_timestamp, "-s")
    wanted = ScanRequest(
        topic=topic,
        limit=message_number,
        group=consumer_group or TOOLS_CONSUMER_GROUP,
        begin_timestamp=begin_timestamp,
        end_timestamp=end_timestamp,
        broker_name=broker_name,
        queue_id=queue_id,
        begin_offset=offset,
    )
    report = await scanned(run, wanted, viewer(form=body, decode=decode), where)
    return scan_outcome(report, message_number, "-c", where)
