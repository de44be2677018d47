"""`mqadmin queryMsgByUniqueKey`: find a message by the unique key its client gave it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.client import DirectResult
from rocketmq_ops.client.admin.messages.message_results import FoundMessage
from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import NOT_THERE, not_found, require_order, usage
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import LmqCluster
from rocketmq_ops.mqadmin.options.messages import BodyForm, ClientId, Decode, MessageId
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import message_blocks, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import timestamp


class UniqueKeyReport(msgspec.Struct, rename="camel"):
    """The messages with this key, by store time, and with -g what the consumer answered."""

    messages: list[FoundMessage]
    failures: list[Failure] = []
    consumed: list[DirectResult] = []


@command(
    result=UniqueKeyReport,
    rows="messages.message",
    changes=True,
    java="message",
    example="mqadmin queryMsgByUniqueKey -t TopicTest -i FD00...",
)
async def query_msg_by_unique_key(
    run: Run,
    msg_id: Annotated[MessageId, "unique key of the message"],
    topic: TopicName,
    consumer_group: Annotated[ConsumerGroup | None, "hand it to this group (with -d)"] = None,
    client_id: ClientId | None = None,
    show_all: Annotated[bool, Opt("-a", "--showAll", help="show all messages with this key, at most 32")] = False,
    cluster: LmqCluster | None = None,
    start_time: Annotated[
        int,
        Opt("-s", "--startTime", help="stored at this time or later (default 0)", parse=timestamp, metavar="TIME"),
    ] = 0,
    end_time: Annotated[
        int,
        Opt("-e", "--endTime", help="stored at this time or before (default: any)", parse=timestamp, metavar="TIME"),
    ] = LONG_MAX,
    body: BodyForm = "text",
    decode: Decode | None = None,
) -> Outcome:
    """Without -a the first one stored is shown; retries of a message have its key too. No message: exit code 4.

    Apache's tool of 5.4 and later looks back 36 hours where no time is given.
    """
    require_order(start_time, end_time, "-s")
    if (consumer_group is None) != (client_id is None):
        raise usage("-g and -d go together", "give both to hand a message to a consumer, or neither")
    report = UniqueKeyReport([])
    look = viewer(form=body, decode=decode)
    async with run.admin() as admin:
        found = await admin.messages.by_unique_key(topic, msg_id, cluster, begin=start_time, end=end_time)
        if not found:
            raise not_found(f"no message with unique key '{msg_id}' in topic '{topic}'", f"check both; {NOT_THERE}")
        shown = found if show_all else found[:1]
        for message in shown:
            tracks = None
            if consumer_group is not None and client_id is not None:
                if not run.plan:
                    holder = format_address(*message.store_host)
                    report.consumed.append(
                        await admin.clients.consume_directly(
                            message.topic, consumer_group, client_id, message.offset_msg_id, holder
                        )
                    )
            else:
                try:
                    tracks = await admin.messages.track(message)
                except RocketMQError as error:
                    report.failures.append(admin.failure_of("message track", error))
            report.messages.append(FoundMessage(look(message), tracks))
    blocks: list[Table | str] = [block for item in report.messages for block in message_blocks(item)]
    blocks += [f"ConsumeMessageDirectlyResult {msgspec.json.encode(c).decode()}" for c in report.consumed]
    notes = [] if show_all or len(found) == 1 else [f"{len(found)} messages have this key; -a shows them all"]
    planned = run.plan and consumer_group is not None
    outcome = status(report.failures)
    return Outcome(
        data=report,
        blocks=blocks,
        status="planned" if planned and outcome == "ok" else outcome,
        errors=list(report.failures),
        notes=notes,
    )
