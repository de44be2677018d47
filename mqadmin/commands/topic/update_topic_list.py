"""`mqadmin updateTopicList`: create or change the topics of a file."""

from __future__ import annotations

from typing import Annotated, Any

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.client.admin.topics.topic_list_change import TopicEntry
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.files.json_file import read_objects
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName, ListFile
from rocketmq_ops.mqadmin.options.topics import ForceQueues
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run

_EXAMPLE = '{"topicName": "T", "readQueueNums": 8, "writeQueueNums": 8, "perm": 6}'


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateTopicList -c DefaultCluster -f topics.json",
)
async def update_topic_list(
    run: Run,
    filename: Annotated[ListFile, "JSON list of topics"],
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    force: ForceQueues = False,
) -> Outcome:
    """Each object has topicName and the settings to change, or the file is what exportMetadata wrote.

    A setting that is not given keeps its value on each broker; Apache's tool sets it back to the default. Attributes
    are changes ("+name", "-name"), or plain names to set. Only topics that differ are sent, and each is read back.

    More write than read queues, and fewer read queues than have unread messages, are refused without --force; then
    nothing is sent of any topic.
    """
    from rocketmq_ops.remoting.bodies import TopicConfig

    items = read_objects(filename, TopicConfig, example=_EXAMPLE, table="topicConfigTable")
    if not items:
        raise usage(f"{filename} holds no topic", "give at least one")
    entries = [_entry(filename, item) for item in items]
    async with run.admin() as admin:
        report = await admin.topics.update_list(
            entries, broker_addr=broker_addr, cluster=cluster_name, plan=run.plan, force=force
        )
    return change_outcome(report, _describe, "all topics of the file have these settings already")


def _describe(change: Change) -> str:
    if change.kind == "orderConf":
        return f"set orderConf of {change.name}. orderConf=[{change.fields[0].after}], {change.target}"
    return f"{change.action} topic {change.name} to {change.target} success."


def _entry(filename: str, item: dict[str, Any]) -> TopicEntry:
    name = item.get("topicName")
    if not name:
        raise usage(f"{filename} holds an object without topicName", "give each topic its name")
    for key, limit in (("readQueueNums", 1 << 31), ("writeQueueNums", 1 << 31), ("perm", 8)):
        if key in item and not 0 <= item[key] < limit:
            raise usage(f"{filename}: topic '{name}' has an invalid {key} {item[key]}", "a perm is 2 (W), 4 (R) or 6")
    settings = TopicSettings(
        read_queue_nums=item.get("readQueueNums"),
        write_queue_nums=item.get("writeQueueNums"),
        perm=item.get("perm"),
        order=item.get("order"),
        topic_filter_type=item.get("topicFilterType"),
        attributes={
            key if key[:1] in ("+", "-") else f"+{key}": value for key, value in (item.get("attributes") or {}).items()
        },
    )
    if "topicSysFlag" in item:
        settings.unit, settings.has_unit_sub = bool(item["topicSysFlag"] & 1), bool(item["topicSysFlag"] & 2)
    return TopicEntry(topic=name, settings=settings)
