"""`mqadmin queryMsgById`: show messages by id, send them again, or hand them to one consumer."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.client import DirectResult
from rocketmq_ops.client.admin.messages.message_results import FoundMessage
from rocketmq_ops.client.admin.messages.message_send import SendReport, sent_again
from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.messages.bodies import viewer
from rocketmq_ops.mqadmin.options.brokers import LmqCluster
from rocketmq_ops.mqadmin.options.messages import BodyForm, BodyFormat, ClientId, Decode, MessageId
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import message_blocks, status
from rocketmq_ops.mqadmin.run import Run


class ByIdReport(msgspec.Struct, rename="camel"):
    """The messages, and with -s or -g what became of sending or handing them over."""

    messages: list[FoundMessage]
    failures: list[Failure] = []
    sent: list[SendReport] = []
    consumed: list[DirectResult] = []


@command(
    result=ByIdReport,
    rows="messages.message",
    changes=True,
    java="message",
    example="mqadmin queryMsgById -t TopicTest -i 7F0000...",
)
async def query_msg_by_id(
    run: Run,
    topic: TopicName,
    msg_id: MessageId,
    consumer_group: Annotated[ConsumerGroup | None, "hand it to this group (with -d)"] = None,
    client_id: ClientId | None = None,
    send_message: Annotated[bool | None, Opt("-s", "--sendMessage", help="send the message again")] = None,
    to_topic: Annotated[
        str | None, Opt("--toTopic", help="with -s: send it to this topic, as its producer did")
    ] = None,
    unit_name: Annotated[str | None, Opt("-u", "--unitName", help="unit name of the sending client")] = None,
    body_format: BodyFormat | None = None,
    cluster: LmqCluster | None = None,
    body: BodyForm = "text",
    decode: Decode | None = None,
) -> Outcome:
    """Takes offset message ids and unique keys. -g with -d has that consumer consume the message now; -s true sends it
    again to its topic, or to --toTopic, as a dead letter that goes back. With --plan neither is done. The body is
    printed; Apache's tool writes it to a file under /tmp.
    """
    if (consumer_group is None) != (client_id is None):
        raise usage("-g and -d go together", "give both to hand a message to a consumer, or neither")
    if to_topic is not None and not send_message:
        raise usage("--toTopic says where -s sends the message", "give -s true too")
    report = ByIdReport([])
    look = viewer(form=body, decode=decode, charset=body_format or "utf-8")
    errors: list[RocketMQError] = []
    async with run.admin() as admin:
        for one in filter(None, (part.strip() for part in msg_id.split(","))):
            try:
                message = await admin.messages.by_id(topic, one, cluster)
                await _act(run, admin, message, report, consumer_group, client_id, bool(send_message), to_topic)
                tracks = None
                if consumer_group is None and not send_message:
                    tracks = await _tracks(admin, message, report)
                report.messages.append(FoundMessage(look(message), tracks))
            except RocketMQError as error:
                errors.append(error)
                report.failures.append(admin.failure_of(one, error))
    if errors and not report.messages:
        raise errors[0]
    return _outcome(run, report, bool(send_message) or consumer_group is not None, unit_name)


async def _act(
    run: Run,
    admin: MQAdmin,
    message: MessageExt,
    report: ByIdReport,
    group: str | None,
    client_id: str | None,
    send: bool,
    to_topic: str | None,
) -> None:
    if run.plan:
        return
    if group is not None and client_id is not None:
        holder = format_address(*message.store_host)
        report.consumed.append(
            await admin.clients.consume_directly(message.topic, group, client_id, message.offset_msg_id, holder)
        )
    elif send:
        report.sent.append(await admin.messages.send(sent_again(message, to_topic)))


async def _tracks(admin: MQAdmin, message: MessageExt, report: ByIdReport) -> list[Any] | None:
    try:
        return await admin.messages.track(message)
    except RocketMQError as error:
        report.failures.append(admin.failure_of("message track", error))
        return None


def _outcome(run: Run, report: ByIdReport, acts: bool, unit_name: str | None) -> Outcome:
    blocks: list[Table | str] = []
    for found in report.messages:
        blocks += message_blocks(found)
    for sent in report.sent:
        ids = f"msgId={sent.msg_id}, offsetMsgId={sent.offset_msg_id}"
        blocks.append(f"SendResult [sendStatus={sent.send_status}, {ids}]")
    blocks += [f"ConsumeMessageDirectlyResult {msgspec.json.encode(c).decode()}" for c in report.consumed]
    notes = [f"-u {unit_name} has no effect: this sends without a client of its own"] if unit_name else []
    plan = run.plan and acts
    for found in report.messages if plan else []:
        notes.append(f"would act on message {found.message.offset_msg_id}")
    outcome = status(report.failures)
    return Outcome(
        data=report,
        blocks=blocks,
        status="planned" if plan and outcome == "ok" else outcome,
        errors=list(report.failures),
        notes=notes,
    )
