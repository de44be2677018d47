"""`mqadmin updateTopicPerm`: change the permission of a topic and nothing else."""

from __future__ import annotations

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import Permission, TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateTopicPerm -c DefaultCluster -t TopicTest -p 4",
)
async def update_topic_perm(
    run: Run,
    topic: TopicName,
    perm: Permission,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
) -> Outcome:
    """With both -b and -c the broker alone is changed. A broker that does not hold the topic is an error."""
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.topics.update(
            topic,
            TopicSettings(perm=perm),
            broker_addr=broker_addr,
            cluster=cluster,
            plan=run.plan,
            must_exist=True,
        )
    return change_outcome(report, _describe, f"topic '{topic}' has permission {perm} already")


def _describe(change: Change) -> str:
    if change.kind == "orderConf":
        return f"set orderConf. orderConf=[{change.fields[0].after}], {change.target}"
    field = change.fields[0]
    return f"update topic perm from {field.before} to {field.after} in {change.target} success."
