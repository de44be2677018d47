"""`mqadmin topicClusterList`: the clusters that hold a topic."""

from __future__ import annotations

from rocketmq_ops.client.admin.topics.topic_listing import TopicClusters
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=TopicClusters, rows="clusters", example="mqadmin topicClusterList -t TopicTest")
async def topic_cluster_list(run: Run, topic: TopicName) -> Outcome:
    """One cluster a line."""
    async with run.admin() as admin:
        found = await admin.topics.clusters(topic)
    return Outcome(data=found, blocks=list(found.clusters))
