"""`mqadmin updateSubGroup`: create a consumer group or change some settings of it."""

from __future__ import annotations

from typing import Annotated, Any

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.groups.group_change import GroupSettings
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.options.topics import GroupAttributes, GroupName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import integer, natural

_BOOL = "true|false"


def _policy(text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except RocketMQError as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict) or value.get("type") not in ("CUSTOMIZED", "EXPONENTIAL"):
        raise ValueError('give a JSON object whose "type" is CUSTOMIZED or EXPONENTIAL')
    return value


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateSubGroup -c DefaultCluster -g my_group -r 3",
)
async def update_sub_group(
    run: Run,
    group_name: GroupName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
    consume_enable: Annotated[bool | None, Opt("-s", "--consumeEnable", help="whether the group may consume")] = None,
    consume_from_min_enable: Annotated[
        bool | None, Opt("-m", "--consumeFromMinEnable", help="whether it may start at the oldest message")
    ] = None,
    consume_broadcast_enable: Annotated[
        bool | None, Opt("-d", "--consumeBroadcastEnable", help="whether it may broadcast")
    ] = None,
    consume_message_orderly: Annotated[
        bool | None, Opt("-o", "--consumeMessageOrderly", help="whether it consumes in order")
    ] = None,
    retry_queue_nums: Annotated[
        int | None, Opt("-q", "--retryQueueNums", help="queues of its retry topic", parse=natural)
    ] = None,
    retry_max_times: Annotated[
        int | None,
        Opt("-r", "--retryMaxTimes", help="redeliveries before a message goes to the dead-letter topic", parse=integer),
    ] = None,
    group_retry_policy: Annotated[
        dict[str, Any] | None,
        Opt("-p", "--groupRetryPolicy", help="retry policy as JSON", parse=_policy, metavar="JSON"),
    ] = None,
    broker_id: Annotated[int | None, Opt("-i", "--brokerId", help="broker id to consume from", parse=natural)] = None,
    which_broker_when_consume_slowly: Annotated[
        int | None,
        Opt("-w", "--whichBrokerWhenConsumeSlowly", help="broker id to consume from when far behind", parse=natural),
    ] = None,
    notify_consumer_ids_changed: Annotated[
        bool | None,
        Opt("-a", "--notifyConsumerIdsChanged", help="notify its clients when one joins or leaves"),
    ] = None,
    group_attributes: GroupAttributes | None = None,
) -> Outcome:
    """A setting that is not given keeps its value on each broker; Apache's tool sets it back to the default.

    With both -b and -c the broker alone is changed.
    """
    settings = GroupSettings(
        consume_enable=consume_enable,
        consume_from_min_enable=consume_from_min_enable,
        consume_broadcast_enable=consume_broadcast_enable,
        consume_message_orderly=consume_message_orderly,
        retry_queue_nums=retry_queue_nums,
        retry_max_times=retry_max_times,
        group_retry_policy=group_retry_policy,
        broker_id=broker_id,
        which_broker_when_consume_slowly=which_broker_when_consume_slowly,
        notify_consumer_ids_changed_enable=notify_consumer_ids_changed,
        attributes=group_attributes or {},
    )
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.groups.update(
            group_name, settings, broker_addr=broker_addr, cluster=cluster, plan=run.plan
        )
    return change_outcome(report, _describe, f"group '{group_name}' has these settings already")


def _describe(change: Change) -> str:
    return f"{change.action} subscription group to {change.target} success."
