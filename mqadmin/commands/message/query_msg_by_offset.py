"""`mqadmin queryMsgByOffset`: the message at an offset of a queue."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.messages.message_results import FoundMessage, QueryReport
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.options.messages import BodyForm, BodyFormat, Decode, QueueId, QueueOffset
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import message_blocks, status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=QueryReport,
    rows="messages.message",
    java="message",
    example="mqadmin queryMsgByOffset -t TopicTest -b broker-a -i 0 -o 100",
)
async def query_msg_by_offset(
    run: Run,
    topic: TopicName,
    broker_name: BrokerName,
    queue_id: QueueId,
    offset: QueueOffset,
    body_format: BodyFormat | None = None,
    route_topic: Annotated[
        str | None, Opt("-r", "--routeTopic", help="topic in whose route the broker is, for one without a route")
    ] = None,
    body: BodyForm = "text",
    decode: Decode | None = None,
) -> Outcome:
    """No message at that offset: exit code 4, with the offsets that the queue has."""
    look = viewer(form=body, decode=decode, charset=body_format or "utf-8")
    async with run.admin() as admin:
        message = await admin.messages.at(topic, broker_name, queue_id, offset, route_topic)
        report = QueryReport([FoundMessage(look(message))])
        try:
            report.messages[0].tracks = await admin.messages.track(message)
        except RocketMQError as error:
            report.failures.append(admin.failure_of("message track", error))
    return Outcome(
        data=report,
        blocks=message_blocks(report.messages[0]),
        status=status(report.failures),
        errors=list(report.failures),
    )
