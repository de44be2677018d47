"""`mqadmin queryMsgByOffset`: the message at an offset of a queue."""

from __future__ import annotations

from typing import Annotated

from ...client.admin.message_results import FoundMessage, QueryReport, view
from ...common.errors import RocketMQError
from ..declare import Opt, command
from ..outcome import Outcome
from ..report import message_blocks, status
from ..run import Run
from ..values import charset, natural


@command(
    result=QueryReport, rows="messages.message", example="mqadmin queryMsgByOffset -t TopicTest -b broker-a -i 0 -o 100"
)
async def query_msg_by_offset(
    run: Run,
    topic: Annotated[str, Opt("-t", "--topic", help="topic name")],
    broker_name: Annotated[str, Opt("-b", "--brokerName", help="broker name")],
    queue_id: Annotated[int, Opt("-i", "--queueId", help="queue id", parse=natural)],
    offset: Annotated[int, Opt("-o", "--offset", help="queue offset", parse=natural)],
    body_format: Annotated[
        str | None, Opt("-f", "--bodyFormat", help="character set of the body (default UTF-8)", parse=charset)
    ] = None,
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
