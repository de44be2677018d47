"""`mqadmin deleteTopic`: delete a topic from one cluster."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import ClusterName
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    dangerous=("topic",),
    example="mqadmin deleteTopic -c DefaultCluster -t TopicTest --plan",
)
async def delete_topic(
    run: Run,
    topic: TopicName,
    cluster_name: Annotated[ClusterName, "the cluster to delete it from"],
) -> Outcome:
    """Only the named cluster: a topic of the same name in another cluster keeps its route and its order configuration.

    Its messages are gone with it. Deleting a topic that is not there is reported as having no effect.
    """
    async with run.admin() as admin:
        report = await admin.topics.delete(topic, cluster_name, plan=run.plan)
    nothing = f"there is no topic '{topic}' in cluster '{cluster_name}', nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    where = {"topic": "from broker", "route": "from name server"}.get(change.kind, "in name server")
    return f"{change.action} {change.kind} [{change.name}] {where} [{change.target}] success."
