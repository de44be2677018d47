"""`mqadmin getLiteClientInfo`: the lite topics that a client subscribes to."""

from __future__ import annotations

from rocketmq_ops.client.admin.lite import LiteClientReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.lite import DetailS, LiteClientId, ParentTopic
from rocketmq_ops.mqadmin.options.topics import Group
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(
    result=LiteClientReport,
    rows="brokers",
    example="mqadmin getLiteClientInfo -p lite_parent -g lite_group -c 10.0.0.9@7#1",
)
async def get_lite_client_info(
    run: Run,
    parent_topic: ParentTopic,
    group: Group,
    client_id: LiteClientId,
    show_detail: DetailS = False,
) -> Outcome:
    """N/A where a broker does not know the client. The JSON has the lite topics in any case, the table with -s."""
    async with run.admin() as admin:
        found = await admin.lite.client(parent_topic, group, client_id)
    columns = ["#Broker", "#LiteTopicCount", "#LastAccessTime", "#LastConsumeTime"]
    rows = [
        [
            b.broker_name,
            "N/A" if b.lite_topic_count is None else b.lite_topic_count,
            "N/A" if b.last_access_timestamp is None else human_time(b.last_access_timestamp),
            "N/A" if b.last_consume_timestamp is None else human_time(b.last_consume_timestamp),
        ]
        for b in found.brokers
    ]
    blocks: list[Table | str] = [
        f"Lite Client Info: [{parent_topic}] [{group}] [{client_id}]",
        Table(columns, [list(row) for row in rows]),
    ]
    if show_detail:
        blocks += [f"{b.broker_name}: {', '.join(b.lite_topics) or 'no lite topics'}" for b in found.brokers]
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures, empty=all(b.lite_topic_count is None for b in found.brokers)),
        errors=list(found.failures),
    )
