"""`mqadmin updateStaticTopic`: create a static topic, or give it more logical queues."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.topics import static_topic
from rocketmq_ops.client.admin.topics.static_topic import StaticTopicReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.files.static_files import MappingFiles, read_mapping
from rocketmq_ops.mqadmin.options.brokers import Brokers, Clusters, ForceReplace, MapFile
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.static_topic import static_topic_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import positive


@command(
    result=StaticTopicReport,
    rows="changes",
    one_of=(("clusters", "brokers"),),
    changes=True,
    dangerous=("topic",),
    example="mqadmin updateStaticTopic -c DefaultCluster -t TopicStatic -qn 8 --plan",
)
async def update_static_topic(
    run: Run,
    topic: TopicName,
    total_queue_num: Annotated[
        int, Opt("-qn", "--totalQueueNum", help="number of logical queues of the topic", parse=positive)
    ],
    clusters: Clusters | None = None,
    brokers: Brokers | None = None,
    map_file: MapFile | None = None,
    force_replace: ForceReplace | None = None,
) -> Outcome:
    """The logical queues are shared out among the brokers; those that have the topic keep what they have.

    The mappings before and after are saved to files. With -mf such a file is applied as it is (Apache's command takes
    the option and does not read it); -c or -b and -qn are then not looked at. Each broker is read back.
    """
    async with run.admin() as admin:
        report = await static_topic.update(
            admin,
            topic,
            total_queue_num,
            brokers=brokers,
            clusters=clusters,
            saved=None if map_file is None else read_mapping(map_file, topic),
            store=MappingFiles(),
            force=bool(force_replace),
            plan=run.plan,
        )
    return static_topic_outcome(report, f"static topic '{topic}' has this mapping already")
