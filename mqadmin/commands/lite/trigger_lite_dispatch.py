"""`mqadmin triggerLiteDispatch`: have brokers look again for messages that a group of lite topics is due."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.lite import DispatchReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.options.lite import LiteClientId, ParentTopic
from rocketmq_ops.mqadmin.options.topics import Group
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(result=DispatchReport, changes=True, example="mqadmin triggerLiteDispatch -p lite_parent -g lite_group")
async def trigger_lite_dispatch(
    run: Run,
    parent_topic: ParentTopic,
    group: Group,
    client_id: Annotated[LiteClientId | None, "only this client of the group"] = None,
    broker_name: Annotated[BrokerName | None, "only this broker"] = None,
) -> Outcome:
    """For a client that waits though its lite topics have messages. No offset moves, and nothing can be read back."""
    async with run.admin() as admin:
        report = await admin.lite.dispatch(parent_topic, group, client_id, broker_name, plan=run.plan)
    word = "would dispatch" if report.planned else "dispatched"
    rows: list[list[Cell]] = [[name, word] for name in report.brokers]
    rows += [[failure.target, "error"] for failure in report.failures]
    head = f"Group And Topic Info: [{group}] [{parent_topic}]"
    return Outcome(
        data=report,
        blocks=[head, Table(["#Broker", "#State"], rows, ours=["#State"])],
        status="planned" if report.planned else status(report.failures),
        errors=list(report.failures),
    )
