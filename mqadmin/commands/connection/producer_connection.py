"""`mqadmin producerConnection`: the online producers of a group."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.client import ProducerConnections
from rocketmq_ops.mqadmin.commands.connection.consumer_connection import shared_id_notes
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.topics import ProducerGroup, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ProducerConnections,
    rows="connections",
    java="connection",
    example="mqadmin producerConnection -g my_group -t TopicTest",
)
async def producer_connection(
    run: Run,
    producer_group: ProducerGroup,
    topic: Annotated[TopicName, "topic whose brokers are asked"],
) -> Outcome:
    """All brokers of the topic are asked, and each client is listed once. No client online: exit code 4."""
    async with run.admin() as admin:
        found = await admin.clients.producers(producer_group, topic)
    table = Table(["#", "#ClientId", "#ClientAddr", "#Language", "#Version"], [])
    for number, client in enumerate(found.connections, 1):
        table.rows.append([f"{number:04d}", client.client_id, client.client_addr, client.language, client.version])
    return Outcome(
        data=found,
        blocks=[table.widen(found.connections, "brokers", "addresses")],
        status=status(found.failures),
        errors=list(found.failures),
        notes=shared_id_notes(found.connections),
    )
