"""`mqadmin getLiteTopicInfo`: a lite topic on the brokers of its parent."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.lite import LiteTopicReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.lite import LiteTopic, ParentTopic
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time


@command(result=LiteTopicReport, rows="brokers", example="mqadmin getLiteTopicInfo -p lite_parent -l session-1")
async def get_lite_topic_info(
    run: Run,
    parent_topic: ParentTopic,
    lite_topic: LiteTopic,
    show_client_id: Annotated[bool, Opt("-s", "--showClientId", help="show who subscribes")] = False,
) -> Outcome:
    """#Sharding: whether the topic belongs on this broker. The JSON has the subscribers in any case."""
    async with run.admin() as admin:
        found = await admin.lite.topic(parent_topic, lite_topic)
    columns = ["#Broker Name", "#MinOffset", "#MaxOffset", "#LastUpdate", "#Sharding", "#SubClientCount"]
    rows = [
        [
            b.broker_name,
            b.min_offset,
            b.max_offset,
            "-" if b.last_update_timestamp is None else human_time(b.last_update_timestamp),
            b.sharding,
            len(b.subscribers),
        ]
        for b in found.brokers
    ]
    head = f"Lite Topic Info: [{parent_topic}] [{lite_topic}] [{found.queue_topic}]"
    blocks: list[Table | str] = [head, Table(columns, [list(row) for row in rows])]
    if show_client_id:
        for b in found.brokers:
            who = ", ".join(f"{each.client_id}@{each.group}" for each in b.subscribers)
            blocks.append(f"{b.broker_name}: {who or 'nobody subscribes'}")
    return Outcome(data=found, blocks=blocks, status=status(found.failures), errors=list(found.failures))
