"""`mqadmin queryMsgByOffset`: the message at an offset of a queue."""

from __future__ import annotations

from ...client.admin.message_results import FoundMessage, QueryReport, view
from ...common.errors import RocketMQError
from ..declare import command
from ..options import BodyFormat, BrokerName, QueueId, QueueOffset, TopicName
from ..outcome import Outcome
from ..report import message_blocks, status
from ..run import Run


@command(
    result=QueryReport, rows="messages.message", example="mqadmin queryMsgByOffset -t TopicTest -b broker-a -i 0 -o 100"
)
async def query_msg_by_offset(
    run: Run,
    topic: TopicName,
    broker_name: BrokerName,
    queue_id: QueueId,
    offset: QueueOffset,
    body_format: BodyFormat | None = None,
) -> Outcome:
    """No message at that offset: exit code 4, with the offsets that the queue has."""
    async with run.admin() as admin:
        message = await admin.messages.at(topic, broker_name, queue_id, offset)
        report = QueryReport([FoundMessage(view(message, charset=body_format or "utf-8"))])
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
