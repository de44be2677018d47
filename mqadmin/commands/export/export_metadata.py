"""`mqadmin exportMetadata`: the topics and groups of a broker or a cluster, to a file."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.client.admin.brokers.export import MetadataExport, metadata
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName, ExportFolder
from rocketmq_ops.mqadmin.render.export_file import EXPORT_FOLDER, export_file_outcome, save_export
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class ExportedMetadata(msgspec.Struct, rename="camel"):
    """The file and what it holds."""

    path: str
    export: MetadataExport


@command(
    result=ExportedMetadata,
    any_of=(("broker_addr", "cluster_name"),),
    example="mqadmin exportMetadata -c DefaultCluster -f ./export",
)
async def export_metadata(
    run: Run,
    cluster_name: ClusterName | None = None,
    broker_addr: BrokerAddress | None = None,
    file_path: ExportFolder = EXPORT_FOLDER,
    topic: Annotated[bool, Opt("-t", "--topic", help="topics alone, to topic.json")] = False,
    subscription_group: Annotated[
        bool, Opt("-g", "--subscriptionGroup", help="consumer groups alone, to subscriptionGroup.json")
    ] = False,
    special_topic: Annotated[bool, Opt("-s", "--specialTopic", help="with retry and dead-letter topics")] = False,
) -> Outcome:
    """Writes metadata.json, or with -t or -g topic.json or subscriptionGroup.json; the one before is kept as .bak.

    What users made is exported, not what brokers made for themselves. Each name is in the tables once, as the first
    broker has it, and `brokers` has the tables of each; Apache's command adds up the queues of all brokers.
    updateTopicList and updateSubGroupList take the file.
    """
    if topic and subscription_group:
        raise usage("give only one of -t or -g", "give neither for both topics and groups")
    async with run.admin() as admin:
        found = await metadata(
            admin,
            broker_addr=broker_addr,
            cluster=cluster_name,
            topics=not subscription_group,
            groups=not topic,
            special_topics=special_topic,
        )
    name = "topic.json" if topic else "subscriptionGroup.json" if subscription_group else "metadata.json"
    path = save_export(file_path, name, found)
    notes = []
    if found.differing:
        notes.append(f"not the same on all brokers, see `brokers` in the file: {', '.join(found.differing)}")
    return export_file_outcome(ExportedMetadata(path, found), path, found.failures, notes)
