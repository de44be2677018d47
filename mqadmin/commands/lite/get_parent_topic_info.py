"""`mqadmin getParentTopicInfo`: a topic of the type LITE on its brokers."""

from __future__ import annotations

from rocketmq_ops.client.admin.lite import ParentTopicReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.lite import ParentTopic
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(result=ParentTopicReport, rows="brokers", example="mqadmin getParentTopicInfo -p lite_parent")
async def get_parent_topic_info(run: Run, parent_topic: ParentTopic) -> Outcome:
    """#TTL: minutes until a lite topic without new messages expires, -1 for never. #LMQ NUM: of all topics."""
    async with run.admin() as admin:
        found = await admin.lite.parent(parent_topic)
    rows: list[list[Cell]] = [
        [b.broker_name, b.ttl_minutes, b.lite_topics, b.lmqs, ",".join(b.groups)] for b in found.brokers
    ]
    table = Table(["#Broker Name", "#TTL", "#Lite Count", "#LMQ NUM", "#GROUPS"], rows)
    return Outcome(
        data=found,
        blocks=[f"Parent Topic Info: [{parent_topic}]", table],
        status=status(found.failures),
        errors=list(found.failures),
    )
