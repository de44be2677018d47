"""`mqadmin consumeMessage`: read messages without moving any group's offsets."""

from __future__ import annotations

import time
from typing import Annotated

from ...client.admin.message_results import ScanReport, ScanRequest, view
from ...common.topics import TOOLS_CONSUMER_GROUP
from ..declare import Opt, command
from ..errors import usage
from ..outcome import Outcome
from ..run import Run
from ..values import natural, positive, timestamp
from .print_msg import scan_outcome

DEFAULT_COUNT = 128


@command(result=ScanReport, rows="messages", example="mqadmin consumeMessage -t TopicTest -c 10")
async def consume_message(
    run: Run,
    topic: Annotated[str, Opt("-t", "--topic", help="topic name")],
    broker_name: Annotated[str | None, Opt("-b", "--brokerName", help="only from this broker")] = None,
    queue_id: Annotated[int | None, Opt("-i", "--queueId", help="only this queue (with -b)", parse=natural)] = None,
    offset: Annotated[int | None, Opt("-o", "--offset", help="from this offset (with -i)", parse=natural)] = None,
    consumer_group: Annotated[
        str | None, Opt("-g", "--consumerGroup", help="read as this group; its offsets do not move")
    ] = None,
    begin_timestamp: Annotated[
        int | None,
        Opt("-s", "--beginTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
    ] = None,
    end_timestamp: Annotated[
        int | None,
        Opt("-e", "--endTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
    ] = None,
    message_number: Annotated[
        int, Opt("-c", "--MessageNumber", help=f"at most so many (default {DEFAULT_COUNT})", parse=positive)
    ] = DEFAULT_COUNT,
) -> Outcome:
    """The oldest messages, queue by queue, until the number is reached."""
    if queue_id is not None and broker_name is None:
        raise usage("-i needs -b", "name the broker that holds the queue")
    if offset is not None and queue_id is None:
        raise usage("-o needs -b and -i", "name the queue to read from")
    now = int(time.time() * 1000)
    for name, value in (("-s", begin_timestamp), ("-e", end_timestamp)):
        if value is not None and value > now:
            raise usage(f"{name} is in the future", "give a time before now")
    if begin_timestamp is not None and end_timestamp is not None and begin_timestamp > end_timestamp:
        raise usage("-s is after -e", "give a begin that is not after the end")
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
    async with run.admin() as admin:
        report = await admin.messages.scan(wanted, view)
    return scan_outcome(report, message_number, "-c")
