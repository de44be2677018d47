"""`mqadmin remappingStaticTopic`: move the logical queues of a static topic to other brokers."""

from __future__ import annotations

from rocketmq_ops.client.admin.topics import static_topic
from rocketmq_ops.client.admin.topics.static_topic import StaticTopicReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.files.static_files import MappingFiles, read_mapping
from rocketmq_ops.mqadmin.options.brokers import Brokers, Clusters, ForceReplace, MapFile
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.static_topic import static_topic_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=StaticTopicReport,
    rows="changes",
    one_of=(("clusters", "brokers"),),
    changes=True,
    dangerous=("topic",),
    example="mqadmin remappingStaticTopic -b broker-a,broker-b -t TopicStatic --plan",
)
async def remapping_static_topic(
    run: Run,
    topic: TopicName,
    clusters: Clusters | None = None,
    brokers: Brokers | None = None,
    map_file: MapFile | None = None,
    force_replace: ForceReplace | None = None,
) -> Outcome:
    """All logical queues are led by these brokers afterwards, evenly and with as few moves as that allows.

    A moved queue goes on on its new broker at a later offset, and what is stored stays readable on the old one. The
    mappings before and after are saved to files. With -mf such a file is applied as it is (Apache's command takes the
    option and does not read it); -c or -b are then not looked at. Each broker is read back.
    """
    async with run.admin() as admin:
        report = await static_topic.remap(
            admin,
            topic,
            brokers=brokers,
            clusters=clusters,
            saved=None if map_file is None else read_mapping(map_file, topic),
            store=MappingFiles(),
            force=bool(force_replace),
            plan=run.plan,
        )
    return static_topic_outcome(report, f"these brokers lead all queues of static topic '{topic}' already")
