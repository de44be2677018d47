"""`mqadmin checkMsgSendRT`: send messages to a topic, and show how long each takes."""

from __future__ import annotations

from rocketmq_ops.client.admin.messages.message_probe import SendProbe, probe
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.messages import Amount, BodySize
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.probe import probe_outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=SendProbe, rows="sends", changes=True, example="mqadmin checkMsgSendRT -t TopicTest -a 20")
async def check_msg_send_rt(
    run: Run,
    topic: TopicName,
    amount: Amount = 100,
    size: BodySize = 128,
) -> Outcome:
    """The messages are real: they go to the topic's queues in turn, and its consumers get them. At most 100000.

    The first send opens the connection and is left out of the average. Three failures in a row end it.
    """
    async with run.admin() as admin:
        found = await probe(admin, topic, amount, size, plan=run.plan)
    return probe_outcome(found)
