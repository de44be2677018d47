"""`mqadmin sendMessage`: send one message."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.message_send import SendReport, SendRequest
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import next_step_of, usage
from rocketmq_ops.mqadmin.options import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import natural


@command(result=SendReport, example="mqadmin sendMessage -t TopicTest -p 'hello' -k key-1 -c TagA")
async def send_message(
    run: Run,
    topic: TopicName,
    body: Annotated[str, Opt("-p", "--body", help="body, sent as UTF-8")],
    key: Annotated[str | None, Opt("-k", "--key", help="keys, separated by blanks")] = None,
    tags: Annotated[str | None, Opt("-c", "--tags", help="tag")] = None,
    broker: Annotated[str | None, Opt("-b", "--broker", help="name of the broker to send to")] = None,
    qid: Annotated[int | None, Opt("-i", "--qid", help="queue to send to (with -b)", parse=natural)] = None,
    msg_trace_enable: Annotated[bool | None, Opt("-m", "--msgTraceEnable", help="send a message trace too")] = None,
) -> Outcome:
    """A topic that does not exist is created by the broker where autoCreateTopicEnable allows it."""
    if qid is not None and broker is None:
        raise usage("-i needs -b", "name the broker that holds the queue")
    wanted = SendRequest(topic=topic, body=body.encode(), keys=key, tags=tags, broker_name=broker, queue_id=qid)
    async with run.admin() as admin:
        sent = await admin.messages.send(wanted)
        problems = []
        if msg_trace_enable:
            try:
                await admin.messages.send_trace(wanted, sent)
            except RocketMQError as error:
                problems.append(
                    Failure("trace", f"the message is stored, but its trace is not: {error.cause}", next_step_of(error))
                )
    row: list[Cell] = [sent.broker_name, sent.queue_id, sent.send_status, sent.msg_id]
    table = Table(["#Broker Name", "#QID", "#Send Result", "#MsgId"], [row])
    if sent.send_status != "SEND_OK":
        cause = f"the message is stored, but with {sent.send_status}: less safely than the broker is configured for"
        problems.append(Failure(sent.broker_addr, cause, "check the broker's disk and its slaves"))
    return Outcome(data=sent, blocks=[table], errors=problems, status="partial" if problems else "ok")
