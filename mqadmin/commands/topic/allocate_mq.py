"""`mqadmin allocateMQ`: how a topic's queues are shared out among clients."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.topics.queue_allocation import QueueAllocation
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import names


@command(result=QueueAllocation, rows="clients", example="mqadmin allocateMQ -t TopicTest -i 10.0.0.1,10.0.0.2")
async def allocate_mq(
    run: Run,
    topic: TopicName,
    ip_list: Annotated[
        list[str], Opt("-i", "--ipList", help="client ids or addresses, separated by ','", parse=names, metavar="A,B")
    ],
) -> Outcome:
    """As clients with the strategy AllocateMessageQueueAveragely share them, which sort clients and queues first."""
    async with run.admin() as admin:
        found = await admin.topics.allocate(topic, ip_list)
    table = Table(["#Client", "#Broker Name", "#QID"], [])
    for client in found.clients:
        table.rows += [[client.client, queue.broker_name, queue.queue_id] for queue in client.queues]
    idle = [client.client for client in found.clients if not client.queues]
    total = sum(len(client.queues) for client in found.clients)
    notes = [f"{', '.join(idle)} gets no queue: the topic has {total} for {len(found.clients)} clients"] if idle else []
    return Outcome(data=found, blocks=[table], notes=notes)
