"""`mqadmin sendMsgStatus`: send messages to the topic of a broker's own name, and show each answer."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.messages.message_probe import SendProbe, probe_broker
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.options.messages import Count
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.probe import probe_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import positive


@command(result=SendProbe, rows="sends", changes=True, example="mqadmin sendMsgStatus -b broker-a -c 10")
async def send_msg_status(
    run: Run,
    broker_name: BrokerName,
    message_size: Annotated[
        int, Opt("-s", "--messageSize", help="bytes of each body (default 128)", parse=positive)
    ] = 128,
    count: Annotated[Count, "number of messages (default 50)"] = 50,
) -> Outcome:
    """Each broker has a topic of its own name; the messages stay there until they expire. At most 100000.

    The first send opens the connection and is left out of the average. Three failures in a row end it.
    """
    async with run.admin() as admin:
        found = await probe_broker(admin, broker_name, count, message_size, plan=run.plan)
    return probe_outcome(found)
