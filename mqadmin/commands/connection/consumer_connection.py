"""`mqadmin consumerConnection`: the online consumers of a group."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.client import ClientConnection, ConsumerConnections, shared_ids
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress
from rocketmq_ops.mqadmin.options.topics import ConsumerGroup
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ConsumerConnections, rows="connections", java="connection", example="mqadmin consumerConnection -g my_group"
)
async def consumer_connection(
    run: Run,
    consumer_group: ConsumerGroup,
    broker_addr: Annotated[BrokerAddress | None, "ask only this broker, HOST:PORT"] = None,
) -> Outcome:
    """All brokers are asked, and each client is listed once. No client online: exit code 4."""
    async with run.admin() as admin:
        found = await admin.clients.consumers(consumer_group, broker_addr)
    clients = Table(["#ClientId", "#ClientAddr", "#Language", "#Version"], [])
    clients.rows = [[c.client_id, c.client_addr, c.language, c.version] for c in found.connections]
    clients.widen(found.connections, "brokers", "addresses")
    subscriptions = Table(["#Topic", "#SubExpression"], [[s.topic, s.sub_string] for s in found.subscriptions])
    subscriptions.widen(found.subscriptions, "expression_type")
    return Outcome(
        data=found,
        blocks=[
            clients,
            "",
            "Below is subscription:",
            subscriptions,
            "",
            f"ConsumeType: {found.consume_type or 'unknown'}",
            f"MessageModel: {found.message_model or 'unknown'}",
            f"ConsumeFromWhere: {found.consume_from_where or 'unknown'}",
        ],
        status=status(found.failures),
        errors=list(found.failures),
        notes=shared_id_notes(found.connections),
    )


def shared_id_notes(connections: list[ClientConnection]) -> list[str]:
    """A word on each id that several clients have, of this command and of producerConnection."""
    return [
        f"{count} clients have the id {client_id}: give each its own instance name, or consumers of it get the same "
        "queues and leave others unread"
        for client_id, count in shared_ids(connections).items()
    ]
