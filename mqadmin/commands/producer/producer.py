"""`mqadmin producer`: the producers of every group that a broker sees."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.client import BrokerProducers
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import Broker
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(result=BrokerProducers, rows="producers", example="mqadmin producer -b 10.0.0.1:10911")
async def producer(run: Run, broker_addr: Annotated[Broker, "the broker to ask, HOST:PORT"]) -> Outcome:
    """A row for each connection. A producer is connected to the brokers that it has sent to."""
    async with run.admin() as admin:
        found = await admin.clients.producers_at(broker_addr)
    table = Table(["#Group", "#ClientId", "#ClientAddr", "#Language", "#Version", "#LastUpdate"], [])
    for p in found.producers:
        updated = human_time(p.last_update_timestamp)
        table.rows.append([p.group, p.client_id, p.client_addr, p.language, p.version, updated])
    return Outcome(
        data=found,
        blocks=[table],
        status="ok" if found.producers else "empty",
        notes=[] if found.producers else [f"no producer is connected to {broker_addr}"],
    )
