"""`mqadmin topicList`: all topics."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.topics.topic_listing import TopicListing
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(result=TopicListing, rows="topics", java="topic", example="mqadmin topicList -c")
async def topic_list(
    run: Run,
    cluster_model: Annotated[bool, Opt("-c", "--clusterModel", help="with each topic's clusters and groups")] = False,
) -> Outcome:
    """With -c retry and dead-letter topics are left out, and every broker of every topic is asked, some at a time."""
    async with run.admin() as admin:
        found = await admin.topics.listing(detailed=cluster_model)
    blocks: list[Table | str] = [entry.topic for entry in found.topics]
    if cluster_model:
        table = Table(["#Cluster Name", "#Topic", "#Consumer Group"], [])
        for entry in found.topics:
            clusters = None if entry.clusters is None else ",".join(entry.clusters)
            groups: list[str | None] = [None] if entry.groups is None else [*entry.groups] or [""]
            table.rows += [[clusters, entry.topic, group] for group in groups]
        blocks = [table]
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures, empty=not found.topics),
        errors=list(found.failures),
        notes=[] if found.topics else ["the name server knows no topic: no broker has registered"],
    )
