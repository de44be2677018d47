"""`mqadmin topicClusterList`: the clusters that hold a topic."""

from __future__ import annotations

from ...client.admin.topic import TopicClusters
from ..declare import command
from ..options import TopicName
from ..outcome import Outcome
from ..run import Run


@command(result=TopicClusters, rows="clusters", example="mqadmin topicClusterList -t TopicTest")
async def topic_cluster_list(run: Run, topic: TopicName) -> Outcome:
    """One cluster a line."""
    async with run.admin() as admin:
        found = await admin.topics.clusters(topic)
    return Outcome(data=found, blocks=list(found.clusters))
